package dev.sanway.control;

import dev.sanway.control.Views.HostView;
import dev.sanway.control.Views.PartitionView;
import dev.sanway.control.Views.SessionView;
import dev.sanway.control.Views.UnitView;
import dev.sanway.control.Views.VolumeView;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CopyOnWriteArrayList;
import org.jspecify.annotations.Nullable;

/** A gateway with one volume and nothing else. */
class FakeGateway implements Views.Source, Operations {
    final List<String> created = new CopyOnWriteArrayList<>();
    /** What is wrong with the gateway's health. */
    volatile @Nullable String wrong;

    @Override
    public List<VolumeView> volumes() {
        return List.of(new VolumeView(
                "web1/data",
                new UUID(1, 2),
                1 << 20,
                512,
                "linear",
                1,
                0,
                "thick",
                1 << 20,
                "ready",
                null,
                "command",
                List.of(),
                List.of()));
    }

    @Override
    public Views.UnitLunView adopt(String unit, int lun, boolean erase) throws ApiRefusal {
        if (!erase) {
            throw ApiRefusal.conflict(unit + " lun " + lun + ": it holds an ext4 file system");
        }
        return new Views.UnitLunView(
                lun, new UUID(3, 4), 1 << 20, 1 << 19, "online", null, "ordered", "bootId", "volatile");
    }

    @Override
    public Views.UnitView adoptUnit(String unit) throws ApiRefusal {
        return UnitRoutes.find(this, unit);
    }

    @Override
    public Views.UnitView refuseUnit(String unit) throws ApiRefusal {
        if (unit.equals("unit2")) {
            throw ApiRefusal.conflict("unit " + unit + " holds data of web1/data");
        }
        return UnitRoutes.find(this, unit);
    }

    @Override
    public Views.MaintenanceView maintainUnit(String unit, boolean on) throws ApiRefusal {
        created.add(unit + (on ? " in maintenance" : " out of maintenance"));
        return new Views.MaintenanceView(UnitRoutes.find(this, unit), List.of("web1/data"));
    }

    @Override
    public UnitView removeUnit(String unit, boolean force) throws ApiRefusal {
        if (!force) {
            throw ApiRefusal.conflict("unit " + unit + " is away");
        }
        return UnitRoutes.find(this, unit);
    }

    @Override
    public Views.LossView lossOf(String unit) throws ApiRefusal {
        return new Views.LossView(UnitRoutes.find(this, unit).name(), deletedVolumes(), List.of("web1/erased"));
    }

    @Override
    public UnitView loseUnit(String unit, List<UUID> volumes) throws ApiRefusal {
        if (!volumes.contains(deletedVolumes().getFirst().uuid())) {
            throw ApiRefusal.conflict("unit " + unit + " holds deleted volumes that can be restored as yet: web1/old");
        }
        return UnitRoutes.find(this, unit);
    }

    @Override
    public Views.TaskView moveVolume(String name, String from, List<String> to) {
        return task(1);
    }

    @Override
    public Views.TaskView drainUnit(String unit) {
        return task(1);
    }

    @Override
    public Views.UnitView cancelDrain(String unit) throws ApiRefusal {
        return UnitRoutes.find(this, unit);
    }

    /** What happens while a volume is made. */
    volatile Runnable whileCreating = () -> {};

    @Override
    public VolumeView createVolume(NewVolume wanted) {
        whileCreating.run();
        created.add(wanted.toString());
        return volumes().getFirst();
    }

    @Override
    public VolumeView growVolume(String name, long sizeBytes) {
        created.add(name + " " + sizeBytes);
        return volumes().getFirst();
    }

    @Override
    public Views.TaskView deleteVolume(String name, boolean force, boolean wipe) throws ApiRefusal {
        if (!force) {
            throw ApiRefusal.conflict(name + ": host web1 is logged in");
        }
        return task(1);
    }

    @Override
    public VolumeView renameVolume(String name, String newName) {
        created.add(name + " is " + newName);
        return volumes().getFirst();
    }

    @Override
    public VolumeView restoreVolume(UUID uuid, String name) {
        created.add(uuid + " is there again");
        return volumes().getFirst();
    }

    @Override
    public Views.TaskView eraseVolume(UUID uuid) {
        created.add(uuid + " is erased");
        return task(1);
    }

    @Override
    public SessionView dropSession(String host, int number) {
        return sessions().getFirst();
    }

