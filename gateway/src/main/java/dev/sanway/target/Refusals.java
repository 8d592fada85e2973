package dev.sanway.target;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Logs why somebody was refused, with the rule that failed: the same once a minute, however often it is tried, and so many
 * different ones a minute. The rest is counted.
 */
final class Refusals {

    private static final Logger log = LoggerFactory.getLogger(Refusals.class);

    private static final int REMEMBERED = 256;
    private static final int LINES_A_MINUTE = 60;
    private static final long MINUTE_NANOS = TimeUnit.MINUTES.toNanos(1);

    private record Seen(long nanos, int times) {}

    private final TargetNews news;
    private final LongAdder all = new LongAdder();
    private final Map<String, Seen> seen = new LinkedHashMap<>() {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<String, Seen> eldest) {
            return size() > REMEMBERED;
        }
    };
    private long minuteNanos = System.nanoTime();
    private int linesThisMinute;
    private int untold;

    Refusals(TargetNews news) {
        this.news = news;
    }

    /** How many there were. */
    long count() {
        return all.sum();
    }

    /** Any thread. */
    void log(String who, String why) {
        all.increment();
        String line = told(who + ": " + why);
        if (line != null) {
            log.warn("{}", line);
            news.refused(who, why);
        }
    }

    private synchronized @Nullable String told(String line) {
        long now = System.nanoTime();
        Seen before = seen.get(line);
        if (before != null && now - before.nanos() < MINUTE_NANOS) {
            seen.put(line, new Seen(before.nanos(), before.times() + 1));
            return null;
        }
        if (now - minuteNanos >= MINUTE_NANOS) {
            if (untold > 0) {
                log.warn("{} more refusals within a minute, each for a reason or a peer of its own", untold);
            }
            minuteNanos = now;
            linesThisMinute = 0;
            untold = 0;
        }
        if (linesThisMinute == LINES_A_MINUTE) {
            untold++;
            return null;
        }
        linesThisMinute++;
        seen.remove(line);
        seen.put(line, new Seen(now, 0));
        return before != null && before.times() > 0 ? line + " (" + before.times() + " times more since)" : line;
    }
}
