package dev.sanway.target;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Logs why somebody was refused, with the rule that failed: the same once a minute, however often it is tried. */
final class Refusals {

    private static final Logger log = LoggerFactory.getLogger(Refusals.class);

    private static final int REMEMBERED = 256;
    private static final long SILENCE_NANOS = TimeUnit.MINUTES.toNanos(1);

    private record Seen(long nanos, int times) {}

    private final Map<String, Seen> seen = new LinkedHashMap<>() {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<String, Seen> eldest) {
            return size() > REMEMBERED;
        }
    };

    /** Any thread; rare. */
    synchronized void log(String who, String why) {
        String line = who + ": " + why;
        long now = System.nanoTime();
        Seen before = seen.get(line);
        if (before != null && now - before.nanos() < SILENCE_NANOS) {
            seen.put(line, new Seen(before.nanos(), before.times() + 1));
            return;
        }
        seen.remove(line);
        seen.put(line, new Seen(now, 0));
        if (before != null && before.times() > 0) {
            log.warn("{} ({} times more since)", line, before.times());
        } else {
            log.warn("{}", line);
        }
    }
}
