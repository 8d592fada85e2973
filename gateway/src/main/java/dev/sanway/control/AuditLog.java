package dev.sanway.control;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.datatype.jsr310.JavaTimeModule;
import dev.sanway.control.AccessViews.AuditView;
import dev.sanway.metadata.Journal;
import java.io.IOException;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
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

    /** Keys whose values never leave the call. */
    private static final Set<String> SECRET = Set.of("password", "current", "secret", "mutualSecret", "token");

    /** Keys whose values are too long to repeat. */
    private static final Set<String> LONG = Set.of("text");

    private static final ObjectMapper JSON = new ObjectMapper().registerModule(new JavaTimeModule());

    private final Journal journal;
    private final Clock clock;
    private long last;

    AuditLog(Journal journal, Clock clock) {
        this.journal = journal;
        this.clock = clock;
        this.last = journal.last().join();
    }

    /** Notes a call and what came of it. */
    void note(String who, String from, String method, String path, String body, int status, String outcome) {
        AuditView entry;
        CompletableFuture<Long> stored;
        synchronized (this) {
            entry = new AuditView(
                    ++last,
                    clock.instant(),
                    plain(who),
                    plain(from),
                    method,
                    plain(path),
                    withoutSecrets(body),
                    status,
                    plain(outcome));
            stored = journal.append(entry.id(), bytes(entry));
        }
        log.info(
                "audit {}: {} from {}: {} {} {} -> {} {}",
                entry.id(),
                entry.who(),
                entry.from(),
                method,
                entry.path(),
                entry.detail(),
                status,
                entry.outcome());
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

    /** What a body says, without its secrets; of one that is no JSON only its length is told. */
    static String withoutSecrets(String body) {
        if (body.isBlank()) {
            return "";
        }
        try {
            JsonNode tree = JSON.readTree(body);
            conceal(tree);
            return plain(tree.toString());
        } catch (JsonProcessingException _) {
            return "(" + body.length() + " characters)";
        }
    }

    private static void conceal(JsonNode node) {
        if (node instanceof ObjectNode object) {
            List<String> secret = new ArrayList<>();
            for (Map.Entry<String, JsonNode> field : object.properties()) {
                if (SECRET.contains(field.getKey())) {
                    secret.add(field.getKey());
                } else if (LONG.contains(field.getKey())) {
                    field.setValue(
                            object.textNode("(" + field.getValue().asText().length() + " characters)"));
                }
            }
            secret.forEach(object::remove);
        }
        node.forEach(AuditLog::conceal);
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
