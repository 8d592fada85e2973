package dev.sanway.volume;

import dev.sanway.block.BlockDevice;
import dev.sanway.block.BlockRequest;
import dev.sanway.metadata.Catalog;
import dev.sanway.metadata.VolumeRecord;
import dev.sanway.pool.Allocation;
import dev.sanway.pool.ControlIo;
import dev.sanway.pool.Partition;
import dev.sanway.pool.PartitionState;
import dev.sanway.pool.PoolState;
import dev.sanway.pool.SlabPlacement;
import dev.sanway.pool.UnitVolume;
import dev.sanway.pool.VolumeLayout;
import dev.sanway.volume.thin.SlabFormat;
import io.netty.buffer.Unpooled;
import io.netty.util.concurrent.EventExecutor;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Gives thin volumes slabs, and takes them back, as {@link Assignments} does with whole volumes:
 *
 * <pre>
 *   request:   WIPING in the store → unit's table → map formatted → label → ASSIGNED in the store → the volume has it
 *   give back: RELEASED in the store → out of the unit's table → out of the label → forgotten
 * </pre>
 *
 * A slab that is WIPING when a process starts was never given to anybody, and is released. Belongs to the control's executor;
 * {@link #request}, {@link #leaving} and {@link #giveBack} may be called on any thread.
 */
public final class Slabs {
    private static final Logger LOG = LoggerFactory.getLogger(Slabs.class);

    /** What came of a request. */
    public sealed interface Answer {
        /** It is the volume's, durably. */
        record Given(Partition slab, UnitVolume on) implements Answer {}

        /**
         * There is none.
         *
         * @param full the pool has no room; else trying again may help
         */
        record Refused(String why, boolean full) implements Answer {}
    }

    /** After it could not be stored that a slab is given back. */
    private static final int RELEASE_AGAIN_SECONDS = 1;

    private final VolumeLedger ledger;
    private final Catalog catalog;
    private final EventExecutor control;
    private final LivePool pool;
    private final LabelTables labels;
    private final Deletions deletions;
    private final PartitionMoves moves;
    private final Assignments.Steps steps;
    private final Consumer<VolumeRecord> resume;
    private Function<VolumeRecord, CompletableFuture<Boolean>> moreRoom = _ -> CompletableFuture.completedFuture(false);

    /** {@code resume}: goes on with partitions that were released. */
    Slabs(
            VolumeLedger ledger,
            LabelTables labels,
            Deletions deletions,
            PartitionMoves moves,
            Consumer<VolumeRecord> resume) {
        this.ledger = ledger;
        this.catalog = ledger.catalog;
        this.control = ledger.control;
        this.pool = ledger.pool;
        this.labels = labels;
        this.deletions = deletions;
        this.moves = moves;
        this.steps = ledger.steps;
        this.resume = resume;
        releaseUnfinished();
    }

    /**
     * Who is asked, on the control's executor, for more room when the pool has none for a volume; true once there may be some,
     * false if there will not be.
     */
    public void moreRoomBy(Function<VolumeRecord, CompletableFuture<Boolean>> maker) {
        moreRoom = maker;
    }

    static boolean thin(VolumeRecord volume) {
        return volume.layout() instanceof VolumeLayout.Thin;
    }

    private void releaseUnfinished() {
        List<Partition> unfinished = new ArrayList<>();
        for (VolumeRecord volume : catalog.volumes()) {
            if (thin(volume)) {
                pool.state().partitionsOf(volume.uuid()).stream()
                        .filter(partition -> partition.state() == PartitionState.WIPING
                                || (volume.state() == VolumeRecord.State.RELEASED
                                        && partition.state() == PartitionState.ASSIGNED))
                        .map(partition -> partition.in(PartitionState.RELEASED))
                        .forEach(unfinished::add);
            }
        }
        if (unfinished.isEmpty()) {
            return;
        }
        pool.change(state -> state.with(unfinished));
        Catalog.Batch batch = new Catalog.Batch();
        unfinished.forEach(batch::put);
        catalog.commit(batch).whenComplete((_, failure) -> {
            if (failure != null) {
                LOG.warn("slabs that were not finished are not released: {}", failure.getMessage());
            }
        });
    }

    /** A thin volume has another size from now on, and takes its space later. */
    CompletableFuture<VolumeRecord> resize(VolumeRecord volume, Consumer<VolumeRecord> tell) {
        return catalog.commit(new Catalog.Batch().put(volume))
                .thenApplyAsync(
                        _ -> {
                            catalog.volume(volume.uuid()).ifPresent(tell);
                            return volume;
                        },
                        control);
    }

    /** Gives a volume a slab more; if there is no room, units are asked for some, then deleted volumes are given up for it. */
    public CompletableFuture<Answer> request(UUID volume) {
        return CompletableFuture.supplyAsync(
                        () -> deletions.<Answer>withRoom(
                                requestWithRoomMade(volume),
                                Answer.Refused.class,
                                left -> fits(left, volume),
                                () -> requestNow(volume)),
                        control)
                .thenCompose(answer -> answer);
    }

    private CompletableFuture<Answer> requestWithRoomMade(UUID uuid) {
        return requestNow(uuid)
                .thenComposeAsync(
                        answer -> answer instanceof Answer.Refused
                                ? served(uuid)
                                        .map(moreRoom)
                                        .orElseGet(() -> CompletableFuture.completedFuture(false))
                                        .thenComposeAsync(
                                                made -> made
                                                        ? requestNow(uuid)
                                                        : CompletableFuture.completedFuture(answer),
                                                control)
                                : CompletableFuture.completedFuture(answer),
                        control);
    }

    private Allocation.Result fits(PoolState left, UUID uuid) {
        return served(uuid)
                        .filter(volume -> place(ledger.open(left), volume) instanceof SlabPlacement.Result.Placed)
                        .isPresent()
                ? new Allocation.Result.Placed(List.of())
                : new Allocation.Result.Refused("no room for a slab");
    }

    private static SlabPlacement.Result place(PoolState from, VolumeRecord volume) {
        return SlabPlacement.place(from, volume.uuid(), volume.sizeBytes(), volume.blockSizeBytes(), UUID::randomUUID);
    }

    private static CompletableFuture<Answer> refused(String why, boolean full) {
        return CompletableFuture.completedFuture(new Answer.Refused(why, full));
    }

    private CompletableFuture<Answer> requestNow(UUID uuid) {
        Optional<VolumeRecord> found = served(uuid);
        if (found.isEmpty()) {
            return refused("the volume is being deleted", false);
        }
        // Each try would take a place of the pool that cannot be given back before the store is well.
        Optional<String> trouble = catalog.trouble();
        if (trouble.isPresent()) {
            return refused("nothing can be stored: " + trouble.get(), false);
        }
        VolumeRecord volume = found.get();
        return switch (place(ledger.open(pool.state()), volume)) {
            case SlabPlacement.Result.Refused(String why, boolean unitsAway) ->
                refused(why + ledger.closedNote(), !unitsAway && !roomLater(volume));
            case SlabPlacement.Result.Placed(Partition slab) -> assign(volume, slab);
        };
    }

    /** Whether a unit that is closed for a while has room. */
    private boolean roomLater(VolumeRecord volume) {
        return switch (place(ledger.closedUnits.openLater(pool.state()), volume)) {
            case SlabPlacement.Result.Placed _ -> true;
            case SlabPlacement.Result.Refused(String _, boolean unitsAway) -> unitsAway;
        };
    }

    private Optional<VolumeRecord> served(UUID uuid) {
        return catalog.volume(uuid).filter(volume -> thin(volume) && volume.state() == VolumeRecord.State.ASSIGNED);
    }

    private CompletableFuture<Answer> assign(VolumeRecord volume, Partition slab) {
        pool.change(state -> state.with(List.of(slab)));
        return catalog.commit(new Catalog.Batch().put(slab))
                .whenCompleteAsync(
                        (_, failure) -> {
                            if (failure != null) {
                                pool.change(state -> state.without(List.of(slab)));
                            }
                        },
                        control)
                .thenComposeAsync(
                        _ -> {
                            steps.after(AssignmentStep.SLAB_INTENDED);
                            return ledger.tables.assign(List.of(slab));
                        },
                        control)
                .thenComposeAsync(
                        _ -> {
                            steps.after(AssignmentStep.UNIT_ASSIGNED);
                            return format(volume, slab);
                        },
                        control)
                .thenComposeAsync(
                        _ -> {
                            steps.after(AssignmentStep.SLAB_FORMATTED);
                            labels.formatted(slab.uuid());
                            return labels.write(List.of(slab), AssignmentStep.SLAB_LABELLED);
                        },
                        control)
                .thenComposeAsync(
                        _ -> {
                            // It may have been given up meanwhile.
                            if (served(volume.uuid()).isEmpty() || !waits(slab)) {
                                return CompletableFuture.failedFuture(
                                        new IllegalStateException("the volume is being deleted"));
                            }
                            return catalog.commit(new Catalog.Batch().put(slab.in(PartitionState.ASSIGNED)));
                        },
                        control)
                .handleAsync((_, failure) -> ended(volume, slab, failure), control);
    }

    private boolean waits(Partition slab) {
        Partition now = pool.state().partitions().get(slab.uuid());
        return now != null && now.state() == PartitionState.WIPING;
    }

    private CompletableFuture<Void> format(VolumeRecord volume, Partition slab) {
        BlockDevice device = pool.device(slab.unitVolume()).orElse(null);
        if (device == null) {
            return CompletableFuture.failedFuture(
                    new IllegalStateException("a unit went away before it was formatted"));
        }
        byte[] map = SlabFormat.newMap(slab.slab(), volume.uuid(), slab.lengthBytes());
        int blockSize = device.geometry().blockSizeBytes();
        BlockRequest write = new BlockRequest.Write(
                slab.startBytes() / blockSize, map.length / blockSize, Unpooled.wrappedBuffer(map), true);
        BlockRequest flush = new BlockRequest.Flush(slab.startBytes() / blockSize, map.length / blockSize);
        return ControlIo.submit(device, write, "formatting a slab")
                .thenCompose(_ -> ControlIo.submit(device, flush, "flushing a slab's map"))
                .thenApply(_ -> null);
    }

    private Answer ended(VolumeRecord volume, Partition slab, Throwable failure) {
        labels.settledPartition(slab.uuid());
        if (failure == null) {
            Partition given = slab.in(PartitionState.ASSIGNED);
            if (waits(slab)) {
                pool.change(state -> state.with(List.of(given)));
            }
            steps.after(AssignmentStep.SLAB_ASSIGNED);
            UnitVolume on = Objects.requireNonNull(pool.state().unitVolumes().get(slab.unitVolume()));
            return new Answer.Given(given, on);
        }
        LOG.warn("volume {}: no slab: {}", volume.name(), failure.getMessage());
        if (waits(slab)) {
            release(slab);
        }
        return new Answer.Refused(String.valueOf(failure.getMessage()), false);
    }

    /**
     * A volume's slab holds nothing, is used no more, and is going to be given back: it moves no more from now on. Completes when nothing
     * of a move is in the slab's part.
     */
    CompletableFuture<Void> leaving(UUID volume, UUID slab) {
        return ledger.onControl(() -> {
            ledger.leaving.add(slab);
            return moves.endOf(volume, slab);
        });
    }

    /** After {@link #leaving}: the part is closed. */
    void giveBack(UUID volume, UUID slab) {
        control.execute(() -> pool.state().partitionsOf(volume).stream()
                .filter(each -> each.slab().equals(slab) && each.state() == PartitionState.ASSIGNED)
                .findFirst()
                .ifPresentOrElse(this::release, () -> ledger.leaving.remove(slab)));
    }

    private void release(Partition slab) {
        Partition released = slab.in(PartitionState.RELEASED);
        catalog.commit(new Catalog.Batch().put(released))
                .whenCompleteAsync(
                        (_, failure) -> {
                            if (failure != null) {
                                if (ledger.unstored.add(slab.uuid())) {
                                    LOG.warn("slab {} is not given back yet: {}", slab.uuid(), failure.getMessage());
                                }
                                releaseLater(slab);
                                return;
                            }
                            ledger.unstored.remove(slab.uuid());
                            ledger.leaving.remove(slab.slab());
                            // The volume may have been given up with all its partitions meanwhile.
                            Partition now = pool.state().partitions().get(slab.uuid());
                            if (now != null && now.state() != PartitionState.RELEASED) {
                                pool.change(state -> state.with(List.of(released)));
                            }
                            steps.after(AssignmentStep.RELEASE_STORED);
                            Partition.PartitionOwner owner = Objects.requireNonNull(slab.owner());
                            catalog.volume(owner.volume()).ifPresent(resume);
                        },
                        control);
    }

    private void releaseLater(Partition slab) {
        if (!ledger.closed) {
            var _ = control.schedule(
                    () -> {
                        Partition now = pool.state().partitions().get(slab.uuid());
                        if (!ledger.closed && now != null && now.state() != PartitionState.RELEASED) {
                            release(slab);
                        }
                    },
                    RELEASE_AGAIN_SECONDS,
                    TimeUnit.SECONDS);
        }
    }
}
