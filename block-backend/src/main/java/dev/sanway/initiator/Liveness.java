package dev.sanway.initiator;

import java.util.concurrent.TimeUnit;

/**
 * Whether the other side of a connection lives: one that was silent for an interval is asked, and is taken as dead if nothing at all
 * comes before a time-out. Pure; instants are those of {@link dev.sanway.block.AwakeClock#nanoTime}.
 */
final class Liveness {

    /** What is to be done. */
    enum Verdict {
        NOTHING,
        PING,
        DEAD
    }

    private final long intervalNanos;
    private final long timeoutNanos;
    private long heardNanos;
    private long askedNanos;
    private boolean asked;

    Liveness(long intervalMillis, long timeoutMillis, long nowNanos) {
        this.intervalNanos = TimeUnit.MILLISECONDS.toNanos(intervalMillis);
        this.timeoutNanos = TimeUnit.MILLISECONDS.toNanos(timeoutMillis);
        this.heardNanos = nowNanos;
    }

    /** Something came, whatever it was. */
    void heard(long nowNanos) {
        heardNanos = nowNanos;
        asked = false;
    }

    /** To be called now and then; whoever is told to ping does so. */
    Verdict check(long nowNanos) {
        if (asked) {
            return nowNanos - askedNanos > timeoutNanos ? Verdict.DEAD : Verdict.NOTHING;
        }
        if (nowNanos - heardNanos <= intervalNanos) {
            return Verdict.NOTHING;
        }
        asked = true;
        askedNanos = nowNanos;
        return Verdict.PING;
    }
}
