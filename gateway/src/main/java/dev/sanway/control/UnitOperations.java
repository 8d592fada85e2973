package dev.sanway.control;

import dev.sanway.autoconfig.Message.Admission;
import dev.sanway.autoconfig.UnitView.Status;
import dev.sanway.config.GatewayConfig;
import dev.sanway.control.Views.MaintenanceView;
import dev.sanway.control.Views.UnitView;
import dev.sanway.metadata.Catalog;
import dev.sanway.metadata.LostLabel;
import dev.sanway.metadata.UnitStanding;
import dev.sanway.pool.PoolState;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.function.Supplier;

/** What operators do to units. Any thread but the control executor's and the event loops. */
final class UnitOperations {

    /** How long a command waits for a unit to be out of the pool; it goes there all the same. */
    private static final int REMOVAL_SECONDS = 8;

    private final ControlThread control;
    private final Catalog catalog;
    private final AgentUnits agents;
    private final AgentTables tables;
    private final Map<String, UnitLink> links;
    private final TableAudit audit;
    private final Standings standings;
    private final UnitRemovals removals;
    private final Events events;
    private final Views.Source views;
    private final Supplier<GatewayConfig> declared;
    private final Supplier<PoolState> pool;
    private final Function<String, List<String>> volumesOn;

    /**
     * @param declared what is declared now
     * @param volumesOn the volumes that have data on the unit of a name; asked on the control executor
     */
    UnitOperations(
            ControlThread control,
            Catalog catalog,
            AgentUnits agents,
            AgentTables tables,
            Map<String, UnitLink> links,
            TableAudit audit,
            Standings standings,
            UnitRemovals removals,
            Events events,
            Views.Source views,
            Supplier<GatewayConfig> declared,
            Supplier<PoolState> pool,
            Function<String, List<String>> volumesOn) {
        this.control = control;
        this.catalog = catalog;
        this.agents = agents;
        this.tables = tables;
        this.links = links;
        this.audit = audit;
        this.standings = standings;
        this.removals = removals;
        this.events = events;
        this.views = views;
        this.declared = declared;
        this.pool = pool;
        this.volumesOn = volumesOn;
    }

    private UnitView doneTo(String unit, Function<AgentUnits.Known, ControlThread.Step<Void>> step) throws ApiRefusal {
        String uuid = control.tryLater(() -> {
            AgentUnits.Known known = agents.find(unit);
            return step.apply(known).begin().thenApply(_ -> known.uuid.toString());
        });
        return UnitRoutes.find(views, uuid);
    }

    UnitView adopt(String unit) throws ApiRefusal {
        return doneTo(unit, known -> () -> agents.adopt(known).thenCompose(_ -> audit.tellAnew(known)));
    }

    UnitView refuse(String unit) throws ApiRefusal {
        return doneTo(unit, known -> () -> agents.refuse(known, volumesOn.apply(known.name)));
    }

    /** A LUN that was given up as lost is to be taken in anew: what its unit's table has of it goes first, so that it can be repeated. */
    void releaseLost(UnitLink link, int lun) throws ApiRefusal {
        control.tryLater(() -> {
            AgentUnits.Known known = agents.linked(link.name()).orElse(null);
            UUID label = link.labelAt(lun)
                    .filter(found ->
                            catalog.one(LostLabel.KIND, found.toString()).isPresent())
                    .orElse(null);
            return known == null || label == null
                    ? CompletableFuture.completedFuture(null)
                    : tables.releaseLost(known, lun, label)
                            .exceptionallyCompose(failure -> CompletableFuture.failedFuture(
                                    ApiRefusal.conflict("unit " + link.name() + " lun " + lun + " was not touched: "
                                            + cause(failure).getMessage())));
        });
    }

    static Throwable cause(Throwable failure) {
        return failure instanceof CompletionException && failure.getCause() != null ? failure.getCause() : failure;
    }

    // ---- maintenance

    /** The name in the pool of a unit that is in it. */
    private String inPool(String unit) throws ApiRefusal {
        if (links.containsKey(unit)) {
            return unit;
        }
        if (!agents.has(unit)) {
            throw ApiRefusal.unknown("there is no unit " + unit + "; see \"sanway unit list\"");
        }
        AgentUnits.Known known = agents.find(unit);
        if (known.admission != Admission.ADOPTED) {
            throw ApiRefusal.conflict(known.subject() + " is not in the pool, but "
                    + known.admission.name().toLowerCase(Locale.ROOT));
        }
        return known.linked == null ? known.name : known.linked.name();
    }

