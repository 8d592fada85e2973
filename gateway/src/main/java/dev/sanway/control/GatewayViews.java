package dev.sanway.control;

import dev.sanway.config.GatewayConfig;
import dev.sanway.config.Sizes;
import dev.sanway.control.Views.AttachmentView;
import dev.sanway.control.Views.DeletedVolumeView;
import dev.sanway.control.Views.HostView;
import dev.sanway.control.Views.PartitionView;
import dev.sanway.control.Views.SessionView;
import dev.sanway.control.Views.UnitView;
import dev.sanway.control.Views.VolumeView;
import dev.sanway.metadata.Catalog;
import dev.sanway.metadata.DeletedHost;
import dev.sanway.metadata.DeletedVolume;
import dev.sanway.metadata.VolumeRecord;
import dev.sanway.pool.ClosedUnits;
import dev.sanway.pool.Partition;
import dev.sanway.pool.PoolState;
import dev.sanway.pool.UnitVolume;
import dev.sanway.pool.VolumeLayout;
import dev.sanway.target.TargetServer;
import dev.sanway.target.lun.HostTarget;
import dev.sanway.volume.Assignments;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** What operators see of a gateway: snapshots, made on the control executor for whoever asks from another thread. */
final class GatewayViews implements Views.Source {

    private final ControlThread control;
    private final Catalog catalog;
    private final Assignments assignments;
    private final Collection<UnitLink> links;
    private final UnitInventory units;
    private final HostTargets targets;
    private final Volumes volumes;
    private final TargetServer server;
    private final String iqnPrefix;

    GatewayViews(
            ControlThread control,
            Catalog catalog,
            Assignments assignments,
            Collection<UnitLink> links,
            AgentUnits agents,
            Standings standings,
            HostTargets targets,
            Volumes volumes,
            TargetServer server,
            String iqnPrefix) {
        this.control = control;
        this.catalog = catalog;
        this.assignments = assignments;
        this.links = links;
        this.units = new UnitInventory(control, links, agents, standings);
        this.targets = targets;
        this.volumes = volumes;
        this.server = server;
        this.iqnPrefix = iqnPrefix;
    }

    @Override
    public List<VolumeView> volumes() {
        return control.ask(() -> volumes.all().stream()
                .filter(GatewayViews::exists)
                .map(this::view)
                .toList());
    }

    @Override
    public Optional<VolumeView> volume(String name) {
        return control.ask(() -> Optional.ofNullable(volumes.find(name))
                .filter(GatewayViews::exists)
                .map(this::view));
    }

    private static boolean exists(ServedVolume volume) {
        return volume.declared != null || volume.record != null;
    }

    private record Condition(String state, @Nullable String detail) {}

    private Condition condition(ServedVolume volume, PoolState pool) {
        VolumeRecord record = volume.record;
        if (record == null) {
            return volume.refusal == null
                    ? new Condition("wiping", "its place is being chosen")
                    : new Condition("notReady", volume.refusal);
        }
        if (volume.deleting) {
            return new Condition("deleting", null);
        }
        if (volume.declared == null) {
            return new Condition("kept", kept(volume.name));
        }
        String percent =
                volume.partitionBytes == 0 ? "0 %" : 100 * record.progressBytes() / volume.partitionBytes + " %";
        if (record.state() == VolumeRecord.State.WIPING) {
            return new Condition("wiping", percent);
        }
        List<String> absent = absent(pool, record);
        if (!absent.isEmpty()) {
            return new Condition("notReady", "not there: " + String.join(", ", absent));
        }
        VolumeRecord.Growth growth = record.growth();
        String detail = growth == null ? volume.refusal : "growing to " + Sizes.show(growth.toBytes()) + ", " + percent;
        return new Condition(volume.unit == null ? "notReady" : "ready", detail);
    }

    private String kept(String volume) {
        String host = volume.substring(0, Math.max(0, volume.indexOf('/')));
        boolean hostDeleted = catalog.one(DeletedHost.KIND, host).isPresent();
        return (hostDeleted
                        ? "its host was deleted: its data are kept. To undo that: sanway host restore " + host
                        : "declared nowhere: its data are kept and no host sees it. Declare it again")
                + ", or: sanway volume delete " + volume;
    }

    private VolumeView view(ServedVolume volume) {
        GatewayConfig.Volume declared = volume.declared;
        VolumeRecord record = volume.record;
        PoolState pool = assignments.pool();
        VolumeLayout layout = record != null
                ? record.layout()
                : declared == null ? new VolumeLayout.Linear() : Volumes.layout(declared);
        List<AttachmentView> hosts = new ArrayList<>();
        for (GatewayConfig.Attachment attachment :
                declared == null ? List.<GatewayConfig.Attachment>of() : declared.attachments()) {
            HostTarget target = targets.target(attachment.host());
            int lun = record == null
                    ? attachment.lun()
                    : catalog.lun(attachment.host(), record.uuid()).orElse(attachment.lun());
            hosts.add(new AttachmentView(attachment.host(), target == null ? "" : target.name(), lun));
        }
        Condition condition = condition(volume, pool);
        return new VolumeView(
                volume.name,
                record == null ? Partition.NO_UUID : record.uuid(),
                record != null ? record.sizeBytes() : declared == null ? 0 : declared.sizeBytes(),
                record != null ? record.blockSizeBytes() : declared == null ? 0 : declared.blockSizeBytes(),
                layout instanceof VolumeLayout.Striped ? "striped" : "linear",
                layout instanceof VolumeLayout.Striped striped ? striped.width() : 1,
                layout instanceof VolumeLayout.Striped striped ? striped.chunkBytes() : 0,
                layout instanceof VolumeLayout.Thin ? "thin" : "thick",
                volume.usedBytes(),
                condition.state(),
                condition.detail(),
                declared == null ? "nowhere" : declared.line() > 0 ? "gateway.yaml:" + declared.line() : "command",
                hosts,
                record == null
                        ? List.of()
                        : pool.partitionsOf(record.uuid()).stream()
                                .map(partition -> view(pool, partition))
                                .toList());
    }

