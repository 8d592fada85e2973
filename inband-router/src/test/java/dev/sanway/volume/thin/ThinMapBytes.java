package dev.sanway.volume.thin;

import java.util.UUID;

/** Maps as a gateway would have written them. */
public final class ThinMapBytes {
    private ThinMapBytes() {}

    /** Copy A of a map whose first extents hold every tenth extent of the volume or so. */
    public static byte[] filled(UUID slab, UUID volume, int extents, int held, int salt) {
        byte[] copy = new byte[SlabFormat.pages(extents) * SlabFormat.PAGE_BYTES];
        int next = 0;
        for (int number = 0; number < SlabFormat.pages(extents); number++) {
            MapPage page = MapPage.empty(slab, volume, number, 1);
            for (int i = 0; i < MapPage.ENTRIES && next < held; i++, next++) {
                page.logical()[i] = next * 10L + (next + (long) salt) % 10;
                page.generations()[i] = next + 1L;
            }
            System.arraycopy(page.encode(), 0, copy, number * SlabFormat.PAGE_BYTES, SlabFormat.PAGE_BYTES);
        }
        return copy;
    }
}
