package dev.sanway.volume;

import dev.sanway.metadata.Catalog;
import dev.sanway.metadata.PartitionMove;
import dev.sanway.metadata.VolumeRecord;
import dev.sanway.pool.Partition;
import dev.sanway.pool.PartitionState;
import dev.sanway.pool.Replacement;
import io.netty.util.concurrent.EventExecutor;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Moves partitions of volumes to other places while hosts use them (docs/adr/0009):
 *
 * <pre>
 *   move:    COPYING in the store → units' tables → label → copied → label: ASSIGNED → held
 *            → ASSIGNED in the store, the other RELEASED → taken over → the other is taken back
 *   give up: RELEASED in the store → taken back
 * </pre>
 *
 * Until the one commit that changes both, the partition that the volume has is the truth; from it on the other one. What was copied is
 * not kept: a process that starts copies anew. A partition at which something may still be under way is taken back only when that has
 * ended.
 *
 * <p>Belongs to the control's executor, but for what says otherwise.
 */
public final class PartitionMoves {
    private static final Logger LOG = LoggerFactory.getLogger(PartitionMoves.class);
    private static final int RETRY_SECONDS = 5;
    private static final long HOLD_RETRY_MILLIS = 500;
    /** What a process that ended had begun is given up if its units do not come back for so long. */
    private static final int RESUME_ATTEMPTS = 12;

    /** Where a volume is served. */
    public sealed interface Place {
        record Served(VolumeAssembler.Assembled assembled, LunDirectory directory) implements Place {}

        /** Nobody uses it: it may be copied on this directory's loop. */
        record Unserved(LunDirectory directory) implements Place {}

        /** It is about to be served, or about not to be any more. */
        record SettingUp() implements Place {}
    }

    /** How a move ended. */
    public sealed interface End {
        record Moved() implements End {}

        record Cancelled() implements End {}

        /** The volume has what it had; {@code why} is for the operator. */
        record Failed(String why) implements End {}
    }

    /** What came of asking for one. */
    public sealed interface Answer {
        /**
         * It has begun, durably.
         *
         * @param end completes when it is decided which partition the volume has, durably
         */
        record Begun(PartitionMove move, CompletableFuture<End> end) implements Answer {}

        /** Nothing was changed; {@code why} is for the operator. */
        record Refused(String why) implements Answer {}
    }

    private static final class Move {
        final PartitionMove record;
        final VolumeRecord.State began;
        final CompletableFuture<End> end = new CompletableFuture<>();
        /** Completes when nothing of it is under way at either partition. */
        final CompletableFuture<Void> left = new CompletableFuture<>();
        /** Completes, with the reason to give up, at most once. */
        final CompletableFuture<End> stop = new CompletableFuture<>();

        @Nullable
        PartCopy copy;

        VolumeAssembler.@Nullable Assembled assembled;
        boolean unserved;
        /** It is on its way to the store that it is done. */
        boolean deciding;

        Move(PartitionMove record, VolumeRecord.State began) {
            this.record = record;
            this.began = began;
        }
    }

    private final VolumeLedger ledger;
    private final Catalog catalog;
    private final EventExecutor control;
    private final LivePool pool;
    private final LabelTables labels;
    private final Assignments.Steps steps;
    private final Consumer<VolumeRecord> resume;
    private final MovePace pace = new MovePace(Long.MAX_VALUE);
    /** By the target's UUID. */
    private final Map<UUID, Move> moves = new HashMap<>();

    private Function<UUID, Place> places = _ -> new Place.SettingUp();

    /** {@code resume}: goes on with partitions that were released. */
    PartitionMoves(VolumeLedger ledger, LabelTables labels, Consumer<VolumeRecord> resume) {
        this.ledger = ledger;
        this.catalog = ledger.catalog;
        this.control = ledger.control;
        this.pool = ledger.pool;
        this.labels = labels;
        this.steps = ledger.steps;
        this.resume = resume;
        ledger.listeners.add((volume, _, _) -> changed(volume));
    }

    /** Where volumes are served, asked on the control's executor. */
    public void servedAt(Function<UUID, Place> source) {
        places = source;
    }

    /** How fast is copied, all moves together. */
    public MovePace pace() {
        return pace;
    }

