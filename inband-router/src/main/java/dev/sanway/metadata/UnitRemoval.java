package dev.sanway.metadata;

import java.util.UUID;

/**
 * A unit with an agent that is on its way out of the pool.
 *
 * @param name in the pool
 * @param unlabelled its LUNs' labels are gone, or given up as lost, and the store knows its LUNs no more
 * @param force what cannot be reached of it is left as it is
 * @param lost it was given up with what lay on it, and nothing of it is touched, even if it comes back meanwhile
 */
public record UnitRemoval(UUID unit, String name, boolean unlabelled, boolean force, boolean lost) {
    public static final Catalog.Kind<UnitRemoval> KIND = new Catalog.Kind<>("unitRemoval", UnitRemoval.class);

    public UnitRemoval withoutLabels() {
        return new UnitRemoval(unit, name, true, force, lost);
    }

    public UnitRemoval byForce() {
        return new UnitRemoval(unit, name, unlabelled, true, lost);
    }
}
