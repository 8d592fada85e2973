package dev.sanway.volume.thin;

import java.util.UUID;

/**
 * How a slab is laid out. All of it is normative for what lies on units.
 *
 * <pre>
 *   byte 0          copy A of the map pages, 4,096 bytes each
 *   byte 524,288    copy B
 *   byte 1,048,576  extent 0, extent 1, …
 * </pre>
 */
public final class SlabFormat {
    /** The unit of allocation. */
    public static final int EXTENT_BYTES = 1 << 20;

    /** What the map takes at the beginning of a slab. */
    public static final int MAP_BYTES = 1 << 20;

    static final int PAGE_BYTES = 4096;
    static final int COPY_BYTES = MAP_BYTES / 2;

    /** One for the map, and one to hold something. */
    public static final long MIN_SLAB_BYTES = MAP_BYTES + EXTENT_BYTES;

    /** What fits into a packed place: see {@link ExtentMap}. */
    public static final long MAX_SLAB_BYTES = 1L << 30;

    private SlabFormat() {}

    /** How many extents a slab holds. */
    public static int extents(long slabBytes) {
        if (slabBytes < MIN_SLAB_BYTES || slabBytes > MAX_SLAB_BYTES) {
            throw new IllegalArgumentException("a slab of " + slabBytes + " bytes");
        }
        return (int) ((slabBytes - MAP_BYTES) / EXTENT_BYTES);
    }

    /** What is written at the beginning of a new slab, durably, before it is a volume's: nothing is mapped. */
    public static byte[] newMap(UUID slab, UUID volume, long slabBytes) {
        return SlabMap.format(slab, volume, extents(slabBytes));
    }

    static int pages(int extents) {
        return Math.ceilDiv(extents, MapPage.ENTRIES);
    }

    /** Where a copy of a page lies in the slab. */
    static long pageOffset(int copy, int page) {
        return (long) copy * COPY_BYTES + (long) page * PAGE_BYTES;
    }

    /** Where an extent lies in the slab. */
    static long extentOffset(int extent) {
        return MAP_BYTES + (long) extent * EXTENT_BYTES;
    }
}
