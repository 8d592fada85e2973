package dev.sanway.autoconfig;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Bounds how many datagrams are looked at: from one source, and in all, so that a flood costs little more than receiving it. A
 * bucket for each of the last sources fills with time. One owner.
 *
 * @param <S> what tells sources apart
 */
final class SourceLimits<S> {
    private static final int MAX_SOURCES = 1024;
    private static final long NANOS_PER_SECOND = 1_000_000_000L;

    private static final class Bucket {
        private double tokens;
        private long filledNanos;

        Bucket(double tokens, long nowNanos) {
            this.tokens = tokens;
            this.filledNanos = nowNanos;
        }

        boolean take(double perSecond, long nowNanos) {
            double more = (nowNanos - filledNanos) * perSecond / NANOS_PER_SECOND;
            tokens = Math.min(perSecond, tokens + more);
            filledNanos = nowNanos;
            if (tokens < 1) {
                return false;
            }
            tokens--;
            return true;
        }
    }

    private final double perSource;
    private final double inAll;
    private final Bucket all;
    private final Map<S, Bucket> sources = new LinkedHashMap<>(16, 0.75f, true);

    /** So many each second, and a second's worth at once. */
    SourceLimits(int perSource, int inAll, long nowNanos) {
        this.perSource = perSource;
        this.inAll = inAll;
        this.all = new Bucket(inAll, nowNanos);
    }

    /** Whether to look at a datagram from there. One that is not looked at takes nothing from the others. */
    boolean admits(S source, long nowNanos) {
        Bucket bucket = sources.get(source);
        if (bucket == null) {
            if (sources.size() >= MAX_SOURCES) {
                sources.remove(sources.keySet().iterator().next());
            }
            bucket = new Bucket(perSource, nowNanos);
            sources.put(source, bucket);
        }
        return bucket.take(perSource, nowNanos) && all.take(inAll, nowNanos);
    }
}
