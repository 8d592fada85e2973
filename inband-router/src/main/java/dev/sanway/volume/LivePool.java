package dev.sanway.volume;

import dev.sanway.block.BlockDevice;
import dev.sanway.metadata.Catalog;
import dev.sanway.metadata.UnitVolumeRecord;
import dev.sanway.pool.PoolState;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * The pool as it is now, and the devices of the unit volumes that can be reached. Changed on the control's executor only.
 *
 * <p>A unit volume that is to leave the pool is out of reach while the store decides, so that nothing is begun there which outlives it:
 *
 * <pre>
 *   there ── leave ──▶ leaving ── gone ──▶ (not there)
 *     ▲                   │
 *     └────── stay ───────┘
 * </pre>
 */
final class LivePool {

    /** One that is leaving: how it was reached. */
    private static final class Leaving {
        @Nullable
        BlockDevice device;

        final boolean attached;
        final CompletableFuture<Void> decided = new CompletableFuture<>();

        Leaving(@Nullable BlockDevice device, boolean attached) {
            this.device = device;
            this.attached = attached;
        }
    }

    private final Map<UUID, BlockDevice> devices = new HashMap<>();
    private final Map<UUID, Leaving> leaving = new HashMap<>();
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
        Leaving there = leaving.get(label);
        if (there != null && there.device != null && there.device.equals(device)) {
            there.device = null;
        }
    }

    // ---- leaving

    /** Whether it is being decided about any of these already. */
    boolean leaves(Collection<UUID> labels) {
        return labels.stream().anyMatch(leaving::containsKey);
    }

    /** Nobody reaches these until it is decided whether they leave. */
    void leave(Collection<UUID> labels) {
        for (UUID label : labels) {
            leaving.put(
                    label, new Leaving(devices.remove(label), state.attached().contains(label)));
            change(pool -> pool.attached(label, false));
        }
    }

    /** They are what they were before. */
    void stay(Collection<UUID> labels) {
        for (UUID label : labels) {
            Leaving there = leaving.remove(label);
            if (there == null) {
                continue;
            }
            BlockDevice device = there.device;
            if (device != null) {
                attach(label, device);
                change(pool -> pool.attached(label, there.attached));
            }
            there.decided.complete(null);
        }
    }

    /** They are out of the pool; nothing lies on them. */
    void gone(Collection<UUID> labels) {
        change(pool -> pool.withoutUnitVolumes(new HashSet<>(labels)));
        for (UUID label : labels) {
            Leaving there = leaving.remove(label);
            if (there != null) {
                there.decided.complete(null);
            }
        }
    }

    /** Completes when it is decided whether this one leaves; at once if nobody is about to. */
    CompletableFuture<Void> decided(UUID label) {
        Leaving there = leaving.get(label);
        return there == null ? CompletableFuture.completedFuture(null) : there.decided.copy();
    }
}
