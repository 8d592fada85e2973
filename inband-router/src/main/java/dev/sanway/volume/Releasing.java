package dev.sanway.volume;

import dev.sanway.metadata.Catalog;
import dev.sanway.metadata.DeletedVolume;
import dev.sanway.metadata.VolumeRecord;
import dev.sanway.pool.Partition;
import dev.sanway.pool.PartitionState;
import io.netty.util.concurrent.EventExecutor;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;

/** Gives volumes up, and takes partitions back that are nobody's any more. Belongs to the control's executor. */
final class Releasing {
    private final VolumeLedger ledger;
    private final Catalog catalog;
    private final EventExecutor control;
    private final LivePool pool;
    private final Assignments.Steps steps;
    private final LabelTables labels;
    private final Consumer<VolumeRecord> resume;

    /** {@code resume}: goes on with a volume's work. */
    Releasing(VolumeLedger ledger, LabelTables labels, Consumer<VolumeRecord> resume) {
        this.ledger = ledger;
        this.catalog = ledger.catalog;
        this.control = ledger.control;
        this.pool = ledger.pool;
        this.steps = ledger.steps;
        this.labels = labels;
        this.resume = resume;
    }

    /**
     * Gives a volume and its data up. The future completes as soon as that is durable; the partitions become free when the
     * labels of their unit volumes have forgotten them.
     *
     * @return false if there is no such volume
     */
    CompletableFuture<Boolean> release(UUID uuid) {
        return ledger.onControl(() -> {
            Optional<VolumeRecord> found = catalog.volume(uuid);
            if (found.isEmpty() || found.get().state() == VolumeRecord.State.RELEASED) {
                return CompletableFuture.completedFuture(found.isPresent());
            }
            if (ledger.losing.contains(uuid)) {
                return CompletableFuture.failedFuture(new IllegalStateException("a unit of it is being given up"));
            }
            return ledger.giveUp(
                    found.get().in(VolumeRecord.State.RELEASED), pool.state().partitionsOf(uuid), labels, resume);
        });
    }

    /** A volume's partitions that are to be taken back. */
    List<Partition> released(UUID uuid) {
        return pool.state().partitionsOf(uuid).stream()
                .filter(partition ->
                        partition.state() == PartitionState.RELEASED && !ledger.held.contains(partition.uuid()))
                .toList();
    }

    /** Takes back those that can be reached; with the last ones the volume is forgotten. */
    CompletableFuture<Void> takeBack(VolumeRecord volume) {
        // Decided once: a unit that comes while labels are written has its turn afterwards.
        List<Partition> reachable = released(volume.uuid()).stream()
                .filter(partition -> pool.reaches(partition.unitVolume()))
                .toList();
        boolean last = volume.state() == VolumeRecord.State.RELEASED
                && reachable.size() == pool.state().partitionsOf(volume.uuid()).size();
        return ledger.tables
                .release(reachable)
                .thenComposeAsync(
                        _ -> {
                            steps.after(AssignmentStep.UNIT_RELEASED);
                            return labels.write(reachable, AssignmentStep.LABEL_CLEARED);
                        },
                        control)
                .thenComposeAsync(
                        _ -> {
                            Catalog.Batch batch = new Catalog.Batch();
                            reachable.forEach(batch::remove);
                            if (last) {
                                batch.remove(volume)
                                        .removeReservations(volume.uuid())
                                        .remove(
                                                DeletedVolume.KIND,
                                                volume.uuid().toString());
                                catalog.hostsOf(volume.uuid()).forEach(host -> batch.removeLun(host, volume.uuid()));
                            }
                            return catalog.commit(batch);
                        },
                        control)
                .thenRunAsync(
                        () -> {
                            pool.change(state -> state.without(reachable));
                            steps.after(AssignmentStep.FORGOTTEN);
                        },
                        control);
    }
}
