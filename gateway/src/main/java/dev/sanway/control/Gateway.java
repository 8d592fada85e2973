package dev.sanway.control;

import dev.sanway.config.GatewayConfig;
import dev.sanway.config.Limits;
import dev.sanway.iscsi.Transport;
import dev.sanway.metadata.Catalog;
import dev.sanway.metadata.MetadataException;
import dev.sanway.metadata.MetadataStore;
import dev.sanway.metadata.UnitStanding;
import dev.sanway.metadata.VolumeRecord;
import dev.sanway.target.TargetCatalog;
import dev.sanway.target.TargetLimits;
import dev.sanway.target.TargetServer;
import dev.sanway.volume.Assignments;
import dev.sanway.volume.LunDirectory;
import io.netty.channel.EventLoop;
import io.netty.channel.EventLoopGroup;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.time.Clock;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A running gateway: units on one side, hosts' targets on the other, volumes between them, and the REST API beside.
 *
 * <p>Its own state belongs to the control executor; the data path runs on the event loops and never waits for it.
 *
 * <p>At its start hosts can log in as soon as their LUNs are laid out, which takes the store only. Their requests then wait
 * for the units that they need, and for no other.
 */
public final class Gateway implements AutoCloseable, Reconfiguration.Reconciler {

    private static final Logger log = LoggerFactory.getLogger(Gateway.class);

    private static final int STOP_SECONDS = 5;

    /** How long units are awaited before volumes are given partitions on those that are there. */
    private static final int UNITS_SECONDS = 5;

    private final GatewayConfig config;
    private final Catalog catalog;
    private final ControlThread control = new ControlThread();
    private final LogTail logTail = LogTail.attach();
    private final Events events;
    private final EventLoopGroup loops;
    private final List<LunDirectory> directories = new ArrayList<>();
    private final Assignments assignments;
    private final HostTargets targets;
    private final Volumes volumes;
    private final Tasks tasks;
    private final LoopPlan plan;
    private final TargetServer server;
    private final Map<String, UnitLink> links = new ConcurrentSkipListMap<>();
    private final AgentUnits agents;
    private final TableAudit audit;
    private final Standings standings;
    private final UnitRemovals removals;
    private final Backing backing;
    private final Evacuations evacuations;
    private final Reconfiguration reconfiguration;
    private boolean unitsAwaited = true;
    private volatile @Nullable AutoConfiguration autoConfiguration;
    private @Nullable ApiServer api;

    /**
     * Starts a gateway. Blocks the caller.
     *
     * @throws IOException if it cannot start, with a line that says why; then nothing is served
     */
    public Gateway(GatewayConfig config) throws IOException {
        this(config, false);
    }

