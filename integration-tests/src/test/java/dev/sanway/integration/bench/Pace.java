package dev.sanway.integration.bench;

import java.util.concurrent.TimeUnit;

/** What all hostile peers together may send, so that the gateway is measured and not they. Any thread. */
final class Pace {

    /** What was not used is kept for so long. */
    private static final long KEPT_NANOS = TimeUnit.MILLISECONDS.toNanos(10);

    private final double perNano;
    private double saved;
    private long lastNanos = System.nanoTime();

    Pace(int perSecond) {
        perNano = perSecond / 1e9;
    }

    /** Whether one more may be sent now. */
    synchronized boolean one() {
        long now = System.nanoTime();
        saved = Math.min(saved + (now - lastNanos) * perNano, Math.max(1, KEPT_NANOS * perNano));
        lastNanos = now;
        if (saved < 1) {
            return false;
        }
        saved--;
        return true;
    }
}
