package dev.sanway.control;

import dev.sanway.config.GatewayConfig;
import dev.sanway.control.Views.ConfigView;
import dev.sanway.control.Views.DiffView;
import dev.sanway.control.Views.HostView;
import dev.sanway.control.Views.SessionView;
import dev.sanway.control.Views.TaskView;
import dev.sanway.control.Views.UnitLunView;
import dev.sanway.control.Views.VolumeView;
import dev.sanway.metadata.Catalog;
import dev.sanway.metadata.DeletedHost;
import dev.sanway.metadata.TaskRecord;
import dev.sanway.metadata.VolumeRecord;
import dev.sanway.pool.Allocation;
import dev.sanway.pool.Partition;
import dev.sanway.pool.VolumeLayout;
import dev.sanway.target.TargetServer;
import dev.sanway.volume.Assignments;
import dev.sanway.volume.Assignments.Admission;
import dev.sanway.volume.Assignments.GrowthAnswer;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** What operators do to a running gateway. Any thread but the control executor's and the event loops. */
final class GatewayOperations implements Operations {

    /** How long a command waits for units to make more room. */
    private static final int ROOM_SECONDS = 10;

    private final ControlThread control;
    private final Map<String, UnitLink> links;
    private final Reconfiguration reconfiguration;
    private final Assignments assignments;
    private final Tasks tasks;
    private final Events events;
    private final GatewayViews views;
    private final Backing backing;
    private final MadeByCommand made;
    private final VolumeLife volumeLife;
    private final HostLife hostLife;
    private final TargetServer server;
    private final MoveOperations moveOperations;
    private final UnitOperations unitOperations;
    private final LostUnits lostUnits;

    GatewayOperations(
            ControlThread control,
            Map<String, UnitLink> links,
            Reconfiguration reconfiguration,
            Assignments assignments,
            Tasks tasks,
            Events events,
            GatewayViews views,
            Backing backing,
            MadeByCommand made,
            VolumeLife volumeLife,
            HostLife hostLife,
            TargetServer server,
            MoveOperations moveOperations,
            UnitOperations unitOperations,
            LostUnits lostUnits) {
        this.control = control;
        this.links = links;
        this.reconfiguration = reconfiguration;
        this.assignments = assignments;
        this.tasks = tasks;
        this.events = events;
        this.views = views;
        this.backing = backing;
        this.made = made;
        this.volumeLife = volumeLife;
        this.hostLife = hostLife;
        this.server = server;
        this.moveOperations = moveOperations;
        this.unitOperations = unitOperations;
        this.lostUnits = lostUnits;
    }

    @Override
    public UnitLunView adopt(String unit, int lun, boolean erase) throws ApiRefusal {
        UnitLink link = links.get(unit);
        if (link == null) {
            throw ApiRefusal.unknown("there is no unit " + unit + "; units: " + links.keySet());
        }
        if (erase) {
            unitOperations.releaseLost(link, lun);
        }
        Admission admission = control.askLater(() -> link.adopt(lun, erase));
        if (admission instanceof Admission.Refused(String why)) {
            throw ApiRefusal.conflict(unit + " lun " + lun + ": " + why);
        }
        return control.ask(() -> link.view().luns().stream()
                .filter(view -> view.lun() == lun)
                .findFirst()
                .orElseThrow());
    }

    @Override
    public Views.UnitView adoptUnit(String unit) throws ApiRefusal {
        return unitOperations.adopt(unit);
    }

    @Override
    public Views.UnitView refuseUnit(String unit) throws ApiRefusal {
        return unitOperations.refuse(unit);
    }

    @Override
    public Views.MaintenanceView maintainUnit(String unit, boolean on) throws ApiRefusal {
        return unitOperations.maintenance(unit, on);
    }

    @Override
    public Views.UnitView removeUnit(String unit, boolean force) throws ApiRefusal {
        return unitOperations.remove(unit, force);
    }

    @Override
    public Views.LossView lossOf(String unit) throws ApiRefusal {
        return lostUnits.weigh(unit);
    }

    @Override
    public Views.UnitView loseUnit(String unit, List<UUID> volumes) throws ApiRefusal {
        return lostUnits.giveUp(unit, volumes);
    }

    @Override
    public ConfigView config(long revision) throws ApiRefusal {
        return reconfiguration.shown(revision);
    }

    @Override
    public DiffView diffConfig(String text, String shownAs) throws ApiRefusal {
        return reconfiguration.diff(text, shownAs);
    }

