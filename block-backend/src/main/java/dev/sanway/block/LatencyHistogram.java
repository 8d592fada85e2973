package dev.sanway.block;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.TimeUnit;

/**
 * How long things took: counts by ranges. One thread writes, any reads; a reader may see one of several counts that belong
 * together before the other, which the next reading mends. Neither locks nor allocates.
 */
public final class LatencyHistogram {

    private static final long[] BOUNDS_NANOS = {
        micros(50),
        micros(100),
        micros(250),
        micros(500),
        micros(1_000),
        micros(2_500),
        micros(5_000),
        micros(10_000),
        micros(25_000),
        micros(50_000),
        micros(100_000),
        micros(250_000),
        micros(500_000),
        micros(1_000_000),
        micros(2_500_000),
        micros(5_000_000),
        micros(10_000_000),
        micros(20_000_000)
    };

    /** Behind the counts. */
    private static final int SUM = BOUNDS_NANOS.length + 1;

    private static final VarHandle LONGS = MethodHandles.arrayElementVarHandle(long[].class);

    /** Of each range, one more for what is longer than all, then the sum in nanoseconds. */
    private final long[] values = new long[SUM + 1];

    private static long micros(long micros) {
        return TimeUnit.MICROSECONDS.toNanos(micros);
    }

    /** What was counted: {@code counts} of each range, the last of what is longer than every bound. */
    public record Snapshot(long[] counts, long sumNanos) {
        /** Both together. */
        public Snapshot plus(Snapshot other) {
            long[] sums = counts.clone();
            for (int range = 0; range < sums.length; range++) {
                sums[range] += other.counts[range];
            }
            return new Snapshot(sums, sumNanos + other.sumNanos);
        }
    }

    /** The upper bounds of the ranges, each in its range. */
    public static long[] boundsNanos() {
        return BOUNDS_NANOS.clone();
    }

    /** Counts one. By the writing thread. */
    public void add(long nanos) {
        int range = 0;
        while (range < BOUNDS_NANOS.length && nanos > BOUNDS_NANOS[range]) {
            range++;
        }
        increase(values, range, 1);
        increase(values, SUM, nanos);
    }

    // A value of one writer: reading and writing it one after the other loses nothing.
    private static void increase(long[] values, int index, long by) {
        LONGS.setOpaque(values, index, (long) LONGS.getOpaque(values, index) + by);
    }

    /** What was counted so far. Any thread. */
    public Snapshot snapshot() {
        long[] counts = new long[SUM];
        for (int i = 0; i < SUM; i++) {
            counts[i] = (long) LONGS.getOpaque(values, i);
        }
        return new Snapshot(counts, (long) LONGS.getOpaque(values, SUM));
    }
}
