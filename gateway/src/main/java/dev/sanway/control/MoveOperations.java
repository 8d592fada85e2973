package dev.sanway.control;

import dev.sanway.control.Views.TaskView;
import dev.sanway.control.Views.UnitView;
import dev.sanway.metadata.Catalog;
import dev.sanway.metadata.TaskRecord;
import dev.sanway.metadata.UnitStanding;
import dev.sanway.metadata.VolumeRecord;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;

/** What operators do so that units are left. Any thread but the control executor's and the event loops; blocks. */
final class MoveOperations {

    private final ControlThread control;
    private final Catalog catalog;
    private final Map<String, UnitLink> links;
    private final Standings standings;
    private final Evacuations evacuations;
    private final Tasks tasks;
    private final Views.Source views;

    MoveOperations(
            ControlThread control,
            Catalog catalog,
            Map<String, UnitLink> links,
            Standings standings,
            Evacuations evacuations,
            Tasks tasks,
            Views.Source views) {
        this.control = control;
        this.catalog = catalog;
        this.links = links;
        this.standings = standings;
        this.evacuations = evacuations;
        this.tasks = tasks;
        this.views = views;
    }

    /** The name in the pool of a unit that is in it. */
    private String pooled(String unit) throws ApiRefusal {
        String name = UnitRoutes.find(views, unit).name();
        if (!links.containsKey(name)) {
            throw ApiRefusal.conflict("unit " + name + " is not in the pool; see: sanway unit list");
        }
        return name;
    }

    TaskView move(String name, String from, List<String> to) throws ApiRefusal {
        VolumeRecord volume = catalog.volume(name).orElseThrow(() -> ApiRefusal.unknown("there is no volume " + name));
        if (from.isEmpty()) {
            throw ApiRefusal.malformed("\"from\" is missing: the unit that " + name + " is to leave, such as unit1");
        }
        String left = pooled(from);
        List<String> units = new ArrayList<>();
        for (String each : to) {
            units.add(pooled(each));
        }
        if (units.contains(left)) {
            throw ApiRefusal.malformed(name + " cannot move from " + left + " to " + left);
        }
        return control.tryLater(
                () -> CompletableFuture.completedFuture(tasks.view(evacuations.move(volume, left, units))));
    }

    TaskView drain(String unit) throws ApiRefusal {
        String name = pooled(unit);
        return control.tryLater(() -> {
            // One would end the other, and the unit would raise alarms again.
            if (standings.of(name) == UnitStanding.MAINTENANCE) {
                throw ApiRefusal.conflict(
                        "unit " + name + " is in maintenance, where nothing is moved; end that first: "
                                + "sanway unit maintenance " + name + " --off");
            }
            return evacuations.drain(name).thenApply(tasks::view);
        });
    }

    UnitView cancelDrain(String unit) throws ApiRefusal {
        String name = pooled(unit);
        if (control.ask(() -> standings.of(name)) != UnitStanding.DRAINING) {
            throw ApiRefusal.conflict("unit " + name + " is not being drained");
        }
        control.askLater(() -> evacuations.cancelDrain(name).thenApply(_ -> true));
        return UnitRoutes.find(views, name);
    }

    /** A task by which a unit is left, and which is running. */
    void cancel(long id) {
        TaskRecord task = control.ask(() -> tasks.find(id));
        TaskRecord.Leaving leaving = task == null ? null : task.leaving();
        if (task == null || leaving == null) {
            throw new IllegalStateException("no such task: " + id);
        }
        if (task.kind() == TaskRecord.Kind.drain) {
            control.askLater(() -> evacuations.cancelDrain(leaving.unit()).thenApply(_ -> true));
        } else {
            control.ask(() -> {
                evacuations.cancel(task);
                return true;
            });
        }
    }

    /** What is erased must not be copied elsewhere meanwhile. */
    void checkNotMoving(UUID volume, String name) throws ApiRefusal {
        if (control.ask(() -> evacuations.moves(volume))) {
            throw ApiRefusal.conflict(
                    name + " is being moved, and a copy of it would stay; first: sanway task list, sanway "
                            + "task cancel (or sanway unit drain UNIT --cancel)");
        }
    }
}
