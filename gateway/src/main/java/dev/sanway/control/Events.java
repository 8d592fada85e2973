package dev.sanway.control;

import java.time.Clock;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What happened, for operators: each event goes to the log, and the latest are kept for the API. Any thread may call. */
public final class Events {

    private static final Logger log = LoggerFactory.getLogger(Events.class);

    private static final int KEPT = 1000;

    /** How grave it is. */
    public enum Severity {
        info,
        warning
    }

    /**
     * Something that happened.
     *
     * @param id grows by one with each since the gateway started
     * @param subject what it is about, such as {@code volume web1/data}
     */
    public record Event(long id, Instant at, Severity severity, String subject, String text) {}

    private final Clock clock;
    private final ArrayDeque<Event> kept = new ArrayDeque<>();
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition more = lock.newCondition();
    private long last;

    Events(Clock clock) {
        this.clock = clock;
    }

    void info(String subject, String text) {
        log.info("{}: {}", subject, text);
        add(Severity.info, subject, text);
    }

    void warning(String subject, String text) {
        log.warn("{}: {}", subject, text);
        add(Severity.warning, subject, text);
    }

    private void add(Severity severity, String subject, String text) {
        lock.lock();
        try {
            kept.addLast(new Event(++last, clock.instant(), severity, subject, text));
            if (kept.size() > KEPT) {
                kept.removeFirst();
            }
            more.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /**
     * The events after one, oldest first. Blocks while there are none.
     *
     * @param waitMillis at most so long; 0: does not block
     */
    List<Event> after(long id, long waitMillis) throws InterruptedException {
        lock.lock();
        try {
            long left = TimeUnit.MILLISECONDS.toNanos(waitMillis);
            while (last <= id && left > 0) {
                left = more.awaitNanos(left);
            }
            List<Event> found = new ArrayList<>();
            for (Event event : kept) {
                if (event.id() > id) {
                    found.add(event);
                }
            }
            return found;
        } finally {
            lock.unlock();
        }
    }
}
