package dev.sanway.control;

import dev.sanway.config.Sizes;
import dev.sanway.metadata.Catalog;
import dev.sanway.metadata.PartitionMove;
import dev.sanway.metadata.TaskRecord;
import dev.sanway.metadata.UnitStanding;
import dev.sanway.metadata.VolumeRecord;
import dev.sanway.pool.Partition;
import dev.sanway.pool.PartitionState;
import dev.sanway.pool.PoolState;
import dev.sanway.pool.Replacement;
import dev.sanway.pool.UnitVolume;
import dev.sanway.recovery.Evacuation;
import dev.sanway.volume.Assignments;
import dev.sanway.volume.PartitionMoves;
import dev.sanway.volume.PartitionMoves.Answer;
import dev.sanway.volume.PartitionMoves.End;
import io.netty.util.concurrent.EventExecutor;
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
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Units that are left: by one volume ({@code volume move}) or by everything ({@code unit drain}). What is to be begun is worked out
 * anew each second by {@link Evacuation}; only that a unit is to be left, and how its moves stand, is kept in the store.
 *
 * <pre>
 *   move:   running until nothing of the volume lies there  → done, failed with a move of it, or cancelled
 *   drain:  running until nothing lies there                → done, or cancelled; what fails is tried again
 * </pre>
 *
 * Confined to the control executor.
 */
final class Evacuations {

    private static final Logger log = LoggerFactory.getLogger(Evacuations.class);
    private static final long AGAIN_NANOS = TimeUnit.SECONDS.toNanos(10);

    private final EventExecutor control;
    private final Catalog catalog;
    private final Assignments assignments;
    private final PartitionMoves moves;
    private final Tasks tasks;
    private final Standings standings;
    private final Backing backing;
    private final Runnable closedChanged;
    private final Events events;
    private final int atOnce;

    /** Tasks that are to end once their moves have: cancelled, or with the reason why they failed. */
    private final Map<Long, Optional<String>> ending = new HashMap<>();
    /** By task: what stood in the way when it was last looked at. */
    private final Map<Long, String> obstacles = new HashMap<>();
    /** By partition: when it may be tried again after it failed. */
    private final Map<UUID, Long> pausedNanos = new HashMap<>();

    private int starting;
    private boolean resumed;
    private String lastBug = "";

    /**
     * @param closedChanged to be run when a unit is, or is no more, given something new
     * @param atOnce so many partitions move at a time
     */
    Evacuations(
            EventExecutor control,
            Catalog catalog,
            Assignments assignments,
            Tasks tasks,
            Standings standings,
            Backing backing,
            Runnable closedChanged,
            Events events,
            int atOnce) {
        this.control = control;
        this.catalog = catalog;
        this.assignments = assignments;
        this.moves = assignments.moves();
        this.tasks = tasks;
        this.standings = standings;
        this.backing = backing;
        this.closedChanged = closedChanged;
        this.events = events;
        this.atOnce = atOnce;
    }

    /** Goes on with what was begun before, once volumes are served, and looks each second what is to be done. Any thread. */
    void start() {
        control.execute(() -> {
            tasks.leavingBy(this::progress);
            standings.drainNoteBy(this::drainNote);
            moves.resumeStored();
            moves.underWay().forEach(this::follow);
            resumed = true;
        });
        var _ = control.scheduleWithFixedDelay(this::lookAgain, 1, 1, TimeUnit.SECONDS);
    }

    /** A mistake of ours must not end the looking for good. */
    private void lookAgain() {
        try {
            look();
        } catch (RuntimeException bug) {
            if (!String.valueOf(bug).equals(lastBug)) {
                lastBug = String.valueOf(bug);
                log.error("what has to leave its unit cannot be worked out", bug);
            }
        }
    }

    // ---- what operators ask for

    /** What of a volume lies on a unit leaves it; refused if there is no place for it, or nothing. */
    TaskRecord move(VolumeRecord volume, String from, List<String> to) throws ApiRefusal {
        for (TaskRecord task : tasks.leaving()) {
            if (leaving(task).unit().equals(from) && task.volume().equals(volume.uuid())) {
                throw ApiRefusal.conflict(volume.name() + " is leaving " + from + " already: task " + task.id());
            }
        }
        Evacuation.Wish wish = new Evacuation.Wish(from, volume.uuid(), Set.copyOf(to));
        Evacuation.Plan plan = plan(wish, Integer.MAX_VALUE);
        if (plan.done()) {
            throw ApiRefusal.conflict(
                    "nothing of " + volume.name() + " lies on " + from + "; see: sanway volume show " + volume.name());
        }
        for (Evacuation.Obstacle obstacle : plan.obstacles()) {
            // Where units may make room it is known later whether they do.
            if (!obstacle.space() || !backing.couldReplace(request(obstacle.partition(), wish), assignments.pool())) {
                throw ApiRefusal.conflict(
                        obstacle + (obstacle.space() ? assignments.closedUnits().note() : ""));
            }
        }
        TaskRecord task = tasks.begin(
                TaskRecord.Kind.move, volume.uuid(), volume.name(), new TaskRecord.Leaving(from, to, plan.leftBytes()));
        look();
        return task;
    }