    /** The moves that are under way. */
    public List<PartitionMove> underWay() {
        return moves.values().stream().map(move -> move.record).toList();
    }

    /** The partitions that are on their way already, to another place or back to the pool. */
    public Set<UUID> leaving() {
        Set<UUID> all = new HashSet<>();
        moves.values().forEach(move -> all.add(move.record.source()));
        if (!ledger.leaving.isEmpty()) {
            pool.state().partitions().values().stream()
                    .filter(partition -> ledger.leaving.contains(partition.slab()))
                    .forEach(partition -> all.add(partition.uuid()));
        }
        return all;
    }

    /** How much of a move is copied, in bytes; 0 if it is not under way. */
    public long copiedBytes(UUID target) {
        Move move = moves.get(target);
        PartCopy copy = move == null ? null : move.copy;
        return copy == null ? 0 : copy.copiedBytes();
    }

    /** Completes when a move ends; null: it is not under way. */
    public @Nullable CompletableFuture<End> endOf(UUID target) {
        Move move = moves.get(target);
        return move == null ? null : move.end.copy();
    }

    // ---- beginning

    /** Why a partition cannot move now, or its place. */
    public Replacement.Result place(Partition source, Set<String> toUnits) {
        Optional<VolumeRecord> volume =
                Optional.ofNullable(source.owner()).flatMap(owner -> catalog.volume(owner.volume()));
        if (volume.isEmpty()) {
            return new Replacement.Result.Refused("it is nobody's");
        }
        Replacement.Request request = new Replacement.Request(
                source, volume.get().layout(), volume.get().blockSizeBytes(), toUnits);
        return Replacement.place(
                ledger.closedUnits.openWithSpares(pool.state()), pool.state(), request, UUID::randomUUID);
    }

    /** Moves a partition, within {@code toUnits} if that names any. */
    public CompletableFuture<Answer> begin(UUID partition, Set<String> toUnits) {
        Partition source = pool.state().partitions().get(partition);
        Optional<VolumeRecord> found = source == null || source.owner() == null
                ? Optional.empty()
                : catalog.volume(source.owner().volume());
        if (source == null || found.isEmpty()) {
            return refused("there is no such partition");
        }
        VolumeRecord volume = found.get();
        Optional<String> objection = objection(volume, source);
        if (objection.isPresent()) {
            return refused(volume.name() + ": " + objection.get());
        }
        return switch (place(source, toUnits)) {
            case Replacement.Result.Refused(String why) -> refused(volume.name() + ": " + why);
            case Replacement.Result.Placed(Partition target) -> intend(volume, source, target);
        };
    }

    private static CompletableFuture<Answer> refused(String why) {
        return CompletableFuture.completedFuture(new Answer.Refused(why));
    }

    private Optional<String> objection(VolumeRecord volume, Partition source) {
        if (volume.state() != VolumeRecord.State.ASSIGNED && volume.state() != VolumeRecord.State.DELETED) {
            return Optional.of("it is being " + (volume.state() == VolumeRecord.State.WIPING ? "set up" : "deleted"));
        }
        if (volume.growth() != null || (ledger.growing.contains(volume.uuid()) && !Slabs.thin(volume))) {
            return Optional.of("it is growing");
        }
        if (ledger.givenUp.contains(volume.uuid())
                || ledger.leaving.contains(source.slab())
                || source.state() != PartitionState.ASSIGNED) {
            return Optional.of("it is being changed");
        }
        if (moves.values().stream().anyMatch(move -> move.record.source().equals(source.uuid()))) {
            return Optional.of("it is being moved already");
        }
        if (!pool.reaches(source.unitVolume())) {
            return Optional.of("the unit that it lies on is not reachable");
        }
        return places.apply(volume.uuid()) instanceof Place.SettingUp
                ? Optional.of("it is being set up")
                : Optional.empty();
    }

