package dev.sanway.control;

import dev.sanway.block.LatencyHistogram;
import io.netty.channel.EventLoop;
import java.util.concurrent.TimeUnit;

/** How late an event loop comes to what is due: a timer on it that looks at the clock. */
final class LoopDelay {

    private static final long PERIOD_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

    private final LatencyHistogram histogram = new LatencyHistogram();
    private long dueNanos;

    /** Watches until the loop ends. */
    LoopDelay(EventLoop loop) {
        dueNanos = System.nanoTime() + PERIOD_NANOS;
        loop.scheduleWithFixedDelay(this::tick, PERIOD_NANOS, PERIOD_NANOS, TimeUnit.NANOSECONDS);
    }

    private void tick() {
        long now = System.nanoTime();
        histogram.add(Math.max(0, now - dueNanos));
        dueNanos = now + PERIOD_NANOS;
    }

    LatencyHistogram.Snapshot snapshot() {
        return histogram.snapshot();
    }
}
