package dev.sanway.control;

import dev.sanway.control.Views.TaskView;
import dev.sanway.control.Views.UnitView;
import dev.sanway.metadata.VolumeRecord;
import dev.sanway.pool.Partition;
import dev.sanway.pool.PoolState;
import dev.sanway.scsi.CommandKind;
import dev.sanway.scsi.CommandStatistics;
import dev.sanway.target.HostLoad;
import dev.sanway.target.SessionInfo;
import dev.sanway.target.TargetServer;
import dev.sanway.target.lun.LogicalUnit;
import io.netty.channel.EventLoop;
import java.util.ArrayList;
import java.util.Collection;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.function.Supplier;

/**
 * What a gateway can be measured by. The data path counts for itself, on each owner's loop; all of the work here is done when
 * somebody asks.
 */
final class GatewayMetrics implements Metrics.Source {

    /** With more, commands are counted for each host, not for each volume. */
    private static final int MOST_VOLUMES = 2_000;

    private record Counted(String volume, long sizeBytes, boolean ready, CommandStatistics statistics) {}

    private record UnitCounted(String unit, int session, CommandStatistics statistics) {}

    private final ControlThread control;
    private final Volumes volumes;
    private final Collection<UnitLink> links;
    private final Tasks tasks;
    private final Supplier<PoolState> pool;
    private final Views.Source views;
    private final TargetServer server;
    private final List<EventLoop> loops;
    private final List<LoopDelay> delays = new ArrayList<>();

    GatewayMetrics(
            ControlThread control,
            Volumes volumes,
            Collection<UnitLink> links,
            Tasks tasks,
            Supplier<PoolState> pool,
            Views.Source views,
            TargetServer server,
            List<EventLoop> loops) {
        this.control = control;
        this.volumes = volumes;
        this.links = links;
        this.tasks = tasks;
        this.pool = pool;
        this.views = views;
        this.server = server;
        this.loops = List.copyOf(loops);
    }

    @Override
    public void gather(MetricFamilies families) {
        volumes(families);
        units(families);
        hosts(families);
        pool(families);
        tasks(families);
        loops(families);
    }

    private static String host(String volume) {
        int slash = volume.indexOf('/');
        return slash < 0 ? "" : volume.substring(0, slash);
    }

    /** Volumes that have a part where nobody reaches it now. */
    private Set<UUID> incomplete() {
        PoolState now = pool.get();
        Set<UUID> incomplete = new HashSet<>();
        for (Partition partition : now.partitions().values()) {
            if (partition.owner() != null && !now.attached().contains(partition.unitVolume())) {
                incomplete.add(partition.owner().volume());
            }
        }
        return incomplete;
    }

    private void volumes(MetricFamilies families) {
        Set<UUID> incomplete = incomplete();
        List<Counted> counted = control.ask(() -> {
            List<Counted> all = new ArrayList<>();
            for (ServedVolume volume : volumes.all()) {
                LogicalUnit unit = volume.unit;
                VolumeRecord record = volume.record;
                if (unit != null && record != null) {
                    boolean ready = record.state() == VolumeRecord.State.ASSIGNED
                            && volume.declared != null
                            && !incomplete.contains(record.uuid());
                    all.add(new Counted(volume.name, record.sizeBytes(), ready, unit.statistics()));
                }
            }
            return all;
        });
        commandsOfVolumes(families, counted);
        for (Counted each : counted) {
            String[] labels = {"host", host(each.volume()), "volume", each.volume()};
            families.gauge("sanway_volume_size_bytes", "The size of a volume.", each.sizeBytes(), labels);
            families.gauge("sanway_volume_ready", "Whether a volume serves its hosts.", each.ready() ? 1 : 0, labels);
        }
    }

    /** Each volume's take 10 KiB of text; of very many they are those of a host together, so that the text stays within bounds. */
    private static void commandsOfVolumes(MetricFamilies families, List<Counted> counted) {
        Map<List<String>, Map<CommandKind, CommandStatistics.Snapshot>> all = new LinkedHashMap<>();
        for (Counted each : counted) {
            List<String> whose = List.of(host(each.volume()), counted.size() > MOST_VOLUMES ? "" : each.volume());
            Map<CommandKind, CommandStatistics.Snapshot> sums =
                    all.computeIfAbsent(whose, _ -> new EnumMap<>(CommandKind.class));
            each.statistics().snapshot().forEach((kind, of) -> sums.merge(kind, of, CommandStatistics.Snapshot::plus));
        }
        all.forEach((whose, statistics) -> commands(
                families,
                "sanway_volume",
                "hosts' commands to a volume",
                statistics,
                "host",
                whose.getFirst(),
                "volume",
                whose.getLast()));
    }

    private static void commands(
            MetricFamilies families,
            String prefix,
            String what,
            Map<CommandKind, CommandStatistics.Snapshot> statistics,
            String... labels) {
        statistics.forEach((kind, of) -> {
            String[] all = java.util.Arrays.copyOf(labels, labels.length + 2);
            all[labels.length] = "command";
            all[labels.length + 1] = kind.name().toLowerCase(Locale.ROOT);
            families.histogram(prefix + "_command_duration_seconds", "How long " + what + " took.", of.latency(), all);
            families.counter(prefix + "_command_bytes", "What " + what + " moved.", of.bytes(), all);
            families.counter(
                    prefix + "_command_errors",
                    "How many of " + what + " ended with another status than GOOD, unit attentions among them.",
                    of.failures(),
                    all);
        });
    }

