package dev.sanway.volume;

import dev.sanway.metadata.Catalog;
import dev.sanway.metadata.VolumeRecord;
import dev.sanway.pool.ClosedUnits;
import dev.sanway.pool.Partition;
import dev.sanway.pool.PartitionState;
import dev.sanway.pool.PoolState;
import io.netty.util.concurrent.EventExecutor;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * What the rooms of {@link Assignments} work on together: store, pool, what units keep, and which volumes nobody else may touch
 * just now. Belongs to the control's executor.
 */
final class VolumeLedger {
    final Catalog catalog;
    final EventExecutor control;
    final LivePool pool;
    final Assignments.Steps steps;
    /** Volumes whose record is on its way to the store, for a growth or another name. */
    final Set<UUID> growing = new HashSet<>();
    /** Volumes, or their growth, whose end is on its way to the store: nothing else of them may overtake it. */
    final Set<UUID> givenUp = new HashSet<>();
    /** Volumes of which it is on its way to the store that they lose partitions for good: nothing else of them may overtake it. */
    final Set<UUID> losing = new HashSet<>();
    /** Volumes of which a partition is being moved. */
    final Set<UUID> moving = new HashSet<>();
    /** Slabs that are on their way back to the pool: they do not move. */
    final Set<UUID> leaving = new HashSet<>();
    /** Partitions of which it could not be stored yet that they are given back. */
    final Set<UUID> unstored = new HashSet<>();
    /** Partitions at which something may still be under way, so that nobody else may be given their place. */
    final Set<UUID> held = new HashSet<>();
    /** Volumes whose new size is on its way to the store. */
    final Set<UUID> settling = new HashSet<>();

    final List<Assignments.Listener> listeners = new ArrayList<>();
    UnitTables tables = UnitTables.NONE;
    volatile ClosedUnits closedUnits = ClosedUnits.NONE;
    boolean closed;

    VolumeLedger(Catalog catalog, EventExecutor control, Assignments.Steps steps) {
        this.catalog = catalog;
        this.control = control;
        this.steps = steps;
        this.pool = new LivePool(catalog);
    }

    <T> CompletableFuture<T> onControl(Supplier<CompletableFuture<T>> action) {
        return CompletableFuture.supplyAsync(action, control).thenCompose(future -> future);
    }

    /** Of a pool what new partitions may lie on. Any thread. */
    PoolState open(PoolState state) {
        return closedUnits.open(state);
    }

    /** The pool as far as new partitions may lie there. Any thread. */
    PoolState openPool() {
        return open(pool.state());
    }

    String closedNote() {
        return closedUnits.note();
    }

    /** What is being wiped, or was: all partitions at first, the new ones of a volume that grows. */
    List<Partition> wiping(VolumeRecord volume) {
        return pool.state().partitionsOf(volume.uuid()).stream()
                .filter(partition -> partition.state() == PartitionState.WIPING
                        || (partition.state() == PartitionState.ASSIGNED && volume.growth() == null))
                .toList();
    }

    /** Whether a volume's partitions are still to be wiped, and it is not being given up. */
    boolean wipes(UUID uuid) {
        return !givenUp.contains(uuid)
                && catalog.volume(uuid).filter(VolumeRecord::wipes).isPresent();
    }

    long partitionBytes(VolumeRecord volume) {
        return wiping(volume).stream().mapToLong(Partition::lengthBytes).sum();
    }

    void tell(VolumeRecord volume) {
        listeners.forEach(listener -> listener.volumeChanged(volume, pool.state(), partitionBytes(volume)));
    }

    /**
     * Gives partitions of a volume up, and the volume as {@code then} says: durably first, then for whoever listens.
     *
     * @param resume goes on with the volume's work
     */
    CompletableFuture<Boolean> giveUp(
            VolumeRecord then, List<Partition> partitions, LabelTables labels, Consumer<VolumeRecord> resume) {
        List<Partition> released = partitions.stream()
                .map(partition -> partition.in(PartitionState.RELEASED))
                .toList();
        Catalog.Batch batch = new Catalog.Batch().put(then);
        released.forEach(batch::put);
        givenUp.add(then.uuid());
        return catalog.commit(batch)
                .whenCompleteAsync((_, _) -> givenUp.remove(then.uuid()), control)
                .thenApplyAsync(
                        _ -> {
                            pool.change(state -> state.with(released));
                            labels.settled(then.uuid());
                            steps.after(AssignmentStep.RELEASE_STORED);
                            tell(then);
                            resume.accept(then);
                            return true;
                        },
                        control);
    }
}
