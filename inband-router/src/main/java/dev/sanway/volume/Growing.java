package dev.sanway.volume;

import dev.sanway.metadata.Catalog;
import dev.sanway.metadata.VolumeRecord;
import dev.sanway.pool.Allocation;
import dev.sanway.pool.Partition;
import dev.sanway.pool.PartitionState;
import dev.sanway.volume.Assignments.GrowthAnswer;
import io.netty.util.concurrent.EventExecutor;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.Consumer;

/** Makes volumes larger while they are served, and gives that up again. Belongs to the control's executor. */
final class Growing {
    private final VolumeLedger ledger;
    private final Catalog catalog;
    private final EventExecutor control;
    private final LivePool pool;
    private final Assignments.Steps steps;
    private final Deletions deletions;
    private final Slabs slabs;
    private final LabelTables labels;
    private final Consumer<VolumeRecord> resume;

    /** {@code resume}: goes on with a volume's work. */
    Growing(VolumeLedger ledger, Deletions deletions, Slabs slabs, LabelTables labels, Consumer<VolumeRecord> resume) {
        this.ledger = ledger;
        this.catalog = ledger.catalog;
        this.control = ledger.control;
        this.pool = ledger.pool;
        this.steps = ledger.steps;
        this.deletions = deletions;
        this.slabs = slabs;
        this.labels = labels;
        this.resume = resume;
    }

    /**
     * Makes a volume larger while it is served. The future completes as soon as the intent is durable; the new partitions are
     * wiped behind, then listeners hear of the new size.
     */
    CompletableFuture<GrowthAnswer> grow(UUID uuid, long toBytes) {
        return deletions.withRoom(
                growNow(uuid, toBytes),
                GrowthAnswer.Refused.class,
                left -> catalog.volume(uuid)
                        .filter(volume -> toBytes % volume.blockSizeBytes() == 0)
                        .map(volume -> Allocation.grow(ledger.open(left), growth(volume, toBytes), UUID::randomUUID))
                        .orElseGet(() -> new Allocation.Result.Refused("")),
                () -> growNow(uuid, toBytes));
    }

    private static Allocation.Request growth(VolumeRecord volume, long toBytes) {
        return new Allocation.Request(volume.uuid(), toBytes, volume.layout(), volume.blockSizeBytes());
    }

    private CompletableFuture<GrowthAnswer> growNow(UUID uuid, long toBytes) {
        return ledger.onControl(() -> {
            Optional<VolumeRecord> found = catalog.volume(uuid);
            if (found.isEmpty()) {
                return notGrown("there is no such volume");
            }
            VolumeRecord volume = found.get();
            boolean unsettled = ledger.growing.contains(uuid)
                    || (volume.growth() == null
                            && !Slabs.thin(volume)
                            && pool.state().partitionsOf(uuid).stream()
                                    .anyMatch(partition -> unsettles(uuid, partition)));
            Optional<String> objection = GrowthCheck.objection(volume, toBytes, unsettled);
            if (objection.isEmpty()
                    && ledger.moving.contains(uuid)
                    && !Slabs.thin(volume)
                    && toBytes > volume.sizeBytes()) {
                objection = Optional.of("it is being moved; ask again when that is done, or cancelled");
            }
            if (objection.isPresent()) {
                return notGrown(volume.name() + ": " + objection.get());
            }
            VolumeRecord.Growth under = volume.growth();
            if (volume.sizeBytes() == toBytes || (under != null && under.toBytes() == toBytes)) {
                return CompletableFuture.completedFuture(new GrowthAnswer.Accepted(volume));
            }
            if (Slabs.thin(volume)) {
                ledger.growing.add(uuid);
                return slabs.resize(volume.growing(toBytes).grown(), ledger::tell)
                        .<GrowthAnswer>thenApply(GrowthAnswer.Accepted::new)
                        .whenCompleteAsync((_, _) -> ledger.growing.remove(uuid), control);
            }
            return switch (Allocation.grow(ledger.openPool(), growth(volume, toBytes), UUID::randomUUID)) {
                case Allocation.Result.Refused refused ->
                    notGrown(volume.name() + ": " + refused.explanation() + ledger.closedNote());
                case Allocation.Result.Placed placed -> intendGrowth(volume.growing(toBytes), placed.partitions());
            };
        });
    }

    /** What it moved away from is on its way out, and in nobody's way. */
    private boolean unsettles(UUID volume, Partition partition) {
        return partition.state() == PartitionState.WIPING
                || (partition.state() == PartitionState.RELEASED
                        && pool.state().partitionsOf(volume).stream()
                                .noneMatch(other -> other.state() == PartitionState.ASSIGNED
                                        && Objects.equals(other.owner(), partition.owner())));
    }

    private static CompletableFuture<GrowthAnswer> notGrown(String why) {
        return CompletableFuture.completedFuture(new GrowthAnswer.Refused(why));
    }

    private CompletableFuture<GrowthAnswer> intendGrowth(VolumeRecord volume, List<Partition> partitions) {
        ledger.growing.add(volume.uuid());
        pool.change(state -> state.with(partitions));
        Catalog.Batch batch = new Catalog.Batch().put(volume);
        partitions.forEach(batch::put);
        return catalog.commit(batch)
                .handleAsync(
                        (_, failure) -> {
                            ledger.growing.remove(volume.uuid());
                            if (failure != null) {
                                pool.change(state -> state.without(partitions));
                                throw new CompletionException(failure);
                            }
                            steps.after(AssignmentStep.INTENT_STORED);
                            // It may have been given up meanwhile.
                            catalog.volume(volume.uuid()).ifPresent(now -> {
                                ledger.tell(now);
                                resume.accept(now);
                            });
                            return new GrowthAnswer.Accepted(volume);
                        },
                        control);
    }

    /**
     * Stops a growth that is under way; the volume stays as large as it is.
     *
     * @return false if it does not grow
     */
    CompletableFuture<Boolean> cancelGrowth(UUID uuid) {
        return ledger.onControl(() -> {
            Optional<VolumeRecord> found = catalog.volume(uuid).filter(volume -> volume.growth() != null);
            if (found.isEmpty() || ledger.settling.contains(uuid)) {
                return CompletableFuture.completedFuture(false);
            }
            return ledger.giveUp(
                    found.get().in(VolumeRecord.State.ASSIGNED), ledger.wiping(found.get()), labels, resume);
        });
    }
}
