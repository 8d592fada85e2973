package dev.sanway.volume;

import dev.sanway.block.BlockDevice;
import dev.sanway.metadata.Catalog;
import dev.sanway.metadata.UnitVolumeRecord;
import dev.sanway.pool.PoolState;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** The pool as it is now, and the devices of the unit volumes that can be reached. Changed on the control's executor only. */
final class LivePool {
    private final Map<UUID, BlockDevice> devices = new HashMap<>();
    private volatile PoolState state;

    /** As the store has it; nothing is attached yet. */
    LivePool(Catalog catalog) {
        PoolState kept = PoolState.EMPTY;
        for (UnitVolumeRecord unit : catalog.unitVolumes()) {
            kept = kept.with(unit.unitVolume());
        }
        this.state = kept.with(catalog.partitions());
    }

    /** Any thread. */
    PoolState state() {
        return state;
    }

    void change(UnaryOperator<PoolState> change) {
        state = change.apply(state);
    }

    Optional<BlockDevice> device(UUID label) {
        return Optional.ofNullable(devices.get(label));
    }

    boolean reaches(UUID label) {
        return devices.containsKey(label);
    }

    void attach(UUID label, BlockDevice device) {
        devices.put(label, device);
    }

    /** Forgets a device, if it is still the one. */
    void detach(UUID label, @Nullable BlockDevice device) {
        if (devices.remove(label, device)) {
            change(pool -> pool.attached(label, false));
        }
    }
}