    MaintenanceView maintenance(String unit, boolean on) throws ApiRefusal {
        record Done(String name, List<String> volumes) {}
        Done done = control.tryLater(() -> {
            String name = inPool(unit);
            UnitStanding before = standings.of(name);
            if (before == UnitStanding.DRAINING) {
                throw ApiRefusal.conflict(
                        "unit " + name + " is being drained; end that first: sanway unit drain " + name + " --cancel");
            }
            if (agents.linked(name).filter(known -> known.removing != null).isPresent()) {
                throw ApiRefusal.conflict("unit " + name + " is being removed from the pool");
            }
            UnitStanding wanted = on ? UnitStanding.MAINTENANCE : UnitStanding.NONE;
            List<String> volumes = volumesOn.apply(name);
            if (before == wanted) {
                return CompletableFuture.completedFuture(new Done(name, volumes));
            }
            return standings
                    .set(name, wanted)
                    .thenApplyAsync(
                            _ -> {
                                audit.close();
                                events.info(
                                        "unit " + name,
                                        on ? "in maintenance: nothing new is placed there" : "maintenance is over");
                                return new Done(name, volumes);
                            },
                            control.executor());
        });
        return new MaintenanceView(UnitRoutes.find(views, done.name()), done.volumes());
    }

    // ---- removal

    UnitView remove(String unit, boolean force) throws ApiRefusal {
        UnitView before = UnitRoutes.find(views, unit);
        if (before.agent() == null) {
            throw declared(before.name());
        }
        String uuid = before.agent().uuid().toString();
        boolean there = control.tryLater(() -> {
            AgentUnits.Known known = agents.find(uuid);
            if (known.removing == null && known.admission != Admission.ADOPTED) {
                return forget(known).thenApply(_ -> false);
            }
            refuseUnlessEmpty(known, force);
            return removals.begin(known, force)
                    .thenApply(_ -> true)
                    .completeOnTimeout(true, REMOVAL_SECONDS, TimeUnit.SECONDS);
        });
        return there ? UnitRoutes.find(views, uuid) : before;
    }

    private ApiRefusal declared(String unit) {
        return declared.get().units().stream()
                .filter(each -> each.name().equals(unit))
                .findFirst()
                .map(each -> ApiRefusal.conflict("unit " + unit + " is declared at "
                        + declared.get().file() + ":" + each.line()
                        + "; take it out there, then: sanway config apply" + ifLost(unit)))
                .orElseGet(() -> ApiRefusal.unknown("there is no unit " + unit));
    }

    /** A unit that is not in the pool is forgotten, if it does not announce itself any more. */
    private CompletableFuture<Void> forget(AgentUnits.Known known) throws ApiRefusal {
        Status status = known.view == null ? Status.ABSENT : known.view.status();
        if (status == Status.ONLINE || status == Status.SUSPECT) {
            throw ApiRefusal.conflict(known.subject()
                    + " is not in the pool, and announces itself; stop it there, or turn it away: sanway unit refuse "
                    + known.name);
        }
        return agents.forget(known);
    }

    private void refuseUnlessEmpty(AgentUnits.Known known, boolean force) throws ApiRefusal {
        String name = known.linked == null ? known.name : known.linked.name();
        List<String> volumes = volumesOn.apply(name);
        if (!volumes.isEmpty()) {
            throw ApiRefusal.conflict("unit " + name + " holds " + String.join(", ", volumes)
                    + ". Move what is there away (sanway unit drain " + name + ") or delete it (sanway volume delete)"
                    + ifLost(name));
        }
        PoolState now = pool.get();
        boolean empty = now.unitVolumes().values().stream()
                .filter(volume -> volume.unit().equals(name))
                .allMatch(volume -> now.keptOn(volume.label()).isEmpty());
        if (!empty) {
            boolean there = known.link != null && known.link.connected();
            throw ApiRefusal.conflict(
                    "unit " + name + " holds partitions of volumes that were deleted; they are given back "
                            + (there ? "now, ask again in a moment" : "once the unit is there") + ifLost(name));
        }
        if (force || known.removing != null) {
            return;
        }
        if (known.disagreement != null) {
            throw ApiRefusal.conflict("unit " + name + ": " + known.disagreement);
        }
        UnitLink link = known.link;
        dev.sanway.autoconfig.UnitView.Storage table =
                known.view == null || known.view.status() != Status.ONLINE ? null : known.view.storage();
        if (link == null || !link.connected() || table == null) {
            throw ApiRefusal.conflict(
                    "unit " + name + " is away, so that its labels and volumes cannot be taken off it. "
                            + "Start it; or, if it is gone for good: sanway unit remove " + name + " --force");
        }
        if (!table.partitions().isEmpty()) {
            throw ApiRefusal.conflict("unit " + name + " still has "
                    + table.partitions().size() + " partitions in its table; ask again in a moment");
        }
    }

    private String ifLost(String name) {
        UnitLink link = links.get(name);
        return link == null || !link.connected()
                ? "; if the unit is gone for good, with what is on it: sanway unit remove " + name + " --lost"
                : "";
    }
}
