package dev.sanway.metadata;

import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * What is known of a volume that was deleted and can be restored.
 *
 * @param made as it was made by command; null: it was declared nowhere any more
 * @param deletedAt an ISO 8601 instant
 */
public record DeletedVolume(
        UUID uuid, String name, @Nullable MadeVolume made, String deletedAt) {

    public static final Catalog.Kind<DeletedVolume> KIND = new Catalog.Kind<>("deletedVolume", DeletedVolume.class);
}