    private CompletableFuture<Answer> intend(VolumeRecord volume, Partition source, Partition target) {
        PartitionMove record = new PartitionMove(target.uuid(), source.uuid(), volume.uuid());
        Move move = new Move(record, volume.state());
        pool.change(state -> state.with(List.of(target)));
        register(move);
        return catalog.commit(new Catalog.Batch()
                        .put(target)
                        .put(PartitionMove.KIND, target.uuid().toString(), record))
                .handleAsync(
                        (_, failure) -> {
                            if (failure != null) {
                                pool.change(state -> state.without(List.of(target)));
                                forget(move);
                                return new Answer.Refused(volume.name() + ": " + failure.getMessage());
                            }
                            steps.after(AssignmentStep.MOVE_INTENDED);
                            run(move);
                            return new Answer.Begun(record, move.end.copy());
                        },
                        control);
    }

    private void register(Move move) {
        moves.put(move.record.target(), move);
        ledger.moving.add(move.record.volume());
        ledger.held.add(move.record.target());
        ledger.held.add(move.record.source());
    }

    /** Nothing of it is under way any more. */
    private void forget(Move move) {
        PartitionMove it = move.record;
        moves.remove(it.target());
        ledger.held.remove(it.target());
        ledger.held.remove(it.source());
        if (moves.values().stream().noneMatch(other -> other.record.volume().equals(it.volume()))) {
            ledger.moving.remove(it.volume());
        }
        move.left.complete(null);
        if (!ledger.closed) {
            catalog.volume(it.volume()).ifPresent(resume);
        }
    }

    /**
     * Goes on with what a process that ended had begun, from the beginning; to be called once volumes are served. What cannot go on is
     * given up.
     */
    public void resumeStored() {
        for (PartitionMove record : catalog.all(PartitionMove.KIND)) {
            if (!moves.containsKey(record.target())) {
                Move move = new Move(
                        record,
                        catalog.volume(record.volume()).map(VolumeRecord::state).orElse(VolumeRecord.State.RELEASED));
                register(move);
                resumeWhenReachable(move, RESUME_ATTEMPTS);
            }
        }
    }

    private void resumeWhenReachable(Move move, int attempts) {
        if (ledger.closed) {
            return;
        }
        Partition source = pool.state().partitions().get(move.record.source());
        Partition target = pool.state().partitions().get(move.record.target());
        if (source == null
                || target == null
                || source.state() != PartitionState.ASSIGNED
                || target.state() != PartitionState.COPYING
                || attempts == 0
                || move.stop.isDone()) {
            stop(move, new End.Failed("its units did not come back"));
            giveUp(move);
        } else if (pool.reaches(source.unitVolume())
                && pool.reaches(target.unitVolume())
                && !(places.apply(move.record.volume()) instanceof Place.SettingUp)) {
            run(move);
        } else {
            var _ = control.schedule(() -> resumeWhenReachable(move, attempts - 1), RETRY_SECONDS, TimeUnit.SECONDS);
        }
    }

    // ---- the way there

    private Partition target(Move move) {
        return Objects.requireNonNull(pool.state().partitions().get(move.record.target()));
    }

    private void run(Move move) {
        List<Partition> target = List.of(target(move));
        ledger.tables
                .assign(target)
                .thenComposeAsync(
                        _ -> {
                            steps.after(AssignmentStep.UNIT_ASSIGNED);
                            return labels.write(target, AssignmentStep.MOVE_LABELLED);
                        },
                        control)
                .thenComposeAsync(_ -> copy(move), control)
                .thenComposeAsync(
                        _ -> {
                            if (!move.stop.isDone()) {
                                labels.formatted(move.record.target());
                            }
                            return labels.write(target, AssignmentStep.MOVE_LABELLED_ASSIGNED);
                        },
                        control)
                .whenCompleteAsync(
                        (_, failure) -> {
                            if (failure != null) {
                                stop(move, new End.Failed(String.valueOf(failure.getMessage())));
                            }
                            decide(move);
                        },
                        control);
    }

