package dev.sanway.metadata;

import java.util.List;
import java.util.UUID;

/**
 * A host that was deleted and can be made what it was. Its secrets lie where they lay.
 *
 * @param made as it was made by command
 * @param volumes what it saw
 * @param deletedAt an ISO 8601 instant
 */
public record DeletedHost(MadeHost made, List<Seen> volumes, String deletedAt) {
    public static final Catalog.Kind<DeletedHost> KIND = new Catalog.Kind<>("deletedHost", DeletedHost.class);

    public DeletedHost {
        volumes = List.copyOf(volumes);
    }

    /** A volume, and the LUN under which the host saw it. */
    public record Seen(UUID volume, String name, int lun) {}
}
