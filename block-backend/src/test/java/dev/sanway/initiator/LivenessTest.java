package dev.sanway.initiator;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class LivenessTest {
    // Near the end of the clock's range: instants may be compared by their difference only.
    private static final long START = Long.MAX_VALUE - TimeUnit.MILLISECONDS.toNanos(150);

    private final Liveness liveness = new Liveness(100, 30, START);

    private Liveness.Verdict checkedAfter(long millis) {
        return liveness.check(after(millis));
    }

    private static long after(long millis) {
        return START + TimeUnit.MILLISECONDS.toNanos(millis);
    }

    @Test
    void whoeverIsSilentIsAskedOnceAndThenTakenAsDead() {
        assertThat(checkedAfter(100)).isEqualTo(Liveness.Verdict.NOTHING);
        assertThat(checkedAfter(101)).isEqualTo(Liveness.Verdict.PING);
        assertThat(checkedAfter(131)).isEqualTo(Liveness.Verdict.NOTHING);
        assertThat(checkedAfter(132)).isEqualTo(Liveness.Verdict.DEAD);
    }

    @Test
    void anythingHeardIsAnAnswer() {
        assertThat(checkedAfter(101)).isEqualTo(Liveness.Verdict.PING);
        liveness.heard(after(120));
        assertThat(checkedAfter(220)).isEqualTo(Liveness.Verdict.NOTHING);
        assertThat(checkedAfter(221)).isEqualTo(Liveness.Verdict.PING);
        assertThat(checkedAfter(252)).isEqualTo(Liveness.Verdict.DEAD);
    }
}
