package dev.sanway.bench;

import org.HdrHistogram.Histogram;

/** What the requests of one event loop took. Confined to that loop. */
final class Meter {

    /** Longer ones count as so long. */
    private static final long LONGEST_NANOS = 200_000_000_000L;

    private static final int SIGNIFICANT_DIGITS = 3;

    final Histogram reads = new Histogram(LONGEST_NANOS, SIGNIFICANT_DIGITS);
    final Histogram writes = new Histogram(LONGEST_NANOS, SIGNIFICANT_DIGITS);

    /** Requests that were sent again, for a unit attention or because the target was busy. */
    long repeated;

    /** Blocks that reads checked. */
    long checkedBlocks;

    /** Requests answered since the start, warm-up and reading back included; for progress. */
    private long answered;

    /** @param measured whether it counts */
    void answered(boolean read, long nanos, boolean measured) {
        answered++;
        if (measured) {
            (read ? reads : writes).recordValue(Math.min(nanos, LONGEST_NANOS));
        }
    }

    long answered() {
        return answered;
    }
}
