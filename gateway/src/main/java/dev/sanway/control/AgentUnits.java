package dev.sanway.control;

import dev.sanway.autoconfig.Message;
import dev.sanway.autoconfig.Message.Admission;
import dev.sanway.autoconfig.UnitView;
import dev.sanway.config.GatewayConfig;
import dev.sanway.iscsi.IscsiName;
import dev.sanway.metadata.AgentPlace;
import dev.sanway.metadata.AgentUnit;
import dev.sanway.metadata.Catalog;
import dev.sanway.metadata.UnitVolumeRecord;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * The units that have an agent: who is adopted gets a {@link UnitLink}, which uses of the LUNs that the agent claims those that a
 * login shows to be what was claimed.
 *
 * <pre>
 *   heard ──▶ pending ── operator, or adopt: automatic ──▶ adopted ── told where ──▶ linked
 * </pre>
 *
 * Confined to the control executor.
 */
final class AgentUnits implements AutoConfiguration.Listener {

    /** Opens and closes links, for units that are not declared in the YAML. */
    interface Links {
        UnitLink open(GatewayConfig.Unit unit, LunClaims claims);

        CompletableFuture<Void> leave(String name);
    }

    /** What is known of one. */
    static final class Known {
        final UUID uuid;
        String name;
        Admission admission = Admission.PENDING;

        @Nullable
        UnitView view;

        GatewayConfig.@Nullable Unit linked;

        @Nullable
        UnitLink link;

        LunClaims claims = LunClaims.known(List.of());
        boolean leaving;

        /** What its removal waits for; null: it is not being removed. */
        @Nullable
        String removing;

        /** It was removed as far as its link goes. */
        boolean unlinkable;

        /** An operator has it in maintenance, and it went away: that was told. */
        boolean awayTold;

        /** Why it is not adopted or not used; told once. */
        @Nullable
        String objection;

        /** On what its table and the store do not agree. */
        @Nullable
        String disagreement;

        Known(UUID uuid, String name) {
            this.uuid = uuid;
            this.name = name;
        }

        String subject() {
            return "unit " + name;
        }
    }

    private final Catalog catalog;
    private final Links links;
    private final Events events;
    private Predicate<Known> quiet = _ -> false;
    private final java.util.concurrent.Executor control;
    private final Map<UUID, Known> units = new LinkedHashMap<>();
    private List<GatewayConfig.Unit> declared = List.of();
    private GatewayConfig.@Nullable AutoConfig config;
    private @Nullable AutoConfiguration station;
    private final List<AutoConfiguration.Listener> listeners = new ArrayList<>();

    AgentUnits(Catalog catalog, Links links, Events events, java.util.concurrent.Executor control) {
        this.catalog = catalog;
        this.links = links;
        this.events = events;
        this.control = control;
        for (AgentUnit unit : catalog.all(AgentUnit.KIND)) {
            Known known = new Known(unit.unit(), unit.name());
            known.admission = Admission.valueOf(unit.admission());
            units.put(unit.unit(), known);
        }
    }

    /** Of which units it is no news that they go away and come back. */
    void quietAbout(Predicate<Known> those) {
        quiet = those;
    }

    /** Who is told of the same, afterwards. */
    void listen(AutoConfiguration.Listener listener) {
        listeners.add(listener);
    }

    /** What the YAML declares counts before what is heard. */
    void declare(GatewayConfig gateway) {
        declared = gateway.units();
        config = gateway.autoConfig();
        List.copyOf(units.values()).forEach(this::reconcile);
    }

    /** Links adopted units where earlier runs had them; true if there are any. */
    boolean linkKnown() {
        boolean any = false;
        for (AgentPlace place : catalog.all(AgentPlace.KIND)) {
            Known known = units.get(place.unit());
            if (known != null && known.admission == Admission.ADOPTED && known.linked == null && !known.unlinkable) {
                try {
                    IscsiName target = IscsiName.parse(place.target());
                    if (target != null) {
                        link(
                                known,
                                unit(place.name(), InetAddress.getByName(place.portal()), place.portalPort(), target));
                    }
                    any |= known.linked != null;
                } catch (UnknownHostException e) {
                    events.warning(known.subject(), "its address " + place.portal() + " is none");
                }
            }
        }
        return any;
    }

