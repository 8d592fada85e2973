package dev.sanway.metadata;

import java.util.UUID;

/**
 * A partition that is being copied, so that another takes its place; there as long as it is not decided which of them the volume
 * has.
 *
 * @param target the partition that is to take the place, COPYING
 * @param source the one that the volume has until then
 */
public record PartitionMove(UUID target, UUID source, UUID volume) {
    public static final Catalog.Kind<PartitionMove> KIND = new Catalog.Kind<>("move", PartitionMove.class);
}
