package dev.sanway.control;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * For each key a bucket of attempts that fills again with time. What was not heard of for long is forgotten first, so that
 * memory is bounded. Not for several threads at once.
 */
final class Buckets {

    private static final int MAX_REMEMBERED = 10_000;

    /** When each will be full again, by the clock: more attempts than fit push it too far ahead. */
    private final Map<String, Long> full = new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<String, Long> eldest) {
            return size() > MAX_REMEMBERED;
        }
    };

    private final int size;
    private final long refillNanos;

    /** @param refillSeconds how long an attempt takes to come back */
    Buckets(int size, int refillSeconds) {
        this.size = size;
        this.refillNanos = TimeUnit.SECONDS.toNanos(refillSeconds);
    }

    /** 0 and one attempt less, or how long to wait for one. */
    long takeNanos(String key, long now) {
        long fullAt = Math.max(full.getOrDefault(key, now), now) + refillNanos;
        long wait = Math.max(0, fullAt - now - size * refillNanos);
        if (wait == 0) {
            full.put(key, fullAt);
        }
        return wait;
    }

    /** How long to wait for an attempt; takes none. */
    long waitNanos(String key, long now) {
        return Math.max(0, Math.max(full.getOrDefault(key, now), now) + refillNanos - now - size * refillNanos);
    }

    /** Its bucket is full again. */
    void forget(String key) {
        full.remove(key);
    }
}
