package dev.sanway.volume;

import dev.sanway.block.BlockDevice;
import dev.sanway.metadata.Catalog;
import dev.sanway.metadata.VolumeRecord;
import dev.sanway.pool.Partition;
import dev.sanway.pool.PartitionState;
import io.netty.util.concurrent.EventExecutor;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;

/** Wipes partitions before they are a volume's, or before it is given up. Belongs to the control's executor. */
final class WipeWork {
    private final VolumeLedger ledger;
    private final Catalog catalog;
    private final EventExecutor control;
    private final LivePool pool;
    private final Assignments.Steps steps;
    private final LabelTables labels;

    WipeWork(VolumeLedger ledger, LabelTables labels) {
        this.ledger = ledger;
        this.catalog = ledger.catalog;
        this.control = ledger.control;
        this.pool = ledger.pool;
        this.steps = ledger.steps;
        this.labels = labels;
    }

    /** From the intent that is stored to partitions that are the volume's. */
    CompletableFuture<Void> finishAssignment(VolumeRecord volume) {
        List<Partition> partitions = ledger.wiping(volume);
        return ledger.tables
                .assign(partitions)
                .thenComposeAsync(
                        _ -> {
                            steps.after(AssignmentStep.UNIT_ASSIGNED);
                            return wipe(volume);
                        },
                        control)
                .thenComposeAsync(
                        _ -> {
                            if (!ledger.wipes(volume.uuid())) {
                                return CompletableFuture.<Void>completedFuture(null);
                            }
                            labels.wiped(volume.uuid());
                            return labels.write(partitions, AssignmentStep.LABEL_WRITTEN);
                        },
                        control)
                .thenComposeAsync(_ -> storeAssigned(volume.uuid()), control);
    }

    /** Wipes from where the record says on; ends early if the volume or its growth was given up meanwhile. */
    CompletableFuture<Void> wipe(VolumeRecord volume) {
        if (ledger.closed || !ledger.wipes(volume.uuid())) {
            return CompletableFuture.completedFuture(null);
        }
        long before = 0;
        for (Partition partition : ledger.wiping(volume)) {
            if (volume.progressBytes() < before + partition.lengthBytes()) {
                return wipeStretch(volume, partition, volume.progressBytes() - before);
            }
            before += partition.lengthBytes();
        }
        return CompletableFuture.completedFuture(null);
    }

    private CompletableFuture<Void> wipeStretch(VolumeRecord volume, Partition partition, long offset) {
        BlockDevice device = pool.device(partition.unitVolume()).orElse(null);
        if (device == null) {
            return CompletableFuture.failedFuture(new IllegalStateException("a unit went away while wiping"));
        }
        long length = Math.min(Wiping.stretchBytes(device), partition.lengthBytes() - offset);
        VolumeRecord after = volume.wiped(volume.progressBytes() + length);
        return Wiping.wipe(device, partition.startBytes() + offset, length)
                .thenComposeAsync(
                        _ -> {
                            steps.after(AssignmentStep.STRETCH_WIPED);
                            if (!ledger.wipes(volume.uuid())) {
                                return CompletableFuture.<Void>completedFuture(null);
                            }
                            return begunAnew(volume)
                                    ? CompletableFuture.<Void>failedFuture(
                                            new IllegalStateException("its partitions are others by now"))
                                    : catalog.commit(new Catalog.Batch().put(after));
                        },
                        control)
                .thenComposeAsync(
                        _ -> {
                            steps.after(AssignmentStep.PROGRESS_STORED);
                            if (ledger.wipes(volume.uuid())) {
                                ledger.tell(after);
                            }
                            return wipe(after);
                        },
                        control);
    }

    /** Its partitions are others than when this was begun: its progress counts no more. */
    private boolean begunAnew(VolumeRecord volume) {
        return ledger.losing.contains(volume.uuid())
                || catalog.volume(volume.uuid())
                        .filter(now -> now.progressBytes() != volume.progressBytes())
                        .isPresent();
    }

    private CompletableFuture<Void> storeAssigned(UUID uuid) {
        if (ledger.closed || !ledger.wipes(uuid)) {
            return CompletableFuture.completedFuture(null);
        }
        VolumeRecord before = catalog.volume(uuid).orElseThrow();
        VolumeRecord volume = before.growth() == null ? before.in(VolumeRecord.State.ASSIGNED) : before.grown();
        List<Partition> partitions = ledger.wiping(before).stream()
                .map(partition -> partition.in(PartitionState.ASSIGNED))
                .toList();
        Catalog.Batch batch = new Catalog.Batch().put(volume);
        partitions.forEach(batch::put);
        ledger.settling.add(uuid);
        return catalog.commit(batch)
                .whenCompleteAsync((_, _) -> ledger.settling.remove(uuid), control)
                .thenAcceptAsync(
                        _ -> {
                            pool.change(state -> state.with(partitions));
                            labels.settled(uuid);
                            steps.after(AssignmentStep.ASSIGNED_STORED);
                            ledger.tell(volume);
                        },
                        control);
    }
}