    /**
     * The same.
     *
     * @param newPool whether a new pool is begun where the store of an earlier one is gone
     */
    public Gateway(GatewayConfig config, boolean newPool) throws IOException {
        this.config = config;
        boolean lost = storeIsLost(config.stateDirectory());
        if (lost && !newPool) {
            throw new IOException(lostStore(config));
        }
        try {
            this.catalog = Catalog.open(config.stateDirectory());
        } catch (MetadataException e) {
            throw new IOException(e.getMessage(), e);
        }
        this.events = new Events(Clock.systemUTC(), catalog.journal(Events.JOURNAL, Events.KEPT));
        if (lost) {
            events.warning(
                    "store",
                    "it was gone, and a new pool was begun with --new-pool; units that belong to the earlier one are refused");
        }
        catalog.watch(new StoreNews(events, () -> control.executor().execute(this::poolChanged)));
        this.loops = Transport.newGroup("sanway-loop", config.eventLoops());
        List<EventLoop> all = new ArrayList<>();
        for (int i = 0; i < config.eventLoops(); i++) {
            all.add(loops.next());
            directories.add(new LunDirectory(all.get(i), config.unitTimeout().toMillis()));
        }
        this.assignments = new Assignments(catalog, control.executor());
        this.plan = new LoopPlan(config.eventLoops());
        TargetCatalog targetCatalog = new TargetCatalog(config.portals());
        this.targets = new HostTargets(targetCatalog, all, plan, events);
        this.volumes = new Volumes(control.executor(), catalog, assignments, directories, plan, targets, events);
        this.tasks = new Tasks(catalog, Clock.systemUTC(), events);
        this.server =
                new TargetServer(loops, targetCatalog, limits(config), new TargetEvents(events, config.iqnPrefix()));
        this.agents = new AgentUnits(catalog, new AgentLinks(), events, control.executor());
        this.standings = new Standings(catalog, agents, Clock.systemUTC());
        this.backing = new Backing(
                agents, assignments::pool, assignments::closedUnits, this::poolChanged, control.executor(), events);
        AgentTables tables = new AgentTables(catalog, agents, control.executor());
        agents.listen(tables);
        this.audit = new TableAudit(catalog, assignments, agents, tables, standings, control.executor(), events);
        agents.listen(audit);
        agents.listen(backing);
        this.removals =
                new UnitRemovals(catalog, agents, assignments.withdrawals(), audit::close, control.executor(), events);
        agents.listen(removals);
        agents.quietAbout(
                known -> known.linked != null && standings.of(known.linked.name()) == UnitStanding.MAINTENANCE);
        control.executor().execute(() -> {
            assignments.keptAlsoBy(tables);
            assignments.slabs().moreRoomBy(backing::provideSlab);
            assignments.moves().servedAt(volumes::placeOf);
        });
        volumes.backedBy(backing);
        assignments.moves().pace().limitTo(config.moves().bytesPerSecond());
        this.evacuations = new Evacuations(
                control.executor(),
                catalog,
                assignments,
                tasks,
                standings,
                backing,
                audit::close,
                events,
                config.moves().atOnce());
        boolean started = false;
        try {
            ConfigHistory history = new ConfigHistory(catalog, config.file(), Clock.systemUTC());
            history.record(config.text(), "start");
            GatewayConfig declared = Declarations.merge(
                    config, catalog, config.stateDirectory(), (host, why) -> events.warning("host " + host, why));
            this.reconfiguration = new Reconfiguration(control, catalog, history, this, events, config, declared);
            control.askLater(() -> adopt(declared));
            control.askLater(() -> assignments.listen(volumes));
            control.askLater(() -> assignments.listen(tasks));
            control.ask(this::resumeDeletions);
            new SpaceWatch(assignments, volumes, events).start(control.executor());
            // A host that comes back finds its LUNs there.
            control.askLater(volumes::shown);
            evacuations.start();
            server.listen(config.portals());
            log.info("hosts can log in at {}", config.portals());
            GatewayViews views = new GatewayViews(
                    control,
                    catalog,
                    assignments,
                    links.values(),
                    agents,
                    standings,
                    targets,
                    volumes,
                    server,
                    config.iqnPrefix());
            MadeByCommand made = new MadeByCommand(catalog, config);
            VolumeLife life = new VolumeLife(
                    control,
                    catalog,
                    reconfiguration,
                    made,
                    volumes,
                    assignments.deletions(),
                    tasks,
                    events,
                    Clock.systemUTC());
            GatewayMetrics measured =
                    new GatewayMetrics(control, volumes, links.values(), tasks, assignments::pool, views, server, all);
            this.api = GatewayApi.start(
                    config,
                    catalog,
                    views,
                    new GatewayOperations(
                            control,
                            links,
                            reconfiguration,
                            assignments,
                            tasks,
                            events,
                            views,
                            backing,
                            made,
                            life,
                            new HostLife(
                                    catalog, reconfiguration, made, events, config.stateDirectory(), Clock.systemUTC()),
                            server,
                            new MoveOperations(control, catalog, links, standings, evacuations, tasks, views),
                            new UnitOperations(
                                    control,
                                    catalog,
                                    agents,
                                    tables,
                                    links,
                                    audit,
                                    standings,
                                    removals,
                                    events,
                                    views,
                                    reconfiguration::declared,
                                    assignments::pool,
                                    facts()::volumesOn),
                            new LostUnits(
                                    control,
                                    agents,
                                    links,
                                    standings,
                                    removals,
                                    assignments,
                                    tasks,
                                    events,
                                    views,
                                    reconfiguration::declared,
                                    this::relink)),
                    GatewayApi.health(control, all, server, catalog),
                    new Metrics(families -> {
                        measured.gather(families);
                        families.gauge(
                                "sanway_store_writable",
                                "Whether the state directory can be written.",
                                catalog.trouble().isEmpty() ? 1 : 0);
                        families.counter(
                                "sanway_store_failures",
                                "How often the state directory could not be read or written.",
                                catalog.storeFailures());
                        AutoConfiguration hearing = autoConfiguration;
                        if (hearing != null) {
                            hearing.gather(families);
                        }
                    }),
                    logTail);
            startAutoConfiguration();
            started = true;
        } catch (GeneralSecurityException | IllegalStateException e) {
            throw new IOException("the gateway cannot start: " + e.getMessage(), e);
        } finally {
            if (!started) {
                close();
            }
        }
    }

