package dev.sanway.bench;

import org.HdrHistogram.Histogram;

/**
 * What was measured.
 *
 * @param reads latencies in nanoseconds, one for each read
 * @param writes likewise
 * @param elapsedNanos that the measurement took
 * @param cpuNanos of processor time that this process used meanwhile
 * @param requestBytes of each request
 * @param repeated requests that were sent again, for a unit attention or because the target was busy, warm-up included
 * @param checkedBlocks blocks that were checked, warm-up and reading back included; 0 without verify
 */
public record LoadResult(
        Histogram reads,
        Histogram writes,
        long elapsedNanos,
        long cpuNanos,
        int requestBytes,
        long repeated,
        long checkedBlocks) {

    public long requests() {
        return reads.getTotalCount() + writes.getTotalCount();
    }

    /** Reads and writes together. */
    public Histogram all() {
        Histogram all = reads.copy();
        all.add(writes);
        return all;
    }

    public double requestsPerSecond() {
        return requests() * 1e9 / elapsedNanos;
    }

    /** In units of 10^6 bytes. */
    public double megabytesPerSecond() {
        return requestsPerSecond() * requestBytes / 1e6;
    }
}
