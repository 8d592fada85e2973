package dev.sanway.control;

import dev.sanway.config.GatewayConfig;
import dev.sanway.metadata.VolumeRecord;
import dev.sanway.target.lun.LogicalUnit;
import dev.sanway.volume.VolumeAssembler.Assembled;
import org.jspecify.annotations.Nullable;

/** A declared volume and what became of it. Confined to the control executor. */
final class ServedVolume {

    final GatewayConfig.Volume declared;

    @Nullable
    VolumeRecord record;

    @Nullable
    Assembled assembled;

    @Nullable
    LogicalUnit unit;

    @Nullable
    String refusal;

    boolean asking;
    long partitionBytes;

    ServedVolume(GatewayConfig.Volume declared) {
        this.declared = declared;
    }

    boolean hasPartitions() {
        return record != null;
    }
}