    /** A unit is given nothing new from now on, and everything leaves it. Completes when the first is durable. */
    CompletableFuture<TaskRecord> drain(String unit) {
        return standings
                .set(unit, UnitStanding.DRAINING)
                .thenApplyAsync(
                        _ -> {
                            closedChanged.run();
                            TaskRecord task = draining(unit);
                            look();
                            return task;
                        },
                        control);
    }

    /** A unit is used as any other again; what has left it stays where it is. Completes when that is durable. */
    CompletableFuture<Void> cancelDrain(String unit) {
        return standings
                .set(unit, UnitStanding.NONE)
                .thenRunAsync(
                        () -> {
                            closedChanged.run();
                            look();
                        },
                        control);
    }

    /** A task that moves a volume ends; what has moved already stays where it is. */
    void cancel(TaskRecord task) {
        ending.putIfAbsent(task.id(), Optional.empty());
        look();
    }

    /** The task that drains a unit, which is begun if there is none. */
    private TaskRecord draining(String unit) {
        return tasks.leaving().stream()
                .filter(task -> task.kind() == TaskRecord.Kind.drain
                        && leaving(task).unit().equals(unit)
                        && !ending.containsKey(task.id()))
                .findFirst()
                .orElseGet(() -> tasks.begin(
                        TaskRecord.Kind.drain,
                        Partition.NO_UUID,
                        "",
                        new TaskRecord.Leaving(unit, List.of(), leftBytes(unit))));
    }

    /** Whether a partition of a volume is on its way. */
    boolean moves(UUID volume) {
        return moves.underWay().stream().anyMatch(move -> move.volume().equals(volume));
    }

    private static TaskRecord.Leaving leaving(TaskRecord task) {
        return Objects.requireNonNull(task.leaving());
    }

    // ---- what is to be done

    private static Evacuation.Wish wish(TaskRecord task) {
        return new Evacuation.Wish(
                leaving(task).unit(),
                task.kind() == TaskRecord.Kind.drain ? null : task.volume(),
                Set.copyOf(leaving(task).to()));
    }

    private Evacuation.Plan plan(Evacuation.Wish wish, int most) {
        Map<UUID, VolumeRecord> volumes = new HashMap<>();
        catalog.volumes().forEach(volume -> volumes.put(volume.uuid(), volume));
        Set<UUID> moving = new HashSet<>(moves.leaving());
        long now = System.nanoTime();
        pausedNanos.values().removeIf(until -> now - until > 0);
        moving.addAll(pausedNanos.keySet());
        return Evacuation.plan(
                new Evacuation.Situation(assignments.pool(), assignments.openPoolWithSpares(), volumes, moving),
                wish,
                most);
    }

    private long leftBytes(String unit) {
        return plan(new Evacuation.Wish(unit, null, Set.of()), 0).leftBytes();
    }

    private void look() {
        if (!resumed) {
            return;
        }
        standings.byName().forEach((unit, standing) -> {
            if (standing == UnitStanding.DRAINING && leftBytes(unit) > 0) {
                draining(unit);
            }
        });
        for (TaskRecord task : tasks.leaving()) {
            boolean given = task.kind() == TaskRecord.Kind.drain
                    && standings.of(leaving(task).unit()) != UnitStanding.DRAINING;
            if (given) {
                ending.putIfAbsent(task.id(), Optional.empty());
            }
            if (ending.containsKey(task.id())) {
                end(task);
            } else {
                goOn(task);
            }
        }
    }

    private List<PartitionMove> movesOf(TaskRecord task) {
        Evacuation.Wish wish = wish(task);
        PoolState pool = assignments.pool();
        return moves.underWay().stream()
                .filter(move -> wish.volume() == null || wish.volume().equals(move.volume()))
                .filter(move -> unitOf(pool, move.source()).equals(wish.unit()))
                .toList();
    }

    private static String unitOf(PoolState pool, UUID partition) {
        Partition there = pool.partitions().get(partition);
        UnitVolume on = there == null ? null : pool.unitVolumes().get(there.unitVolume());
        return on == null ? "" : on.unit();
    }

    private void end(TaskRecord task) {
        List<PartitionMove> left = movesOf(task);
        left.forEach(move -> moves.cancel(move.target()));
        if (!left.isEmpty() || starting > 0) {
            return;
        }
        Optional<String> why = Objects.requireNonNull(ending.remove(task.id()));
        forget(task);
        tasks.end(task, why.isPresent() ? TaskRecord.State.failed : TaskRecord.State.cancelled, why.orElse(null));
        if (why.isPresent()) {
            events.warning("task " + task.id(), subject(task) + " failed: " + why.get());
        } else {
            events.info("task " + task.id(), subject(task) + " was cancelled");
        }
    }

    private static String subject(TaskRecord task) {
        return task.kind() == TaskRecord.Kind.drain
                ? "draining unit " + leaving(task).unit()
                : "moving volume " + task.volumeName() + " from unit "
                        + leaving(task).unit();
    }

