package dev.sanway.initiator;

import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Lets a message through once a minute for each cause and counts those that it holds back, so that whoever can make us say
 * something cannot make us say it without end. Texts that differ in numbers only are one cause; of more than
 * {@value #MAX_CAUSES} causes in a minute the rest share one. Pure; instants are those of {@link System#nanoTime}. Confined to
 * one thread.
 */
public final class MessagePace {
    static final int MAX_CAUSES = 8;

    private static final long INTERVAL_NANOS = 60_000_000_000L;
    private static final int MAX_CAUSE_LENGTH = 100;

    private static final class Cause {
        private final long saidNanos;
        private long heldBack;

        Cause(long saidNanos) {
            this.saidNanos = saidNanos;
        }
    }

    private final Map<String, Cause> causes = new LinkedHashMap<>();

    /**
     * Whether a message may be said.
     *
     * @param text that it is about
     * @return what is to be added to it: nothing, or how many were held back since the last; null: not to be said now
     */
    public @Nullable String admit(String text, long nowNanos) {
        String key =
                text.substring(0, Math.min(text.length(), MAX_CAUSE_LENGTH)).replaceAll("[0-9]+", "#");
        if (!causes.containsKey(key) && causes.size() >= MAX_CAUSES) {
            // Those that held something back stay until they have told of it.
            causes.values().removeIf(cause -> cause.heldBack == 0 && nowNanos - cause.saidNanos >= INTERVAL_NANOS);
            key = causes.size() >= MAX_CAUSES ? "" : key;
        }
        Cause last = causes.get(key);
        if (last != null && nowNanos - last.saidNanos < INTERVAL_NANOS) {
            last.heldBack++;
            return null;
        }
        causes.put(key, new Cause(nowNanos));
        return last == null || last.heldBack == 0 ? "" : " (" + last.heldBack + " times more since this was said last)";
    }
}
