package dev.sanway.control;

import dev.sanway.config.GatewayConfig;
import dev.sanway.metadata.VolumeRecord;
import dev.sanway.pool.VolumeLayout;
import dev.sanway.target.lun.LogicalUnit;
import dev.sanway.volume.LunDirectory;
import dev.sanway.volume.VolumeAssembler.Assembled;
import dev.sanway.volume.thin.ThinDevice;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A volume that is declared, or kept though it is declared no more, and what became of it. Confined to the control executor. */
final class ServedVolume {

    /** Under which {@link Volumes} knows it. */
    String name;

    /** What is wanted; null: it is declared nowhere, and shown to no host. */
    GatewayConfig.@Nullable Volume declared;

    /** What it has; null: no partitions yet. */
    @Nullable
    VolumeRecord record;

    /** Set together, once it was assembled on the loop of its directory. */
    @Nullable
    Assembled assembled;

    @Nullable
    LogicalUnit unit;

    @Nullable
    LunDirectory directory;

    /** Why it has no partitions, or does not grow. */
    @Nullable
    String refusal;

    /** The LUN chosen for each host, durable or about to be. */
    final Map<String, Integer> numbers = new HashMap<>();

    /** The LUN under which each host sees it now. */
    final Map<String, Integer> shown = new HashMap<>();

    boolean asking;
    boolean assembling;
    boolean deleting;
    long partitionBytes;

    ServedVolume(String name) {
        this.name = name;
    }

    /** What is written of a thin volume, as far as that is known; a thick one is used up from the beginning. */
    long usedBytes() {
        VolumeRecord has = record;
        if (has == null) {
            return 0;
        }
        if (!(has.layout() instanceof VolumeLayout.Thin)) {
            return has.sizeBytes();
        }
        Assembled served = assembled;
        return served == null ? 0 : served.thin().map(ThinDevice::usedBytes).orElse(0L);
    }

    /** Whether the file wants it larger; what was made by command grows by command only. */
    boolean wantsGrowth() {
        GatewayConfig.Volume wanted = declared;
        VolumeRecord has = record;
        return wanted != null
                && wanted.line() > 0
                && has != null
                && has.state() == VolumeRecord.State.ASSIGNED
                && has.growth() == null
                && wanted.sizeBytes() > has.sizeBytes();
    }
}
