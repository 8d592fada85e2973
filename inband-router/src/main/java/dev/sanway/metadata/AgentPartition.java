package dev.sanway.metadata;

import java.util.UUID;

/**
 * A partition that stands in the table of a unit with an agent.
 *
 * @param generation that the unit gave it
 */
public record AgentPartition(UUID partition, UUID unit, long generation) {
    public static final Catalog.Kind<AgentPartition> KIND = new Catalog.Kind<>("agentPartition", AgentPartition.class);
}
