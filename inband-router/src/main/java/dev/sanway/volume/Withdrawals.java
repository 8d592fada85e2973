package dev.sanway.volume;

import dev.sanway.block.BlockDevice;
import dev.sanway.metadata.Catalog;
import dev.sanway.metadata.UnitVolumeRecord;
import dev.sanway.pool.Label;
import dev.sanway.pool.LabelStore;
import dev.sanway.pool.PoolState;
import dev.sanway.pool.UnitVolume;
import io.netty.util.concurrent.EventExecutor;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.function.Predicate;

/**
 * Takes unit volumes, on which nothing lies, out of the pool for good. Whoever asks has closed their units to new partitions before.
 * Belongs to the control's executor.
 */
public final class Withdrawals {
    private final Catalog catalog;
    private final EventExecutor control;
    private final LivePool pool;
    private final Runnable stayed;

    /** {@code stayed}: goes on with what waited for unit volumes that did not leave after all. */
    Withdrawals(Catalog catalog, EventExecutor control, LivePool pool, Runnable stayed) {
        this.catalog = catalog;
        this.control = control;
        this.pool = pool;
        this.stayed = stayed;
    }

    /** The labels of a unit's volumes. */
    public List<UUID> labelsOf(String unit) {
        return pool.state().unitVolumes().values().stream()
                .filter(volume -> volume.unit().equals(unit))
                .map(UnitVolume::label)
                .sorted()
                .toList();
    }

    /**
     * Makes a LUN blank, durably, if it bears the label and nothing lies on it; does nothing if it is blank already. Ends with
     * {@link IllegalStateException} and a reason if that cannot be done.
     */
    public CompletableFuture<Void> unlabel(UUID label) {
        BlockDevice device = pool.device(label).orElse(null);
        if (device == null) {
            return failed("it cannot be reached");
        }
        if (!pool.state().keptOn(label).isEmpty()) {
            return failed("something lies on it");
        }
        return LabelStore.read(device)
                .thenComposeAsync(
                        reading -> switch (reading) {
                            case Label.Reading.Blank _ -> CompletableFuture.completedFuture(null);
                            case Label.Reading.Labelled(Label found) -> unlabel(device, label, found);
                            case Label.Reading.Foreign foreign -> failed(foreign.explanation());
                            case Label.Reading.Newer newer -> failed("its label has format " + newer.version());
                        },
                        control);
    }

    private CompletableFuture<Void> unlabel(BlockDevice device, UUID label, Label found) {
        if (!found.uuid().equals(label) || !found.pool().equals(catalog.self().pool())) {
            return failed("it bears the label " + found.uuid() + " of pool " + found.pool());
        }
        if (!found.partitions().isEmpty()) {
            return failed("its label has partitions of which the store knows nothing");
        }
        return LabelStore.unlabel(device, found);
    }

    private static CompletableFuture<Void> failed(String why) {
        return CompletableFuture.failedFuture(new IllegalStateException(why));
    }

    /**
     * Forgets unit volumes. Nobody reaches them from now on; if that is not kept, they are what they were before.
     *
     * @param with what is to be durable together with that
     */
    public CompletableFuture<Void> forget(Collection<UUID> labels, Catalog.Batch with) {
        PoolState now = pool.state();
        for (UUID label : labels) {
            if (!now.keptOn(label).isEmpty()) {
                return failed("something lies on " + label);
            }
        }
        if (pool.leaves(labels)) {
            return failed("it is leaving the pool already");
        }
        pool.leave(labels);
        labels.forEach(label -> catalog.unitVolume(label).ifPresent(with::remove));
        return catalog.commit(with)
                .whenCompleteAsync(
                        (_, failure) -> {
                            if (failure == null) {
                                pool.gone(labels);
                            } else {
                                pool.stay(labels);
                                stayed.run();
                            }
                        },
                        control);
    }

    /**
     * Forgets the empty unit volumes of units that are gone.
     *
     * @param there of a unit's name, whether it is in the pool
     */
    public void sweep(Predicate<String> there) {
        Set<UUID> gone = new HashSet<>();
        for (UnitVolumeRecord record : catalog.unitVolumes()) {
            UUID label = record.unitVolume().label();
            if (!there.test(record.unitVolume().unit())
                    && !pool.reaches(label)
                    && !pool.leaves(List.of(label))
                    && pool.state().keptOn(label).isEmpty()) {
                gone.add(label);
            }
        }
        if (!gone.isEmpty()) {
            CompletableFuture<Void> _ = forget(new ArrayList<>(gone), new Catalog.Batch());
        }
    }
}
