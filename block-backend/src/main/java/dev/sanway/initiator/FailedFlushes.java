package dev.sanway.initiator;

import java.util.concurrent.atomic.AtomicInteger;

/**
 * Counts the flushes of one logical unit that failed, in whichever session. A unit with one cache for all of them says once, to one
 * session, what concerns each. Any thread may call.
 */
public final class FailedFlushes {
    private final AtomicInteger count = new AtomicInteger();

    int count() {
        return count.get();
    }

    /** One more; how many there are then. */
    int add() {
        return count.incrementAndGet();
    }
}
