package dev.sanway.metadata;

import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * What this gateway knows of the cache of a unit volume, so that a loss is found out also if gateway and unit fail together.
 *
 * @param label the unit volume's
 * @param bootId of the unit's machine when writes were given to it last; null: the unit has none
 * @param flushed whether the gateway ended with everything flushed, so that nothing can be lost that was written before
 */
public record UnitBoot(UUID label, @Nullable UUID bootId, boolean flushed) {
    public static final Catalog.Kind<UnitBoot> KIND = new Catalog.Kind<>("unitBoot", UnitBoot.class);

    /** Whether writes of before may be lost, now that the unit shows {@code now}. */
    public boolean mayHaveLost(@Nullable UUID now) {
        return !flushed && bootId != null && !bootId.equals(now);
    }
}