    @Override
    public DiffView applyConfig(String text, String shownAs, long revision, boolean force) throws ApiRefusal {
        return reconfiguration.apply(text, shownAs, revision, force);
    }

    // ---- volumes

    private VolumeView volumeView(String name) throws ApiRefusal {
        return views.volume(name).orElseThrow(() -> ApiRefusal.unknown("there is no volume " + name));
    }

    @Override
    public VolumeView createVolume(NewVolume wanted) throws ApiRefusal {
        reconfiguration.change(declared -> {
            Catalog.Batch batch = made.newVolume(declared, wanted);
            VolumeLayout layout = wanted.thin()
                    ? new VolumeLayout.Thin()
                    : wanted.width() == 0
                            ? new VolumeLayout.Linear()
                            : new VolumeLayout.Striped(wanted.width(), wanted.chunkBytes());
            Allocation.Request room =
                    new Allocation.Request(Partition.NO_UUID, wanted.sizeBytes(), layout, wanted.blockSizeBytes());
            Optional<String> noRoom = control.ask(() -> assignments
                    .noRoom(new Assignments.VolumeRequest(
                            wanted.name(), "", wanted.sizeBytes(), wanted.blockSizeBytes(), layout))
                    .filter(_ -> !backing.couldHold(room, false)));
            if (noRoom.isPresent()) {
                throw ApiRefusal.conflict(wanted.name() + ": " + noRoom.get()
                        + ". See \"sanway unit list\"; add a unit, or ask for less");
            }
            return batch;
        });
        return volumeView(wanted.name());
    }

    @Override
    public VolumeView growVolume(String name, long sizeBytes) throws ApiRefusal {
        VolumeRecord record = made.growable(reconfiguration.declared(), name);
        GrowthAnswer answer = control.askLater(() -> assignments.grow(record.uuid(), sizeBytes));
        if (answer instanceof GrowthAnswer.Refused
                && sizeBytes > record.sizeBytes()
                && sizeBytes % record.blockSizeBytes() == 0) {
            answer = growWithMore(record, sizeBytes, answer);
        }
        if (answer instanceof GrowthAnswer.Refused(String why)) {
            throw ApiRefusal.conflict(why);
        }
        return volumeView(name);
    }

    /** Units are asked for more room first, if they have any. */
    private GrowthAnswer growWithMore(VolumeRecord record, long sizeBytes, GrowthAnswer before) {
        Allocation.Request wanted =
                new Allocation.Request(record.uuid(), sizeBytes, record.layout(), record.blockSizeBytes());
        boolean asked =
                control.ask(() -> !backing.provide(record.name(), wanted, true).isEmpty());
        if (!asked) {
            return before;
        }
        control.askLater(() -> backing.settled().completeOnTimeout(null, ROOM_SECONDS, TimeUnit.SECONDS));
        return control.askLater(() -> assignments.grow(record.uuid(), sizeBytes));
    }

    @Override
    public TaskView deleteVolume(String name, boolean force, boolean wipe) throws ApiRefusal {
        // What is said here once more is checked again where it counts.
        made.withoutVolume(reconfiguration.declared(), name);
        VolumeView seen = volumeView(name);
        if (wipe) {
            moveOperations.checkNotMoving(seen.uuid(), name);
        }
        if (!force) {
            refuseIfLoggedIn(
                    name,
                    seen.hosts().stream().map(Views.AttachmentView::host).toList(),
                    "log it out first, or say --force");
        }
        return volumeLife.delete(name, wipe);
    }

    @Override
    public VolumeView renameVolume(String name, String newName) throws ApiRefusal {
        volumeLife.rename(name, newName);
        return volumeView(newName);
    }

    @Override
    public VolumeView restoreVolume(UUID uuid, String name) throws ApiRefusal {
        return volumeView(volumeLife.restore(uuid, name));
    }

    @Override
    public TaskView eraseVolume(UUID uuid) throws ApiRefusal {
        moveOperations.checkNotMoving(uuid, uuid.toString());
        return volumeLife.erase(uuid);
    }

    @Override
    public TaskView moveVolume(String name, String from, List<String> to) throws ApiRefusal {
        return moveOperations.move(name, from, to);
    }

    @Override
    public TaskView drainUnit(String unit) throws ApiRefusal {
        return moveOperations.drain(unit);
    }

    @Override
    public Views.UnitView cancelDrain(String unit) throws ApiRefusal {
        return moveOperations.cancelDrain(unit);
    }

