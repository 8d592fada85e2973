package dev.sanway.control;

import dev.sanway.control.Views.TaskView;
import dev.sanway.metadata.Catalog;
import dev.sanway.metadata.TaskRecord;
import dev.sanway.metadata.VolumeRecord;
import dev.sanway.pool.PoolState;
import dev.sanway.volume.Assignments;
import java.time.Clock;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.UUID;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The background work on volumes, with numbers that operators can ask for and wait on. The work itself is carried by the
 * volumes' records, which say after a restart where to go on; a task is the name of that.
 *
 * <pre>
 *   wipe:    running while the volume is WIPING     → done
 *   grow:    running while it has a growth          → done, or cancelled
 *   delete:  running until it is DELETED            → done
 *   erase:   running until it is RELEASED           → done
 *   move, drain: as {@link Evacuations} says        → done, cancelled or failed
 * </pre>
 *
 * Confined to the control executor.
 */
final class Tasks implements Assignments.Listener {

    private static final int ENDED_KEPT = 200;

    /** {@code detail}: what stands in the way; null: nothing does. */
    record Progress(long doneBytes, long bytes, @Nullable String detail) {}

    private final Catalog catalog;
    private final Clock clock;
    private final Events events;
    private final TreeMap<Long, TaskRecord> tasks = new TreeMap<>();
    private final Map<UUID, Progress> progress = new HashMap<>();
    /** What volumes that grow are to become, in bytes. */
    private final Map<UUID, Long> targets = new HashMap<>();

    private Function<TaskRecord, Progress> leaving = _ -> new Progress(0, 0, null);

    Tasks(Catalog catalog, Clock clock, Events events) {
        this.catalog = catalog;
        this.clock = clock;
        this.events = events;
        catalog.tasks().forEach(task -> tasks.put(task.id(), task));
    }

    /** Who knows how far the tasks are by which units are left. */
    void leavingBy(Function<TaskRecord, Progress> source) {
        leaving = source;
    }

    /** The tasks by which units are left and which have not ended, the first one first. */
    List<TaskRecord> leaving() {
        return tasks.values().stream()
                .filter(task -> task.state() == TaskRecord.State.running && task.leaving() != null)
                .toList();
    }

    private Optional<TaskRecord> running(UUID volume, TaskRecord.Kind kind) {
        return tasks.values().stream()
                .filter(task -> task.state() == TaskRecord.State.running
                        && task.volume().equals(volume)
                        && task.kind() == kind)
                .findFirst();
    }

    /** The volumes whose deletion was begun and is not durable yet, and whether they are to be erased. */
    Map<UUID, Boolean> deletions() {
        Map<UUID, Boolean> volumes = new HashMap<>();
        for (TaskRecord task : tasks.values()) {
            boolean erase = task.kind() == TaskRecord.Kind.erase;
            if (task.state() == TaskRecord.State.running && (erase || task.kind() == TaskRecord.Kind.delete)) {
                volumes.merge(task.volume(), erase, Boolean::logicalOr);
            }
        }
        return volumes;
    }

    /** Begins a task, unless there is one of that kind for the volume; durable soon. */
    TaskRecord begin(VolumeRecord volume, TaskRecord.Kind kind) {
        Optional<TaskRecord> already = running(volume.uuid(), kind);
        if (already.isPresent()) {
            return already.get();
        }
        return begin(kind, volume.uuid(), volume.name(), null);
    }

    /** Begins a task; durable soon. */
    TaskRecord begin(TaskRecord.Kind kind, UUID volume, String volumeName, TaskRecord.@Nullable Leaving unit) {
        long id = tasks.isEmpty() ? 1 : tasks.lastKey() + 1;
        TaskRecord task = new TaskRecord(
                id,
                kind,
                volume,
                volumeName,
                TaskRecord.State.running,
                clock.instant().toString(),
                null,
                unit,
                null);
        tasks.put(id, task);
        store(new Catalog.Batch().put(task));
        return task;
    }

    private void end(UUID volume, TaskRecord.Kind kind, TaskRecord.State how) {
        running(volume, kind).ifPresent(task -> end(task, how, null));
    }