    private void forget(TaskRecord task) {
        obstacles.remove(task.id());
    }

    private void goOn(TaskRecord task) {
        Evacuation.Wish wish = wish(task);
        int room = Math.max(0, atOnce - moves.underWay().size() - starting);
        Evacuation.Plan plan = plan(wish, room);
        if (plan.done() && movesOf(task).isEmpty()) {
            forget(task);
            tasks.end(task, TaskRecord.State.done, null);
            events.info("task " + task.id(), subject(task) + " is done: nothing is left there");
            return;
        }
        plan.arriving().forEach(partition -> moves.cancel(partition.uuid()));
        if (room > 0) {
            hindered(task, plan);
        }
        for (Partition partition : plan.begin()) {
            starting++;
            moves.begin(partition.uuid(), wish.toUnits())
                    .whenCompleteAsync((answer, failure) -> begun(partition, answer, failure), control);
        }
    }

    private void hindered(TaskRecord task, Evacuation.Plan plan) {
        if (plan.obstacles().isEmpty()) {
            obstacles.remove(task.id());
            return;
        }
        StringBuilder text = new StringBuilder();
        boolean asked = false;
        for (Evacuation.Obstacle obstacle : plan.obstacles()) {
            String being = "";
            if (obstacle.space() && !asked) {
                being = backing.provideReplacement(
                        obstacle.volume(), request(obstacle.partition(), wish(task)), assignments.pool());
                asked = true;
            }
            text.append(text.isEmpty() ? "" : "; ").append(obstacle).append(being);
        }
        String now = text.toString();
        if (!now.equals(obstacles.put(task.id(), now))) {
            events.warning("task " + task.id(), subject(task) + " waits: " + now);
        }
    }

    private Replacement.Request request(Partition partition, Evacuation.Wish wish) {
        VolumeRecord volume = Optional.ofNullable(partition.owner())
                .flatMap(owner -> catalog.volume(owner.volume()))
                .orElseThrow();
        return new Replacement.Request(partition, volume.layout(), volume.blockSizeBytes(), wish.toUnits());
    }

    private void begun(Partition partition, @Nullable Answer answer, @Nullable Throwable failure) {
        starting--;
        switch (answer) {
            case Answer.Begun begun -> follow(begun.move());
            case Answer.Refused(String why) -> failed(partition.uuid(), why);
            case null -> failed(partition.uuid(), String.valueOf(failure));
        }
    }

    /** Tells how a move ends. */
    private void follow(PartitionMove move) {
        PoolState pool = assignments.pool();
        String what = "volume "
                + catalog.volume(move.volume()).map(VolumeRecord::name).orElse("");
        String way = "from unit " + unitOf(pool, move.source()) + " to unit " + unitOf(pool, move.target());
        CompletableFuture<End> end = moves.endOf(move.target());
        if (end == null) {
            return;
        }
        events.info(what, "moves " + way);
        end.thenAcceptAsync(
                how -> {
                    switch (how) {
                        case End.Moved _ -> events.info(what, "has moved " + way);
                        case End.Cancelled _ -> events.info(what, "does not move " + way + " any more");
                        case End.Failed(String why) -> {
                            events.warning(what, "did not move " + way + ": " + why);
                            failed(move.source(), why);
                        }
                    }
                    look();
                },
                control);
    }

    /** It is left alone for some time; a task that moves its volume only fails with it. */
    private void failed(UUID source, String why) {
        pausedNanos.put(source, System.nanoTime() + AGAIN_NANOS);
        PoolState pool = assignments.pool();
        Partition partition = pool.partitions().get(source);
        for (TaskRecord task : tasks.leaving()) {
            boolean its = partition != null
                    && partition.owner() != null
                    && task.volume().equals(partition.owner().volume())
                    && leaving(task).unit().equals(unitOf(pool, source));
            if (task.kind() == TaskRecord.Kind.move && its) {
                ending.putIfAbsent(task.id(), Optional.of(why));
            }
        }
    }

    // ---- what operators see

    private Tasks.Progress progress(TaskRecord task) {
        long bytes = leaving(task).bytes();
        long left = plan(wish(task), 0).leftBytes();
        long copied = 0;
        PoolState pool = assignments.pool();
        for (PartitionMove move : movesOf(task)) {
            Partition source = pool.partitions().get(move.source());
            if (source != null && source.state() == PartitionState.ASSIGNED) {
                copied += moves.copiedBytes(move.target());
            }
        }
        return new Tasks.Progress(Math.clamp(bytes - left + copied, 0, bytes), bytes, obstacles.get(task.id()));
    }

    private String drainNote(String unit) {
        PoolState pool = assignments.pool();
        boolean empty = pool.unitVolumes().values().stream()
                .filter(unitVolume -> unitVolume.unit().equals(unit))
                .allMatch(unitVolume -> pool.keptOn(unitVolume.label()).isEmpty());
        return empty ? "drained, nothing lies on it" : Sizes.show(leftBytes(unit)) + " to move";
    }
}
