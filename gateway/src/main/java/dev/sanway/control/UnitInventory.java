package dev.sanway.control;

import dev.sanway.autoconfig.Message.Admission;
import dev.sanway.autoconfig.UnitView;
import dev.sanway.control.AutoConfiguration.KeyFacts;
import dev.sanway.metadata.UnitStanding;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/** All units as operators see them: those of the YAML, and those with an agent. For threads that may wait. */
final class UnitInventory {

    /** All that a unit's state can be. */
    static final List<String> STATES = List.of(
            "pending",
            "adopted",
            "connecting",
            "online",
            "suspect",
            "offline",
            "stopped",
            "maintenance",
            "draining",
            "removing",
            "refused");

    private final ControlThread control;
    private final Collection<UnitLink> links;
    private final AgentUnits agents;
    private final Standings standings;

    UnitInventory(ControlThread control, Collection<UnitLink> links, AgentUnits agents, Standings standings) {
        this.control = control;
        this.links = links;
        this.agents = agents;
        this.standings = standings;
    }

    List<Views.UnitView> units() {
        List<UnitView> heard = control.askLater(() -> agents.station()
                .map(AutoConfiguration::units)
                .orElseGet(() -> CompletableFuture.completedFuture(List.of())));
        KeyFacts keys = control.askLater(() -> agents.station()
                .map(AutoConfiguration::keyFacts)
                .orElseGet(() -> CompletableFuture.completedFuture(new KeyFacts(Map.of(), Map.of()))));
        Map<UUID, UnitView> fresh = new HashMap<>();
        heard.forEach(view -> fresh.put(view.unit(), view));
        return control.ask(() -> units(fresh, keys));
    }

    private List<Views.UnitView> units(Map<UUID, UnitView> fresh, KeyFacts keys) {
        Map<String, UnitStanding> said = standings.byName();
        List<Views.UnitView> all = new ArrayList<>();
        for (UnitLink link : links) {
            if (!agents.owns(link.name())) {
                all.add(standing(link.view(), said));
            }
        }
        for (AgentUnits.Known known : agents.all()) {
            Views.UnitView view = view(known, fresh.getOrDefault(known.uuid, known.view), keys);
            all.add(
                    known.removing != null
                            ? inState(view, "removing", known.removing)
                            : known.admission == Admission.ADOPTED ? standing(view, said) : view);
        }
        all.sort(Comparator.comparing(Views.UnitView::name).thenComparing(Views.UnitView::target));
        return all;
    }

    /** What an operator has said of a unit goes before what else is to be seen, which is not lost by that. */
    private Views.UnitView standing(Views.UnitView view, Map<String, UnitStanding> said) {
        String state = switch (said.getOrDefault(view.name(), UnitStanding.NONE)) {
            case NONE -> view.state();
            case MAINTENANCE -> "maintenance";
            case DRAINING -> "draining";
        };
        if (state.equals(view.state())) {
            return view;
        }
        String detail = view.detail() == null ? view.state() : view.state() + ": " + view.detail();
        if (state.equals("draining")) {
            detail = standings.drainNote(view.name()) + "; " + detail;
        }
        return inState(view, state, detail);
    }

    private static Views.UnitView inState(Views.UnitView view, String state, String detail) {
        return new Views.UnitView(
                view.name(),
                view.portal(),
                view.target(),
                state,
                view.connected(),
                view.spare(),
                detail,
                view.luns(),
                view.agent());
    }

    private static Views.UnitView view(AgentUnits.Known known, @Nullable UnitView heard, KeyFacts keys) {
        UnitLink link = known.link;
        UnitView.Status status = heard == null ? UnitView.Status.ABSENT : heard.status();
        AgentView agent = agent(known, heard, status, keys.ids().get(known.uuid));
        String keyNote = keys.notes().get(known.uuid);
        boolean spare =
                heard != null && heard.startup() != null && heard.startup().spare();
        if (link == null) {
            String portal = heard == null
                            || heard.startup() == null
                            || heard.startup().portals().isEmpty()
                    ? ""
                    : shown(
                            heard.startup().portals().getFirst().address().getHostAddress(),
                            heard.startup().portals().getFirst().port());
            String state = switch (known.admission) {
                case PENDING -> "pending";
                case REFUSED -> "refused";
                case ADOPTED -> status == UnitView.Status.ABSENT ? "offline" : "adopted";
            };
            String target = heard == null || heard.startup() == null
                    ? ""
                    : heard.startup().target();
            return new Views.UnitView(
                    known.name,
                    portal,
                    target,
                    state,
                    false,
                    spare,
                    keyNote != null ? keyNote : detail(known, heard),
                    List.of(),
                    agent);
        }
        Views.UnitView linked = link.view();
        boolean connected = linked.connected();
        String state = switch (status) {
            case ABSENT, ONLINE -> linked.state();
            case SUSPECT -> "suspect";
            case OFFLINE -> connected ? "suspect" : "offline";
            case SHUT_DOWN -> connected ? "suspect" : "stopped";
        };
        String detail = known.objection != null
                ? known.objection
                : known.disagreement != null
                        ? known.disagreement
                        : keyNote != null
                                ? keyNote
                                : connected && status != UnitView.Status.ONLINE && status != UnitView.Status.ABSENT
                                        ? "its agent is silent; its target answers"
                                        : linked.detail();
        return new Views.UnitView(
                linked.name(), linked.portal(), linked.target(), state, connected, spare, detail, linked.luns(), agent);
    }

    private static @Nullable String detail(AgentUnits.Known known, @Nullable UnitView heard) {
        if (known.objection != null) {
            return known.objection;
        }
        return switch (known.admission) {
            case PENDING ->
                (heard == null || heard.reason().isEmpty() ? "" : heard.reason() + "; ")
                        + "to take it into the pool: sanway unit adopt " + known.name;
            case REFUSED -> "to take it into the pool after all: sanway unit adopt " + known.name;
            case ADOPTED -> heard == null || heard.startup() == null ? "not heard since the gateway started" : null;
        };
    }

    private static AgentView agent(
            AgentUnits.Known known, @Nullable UnitView heard, UnitView.Status status, @Nullable Integer keyId) {
        UnitView.Storage storage = heard == null ? null : heard.storage();
        return new AgentView(
                known.uuid,
                known.admission.name().toLowerCase(Locale.ROOT),
                status == UnitView.Status.SHUT_DOWN ? "shutDown" : status.name().toLowerCase(Locale.ROOT),
                heard == null || heard.startup() == null
                        ? null
                        : heard.startup().software(),
                storage == null ? 0 : storage.capacityBytes(),
                storage == null ? 0 : storage.freeBytes(),
                storage == null ? 0 : storage.volumes().size(),
                storage == null ? 0 : storage.partitions().size(),
                keyId,
                heard == null ? 0 : heard.skewMillis(),
                heard == null || heard.heardMillis() == 0 ? null : Instant.ofEpochMilli(heard.heardMillis()),
                heard == null || heard.address() == null
                        ? null
                        : shown(
                                heard.address().getAddress().getHostAddress(),
                                heard.address().getPort()));
    }

    private static String shown(String host, int port) {
        return (host.indexOf(':') < 0 ? host : "[" + host + "]") + ":" + port;
    }
}
