package dev.sanway.volume.thin;

import java.util.ArrayList;
import java.util.List;

/** Turns the maps of a volume's slabs round into the table of the volume. Pure. */
final class MapRecovery {

    /** A page that says something that no longer counts, to be written anew before the volume is opened. */
    record StalePage(int slab, int page) {}

    /**
     * What came of it.
     *
     * @param generation the highest there is
     */
    record Recovered(ExtentMap extents, long generation, List<StalePage> stale) {}

    private MapRecovery() {}

    /**
     * Of two slabs that claim an extent of the volume the higher generation counts; what claimed it besides is freed.
     *
     * @param slabs by their numbers
     */
    static Recovered recover(List<SlabMap> slabs) {
        ExtentMap extents = new ExtentMap();
        List<StalePage> stale = new ArrayList<>();
        long highest = 0;
        for (int number = 0; number < slabs.size(); number++) {
            SlabMap slab = slabs.get(number);
            for (int extent = 0; extent < slab.extents(); extent++) {
                int logical = slab.logical(extent);
                if (logical < 0) {
                    continue;
                }
                highest = Math.max(highest, slab.generation(extent));
                int before = extents.get(logical);
                if (before == ExtentMap.NOWHERE) {
                    extents.put(logical, ExtentMap.place(number, extent));
                    continue;
                }
                SlabMap other = slabs.get(ExtentMap.slabOf(before));
                int otherExtent = ExtentMap.extentOf(before);
                if (other.generation(otherExtent) < slab.generation(extent)) {
                    extents.put(logical, ExtentMap.place(number, extent));
                    other.free(otherExtent);
                    add(stale, new StalePage(ExtentMap.slabOf(before), SlabMap.pageOf(otherExtent)));
                } else {
                    slab.free(extent);
                    add(stale, new StalePage(number, SlabMap.pageOf(extent)));
                }
            }
        }
        return new Recovered(extents, highest, stale);
    }

    private static void add(List<StalePage> stale, StalePage page) {
        if (!stale.contains(page)) {
            stale.add(page);
        }
    }
}
