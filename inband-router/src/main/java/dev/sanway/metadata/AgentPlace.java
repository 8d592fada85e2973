package dev.sanway.metadata;

import java.util.UUID;

/**
 * Where a unit with an agent was last, so that a gateway that starts anew finds it before it is heard.
 *
 * @param name under which it is in the pool
 * @param portal an address of its target
 * @param target the target's name
 * @param agent an address of its agent
 */
public record AgentPlace(
        UUID unit, String name, String portal, int portalPort, String target, String agent, int agentPort) {
    public static final Catalog.Kind<AgentPlace> KIND = new Catalog.Kind<>("agentPlace", AgentPlace.class);
}
