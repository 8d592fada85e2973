package dev.sanway.block;

import io.netty.util.concurrent.EventExecutor;
import io.netty.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Counts the time that this process lived through, for waits for others: a process that was stopped, or whose machine was suspended,
 * finds what came meanwhile still unread, and may not take its own sleep for the silence of others.
 *
 * <p>A thread looks at the clock several times a second. Whoever sees that it has not for {@link #SLEEP_NANOS}, be it that thread or
 * a caller of {@link #now}, knows that nobody here was awake meanwhile. Shorter sleeps count as time.
 */
public final class AwakeClock {
    /** A thread of a machine that is very busy may be as late as that. */
    static final long SLEEP_NANOS = TimeUnit.SECONDS.toNanos(3);

    private static final long LOOK_MILLIS = 200;

    /** Both together, so that a reader never sees the one without the other. */
    private record Seen(long nanos, long sleptNanos) {}

    private final LongSupplier ticker;
    private volatile Seen seen;

    AwakeClock(LongSupplier ticker) {
        this.ticker = ticker;
        this.seen = new Seen(ticker.getAsLong(), 0);
    }

    /** The process's own. */
    private static final class Own {
        static final AwakeClock CLOCK = new AwakeClock(System::nanoTime);

        static {
            Thread.ofPlatform().name("sanway-awake").daemon().start(() -> {
                while (true) {
                    CLOCK.look();
                    try {
                        Thread.sleep(LOOK_MILLIS);
                    } catch (InterruptedException _) {
                        Thread.currentThread().interrupt();
                        return;
                    }
                }
            });
        }
    }

    /** As {@link System#nanoTime}, without the process's sleeps; the two are not to be mixed. Any thread. */
    public static long nanoTime() {
        return Own.CLOCK.now();
    }

    /**
     * Runs {@code action} on {@code loop} when so much time has passed, sleeps not counted.
     *
     * @return to be cancelled on the loop
     */
    public static Timer schedule(EventExecutor loop, long millis, Runnable action) {
        Timer timer = new Timer(loop, nanoTime() + TimeUnit.MILLISECONDS.toNanos(millis), action);
        timer.wind();
        return timer;
    }

    /** See {@link #schedule}; used on its loop. */
    public static final class Timer {
        private final EventExecutor loop;
        private final long dueNanos;
        private final Runnable action;
        private @Nullable Future<?> future;

        private Timer(EventExecutor loop, long dueNanos, Runnable action) {
            this.loop = loop;
            this.dueNanos = dueNanos;
            this.action = action;
        }

        private void wind() {
            future = loop.schedule(this::rung, Math.max(0, dueNanos - nanoTime()), TimeUnit.NANOSECONDS);
        }

        private void rung() {
            if (nanoTime() - dueNanos < 0) {
                wind(); // the loop's own time went on while everybody slept
            } else {
                action.run();
            }
        }

        public void cancel() {
            Future<?> waiting = future;
            if (waiting != null) {
                waiting.cancel(false);
            }
        }
    }

    long now() {
        while (true) {
            Seen last = seen;
            long nanos = ticker.getAsLong();
            if (nanos - last.nanos <= SLEEP_NANOS) {
                return nanos - last.sleptNanos;
            }
            look();
        }
    }

    /** Looks at the clock; a sleep ends for everybody when the first one looks. */
    synchronized void look() {
        Seen last = seen;
        long nanos = ticker.getAsLong();
        long passed = nanos - last.nanos;
        seen = new Seen(nanos, last.sleptNanos + (passed > SLEEP_NANOS ? passed : 0));
    }
}
