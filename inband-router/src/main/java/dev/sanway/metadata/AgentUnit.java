package dev.sanway.metadata;

import java.util.UUID;

/**
 * A unit with an agent, as the control station keeps it.
 *
 * @param boot the highest boot number seen
 * @param admission {@code PENDING}, {@code ADOPTED} or {@code REFUSED}
 * @param reason why it is refused, or pending again; else empty
 */
public record AgentUnit(UUID unit, String name, long boot, String admission, String reason) {
    public static final Catalog.Kind<AgentUnit> KIND = new Catalog.Kind<>("agentUnit", AgentUnit.class);
}