    /** Completes when all is copied, or the move is to be given up. */
    private CompletableFuture<Void> copy(Move move) {
        if (move.stop.isDone()) {
            return CompletableFuture.completedFuture(null);
        }
        VolumeRecord volume = catalog.volume(move.record.volume()).orElseThrow();
        Partition source = Objects.requireNonNull(pool.state().partitions().get(move.record.source()));
        Partition target = target(move);
        return switch (places.apply(volume.uuid())) {
            case Place.SettingUp _ ->
                CompletableFuture.failedFuture(new IllegalStateException("the volume is being set up"));
            case Place.Served(VolumeAssembler.Assembled assembled, LunDirectory directory) -> {
                move.assembled = assembled;
                yield CompletableFuture.supplyAsync(
                                () -> assembled.copy(volume, source, pool.state(), target, pace), directory.loop())
                        .thenComposeAsync(copy -> copying(move, copy), control);
            }
            case Place.Unserved(LunDirectory directory) -> {
                move.unserved = true;
                yield CompletableFuture.supplyAsync(
                                () -> VolumeAssembler.copyUnserved(
                                        volume, source, pool.state(), target, directory, pace),
                                directory.loop())
                        .thenComposeAsync(copy -> copying(move, copy), control);
            }
        };
    }

    private CompletableFuture<Void> copying(Move move, PartCopy copy) {
        move.copy = copy;
        copy.failed().thenAcceptAsync(why -> stop(move, new End.Failed(why)), control);
        return inStep(move, copy);
    }

    private static CompletableFuture<Void> inStep(Move move, PartCopy copy) {
        return CompletableFuture.anyOf(copy.inStep(), move.stop).thenApply(_ -> null);
    }

    /** The move is to be given up, unless it is decided already. */
    private static void stop(Move move, End why) {
        if (!move.deciding) {
            move.stop.complete(why);
        }
    }

    /** Everything is copied and ready: holds, and lets the store decide; or gives up. */
    private void decide(Move move) {
        PartCopy copy = move.copy;
        if (ledger.closed) {
            return;
        }
        if (copy == null || move.stop.isDone()) {
            giveUp(move);
            return;
        }
        copy.hold().whenCompleteAsync((held, failure) -> held(move, copy, failure == null && held), control);
    }

    private void held(Move move, PartCopy copy, boolean held) {
        boolean mine = catalog.volume(move.record.volume())
                        .filter(volume -> volume.state() == move.began)
                        .isPresent()
                && !ledger.givenUp.contains(move.record.volume());
        if (!mine) {
            stop(move, new End.Cancelled());
        }
        if (ledger.closed) {
            return;
        }
        if (move.stop.isDone()) {
            giveUp(move);
        } else if (!held) {
            inStep(move, copy)
                    .thenRunAsync(
                            () -> control.schedule(() -> decide(move), HOLD_RETRY_MILLIS, TimeUnit.MILLISECONDS),
                            control);
        } else {
            move.deciding = true;
            commit(move, copy);
        }
    }

    /** The commit that decides. While it is not known what became of it hosts' changes wait. */
    private void commit(Move move, PartCopy copy) {
        Partition target = target(move).in(PartitionState.ASSIGNED);
        Partition source = Objects.requireNonNull(pool.state().partitions().get(move.record.source()))
                .in(PartitionState.RELEASED);
        Catalog.Batch batch = new Catalog.Batch()
                .put(target)
                .put(source)
                .remove(PartitionMove.KIND, target.uuid().toString());
        catalog.commit(batch)
                .whenCompleteAsync(
                        (_, failure) -> {
                            if (failure == null) {
                                steps.after(AssignmentStep.MOVED);
                                moved(move, copy, source, target);
                            } else {
                                LOG.warn("a move is not decided: {}", failure.getMessage());
                                settle(move, copy, source, target);
                            }
                        },
                        control);
    }

    private void moved(Move move, PartCopy copy, Partition source, Partition target) {
        pool.change(state -> state.with(List.of(source, target)));
        labels.settledPartition(target.uuid());
        VolumeAssembler.Assembled assembled = move.assembled;
        if (assembled != null) {
            assembled.device().owner().execute(() -> assembled.moved(source, target));
        }
        copy.takeOver()
                .whenCompleteAsync(
                        (_, failure) -> {
                            if (failure != null) {
                                LOG.error("a part is not taken over", failure);
                                return;
                            }
                            forget(move);
                        },
                        control);
        move.end.complete(new End.Moved());
        catalog.volume(move.record.volume()).ifPresent(ledger::tell);
    }