    /** Whether there was a gateway whose store is gone: the token is made after it. */
    private static boolean storeIsLost(Path stateDirectory) throws IOException {
        return Files.exists(stateDirectory.resolve(ApiCredentials.TOKEN_FILE))
                && !MetadataStore.isThere(stateDirectory);
    }

    private static String lostStore(GatewayConfig config) {
        Path store = config.stateDirectory().resolve(MetadataStore.FILE);
        return store + " is gone or empty, though a gateway has run here before. It says which pool this is and where "
                + "each volume lies; without it the units' LUNs would be another pool's. Nothing was changed, there or "
                + "here: put the file back, with " + store.getFileName()
                + "-wal if there is one, and start again. Do not "
                + "zero any LUN: the volumes are on them still. Only if none of them is wanted any more, begin a new pool: "
                + "sanway gateway run --config " + config.file() + " --new-pool";
    }

    private void startAutoConfiguration() throws IOException {
        GatewayConfig.AutoConfig auto = config.autoConfig();
        if (auto != null) {
            AutoConfiguration running = new AutoConfiguration(
                    auto, config.name(), AgentUnits.places(catalog), catalog, control.executor(), agents, events);
            this.autoConfiguration = running;
            control.executor().execute(() -> {
                agents.attach(running);
                // What was begun before may have waited for nothing but this.
                removals.poolChanged();
            });
            log.info("units are found at UDP {}", running.address());
        }
    }

    private static TargetLimits limits(GatewayConfig config) throws IOException {
        Limits limits = config.limits();
        return TargetLimits.of(
                limits.memoryBytes(), limits.sessions(), limits.connectionsInLogin(), limits.discoverySessions());
    }

    /** Reads the YAML again; what is wrong with it goes to the log and changes nothing. Blocks the caller. */
    public void reload() {
        reconfiguration.reload();
    }

    // ---- reconciliation; on the control executor

    @Override
    public CompletableFuture<Void> adopt(GatewayConfig declared) {
        plan.extend(declared);
        List<String> gone = targets.apply(declared.hosts());
        boolean moreUnits = adoptUnits(declared.units());
        GatewayConfig.AutoConfig auto = declared.autoConfig();
        AutoConfiguration hearing = autoConfiguration;
        if (auto != null && hearing != null) {
            hearing.use(auto.keys());
        }
        agents.declare(declared);
        moreUnits |= agents.linkKnown();
        standings.keepOnly(
                declared.units().stream().map(GatewayConfig.Unit::name).toList());
        audit.close();
        CompletableFuture<Void> shown = volumes.apply(declared.volumes());
        gone.forEach(target -> server.endSessions(target, "the host is no longer declared"));
        sweep();
        if (moreUnits) {
            unitsAwaited = true;
            control.executor().schedule(this::awaitNoLonger, UNITS_SECONDS, TimeUnit.SECONDS);
        }
        poolChanged();
        return shown;
    }