    /** A running task has ended; {@code why} it failed. */
    void end(TaskRecord task, TaskRecord.State how, @Nullable String why) {
        TaskRecord ended = task.ended(how, clock.instant().toString(), why);
        tasks.put(task.id(), ended);
        Catalog.Batch batch = new Catalog.Batch().put(ended);
        List<TaskRecord> old = tasks.values().stream()
                .filter(each -> each.state() != TaskRecord.State.running)
                .sorted(Comparator.comparingLong(TaskRecord::id).reversed())
                .skip(ENDED_KEPT)
                .toList();
        old.forEach(each -> {
            tasks.remove(each.id());
            batch.remove(each);
        });
        store(batch);
    }

    private void store(Catalog.Batch batch) {
        catalog.commit(batch).whenComplete((_, failure) -> {
            if (failure != null) {
                events.warning("tasks", "not stored: " + failure.getMessage());
            }
        });
    }

    @Override
    public void volumeChanged(VolumeRecord volume, PoolState pool, long partitionBytes) {
        UUID uuid = volume.uuid();
        progress.put(uuid, new Progress(volume.progressBytes(), partitionBytes, null));
        boolean gone = !volume.state().isLive();
        if (volume.state() == VolumeRecord.State.WIPING) {
            begin(volume, TaskRecord.Kind.wipe);
        } else {
            end(uuid, TaskRecord.Kind.wipe, gone ? TaskRecord.State.cancelled : TaskRecord.State.done);
        }
        VolumeRecord.Growth growth = volume.growth();
        if (growth != null) {
            begin(volume, TaskRecord.Kind.grow);
            targets.put(uuid, growth.toBytes());
        } else {
            Long wanted = targets.remove(uuid);
            boolean grown = !gone && (wanted == null || wanted == volume.sizeBytes());
            end(uuid, TaskRecord.Kind.grow, grown ? TaskRecord.State.done : TaskRecord.State.cancelled);
        }
        switch (volume.state()) {
            case DELETED -> end(uuid, TaskRecord.Kind.delete, TaskRecord.State.done);
            case ERASING -> begin(volume, TaskRecord.Kind.erase);
            case RELEASED -> {
                end(uuid, TaskRecord.Kind.delete, TaskRecord.State.done);
                end(uuid, TaskRecord.Kind.erase, TaskRecord.State.done);
                progress.remove(uuid);
            }
            case WIPING, ASSIGNED -> {}
        }
    }

    /** After a restart: tasks of volumes that are gone have ended, whether that was noted or not. */
    void settle() {
        for (TaskRecord task : List.copyOf(tasks.values())) {
            if (task.state() == TaskRecord.State.running
                    && task.kind() != TaskRecord.Kind.drain
                    && catalog.volume(task.volume()).isEmpty()) {
                boolean deleted = task.kind() == TaskRecord.Kind.delete || task.kind() == TaskRecord.Kind.erase;
                end(task.volume(), task.kind(), deleted ? TaskRecord.State.done : TaskRecord.State.cancelled);
            }
        }
    }

    // ---- what operators see

    List<TaskView> views() {
        List<TaskView> views = new ArrayList<>();
        tasks.values().forEach(task -> views.add(view(task)));
        return views;
    }

    @Nullable
    TaskRecord find(long id) {
        return tasks.get(id);
    }

    TaskView view(TaskRecord task) {
        TaskRecord.Leaving unit = task.leaving();
        boolean running = task.state() == TaskRecord.State.running;
        Progress now = unit == null || !running ? progress.get(task.volume()) : leaving.apply(task);
        int percent = !running
                ? task.state() == TaskRecord.State.done ? 100 : 0
                : now == null || now.bytes() == 0 || task.kind() == TaskRecord.Kind.delete
                        ? 0
                        : (int) (100 * now.doneBytes() / now.bytes());
        long bytes = unit != null ? unit.bytes() : running && now != null ? now.bytes() : 0;
        return new TaskView(
                task.id(),
                task.kind().name(),
                task.volumeName(),
                unit == null ? null : unit.unit(),
                task.state().name(),
                percent,
                !running ? (task.state() == TaskRecord.State.done ? bytes : 0) : now == null ? 0 : now.doneBytes(),
                bytes,
                running && now != null ? now.detail() : task.detail(),
                task.startedAt(),
                task.endedAt());
    }
}