    private List<String> absent(PoolState pool, VolumeRecord record) {
        List<String> absent = new ArrayList<>();
        for (Partition partition : pool.partitionsOf(record.uuid())) {
            UnitVolume on = pool.unitVolumes().get(partition.unitVolume());
            boolean online = on != null && links.stream().anyMatch(link -> link.serves(on.label()));
            if (!online) {
                String where = on == null ? "unknown" : where(on);
                if (!absent.contains(where)) {
                    absent.add(where);
                }
            }
        }
        return absent;
    }

    private String where(UnitVolume unitVolume) {
        Optional<String> why = links.stream()
                .flatMap(link -> link.refusal(unitVolume).stream())
                .findFirst();
        String said = assignments.closedUnits().reasons().get(unitVolume.unit()) == ClosedUnits.Reason.MAINTENANCE
                ? " (in maintenance)"
                : "";
        return unitVolume.where() + why.map(reason -> " (" + reason + ")").orElse(said);
    }

    private PartitionView view(PoolState pool, Partition partition) {
        UnitVolume on = pool.unitVolumes().get(partition.unitVolume());
        Optional<VolumeRecord> volume =
                Optional.ofNullable(partition.owner()).flatMap(owner -> catalog.volume(owner.volume()));
        String owner = partition.owner() == null
                ? null
                : volume.map(VolumeRecord::name)
                        .orElse(partition.owner().volume().toString());
        boolean deleted =
                volume.filter(of -> of.state() == VolumeRecord.State.DELETED).isPresent();
        return new PartitionView(
                Partition.NO_UUID.equals(partition.uuid()) ? null : partition.uuid(),
                on == null ? "" : on.unit(),
                on == null ? -1 : (int) on.lun(),
                partition.startBytes(),
                partition.lengthBytes(),
                deleted ? "restorable" : partition.state().name().toLowerCase(Locale.ROOT),
                owner);
    }

    @Override
    public List<PartitionView> partitions() {
        PoolState pool = assignments.pool();
        return pool.unitVolumes().keySet().stream()
                .flatMap(label -> pool.picture(label).stream())
                .map(partition -> view(pool, partition))
                .sorted(Comparator.comparing(PartitionView::unit)
                        .thenComparingInt(PartitionView::lun)
                        .thenComparingLong(PartitionView::startBytes))
                .toList();
    }

    @Override
    public List<UnitView> units() {
        return units.units();
    }

    @Override
    public List<SessionView> sessions() {
        Map<String, String> hostOf = new HashMap<>();
        hosts().forEach(host -> hostOf.put(host.target(), host.name()));
        String prefix = iqnPrefix + ":";
        return server.sessions().stream()
                .map(session -> new SessionView(
                        hostOf.getOrDefault(
                                session.target(),
                                session.target().startsWith(prefix)
                                        ? session.target().substring(prefix.length())
                                        : session.target()),
                        session.tsih(),
                        session.initiator(),
                        session.remoteAddress(),
                        session.since(),
                        session.commands(),
                        session.readBytes(),
                        session.writtenBytes()))
                .toList();
    }

    @Override
    public PoolView pool() {
        return PoolView.of(
                assignments.pool(),
                assignments.deletions().deleted().stream()
                        .map(VolumeRecord::uuid)
                        .collect(Collectors.toSet()));
    }

    @Override
    public List<DeletedVolumeView> deletedVolumes() {
        return assignments.deletions().deleted().stream()
                .map(record -> new DeletedVolumeView(
                        record.uuid(),
                        record.name(),
                        record.sizeBytes(),
                        record.layout() instanceof VolumeLayout.Striped ? "striped" : "linear",
                        record.layout() instanceof VolumeLayout.Thin ? "thin" : "thick",
                        catalog.one(DeletedVolume.KIND, record.uuid().toString())
                                .map(DeletedVolume::deletedAt)
                                .orElse("")))
                .toList();
    }

    @Override
    public List<HostView> hosts() {
        return control.ask(() -> targets.hosts().stream()
                .map(host -> new HostView(
                        host.name(),
                        host.target(),
                        host.access().initiators(),
                        host.access().chap() != null,
                        host.line() > 0 ? "gateway.yaml:" + host.line() : "command"))
                .toList());
    }
}
