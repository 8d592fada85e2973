package dev.sanway.initiator;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** What is said of units that misbehave, and how often they are tried. */
class MessagePaceTest {
    private static final long SECOND = TimeUnit.SECONDS.toNanos(1);

    private final MessagePace pace = new MessagePace();

    @Test
    void aCauseIsSaidOnceAMinuteAndTheRestCounted() {
        assertThat(pace.admit("StatSN 7 instead of 8", 0)).isEmpty();
        for (int i = 0; i < 59; i++) {
            assertThat(pace.admit("StatSN " + i + " instead of 9", i * SECOND)).isNull();
        }
        assertThat(pace.admit("StatSN 1 instead of 2", 60 * SECOND)).contains("59 times more");
        assertThat(pace.admit("StatSN 1 instead of 2", 61 * SECOND)).isNull();
        assertThat(pace.admit("something else", 61 * SECOND)).isEmpty();
    }

    @Test
    void causesThatAPeerMakesUpAreFewLinesAndLittleMemory() {
        int said = 0;
        for (int i = 0; i < 10_000; i++) {
            String text = "key " + (char) ('a' + i % 26) + (char) ('a' + i / 26 % 26) + " is unknown";
            said += pace.admit(text, SECOND * i / 1000) == null ? 0 : 1;
        }
        assertThat(said).isLessThanOrEqualTo(MessagePace.MAX_CAUSES + 1);
    }

    @Test
    void whoeverSaysSomethingNewAfterAMinuteIsHeard() {
        for (int i = 0; i < 20; i++) {
            pace.admit("cause " + (char) ('a' + i), 0);
        }
        assertThat(pace.admit("a new one", 61 * SECOND)).isEmpty();
    }

    @Test
    void aLoginAloneDoesNotShortenTheWait() {
        Backoff backoff = new Backoff(new Random(1));
        long waited = 0;
        for (int i = 0; i < 20; i++) {
            waited += backoff.delayMillis(50, false);
        }
        assertThat(waited).isBetween(45_000L, 80_000L);
        assertThat(backoff.delayMillis(50, false)).isBetween(3_000L, 5_000L);
        assertThat(backoff.delayMillis(50, true)).isBetween(750L, 1_250L);
        assertThat(backoff.delayMillis(Backoff.GOOD_MILLIS, true)).isBetween(75L, 125L);
    }

    @Test
    void whatNobodyAskedForHasABudgetThatFillsAgain() {
        UnaskedBudget budget = new UnaskedBudget(0);
        for (int i = 0; i < UnaskedBudget.MOST; i++) {
            assertThat(budget.spend(0)).isTrue();
        }
        assertThat(budget.spend(0)).isFalse();
        assertThat(budget.spend(SECOND)).isTrue();
    }
}