    /** Where agents were heard by earlier runs. */
    static List<InetSocketAddress> places(Catalog catalog) {
        return catalog.all(AgentPlace.KIND).stream()
                .map(place -> new InetSocketAddress(place.agent(), place.agentPort()))
                .filter(address -> !address.isUnresolved())
                .toList();
    }

    void attach(AutoConfiguration running) {
        station = running;
        List.copyOf(units.values()).forEach(this::reconcile);
    }

    Optional<AutoConfiguration> station() {
        return Optional.ofNullable(station);
    }

    Collection<Known> all() {
        return units.values();
    }

    /** Whether a unit in the pool is one of these, or was under that name when it was heard last. */
    boolean adopted(String name) {
        return owns(name)
                || catalog.all(AgentPlace.KIND).stream()
                        .anyMatch(place -> place.name().equals(name)
                                && known(place.unit())
                                        .filter(known -> known.admission == Admission.ADOPTED)
                                        .isPresent());
    }

    Optional<Known> known(UUID unit) {
        return Optional.ofNullable(units.get(unit));
    }

    /** Whether a link is one of these units'. */
    boolean owns(String name) {
        return units.values().stream()
                .anyMatch(known -> known.linked != null && known.linked.name().equals(name));
    }

    /** The unit in the pool under a name. */
    Optional<Known> linked(String name) {
        return units.values().stream()
                .filter(known -> known.linked != null && known.linked.name().equals(name))
                .findFirst();
    }

    // ---- what the engine says

    @Override
    public void changed(UnitView view) {
        Known known = units.computeIfAbsent(view.unit(), uuid -> new Known(uuid, view.name()));
        UnitView before = known.view;
        known.view = view;
        known.name = view.name();
        boolean admitted = known.admission != view.admission();
        known.admission = view.admission();
        news(known, before, view, admitted);
        reconcile(known);
        listeners.forEach(listener -> listener.changed(view));
    }

    private void news(Known known, @Nullable UnitView before, UnitView now, boolean admitted) {
        if (before == null && now.startup() != null && now.admission() == Admission.PENDING) {
            boolean byItself = config != null && config.adoptAll();
            events.info(
                    known.subject(),
                    "found at " + now.address() + ", UUID " + now.unit()
                            + (byItself ? "" : "; to take it into the pool: sanway unit adopt " + known.name));
        }
        if (admitted) {
            events.info(known.subject(), now.admission().name().toLowerCase(java.util.Locale.ROOT));
        }
        UnitView.Status was = before == null ? UnitView.Status.ABSENT : before.status();
        if (was != now.status() && quiet.test(known)) {
            quietNews(known, now.status());
        } else if (was != now.status()) {
            switch (now.status()) {
                case ONLINE -> events.info(known.subject(), "its agent is online");
                case SUSPECT -> events.warning(known.subject(), "suspect: its agent is silent");
                case OFFLINE -> events.warning(known.subject(), "offline: its agent is silent for long");
                case ABSENT, SHUT_DOWN -> {}
            }
        }
        if (before != null && before.health() != now.health()) {
            events.warning(known.subject(), "its health is " + now.health());
        }
    }

    /** One line when it goes, one when it is back. */
    private void quietNews(Known known, UnitView.Status status) {
        switch (status) {
            case ONLINE -> {
                events.info(known.subject(), "in maintenance: its agent is online");
                known.awayTold = false;
            }
            // It has said so itself, which is told.
            case SHUT_DOWN -> known.awayTold = true;
            case OFFLINE -> {
                if (!known.awayTold) {
                    events.info(known.subject(), "in maintenance: it went away");
                    known.awayTold = true;
                }
            }
            case SUSPECT, ABSENT -> {}
        }
    }

    @Override
    public void answered(UUID unit, Message.Result result) {
        listeners.forEach(listener -> listener.answered(unit, result));
    }

    @Override
    public void unanswered(UUID unit, UUID requestId) {
        listeners.forEach(listener -> listener.unanswered(unit, requestId));
    }

    // ---- adoption

