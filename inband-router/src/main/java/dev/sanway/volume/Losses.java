package dev.sanway.volume;

import dev.sanway.metadata.AgentPartition;
import dev.sanway.metadata.Catalog;
import dev.sanway.metadata.LostLabel;
import dev.sanway.metadata.PartitionMove;
import dev.sanway.metadata.VolumeRecord;
import dev.sanway.pool.Partition;
import dev.sanway.pool.PartitionState;
import dev.sanway.pool.PoolState;
import java.time.Clock;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;

/**
 * Gives unit volumes up that nobody will reach again, with what lies on them (docs/adr/0012):
 *
 * <pre>
 *   out of reach → moves from and to them given up → one commit: unit volumes and partitions forgotten, labels noted as lost,
 *   deleted volumes RELEASED, those being overwritten begun anew → what lies elsewhere of them goes its usual way
 * </pre>
 *
 * Nothing is written to the unit volumes, and nothing waits for them. Belongs to the control's executor.
 */
public final class Losses {
    private final VolumeLedger ledger;
    private final Catalog catalog;
    private final LivePool pool;
    private final LabelTables labelTables;
    private final Deletions deletions;
    private final PartitionMoves moves;
    private final Consumer<VolumeRecord> resume;
    private final Runnable stayed;
    private final Clock clock = Clock.systemUTC();

    /**
     * @param resume goes on with a volume's work
     * @param stayed goes on with what waited for unit volumes that did not leave after all
     */
    Losses(
            VolumeLedger ledger,
            LabelTables labelTables,
            Deletions deletions,
            PartitionMoves moves,
            Consumer<VolumeRecord> resume,
            Runnable stayed) {
        this.ledger = ledger;
        this.catalog = ledger.catalog;
        this.pool = ledger.pool;
        this.labelTables = labelTables;
        this.deletions = deletions;
        this.moves = moves;
        this.resume = resume;
        this.stayed = stayed;
    }

    /** What would go with unit volumes, by label. */
    public Loss of(Collection<UUID> labels) {
        return Loss.of(pool.state(), labels, catalog::volume);
    }

    /** Whether it is being decided about any of them already. */
    public boolean leaves(Collection<UUID> labels) {
        return pool.leaves(labels);
    }

    /**
     * Nobody reaches these unit volumes from now on, until {@link #stay} or {@link #giveUp}, and what moves from or to them does not any
     * more.
     *
     * @return completes when it is decided of each of those moves which partition its volume has
     */
    public CompletableFuture<Void> leave(Collection<UUID> labels) {
        pool.leave(labels);
        List<CompletableFuture<?>> ends = new ArrayList<>();
        for (PartitionMove move : moves(labels)) {
            moves.cancel(move.target());
            CompletableFuture<PartitionMoves.End> end = moves.endOf(move.target());
            if (end != null) {
                ends.add(end);
            }
        }
        return CompletableFuture.allOf(ends.toArray(new CompletableFuture<?>[0]));
    }

    private List<PartitionMove> moves(Collection<UUID> labels) {
        return moves.underWay().stream()
                .filter(move -> on(labels, move.source()) || on(labels, move.target()))
                .toList();
    }

    private boolean decided(PartitionMove move) {
        CompletableFuture<PartitionMoves.End> end = moves.endOf(move.target());
        return end == null || end.isDone();
    }

    private boolean on(Collection<UUID> labels, UUID partition) {
        Partition there = pool.state().partitions().get(partition);
        return there != null && labels.contains(there.unitVolume());
    }

    /** They are reached as before. */
    public void stay(Collection<UUID> labels) {
        pool.stay(labels);
        stayed.run();
    }

    /**
     * Gives up unit volumes that were {@link #leave left}, with what lies on them. If that fails they stay.
     *
     * @param unit under whose name they are in the pool
     * @param with what is to be durable together with that
     */
    public CompletableFuture<Void> giveUp(String unit, Collection<UUID> labels, Catalog.Batch with) {
        Loss loss = of(labels);
        List<UUID> givenUp = loss.restorable().stream().map(VolumeRecord::uuid).toList();
        Set<UUID> all = volumes(loss);
        boolean busy = moves(labels).stream().anyMatch(move -> !decided(move))
                || all.stream().anyMatch(ledger.givenUp::contains);
        if (!loss.bearable() || busy || !deletions.claim(givenUp)) {
            stay(labels);
            return CompletableFuture.failedFuture(
                    new IllegalStateException("something is under way there; ask again in a moment"));
        }
        ledger.losing.addAll(all);
        List<VolumeRecord> released = loss.restorable().stream()
                .map(volume -> volume.in(VolumeRecord.State.RELEASED))
                .toList();
        List<VolumeRecord> begunAnew =
                loss.erasing().stream().map(VolumeRecord::erasing).toList();
        List<Partition> elsewhere = elsewhere(loss, givenUp);
        batch(unit, labels, loss, with);
        released.forEach(with::put);
        begunAnew.forEach(with::put);
        elsewhere.forEach(with::put);
        return catalog.commit(with)
                .whenCompleteAsync(
                        (_, failure) -> {
                            ledger.losing.removeAll(all);
                            deletions.unclaim(givenUp);
                            if (failure != null) {
                                stay(labels);
                                return;
                            }
                            pool.change(
                                    state -> state.without(loss.partitions()).with(elsewhere));
                            pool.gone(labels);
                            ledger.steps.after(AssignmentStep.UNIT_LOST);
                            released.forEach(this::changed);
                            begunAnew.forEach(this::changed);
                            // With its last partition a volume that was given up is to be forgotten.
                            all.forEach(volume -> catalog.volume(volume).ifPresent(resume));
                            deletions.freed();
                        },
                        ledger.control);
    }

    /** What the volumes that are given up have on other unit volumes. */
    private List<Partition> elsewhere(Loss loss, List<UUID> givenUp) {
        PoolState state = pool.state();
        Set<Partition> gone = new HashSet<>(loss.partitions());
        return givenUp.stream()
                .flatMap(volume -> state.partitionsOf(volume).stream())
                .filter(partition -> !gone.contains(partition) && partition.state() != PartitionState.RELEASED)
                .map(partition -> partition.in(PartitionState.RELEASED))
                .toList();
    }

    private void batch(String unit, Collection<UUID> labels, Loss loss, Catalog.Batch with) {
        String now = clock.instant().toString();
        for (UUID label : labels) {
            catalog.unitVolume(label).ifPresent(with::remove);
            with.put(LostLabel.KIND, label.toString(), new LostLabel(label, unit, now));
        }
        for (Partition partition : loss.partitions()) {
            with.remove(partition).remove(AgentPartition.KIND, partition.uuid().toString());
        }
    }

    private void changed(VolumeRecord volume) {
        labelTables.settled(volume.uuid());
        ledger.tell(volume);
        resume.accept(volume);
    }

    private static Set<UUID> volumes(Loss loss) {
        Set<UUID> volumes = new HashSet<>();
        for (Partition partition : loss.partitions()) {
            Optional.ofNullable(partition.owner()).ifPresent(owner -> volumes.add(owner.volume()));
        }
        return volumes;
    }
}
