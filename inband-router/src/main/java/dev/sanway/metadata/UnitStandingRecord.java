package dev.sanway.metadata;

import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * The standing of a unit, kept until an operator says otherwise; none is kept of a unit without. A unit with an agent is known by its
 * UUID, since it may go under another name tomorrow; one that the YAML declares has nothing but its name.
 *
 * @param agent null: it has none
 * @param name in the pool, when this was said
 * @param since in ISO 8601
 */
public record UnitStandingRecord(@Nullable UUID agent, String name, UnitStanding standing, String since) {
    public static final Catalog.Kind<UnitStandingRecord> KIND =
            new Catalog.Kind<>("unitStanding", UnitStandingRecord.class);

    /** Under which it is kept. */
    public String key() {
        return agent == null ? "name/" + name : "agent/" + agent;
    }
}