    private void units(MetricFamilies families) {
        List<UnitCounted> counted = control.ask(() -> {
            List<UnitCounted> all = new ArrayList<>();
            links.forEach(link -> link.statistics()
                    .forEach((session, statistics) -> all.add(new UnitCounted(link.name(), session, statistics))));
            return all;
        });
        for (UnitCounted each : counted) {
            commands(
                    families,
                    "sanway_unit",
                    "the gateway's commands to a unit",
                    each.statistics().snapshot(),
                    "unit",
                    each.unit(),
                    "session",
                    Integer.toString(each.session()));
        }
        Set<String> named = new HashSet<>();
        for (UnitView unit : views.units()) {
            // Of pending ones several may go under one name.
            if (!named.add(unit.name())) {
                continue;
            }
            families.gauge(
                    "sanway_unit_online",
                    "Whether the gateway is logged in to a unit.",
                    unit.connected() ? 1 : 0,
                    "unit",
                    unit.name());
            for (String state : UnitInventory.STATES) {
                families.gauge(
                        "sanway_unit_state",
                        "1 for the state that a unit is in, as in \"sanway unit list\".",
                        unit.state().equals(state) ? 1 : 0,
                        "unit",
                        unit.name(),
                        "state",
                        state);
            }
        }
    }

    private void hosts(MetricFamilies families) {
        Map<String, String> hostOf = new HashMap<>();
        Map<String, Integer> sessions = new HashMap<>();
        views.hosts().forEach(host -> {
            hostOf.put(host.target(), host.name());
            sessions.put(host.name(), 0);
        });
        for (SessionInfo session : server.sessions()) {
            String host = hostOf.getOrDefault(session.target(), session.target());
            sessions.merge(host, 1, Integer::sum);
            String[] labels = {
                "host", host, "initiator", session.initiator(), "session", Integer.toString(session.tsih())
            };
            families.counter("sanway_session_commands", "Commands of a host's session.", session.commands(), labels);
            families.counter("sanway_session_read_bytes", "Data sent to a host.", session.readBytes(), labels);
            families.counter(
                    "sanway_session_written_bytes", "Data received from a host.", session.writtenBytes(), labels);
        }
        sessions.forEach(
                (host, count) -> families.gauge("sanway_host_sessions", "Sessions of a host.", count, "host", host));
        held(families, hostOf);
    }

    /** What is held in memory for hosts, who is at his bound, and who was refused. */
    private void held(MetricFamilies families, Map<String, String> hostOf) {
        families.gauge("sanway_in_flight_bytes", "What is held in memory for hosts.", server.heldBytes());
        families.gauge(
                "sanway_in_flight_limit_bytes",
                "The bound on what is held in memory for hosts.",
                server.bounds().bytesInAll());
        for (HostLoad load : server.hostLoads()) {
            String[] labels = {"host", hostOf.getOrDefault(load.target(), load.target()), "initiator", load.initiator()
            };
            families.gauge("sanway_host_held_bytes", "What is held in memory for a host.", load.heldBytes(), labels);
            families.gauge(
                    "sanway_host_allowed_bytes",
                    "What may be held in memory for a host at this moment.",
                    load.allowedBytes(),
                    labels);
            families.counter(
                    "sanway_host_memory_waits",
                    "Times that a host's commands waited for memory.",
                    load.waits(),
                    labels);
            families.counter(
                    "sanway_host_memory_refusals",
                    "Commands of a host that were answered TASK SET FULL for want of memory.",
                    load.refusals(),
                    labels);
        }
        families.gauge("sanway_connections_in_login", "Connections that are logging in.", server.connectionsInLogin());
        families.gauge("sanway_discovery_sessions", "Discovery sessions.", server.discoverySessions());
        families.counter(
                "sanway_refusals",
                "Log-ins and connections that were refused or gave way to others.",
                server.refused());
    }

    private void pool(MetricFamilies families) {
        for (PoolView.PoolUnitView unit : views.pool().units()) {
            String[] labels = {"unit", unit.unit(), "lun", Integer.toString(unit.lun())};
            families.gauge("sanway_pool_size_bytes", "What a unit's LUN can hold.", unit.sizeBytes(), labels);
            families.gauge("sanway_pool_used_bytes", "What volumes hold of it.", unit.usedBytes(), labels);
            families.gauge(
                    "sanway_pool_restorable_bytes",
                    "What deleted volumes hold of it that can be restored.",
                    unit.restorableBytes(),
                    labels);
            families.gauge("sanway_pool_free_bytes", "What is free of it.", unit.freeBytes(), labels);
        }
    }

    private void tasks(MetricFamilies families) {
        Map<String, Integer> running = new HashMap<>();
        for (String kind : List.of("wipe", "grow", "delete", "erase")) {
            running.put(kind, 0);
        }
        for (TaskView task : control.ask(tasks::views)) {
            if (task.state().equals("running")) {
                running.merge(task.kind(), 1, Integer::sum);
                families.ratio(
                        "sanway_task_progress_ratio",
                        "How much of a running task is done.",
                        task.percent() / 100.0,
                        "task",
                        Long.toString(task.id()),
                        "kind",
                        task.kind(),
                        "volume",
                        task.volume());
            }
        }
        running.forEach(
                (kind, count) -> families.gauge("sanway_tasks", "Tasks that are running.", count, "kind", kind));
    }

    private synchronized void loops(MetricFamilies families) {
        if (delays.isEmpty()) {
            loops.forEach(loop -> delays.add(new LoopDelay(loop)));
        }
        for (int i = 0; i < delays.size(); i++) {
            families.histogram(
                    "sanway_event_loop_delay_seconds",
                    "How late an event loop comes to what is due; watched from the first reading of metrics on.",
                    delays.get(i).snapshot(),
                    "loop",
                    Integer.toString(i));
        }
    }
}
