package dev.sanway.volume.thin;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Where each extent of a volume lies: from its number to a place, which packs a slab's number and the extent's number in it.
 * A table of leaves that exist where something is mapped, so that a large empty volume costs next to nothing.
 */
final class ExtentMap {
    static final int NOWHERE = -1;

    private static final int EXTENT_BITS = 10;
    private static final int EXTENT_MASK = (1 << EXTENT_BITS) - 1;
    private static final int LEAF_BITS = 7;
    private static final int LEAF = 1 << LEAF_BITS;

    private int[] @Nullable [] leaves = new int[0][];
    private int size;

    static int place(int slab, int extent) {
        return slab << EXTENT_BITS | extent;
    }

    static int slabOf(int place) {
        return place >>> EXTENT_BITS;
    }

    static int extentOf(int place) {
        return place & EXTENT_MASK;
    }

    /** How many extents are somewhere. */
    int size() {
        return size;
    }

    int get(int logical) {
        int number = logical >>> LEAF_BITS;
        int[] leaf = number < leaves.length ? leaves[number] : null;
        return leaf == null ? NOWHERE : leaf[logical & (LEAF - 1)];
    }

    void put(int logical, int place) {
        int number = logical >>> LEAF_BITS;
        if (number >= leaves.length) {
            leaves = Arrays.copyOf(leaves, Math.max(number + 1, Math.min(2 * leaves.length, leaves.length + 1024)));
        }
        int[] leaf = leaves[number];
        if (leaf == null) {
            leaf = new int[LEAF];
            Arrays.fill(leaf, NOWHERE);
            leaves[number] = leaf;
        }
        int at = logical & (LEAF - 1);
        if (leaf[at] == NOWHERE) {
            size++;
        }
        leaf[at] = place;
    }

    void remove(int logical) {
        int number = logical >>> LEAF_BITS;
        int[] leaf = number < leaves.length ? leaves[number] : null;
        int at = logical & (LEAF - 1);
        if (leaf != null && leaf[at] != NOWHERE) {
            leaf[at] = NOWHERE;
            size--;
        }
    }

    /** The first extent from {@code logical} on that is somewhere, or {@code end}. */
    int nextMapped(int logical, int end) {
        int at = logical;
        while (at < end) {
            int number = at >>> LEAF_BITS;
            if (number >= leaves.length) {
                return end;
            }
            int[] leaf = leaves[number];
            if (leaf == null) {
                at = (number + 1) << LEAF_BITS;
            } else if (leaf[at & (LEAF - 1)] != NOWHERE) {
                return at;
            } else {
                at++;
            }
        }
        return end;
    }

    /** The first extent from {@code logical} on that is nowhere, or {@code end}. */
    int nextUnmapped(int logical, int end) {
        int at = logical;
        while (at < end && get(at) != NOWHERE) {
            at++;
        }
        return at;
    }
}
