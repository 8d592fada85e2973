package dev.sanway.bench;

import java.util.BitSet;
import org.jspecify.annotations.Nullable;

/**
 * The part of a LUN that one session works on, and where it goes next. A place is one request's worth of blocks; places are
 * counted from the beginning of the LUN. Confined to the session's loop.
 */
final class LunLoad {

    /** Each takes four bytes. */
    static final int TRACKED_PLACES_AT_MOST = 64 << 20;

    final int lun;
    final long lunOnWire;
    final int blockSizeBytes;
    final int blocksPerPlace;
    private final long firstPlace;
    private final long placeCount;
    private final boolean sequential;
    private final int @Nullable [] generations;
    private final @Nullable BitSet underWay;
    private long next;
    private long state;

    /**
     * @param seed of the random places
     * @param tracked whether generations are kept and no two requests are under way at one place
     */
    LunLoad(
            int lun,
            long lunOnWire,
            int blockSizeBytes,
            int blocksPerPlace,
            long firstPlace,
            long placeCount,
            boolean sequential,
            boolean tracked,
            long seed) {
        this.lun = lun;
        this.lunOnWire = lunOnWire;
        this.blockSizeBytes = blockSizeBytes;
        this.blocksPerPlace = blocksPerPlace;
        this.firstPlace = firstPlace;
        this.placeCount = placeCount;
        this.sequential = sequential;
        this.generations = tracked ? new int[Math.toIntExact(placeCount)] : null;
        this.underWay = tracked ? new BitSet((int) placeCount) : null;
        // Never 0, which is where a xorshift generator stays.
        this.state = (seed * 0x9e3779b97f4a7c15L) | 1;
    }

    /** The place of the next request, counted within this part. */
    long nextPlace() {
        long place;
        do {
            if (sequential) {
                place = next;
                next = next + 1 == placeCount ? 0 : next + 1;
            } else {
                place = Math.unsignedMultiplyHigh(random(), placeCount);
            }
        } while (underWay != null && underWay.get((int) place));
        if (underWay != null) {
            underWay.set((int) place);
        }
        return place;
    }

    /** Whether a request of so many per cent reads is to read. */
    boolean reads(int readPercent) {
        return readPercent == 100 || (readPercent > 0 && Math.unsignedMultiplyHigh(random(), 100) < readPercent);
    }

    /** xorshift64* by Marsaglia and Vigna. */
    private long random() {
        state ^= state >>> 12;
        state ^= state << 25;
        state ^= state >>> 27;
        return state * 0x2545f4914f6cdd1dL;
    }

    long lba(long place) {
        return (firstPlace + place) * blocksPerPlace;
    }

    /** A request at a place has ended. */
    void done(long place) {
        if (underWay != null) {
            underWay.clear((int) place);
        }
    }

    /** How often the place was written, the write that is being prepared included. */
    int nextGeneration(long place) {
        return generations == null ? 0 : ++generations[(int) place];
    }

    /** How often the place was written by this run. */
    int generation(long place) {
        return generations == null ? 0 : generations[(int) place];
    }

    /** The first place from {@code from} on that this run wrote; -1 if there is none. */
    long writtenFrom(long from) {
        if (generations != null) {
            for (int place = (int) from; place < generations.length; place++) {
                if (generations[place] > 0) {
                    return place;
                }
            }
        }
        return -1;
    }
}
