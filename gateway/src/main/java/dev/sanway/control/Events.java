package dev.sanway.control;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.sanway.metadata.Journal;
import java.io.IOException;
import java.time.Clock;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What happened, for operators: each event goes to the log, and the latest are kept for the API, those of earlier runs of the
 * gateway among them. Any thread may call.
 */
public final class Events {

    private static final Logger log = LoggerFactory.getLogger(Events.class);

    static final int KEPT = 1000;

    /** The name of the journal. */
    static final String JOURNAL = "event";

    private static final ObjectMapper JSON = new ObjectMapper();

    /** How grave it is. */
    public enum Severity {
        info,
        warning
    }

    /**
     * Something that happened.
     *
     * @param id grows by one with each
     * @param subject what it is about, such as {@code volume web1/data}
     */
    public record Event(long id, Instant at, Severity severity, String subject, String text) {}

    /** An event as the journal has it. */
    private record Written(String at, Severity severity, String subject, String text) {}

    private final Clock clock;
    private final Journal journal;
    private final ArrayDeque<Event> kept = new ArrayDeque<>();
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition more = lock.newCondition();
    private long last;

    Events(Clock clock, Journal journal) {
        this.clock = clock;
        this.journal = journal;
        this.last = journal.last().join();
    }

    void info(String subject, String text) {
        log.info("{}: {}", subject, text);
        add(Severity.info, subject, text);
    }

    /** As {@link #warning}, of what stands in the log already. */
    void noted(String subject, String text) {
        add(Severity.warning, subject, text);
    }

    void warning(String subject, String text) {
        log.warn("{}: {}", subject, text);
        add(Severity.warning, subject, text);
    }

    private void add(Severity severity, String subject, String text) {
        lock.lock();
        try {
            Event event = new Event(++last, clock.instant(), severity, subject, text);
            kept.addLast(event);
            CompletableFuture<Long> _ = journal.append(event.id(), bytes(event)).exceptionally(failure -> {
                log.debug("event {} is not stored", event.id(), failure);
                return 0L;
            });
            if (kept.size() > KEPT) {
                kept.removeFirst();
            }
            more.signalAll();
        } finally {
            lock.unlock();
        }
    }

    private static byte[] bytes(Event event) {
        try {
            return JSON.writeValueAsBytes(
                    new Written(event.at().toString(), event.severity(), event.subject(), event.text()));
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Those that are no longer, or not, in memory. */
    private List<Event> earlier(long after, long before) {
        List<Event> found = new ArrayList<>();
        for (Journal.Entry entry : journal.between(after, before, KEPT).join()) {
            try {
                Written written = JSON.readValue(entry.value(), Written.class);
                found.add(new Event(
                        entry.id(),
                        Instant.parse(written.at()),
                        written.severity(),
                        written.subject(),
                        written.text()));
            } catch (IOException | DateTimeParseException e) {
                log.warn("event {} is damaged", entry.id(), e);
            }
        }
        return found;
    }

    /**
     * The events after one, oldest first. Blocks while there are none.
     *
     * @param waitMillis at most so long; 0: does not block
     */
    List<Event> after(long id, long waitMillis) throws InterruptedException {
        List<Event> found = new ArrayList<>();
        long firstHere;
        lock.lock();
        try {
            long left = TimeUnit.MILLISECONDS.toNanos(waitMillis);
            while (last <= id && left > 0) {
                left = more.awaitNanos(left);
            }
            firstHere = kept.isEmpty() ? last + 1 : kept.getFirst().id();
            for (Event event : kept) {
                if (event.id() > id) {
                    found.add(event);
                }
            }
        } finally {
            lock.unlock();
        }
        if (id + 1 < firstHere) {
            found.addAll(0, earlier(Math.max(id, firstHere - 1 + found.size() - KEPT), firstHere));
        }
        return found;
    }
}
