package dev.sanway.initiator;

import io.netty.channel.EventLoop;
import java.util.concurrent.TimeUnit;

/** Tells that there is news, at once, but once in a second however often there is some. Confined to the loop. */
final class PacedNews {
    private static final int PACE_MILLIS = 1_000;

    private final EventLoop loop;
    private final Runnable listener;
    private boolean due;
    private long toldNanos = System.nanoTime() - PACE_MILLIS * 1_000_000L;

    PacedNews(EventLoop loop, Runnable listener) {
        this.loop = loop;
        this.listener = listener;
    }

    void tell() {
        if (due) {
            return;
        }
        due = true;
        long wait = PACE_MILLIS - (System.nanoTime() - toldNanos) / 1_000_000L;
        loop.schedule(
                () -> {
                    due = false;
                    toldNanos = System.nanoTime();
                    listener.run();
                },
                Math.max(0, wait),
                TimeUnit.MILLISECONDS);
    }
}