    /** Why a unit cannot be in the pool under its name and target, or nothing. */
    private Optional<String> objection(Known known, String name, String target) {
        for (GatewayConfig.Unit unit : declared) {
            if (unit.target().equals(IscsiName.parse(target))) {
                return Optional.of("its target " + target + " is declared as unit " + unit.name() + " on line "
                        + unit.line() + " of gateway.yaml already, and used so; take it out there first");
            }
            if (unit.name().equals(name)) {
                return Optional.of("another unit is declared under the name " + name + " on line " + unit.line()
                        + " of gateway.yaml; give this one another \"name\" in its unit.yaml");
            }
        }
        for (Known other : units.values()) {
            GatewayConfig.Unit used = other.linked;
            if (!other.uuid.equals(known.uuid)
                    && used != null
                    && (used.name().equals(name) || used.target().equals(IscsiName.parse(target)))) {
                return Optional.of("the adopted unit " + other.uuid + " has the name " + used.name()
                        + " and the target " + used.target() + "; give this one others in its unit.yaml");
            }
        }
        return Optional.empty();
    }

    private void object(Known known, @Nullable String why) {
        if (why != null && !why.equals(known.objection)) {
            events.warning(known.subject(), why);
        }
        known.objection = why;
    }

    /** Brings one in line with what is known and wanted of it. */
    private void reconcile(Known known) {
        UnitView view = known.view;
        Message.Startup startup = view == null ? null : view.startup();
        if (known.admission == Admission.REFUSED) {
            unlink(known);
            return;
        }
        if (view == null || startup == null) {
            return;
        }
        if (view.storage() != null && known.claims.tell(view.storage().volumes().values()) && known.link != null) {
            known.link.look();
        }
        if (known.unlinkable) {
            return;
        }
        GatewayConfig.Unit now = known.linked;
        IscsiName target = IscsiName.parse(startup.target());
        boolean same = now != null
                && now.name().equals(startup.name())
                && now.target().equals(target)
                && startup.portals().stream().anyMatch(portal -> at(portal).equals(now.portal()));
        if (same || known.leaving) {
            return;
        }
        String objection = startup.portals().isEmpty()
                ? "it names no address of its target"
                : target == null
                        ? "the name of its target is none: " + IscsiName.whyNot(startup.target())
                        : objection(known, startup.name(), startup.target()).orElse(null);
        object(known, objection);
        if (objection != null || target == null) {
            return;
        }
        if (known.admission == Admission.PENDING) {
            AutoConfiguration running = station;
            // Who was removed comes back by an operator's word only.
            if (config != null
                    && config.adoptAll()
                    && running != null
                    && view.reason().isEmpty()) {
                CompletableFuture<Void> _ = running.admit(known.uuid, Admission.ADOPTED, "");
            }
        } else if (now != null) {
            events.info(known.subject(), "is another name or elsewhere than before, and is linked anew");
            unlink(known);
        } else {
            Message.Portal portal = portal(startup, view.address());
            GatewayConfig.Unit unit = unit(startup.name(), portal.address(), portal.port(), target);
            remember(known, unit, view.address());
            link(known, unit);
        }
    }

    private static InetSocketAddress at(Message.Portal portal) {
        return new InetSocketAddress(portal.address(), portal.port());
    }

    /** Rather an address from which the agent was heard than another. */
    private static Message.Portal portal(Message.Startup startup, @Nullable InetSocketAddress heard) {
        return startup.portals().stream()
                .filter(portal -> heard != null && portal.address().equals(heard.getAddress()))
                .findFirst()
                .orElseGet(() -> startup.portals().getFirst());
    }

    private GatewayConfig.Unit unit(String name, InetAddress address, int port, IscsiName target) {
        return new GatewayConfig.Unit(
                name,
                new InetSocketAddress(address, port),
                target,
                List.of(),
                config == null ? null : config.chap(),
                0,
                GatewayConfig.Cache.AUTOMATIC,
                false,
                0);
    }

    private void remember(Known known, GatewayConfig.Unit unit, @Nullable InetSocketAddress agent) {
        if (agent == null) {
            return;
        }
        AgentPlace place = new AgentPlace(
                known.uuid,
                unit.name(),
                unit.portal().getAddress().getHostAddress(),
                unit.portal().getPort(),
                unit.target().written(),
                agent.getAddress().getHostAddress(),
                agent.getPort());
        if (!catalog.all(AgentPlace.KIND).contains(place)) {
            catalog.commit(new Catalog.Batch().put(AgentPlace.KIND, known.uuid.toString(), place))
                    .whenComplete((_, failure) -> {
                        if (failure != null) {
                            events.warning(known.subject(), "where it is was not stored: " + failure.getMessage());
                        }
                    });
        }
    }

