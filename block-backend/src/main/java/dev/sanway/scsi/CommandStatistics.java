package dev.sanway.scsi;

import dev.sanway.block.LatencyHistogram;
import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReferenceArray;

/**
 * Counts of commands by what they do. One thread writes, any reads, as of {@link LatencyHistogram}; a kind costs memory only
 * once it has been seen.
 */
public final class CommandStatistics {

    private static final CommandKind[] KINDS = CommandKind.values();

    /** Of one kind: how long commands took, how much they moved, how many did not end well. */
    public record Snapshot(LatencyHistogram.Snapshot latency, long bytes, long failures) {
        /** Both together. */
        public Snapshot plus(Snapshot other) {
            return new Snapshot(latency.plus(other.latency), bytes + other.bytes, failures + other.failures);
        }
    }

    private static final class Counts {
        private final LatencyHistogram latency = new LatencyHistogram();
        private volatile long bytes;
        private volatile long failures;
    }

    private final AtomicReferenceArray<Counts> counts = new AtomicReferenceArray<>(KINDS.length);

    /**
     * Counts a command. By the writing thread.
     *
     * @param failed it ended otherwise than with status GOOD
     */
    // One writer: a plain read and an ordered write suffice.
    @SuppressWarnings("NonAtomicVolatileUpdate")
    public void completed(byte[] cdb, long latencyNanos, long bytes, boolean failed) {
        int kind = CommandKind.of(cdb).slot;
        Counts of = counts.getPlain(kind);
        if (of == null) {
            of = new Counts();
            counts.setRelease(kind, of);
        }
        of.latency.add(latencyNanos);
        if (bytes > 0) {
            of.bytes = of.bytes + bytes;
        }
        if (failed) {
            of.failures = of.failures + 1;
        }
    }

    /** What was counted so far. Any thread. */
    public Map<CommandKind, Snapshot> snapshot() {
        Map<CommandKind, Snapshot> all = new EnumMap<>(CommandKind.class);
        for (CommandKind kind : KINDS) {
            Counts of = counts.getAcquire(kind.slot);
            if (of != null) {
                all.put(kind, new Snapshot(of.latency.snapshot(), of.bytes, of.failures));
            }
        }
        return all;
    }
}