    @Override
    public SessionView dropSession(String host, int number) throws ApiRefusal {
        SessionView found = views.sessions().stream()
                .filter(session -> session.host().equals(host) && session.number() == number)
                .findFirst()
                .orElseThrow(() -> ApiRefusal.unknown(
                        "host " + host + " has no session " + number + "; see: sanway session list"));
        if (!server.endSession(hostView(host).target(), number, "an operator dropped it")) {
            throw ApiRefusal.unknown("host " + host + " has no session " + number + " any more");
        }
        events.info("host " + host, "session " + number + " of " + found.initiator() + " was dropped by an operator");
        return found;
    }

    private void refuseIfLoggedIn(String what, List<String> hosts, String instead) throws ApiRefusal {
        for (Views.SessionView session : views.sessions()) {
            if (hosts.contains(session.host())) {
                throw ApiRefusal.conflict(what + ": host " + session.host() + " is logged in (" + session.initiator()
                        + " from " + session.remoteAddress() + "); " + instead);
            }
        }
    }

    // ---- hosts

    @Override
    public HostView createHost(String name, List<String> initiators, @Nullable NewChap chap) throws ApiRefusal {
        hostLife.create(name, initiators, chap);
        return hostView(name);
    }

    private HostView hostView(String name) throws ApiRefusal {
        return views.hosts().stream()
                .filter(host -> host.name().equals(name))
                .findFirst()
                .orElseThrow(() -> ApiRefusal.unknown("there is no host " + name));
    }

    @Override
    public HostView deleteHost(String name, boolean force, boolean forget) throws ApiRefusal {
        made.withoutHost(reconfiguration.declared(), name);
        HostView before = hostView(name);
        if (!force) {
            refuseIfLoggedIn(name, List.of(name), "log it out first, or say --force");
        }
        hostLife.delete(name, forget);
        return before;
    }

    @Override
    public Views.DeletedHostView forgetHost(String name) throws ApiRefusal {
        return hostLife.forget(name);
    }

    @Override
    public List<Views.DeletedHostView> deletedHosts() {
        return hostLife.views();
    }

    @Override
    public Views.RestoredHostView restoreHost(String name) throws ApiRefusal {
        DeletedHost host = hostLife.find(name);
        hostLife.restore(name);
        return hostLife.restored(host, hostView(name));
    }

    // ---- tasks and events

    @Override
    public List<TaskView> tasks() {
        return control.ask(tasks::views);
    }

    @Override
    public TaskView task(long id) throws ApiRefusal {
        Optional<TaskView> found =
                control.ask(() -> Optional.ofNullable(tasks.find(id)).map(tasks::view));
        return found.orElseThrow(() -> ApiRefusal.unknown("there is no task " + id));
    }

    @Override
    public TaskView cancelTask(long id) throws ApiRefusal {
        TaskView task = task(id);
        if (!task.state().equals(TaskRecord.State.running.name())) {
            throw ApiRefusal.conflict("task " + id + " has ended already: " + task.state());
        }
        if (task.unit() != null) {
            moveOperations.cancel(id);
            return task(id);
        }
        Optional<GatewayConfig.Volume> declared = MadeByCommand.volume(reconfiguration.declared(), task.volume());
        if (declared.isPresent() && declared.get().line() > 0) {
            throw ApiRefusal.conflict("task " + id + ": " + task.volume() + " is declared at "
                    + reconfiguration.declared().file() + ":" + declared.get().line()
                    + (task.kind().equals(TaskRecord.Kind.grow.name())
                            ? "; write the size that it has there"
                            : "; take it out there")
                    + ", then: sanway config apply");
        }
        switch (TaskRecord.Kind.valueOf(task.kind())) {
            case grow -> {
                TaskRecord record =
                        control.ask(() -> Optional.ofNullable(tasks.find(id)).orElseThrow());
                control.askLater(() -> assignments.cancelGrowth(record.volume()));
            }
            case wipe -> {
                TaskView unused = deleteVolume(task.volume(), true, false);
                events.info("volume " + unused.volume(), "its wipe was cancelled");
            }
            case delete, erase ->
                throw ApiRefusal.conflict("task " + id + ": a deletion cannot be stopped once it was begun");
            case move, drain -> throw new IllegalStateException("a task without its unit: " + task);
        }
        return task(id);
    }

    @Override
    public List<Events.Event> events(long after, long waitMillis) throws ApiRefusal {
        try {
            return events.after(after, waitMillis);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw ApiRefusal.conflict("the gateway is being stopped");
        }
    }
}