    private boolean adoptUnits(Collection<GatewayConfig.Unit> units) {
        Set<String> wanted = new HashSet<>();
        boolean more = false;
        for (GatewayConfig.Unit unit : units) {
            wanted.add(unit.name());
            if (agents.owns(unit.name())) {
                events.warning(
                        "unit " + unit.name(),
                        "line " + unit.line() + " of gateway.yaml is not used: an adopted unit has that name already");
            } else if (!links.containsKey(unit.name())) {
                open(unit, LunClaims.declared(unit.luns()));
                more = true;
            }
        }
        for (UnitLink link : List.copyOf(links.values())) {
            if (!wanted.contains(link.name()) && !agents.owns(link.name())) {
                links.remove(link.name());
                CompletableFuture<Void> _ = link.leave().thenRunAsync(this::sweep, control.executor());
            }
        }
        return more;
    }

    /** What was a unit's, and nothing is on it, is not the pool's any more. */
    private void sweep() {
        assignments.withdrawals().sweep(unit -> links.containsKey(unit) || agents.adopted(unit));
    }

    private UnitLink open(GatewayConfig.Unit unit, LunClaims claims) {
        UnitLink link = new UnitLink(
                config, unit, claims, catalog, assignments, control.executor(), directories, events, this::poolChanged);
        links.put(unit.name(), link);
        link.start();
        return link;
    }

    /** Logs out of a unit that is declared, and looks at it as at a new one. */
    private CompletableFuture<Void> relink(String name) {
        UnitLink link = links.remove(name);
        return (link == null ? CompletableFuture.<Void>completedFuture(null) : link.leave())
                .handleAsync(
                        (_, _) -> {
                            adoptUnits(reconfiguration.declared().units());
                            return null;
                        },
                        control.executor());
    }

    private final class AgentLinks implements AgentUnits.Links {
        @Override
        public UnitLink open(GatewayConfig.Unit unit, LunClaims claims) {
            return Gateway.this.open(unit, claims);
        }

        @Override
        public CompletableFuture<Void> leave(String name) {
            UnitLink link = links.remove(name);
            return link == null ? CompletableFuture.completedFuture(null) : link.leave();
        }
    }

    /**
     * Volumes that have no partitions yet ask again: whenever a LUN came into the pool, but after units were added not before
     * every one was looked at or the time for that is over, so that the first unit to answer does not get everything.
     */
    private void poolChanged() {
        backing.tellWaiting();
        removals.poolChanged();
        if (!unitsAwaited || links.values().stream().allMatch(UnitLink::settled)) {
            unitsAwaited = false;
            volumes.startIsOver();
            volumes.assignMissing();
        }
    }

    private void awaitNoLonger() {
        unitsAwaited = false;
        poolChanged();
    }

    /** What a process that ended had begun to delete. */
    private int resumeDeletions() {
        tasks.settle();
        Map<UUID, Boolean> deletions = tasks.deletions();
        for (ServedVolume volume : List.copyOf(volumes.all())) {
            VolumeRecord record = volume.record;
            Boolean erase = record == null ? null : deletions.get(record.uuid());
            if (record != null && volume.declared == null && erase != null) {
                CompletableFuture<Void> _ = volumes.delete(volume, record, erase);
            }
        }
        return deletions.size();
    }

    @Override
    public ConfigDiff.Facts facts() {
        return new GatewayFacts(catalog, assignments, server, config);
    }

    // ---- the end

    /** Stops: hosts' sessions end, what is under way finishes, units are logged out of. Blocks the caller. */
    @Override
    public void close() {
        ApiServer serving = api;
        if (serving != null) {
            serving.close();
        }
        AutoConfiguration hearing = autoConfiguration;
        if (hearing != null) {
            hearing.close();
        }
        server.close();
        try {
            CompletableFuture.supplyAsync(
                            () -> CompletableFuture.allOf(
                                    links.values().stream().map(UnitLink::close).toArray(CompletableFuture<?>[]::new)),
                            control.executor())
                    .thenCompose(closed -> closed)
                    .orTimeout(STOP_SECONDS, TimeUnit.SECONDS)
                    .join();
        } catch (java.util.concurrent.CompletionException e) {
            log.warn("not logged out of every unit within {} s", STOP_SECONDS);
        }
        assignments.close();
        loops.shutdownGracefully(0, STOP_SECONDS, TimeUnit.SECONDS).awaitUninterruptibly();
        control.stop(STOP_SECONDS);
        catalog.close();
        logTail.stop();
    }
}
