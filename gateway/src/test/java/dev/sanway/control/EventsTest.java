package dev.sanway.control;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sanway.metadata.Catalog;
import java.nio.file.Path;
import java.time.Clock;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EventsTest {

    @TempDir
    Path state;

    private static Events events(Catalog catalog) {
        return new Events(Clock.systemUTC(), catalog.journal(Events.JOURNAL, Events.KEPT));
    }

    @Test
    void eventsSurviveARestartAndTheirNumbersGoOn() throws Exception {
        List<Events.Event> before;
        try (Catalog catalog = Catalog.open(state)) {
            Events events = events(catalog);
            events.info("volume web1/data", "wiped");
            events.warning("unit unit1", "away");
            before = events.after(0, 0);
            assertThat(before).extracting(Events.Event::id).containsExactly(1L, 2L);
        }
        try (Catalog catalog = Catalog.open(state)) {
            Events events = events(catalog);
            assertThat(events.after(0, 0)).isEqualTo(before);
            events.info("volume web1/data", "grown");
            assertThat(events.after(0, 0)).extracting(Events.Event::id).containsExactly(1L, 2L, 3L);
            assertThat(events.after(1, 0)).extracting(Events.Event::text).containsExactly("away", "grown");
            assertThat(events.after(2, 0)).extracting(Events.Event::text).containsExactly("grown");
            assertThat(events.after(3, 0)).isEmpty();
        }
    }

    @Test
    void theLatestOfAllRunsAreKept() throws Exception {
        try (Catalog catalog = Catalog.open(state)) {
            Events events = events(catalog);
            for (int i = 0; i < Events.KEPT; i++) {
                events.info("volume web1/data", "first run " + i);
            }
        }
        try (Catalog catalog = Catalog.open(state)) {
            Events events = events(catalog);
            for (int i = 0; i < 10; i++) {
                events.info("volume web1/data", "second run " + i);
            }
            List<Events.Event> all = events.after(0, 0);
            assertThat(all).hasSize(Events.KEPT);
            assertThat(all.getFirst().id()).isEqualTo(11);
            assertThat(all.getLast().text()).isEqualTo("second run 9");
            for (int i = 1; i < all.size(); i++) {
                assertThat(all.get(i).id()).isEqualTo(all.get(i - 1).id() + 1);
            }
        }
    }
}
