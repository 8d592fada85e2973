package dev.sanway.volume;

import java.util.concurrent.atomic.AtomicInteger;

/** How fast partitions are copied: so many bytes a second together. Any thread. */
public final class MovePace {
    private final AtomicInteger running = new AtomicInteger();
    private volatile long bytesPerSecond;

    public MovePace(long bytesPerSecond) {
        this.bytesPerSecond = bytesPerSecond;
    }

    public void limitTo(long newBytesPerSecond) {
        bytesPerSecond = newBytesPerSecond;
    }

    void began() {
        running.incrementAndGet();
    }

    void ended() {
        running.decrementAndGet();
    }

    /** How long one copy has to make of so many bytes, in nanoseconds. */
    long nanosFor(long bytes) {
        double share = (double) bytesPerSecond / Math.max(1, running.get());
        return (long) (bytes / share * 1e9);
    }
}
