package dev.sanway.control;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sanway.metadata.Catalog;
import java.nio.file.Path;
import java.time.Clock;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PacedEventsTest {

    @TempDir
    Path state;

    @Test
    void aLunThatChangesItsMindWithoutEndIsOneEventAndAnotherLunIsAnother() throws Exception {
        try (Catalog catalog = Catalog.open(state)) {
            Events events = new Events(Clock.systemUTC(), catalog.journal(Events.JOURNAL, Events.KEPT));
            PacedEvents paced = new PacedEvents(events);
            for (int i = 0; i < 100; i++) {
                paced.warning("unit u1 LUN 1", "not used: has blocks of " + i + " bytes");
            }
            paced.warning("unit u1 LUN 2", "not used: has blocks of 7 bytes");
            assertThat(events.after(0, 0))
                    .extracting(Events.Event::subject)
                    .containsExactly("unit u1 LUN 1", "unit u1 LUN 2");
        }
    }
}