    private void link(Known known, GatewayConfig.Unit unit) {
        Optional<String> objection = objection(known, unit.name(), unit.target().value());
        object(known, objection.orElse(null));
        if (objection.isPresent()) {
            return;
        }
        UnitView view = known.view;
        known.claims = LunClaims.known(catalog.unitVolumes().stream()
                .map(UnitVolumeRecord::unitVolume)
                .filter(volume -> volume.unit().equals(unit.name()))
                .map(volume -> (int) volume.lun())
                .toList());
        if (view != null && view.storage() != null) {
            known.claims.tell(view.storage().volumes().values());
        }
        known.linked = unit;
        known.link = links.open(unit, known.claims);
    }

    private void unlink(Known known) {
        CompletableFuture<Void> _ = unlinked(known);
    }

    private CompletableFuture<Void> unlinked(Known known) {
        GatewayConfig.Unit unit = known.linked;
        if (unit == null) {
            return CompletableFuture.completedFuture(null);
        }
        known.linked = null;
        known.link = null;
        known.leaving = true;
        return links.leave(unit.name())
                .handleAsync(
                        (_, _) -> {
                            known.leaving = false;
                            reconcile(known);
                            return null;
                        },
                        control);
    }

    /** Logs out of a unit that is being removed, and does not link it again. */
    CompletableFuture<Void> unlinkForGood(Known known) {
        known.unlinkable = true;
        known.objection = null;
        known.disagreement = null;
        return unlinked(known);
    }

    /** Forgets a unit that is not in the pool and is not heard. */
    CompletableFuture<Void> forget(Known known) throws ApiRefusal {
        return running(known).forget(known.uuid).thenRunAsync(() -> units.remove(known.uuid), control);
    }

    private List<Known> called(String nameOrUuid) {
        return units.values().stream()
                .filter(known -> known.name.equals(nameOrUuid)
                        || known.uuid.toString().equalsIgnoreCase(nameOrUuid)
                        || (known.linked != null && known.linked.name().equals(nameOrUuid)))
                .toList();
    }

    boolean has(String nameOrUuid) {
        return !called(nameOrUuid).isEmpty();
    }

    /** The unit of a name or UUID. */
    Known find(String nameOrUuid) throws ApiRefusal {
        List<Known> found = called(nameOrUuid);
        if (found.isEmpty()) {
            throw ApiRefusal.unknown("there is no unit " + nameOrUuid + " with an agent; see \"sanway unit list\"");
        }
        if (found.size() > 1) {
            throw ApiRefusal.conflict("several units have the name " + nameOrUuid + "; say which by its UUID: "
                    + String.join(
                            ", ",
                            found.stream().map(known -> known.uuid.toString()).toList()));
        }
        return found.getFirst();
    }

    private AutoConfiguration running(Known known) throws ApiRefusal {
        AutoConfiguration running = station;
        if (running == null) {
            throw ApiRefusal.conflict(
                    known.subject()
                            + ": auto-configuration is off; write \"autoConfig\" into gateway.yaml and start the gateway again");
        }
        return running;
    }

    /** Takes a unit into the pool. */
    CompletableFuture<Void> adopt(Known known) throws ApiRefusal {
        AutoConfiguration running = running(known);
        UnitView view = known.view;
        if (known.removing != null) {
            throw ApiRefusal.conflict(known.subject() + " is being removed from the pool: " + known.removing);
        }
        if (known.admission == Admission.ADOPTED) {
            return CompletableFuture.completedFuture(null);
        }
        if (view == null || view.startup() == null) {
            throw ApiRefusal.conflict(
                    known.subject() + " was not heard since the gateway started; start it, then adopt it");
        }
        Optional<String> objection =
                objection(known, view.startup().name(), view.startup().target());
        if (objection.isPresent()) {
            throw ApiRefusal.conflict(known.subject() + ": " + objection.get());
        }
        return running.admit(known.uuid, Admission.ADOPTED, "");
    }

    /** Turns a unit away; {@code volumes}: those that have data on it. */
    CompletableFuture<Void> refuse(Known known, List<String> volumes) throws ApiRefusal {
        AutoConfiguration running = running(known);
        if (!volumes.isEmpty()) {
            throw ApiRefusal.conflict(known.subject() + " holds data of " + String.join(", ", volumes)
                    + "; delete or move those volumes first");
        }
        return running.admit(known.uuid, Admission.REFUSED, "refused by an operator");
    }
}
