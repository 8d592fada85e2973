package dev.sanway.block;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class AwakeClockTest {
    private long nanos = Long.MAX_VALUE - TimeUnit.SECONDS.toNanos(10); // overflows, as it may
    private final AwakeClock clock = new AwakeClock(() -> nanos);

    private void passes(long millis) {
        nanos += TimeUnit.MILLISECONDS.toNanos(millis);
    }

    private long since(long start) {
        return TimeUnit.NANOSECONDS.toMillis(clock.now() - start);
    }

    @Test
    void timeThatIsLookedAtCounts() {
        long start = clock.now();
        for (int i = 0; i < 100; i++) {
            passes(200);
            clock.look();
        }
        passes(100);
        assertThat(since(start)).isEqualTo(20_100);
    }

    @Test
    void aSleepDoesNotCountWhoeverWakesFirst() {
        long start = clock.now();
        passes(100);
        clock.look();
        passes(60_000);
        assertThat(since(start)).as("a caller").isEqualTo(100);
        passes(1_000);
        assertThat(since(start)).isEqualTo(1_100);
        clock.look();
        passes(60_000);
        clock.look();
        assertThat(since(start)).as("the thread").isEqualTo(1_100);
    }

    @Test
    void aShortHaltCounts() {
        long start = clock.now();
        passes(2_900);
        assertThat(since(start)).isEqualTo(2_900);
    }

    @Test
    void theProcessHasOne() {
        long start = AwakeClock.nanoTime();
        assertThat(AwakeClock.nanoTime() - start).isNotNegative().isLessThan(AwakeClock.SLEEP_NANOS);
    }
}
