package dev.sanway.control;

import dev.sanway.metadata.Catalog;
import dev.sanway.metadata.UnitStanding;
import dev.sanway.metadata.UnitStandingRecord;
import java.time.Clock;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** What operators have said of units in the pool; outlives the process. Confined to the control executor. */
final class Standings {

    private final Catalog catalog;
    private final AgentUnits agents;
    private final Clock clock;
    private Function<String, String> drainNote = _ -> "";

    Standings(Catalog catalog, AgentUnits agents, Clock clock) {
        this.catalog = catalog;
        this.agents = agents;
        this.clock = clock;
    }

    /** What is said of a unit that is being drained, by its name: how far that is. */
    void drainNoteBy(Function<String, String> source) {
        drainNote = source;
    }

    String drainNote(String unit) {
        return drainNote.apply(unit);
    }

    /** Of a unit, by its name in the pool. */
    UnitStanding of(String unit) {
        return byName().getOrDefault(unit, UnitStanding.NONE);
    }

    /** Of each unit of which something was said, by its name in the pool. */
    Map<String, UnitStanding> byName() {
        Map<String, UnitStanding> all = new HashMap<>();
        for (UnitStandingRecord each : catalog.all(UnitStandingRecord.KIND)) {
            UUID agent = each.agent();
            String now = agent == null
                    ? each.name()
                    : agents.known(agent)
                            .flatMap(known -> Optional.ofNullable(known.linked))
                            .map(unit -> unit.name())
                            .orElse(each.name());
            all.put(now, each.standing());
        }
        return all;
    }

    /** Completes when it is durable. */
    CompletableFuture<Void> set(String unit, UnitStanding standing) {
        Catalog.Batch batch = new Catalog.Batch();
        UUID agent = agents.linked(unit).map(known -> known.uuid).orElse(null);
        UnitStandingRecord said =
                new UnitStandingRecord(agent, unit, standing, clock.instant().toString());
        for (UnitStandingRecord each : of(unit, agent)) {
            batch.remove(UnitStandingRecord.KIND, each.key());
        }
        if (standing != UnitStanding.NONE) {
            batch.put(UnitStandingRecord.KIND, said.key(), said);
        }
        return catalog.commit(batch);
    }

    private List<UnitStandingRecord> of(String unit, @Nullable UUID agent) {
        return catalog.all(UnitStandingRecord.KIND).stream()
                .filter(each -> each.agent() == null
                        ? each.name().equals(unit)
                        : each.agent().equals(agent))
                .toList();
    }

    /** Forgets what was said of units without an agent that are declared no more. */
    void keepOnly(Collection<String> declared) {
        List<UnitStandingRecord> gone = new ArrayList<>();
        for (UnitStandingRecord each : catalog.all(UnitStandingRecord.KIND)) {
            if (each.agent() == null && !declared.contains(each.name())) {
                gone.add(each);
            }
        }
        if (!gone.isEmpty()) {
            Catalog.Batch batch = new Catalog.Batch();
            gone.forEach(each -> batch.remove(UnitStandingRecord.KIND, each.key()));
            CompletableFuture<Void> _ = catalog.commit(batch);
        }
    }
}
