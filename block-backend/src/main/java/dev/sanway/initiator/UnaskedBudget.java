package dev.sanway.initiator;

/**
 * How much a unit may send that nobody asked for: pings, asynchronous messages, answers to nothing. Each is cheap, and a flood
 * of them would take a loop's time from other units. A unit at work sends a handful in a minute. Pure; instants are those of
 * {@link dev.sanway.block.AwakeClock#nanoTime}.
 */
final class UnaskedBudget {
    /** At once. */
    static final int MOST = 256;

    private static final long NANOS_EACH = 1_000_000_000L / 64;

    private long spentUntilNanos;

    UnaskedBudget(long nowNanos) {
        spentUntilNanos = nowNanos;
    }

    /** Takes one more; false: too many came. */
    boolean spend(long nowNanos) {
        if (spentUntilNanos - nowNanos < 0) {
            spentUntilNanos = nowNanos;
        }
        spentUntilNanos += NANOS_EACH;
        return spentUntilNanos - nowNanos <= MOST * NANOS_EACH;
    }
}
