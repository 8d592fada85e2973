package dev.sanway.initiator;

import java.util.random.RandomGenerator;

/**
 * How long to wait before the next attempt to reach a unit: twice as long with each, up to a bound, and scattered by a quarter
 * so that sessions do not come in step. A login alone proves nothing: only a session that lasted begins anew, and one that was of
 * use is waited for less. Pure; confined to one thread.
 */
final class Backoff {
    /** From so long on a session is taken for good. */
    static final long GOOD_MILLIS = 10_000;

    private static final int FIRST_DELAY_MILLIS = 100;
    private static final int MAX_DELAY_MILLIS = 4_000;

    /** After a session that carried requests out. */
    private static final int MAX_DELAY_AFTER_USE_MILLIS = 1_000;

    private final RandomGenerator random;
    private int attempts;

    Backoff(RandomGenerator random) {
        this.random = random;
    }

    /**
     * The wait after an attempt ended.
     *
     * @param lastedMillis how long it was logged in; 0: never
     * @param ofUse whether it carried a request out
     */
    long delayMillis(long lastedMillis, boolean ofUse) {
        if (lastedMillis >= GOOD_MILLIS) {
            attempts = 0;
        }
        long most = ofUse ? MAX_DELAY_AFTER_USE_MILLIS : MAX_DELAY_MILLIS;
        long delay = Math.min((long) FIRST_DELAY_MILLIS << attempts, most);
        attempts = Math.min(attempts + 1, 10);
        return delay * 3 / 4 + random.nextLong(delay / 2 + 1);
    }
}
