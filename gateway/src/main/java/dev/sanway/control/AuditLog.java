package dev.sanway.control;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.datatype.jsr310.JavaTimeModule;
import dev.sanway.control.AccessViews.AuditView;
import dev.sanway.metadata.Journal;
import java.io.IOException;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Who changed what, or tried to: durable before the caller has the answer, the latest {@link #KEPT} entries, and one line each
 * in the log. Any thread but event loops and the control executor; blocks.
 */
final class AuditLog {

    static final int KEPT = 10_000;

    /** The name of the journal. */
    static final String JOURNAL = "audit";

    private static final Logger log = LoggerFactory.getLogger(AuditLog.class);

    private static final int MAX_DETAIL = 500;

    /** In place of a status. */
    private static final int BEGUN = 0;

    private static final ObjectMapper JSON = new ObjectMapper().registerModule(new JavaTimeModule());

    private final Journal journal;
    private final Clock clock;
    private long last;

    AuditLog(Journal journal, Clock clock) {
        this.journal = journal;
        this.clock = clock;
        this.last = journal.last().join();
    }

    /** A call whose outcome is not known yet. */
    record Begun(AuditView entry) {}

    /**
     * Notes a call that is about to have an effect; what came of it is noted with {@link #end}, unless the process ends before.
     *
     * @param type what the body is to be
     * @throws ApiRefusal if it cannot be noted: then the call must have no effect
     */
    Begun begin(String who, String from, String method, String path, String body, @Nullable Class<?> type)
            throws ApiRefusal {
        String detail = AuditDetail.of(body, type);
        Begun begun = new Begun(entry(who, from, method, path, detail, BEGUN, "begun; what came of it is not known"));
        CompletableFuture<Long> stored;
        synchronized (this) {
            begun = new Begun(begun.entry().numbered(++last));
            stored = journal.append(begun.entry().id(), bytes(begun.entry()));
        }
        try {
            stored.join();
        } catch (CompletionException e) {
            Throwable cause = e.getCause() == null ? e : e.getCause();
            throw ApiRefusal.unavailable(
                    "nothing was done, because it cannot be written into the audit log: " + cause.getMessage());
        }
        return begun;
    }

    void end(Begun begun, int status, String outcome) {
        AuditView entry = begun.entry().ended(status, plain(outcome));
        CompletableFuture<Long> stored = journal.append(entry.id(), bytes(entry));
        tell(entry);
        await(entry, stored);
    }

    /** Notes a call and what came of it. */
    void note(String who, String from, String method, String path, int status, String outcome) {
        AuditView entry = entry(who, from, method, path, "", status, plain(outcome));
        CompletableFuture<Long> stored;
        synchronized (this) {
            entry = entry.numbered(++last);
            stored = journal.append(entry.id(), bytes(entry));
        }
        tell(entry);
        await(entry, stored);
    }

    private AuditView entry(
            String who, String from, String method, String path, String detail, int status, String outcome) {
        return new AuditView(
                0, clock.instant(), plain(who), plain(from), method, plain(path), plain(detail), status, outcome);
    }

    private static void tell(AuditView entry) {
        log.info(
                "audit {}: {} from {}: {} {} {} -> {} {}",
                entry.id(),
                entry.who(),
                entry.from(),
                entry.method(),
                entry.path(),
                entry.detail(),
                entry.status(),
                entry.outcome());
    }

    private static void await(AuditView entry, CompletableFuture<Long> stored) {
        try {
            stored.join();
        } catch (CompletionException e) {
            log.error("audit {} is not stored", entry.id(), e);
        }
    }

    private static byte[] bytes(AuditView entry) {
        try {
            return JSON.writeValueAsBytes(entry);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }

    /** One line, of bounded length. */
    private static String plain(String text) {
        String line = text.replaceAll("\\p{Cntrl}+", " ");
        return line.length() > MAX_DETAIL ? line.substring(0, MAX_DETAIL) + "..." : line;
    }

    /** The latest entries after one, oldest first. */
    List<AuditView> after(long id, int atMost) {
        List<AuditView> views = new ArrayList<>();
        for (Journal.Entry entry : journal.between(id, Long.MAX_VALUE, atMost).join()) {
            try {
                views.add(JSON.readValue(entry.value(), AuditView.class));
            } catch (IOException e) {
                log.warn("audit {} is damaged", entry.id(), e);
            }
        }
        return views;
    }
}