    /**
     * The commit failed, and may be kept all the same. Another one is made which gives the move up: when that is known to be kept, the
     * source is the truth whatever became of the first; if it finds the first one kept, the target is.
     */
    private void settle(Move move, PartCopy copy, Partition source, Partition target) {
        if (ledger.closed) {
            return;
        }
        Partition stays = source.in(PartitionState.ASSIGNED);
        Partition given = target.in(PartitionState.RELEASED);
        catalog.settle(
                        new Catalog.Batch()
                                .put(stays)
                                .put(given)
                                .remove(PartitionMove.KIND, target.uuid().toString()),
                        target)
                .whenCompleteAsync(
                        (kept, failure) -> {
                            if (failure != null) {
                                var _ = control.schedule(() -> settle(move, copy, source, target), 1, TimeUnit.SECONDS);
                            } else if (kept) {
                                moved(move, copy, source, target);
                            } else {
                                move.deciding = false;
                                stop(move, new End.Failed("the store could not be written"));
                                pool.change(state -> state.with(List.of(stays, given)));
                                givenUp(move);
                            }
                        },
                        control);
    }

    // ---- giving up

    /** Stops a move; false: there is none that could be stopped. */
    public boolean cancel(UUID target) {
        Move move = moves.get(target);
        if (move == null || move.deciding || move.end.isDone()) {
            return false;
        }
        stop(move, new End.Cancelled());
        return true;
    }

    /**
     * A volume that nobody used is to be served: what copies it behind its back ends first. Completes when there is nothing of that.
     */
    public CompletableFuture<Void> beforeServing(UUID volume) {
        List<CompletableFuture<Void>> ends = new ArrayList<>();
        for (Move move : List.copyOf(moves.values())) {
            if (move.record.volume().equals(volume) && move.unserved) {
                stop(move, new End.Cancelled());
                ends.add(move.left);
            }
        }
        return CompletableFuture.allOf(ends.toArray(new CompletableFuture<?>[0]));
    }

    /** Ends what moves a slab. Completes when nothing of that is in the slab's part, and it is decided which partition the slab is. */
    CompletableFuture<Void> endOf(UUID volume, UUID slab) {
        List<CompletableFuture<End>> ends = new ArrayList<>();
        for (Move move : List.copyOf(moves.values())) {
            Partition source = pool.state().partitions().get(move.record.source());
            if (move.record.volume().equals(volume)
                    && source != null
                    && source.slab().equals(slab)) {
                stop(move, new End.Cancelled());
                // One that has not come to copying does not come to it any more.
                if (move.assembled != null) {
                    ends.add(move.end);
                }
            }
        }
        return CompletableFuture.allOf(ends.toArray(new CompletableFuture<?>[0]));
    }

    private void changed(VolumeRecord volume) {
        for (Move move : List.copyOf(moves.values())) {
            if (move.record.volume().equals(volume.uuid()) && volume.state() != move.began) {
                stop(move, new End.Cancelled());
            }
        }
    }

    private void giveUp(Move move) {
        Partition target = pool.state().partitions().get(move.record.target());
        Catalog.Batch batch = new Catalog.Batch()
                .remove(PartitionMove.KIND, move.record.target().toString());
        Partition released =
                target != null && target.state() == PartitionState.COPYING ? target.in(PartitionState.RELEASED) : null;
        if (released != null) {
            batch.put(released);
        }
        catalog.commit(batch)
                .whenCompleteAsync(
                        (_, failure) -> {
                            if (ledger.closed) {
                                return;
                            }
                            if (failure != null) {
                                LOG.warn("a move is not given up: {}; trying again", failure.getMessage());
                                var _ = control.schedule(() -> giveUp(move), RETRY_SECONDS, TimeUnit.SECONDS);
                                return;
                            }
                            steps.after(AssignmentStep.MOVE_GIVEN_UP);
                            if (released != null) {
                                pool.change(state -> state.with(List.of(released)));
                            }
                            givenUp(move);
                        },
                        control);
    }

    /** The store has it: lets go of the target, which is taken back when nothing is under way there. */
    private void givenUp(Move move) {
        labels.settledPartition(move.record.target());
        PartCopy copy = move.copy;
        CompletableFuture<Void> left =
                copy == null ? CompletableFuture.completedFuture(null) : copy.giveUp("the move was given up");
        left.whenCompleteAsync((_, _) -> forget(move), control);
        move.end.complete(move.stop.getNow(new End.Cancelled()));
        catalog.volume(move.record.volume()).ifPresent(ledger::tell);
    }
}
