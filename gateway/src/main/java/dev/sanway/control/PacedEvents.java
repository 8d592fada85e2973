package dev.sanway.control;

import dev.sanway.initiator.MessagePace;
import java.util.HashMap;
import java.util.Map;
import java.util.function.BiConsumer;

/**
 * Events of what a unit can make happen again and again: of each subject once a minute for each cause, and how often meanwhile.
 * Confined to the control executor.
 */
final class PacedEvents {
    private final Events events;
    private final Map<String, MessagePace> paces = new HashMap<>();

    PacedEvents(Events events) {
        this.events = events;
    }

    /** Whether it was told. */
    boolean info(String subject, String text) {
        return tell(events::info, subject, text);
    }

    /** Whether it was told. */
    boolean warning(String subject, String text) {
        return tell(events::warning, subject, text);
    }

    private boolean tell(BiConsumer<String, String> how, String subject, String text) {
        String more = paces.computeIfAbsent(subject, _ -> new MessagePace()).admit(text, System.nanoTime());
        if (more != null) {
            how.accept(subject, text + more);
        }
        return more != null;
    }
}