    @Override
    public PoolView pool() {
        return new PoolView(10, 5, 2, 3, List.of(new PoolView.PoolUnitView("unit1", 0, true, 10, 5, 2, 3)));
    }

    @Override
    public List<Views.DeletedVolumeView> deletedVolumes() {
        return List.of(new Views.DeletedVolumeView(
                new UUID(1, 2), "web1/old", 1 << 20, "linear", "thin", "2026-11-24T12:00:00Z"));
    }

    @Override
    public HostView createHost(String name, List<String> initiators, @Nullable NewChap chap) {
        created.add(name + " " + initiators + " " + chap);
        return new HostView(name, "iqn.2026-11.example:" + name, initiators, chap != null, "command");
    }

    @Override
    public List<Views.DeletedHostView> deletedHosts() {
        return List.of(new Views.DeletedHostView(
                "web9", List.of("iqn.2026-11.example:web9"), true, List.of("web9/data"), "2026-11-24T12:00:00Z"));
    }

    @Override
    public Views.RestoredHostView restoreHost(String name) {
        created.add(name + " is there again");
        return new Views.RestoredHostView(
                new HostView(name, "iqn.2026-11.example:" + name, List.of("*"), true, "command"),
                List.of(name + "/data"),
                List.of(),
                List.of(name + "/old"));
    }

    @Override
    public HostView deleteHost(String name, boolean force, boolean forget) {
        return new HostView(name, "iqn.2026-11.example:" + name, List.of(), false, "command");
    }

    @Override
    public Views.DeletedHostView forgetHost(String name) {
        return new Views.DeletedHostView(name, List.of(), false, List.of(), "2026-11-24T12:00:00Z");
    }

    @Override
    public List<Views.TaskView> tasks() {
        return List.of(task(1));
    }

    @Override
    public Views.TaskView task(long id) {
        return new Views.TaskView(
                id, "delete", "web1/data", null, "running", 0, 0, 0, null, "2026-11-24T12:00:00Z", null);
    }

    @Override
    public Views.TaskView cancelTask(long id) throws ApiRefusal {
        throw ApiRefusal.conflict("task " + id + ": a deletion cannot be stopped");
    }

    @Override
    public List<Events.Event> events(long after, long waitMillis) {
        return List.of(new Events.Event(1, Instant.EPOCH, Events.Severity.info, "volume web1/data", "wiped"));
    }

    @Override
    public Views.ConfigView config(long revision) {
        return new Views.ConfigView(3, "2026-11-24T12:00:00Z", "apply", "/gateway.yaml", "gateway: {}");
    }

    @Override
    public Views.DiffView diffConfig(String text, String shownAs) throws ApiRefusal {
        if (text.isEmpty()) {
            throw ApiRefusal.configuration("the configuration has mistakes", List.of(shownAs + ":1: nothing there"));
        }
        return new Views.DiffView(3, List.of(), List.of(), List.of());
    }

    @Override
    public Views.DiffView applyConfig(String text, String shownAs, long revision, boolean force) throws ApiRefusal {
        if (revision != 3) {
            throw ApiRefusal.conflict("the configuration is at revision 3");
        }
        return new Views.DiffView(4, List.of(), List.of(), List.of());
    }

    @Override
    public List<PartitionView> partitions() {
        return List.of(
                new PartitionView(new UUID(5, 6), "unit1", 0, 1 << 20, 1 << 20, "assigned", "web1/data"),
                new PartitionView(null, "unit1", 0, 2 << 20, 1 << 20, "free", null));
    }

    @Override
    public List<UnitView> units() {
        return List.of(new UnitView(
                "unit1",
                "127.0.0.1:3260",
                "iqn.2026-11.example:unit1",
                "online",
                true,
                false,
                null,
                List.of(new Views.UnitLunView(
                        0, null, 1 << 20, 0, "refused", "it holds an ext4 file system", null, null, null)),
                new AgentView(
                        new UUID(7, 8),
                        "adopted",
                        "online",
                        "sanway test",
                        4 << 20,
                        1 << 20,
                        2,
                        3,
                        1,
                        -5,
                        Instant.EPOCH,
                        "127.0.0.1:3261")));
    }

    @Override
    public List<SessionView> sessions() {
        return List.of(new SessionView("web1", 1, "iqn.2026-11.example:a", "127.0.0.1:5", Instant.EPOCH, 3, 4096, 512));
    }

    @Override
    public List<HostView> hosts() {
        return List.of(new HostView("web1", "iqn.2026-11.example:web1", List.of("*"), false, "gateway.yaml:9"));
    }
}
