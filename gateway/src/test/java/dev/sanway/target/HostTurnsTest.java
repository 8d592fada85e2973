package dev.sanway.target;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.channel.DefaultEventLoop;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Between two turns of a host everybody else is let in, and its connections take turns. */
class HostTurnsTest {

    private final DefaultEventLoop loop = new DefaultEventLoop();
    private final HostTurns turns = new HostTurns(loop);
    private final List<String> order = Collections.synchronizedList(new ArrayList<>());

    @AfterEach
    void stop() {
        loop.shutdownGracefully(0, 1, TimeUnit.SECONDS);
    }

    /** A connection with so many PDUs parked. */
    private final class Connection {
        private final String name;
        private int parked;

        Connection(String name, int parked) {
            this.name = name;
            this.parked = parked;
        }

        void goOn() {
            while (parked > 0) {
                parked--;
                order.add(name);
                if (!turns.spend(0)) {
                    turns.await(this::goOn);
                    return;
                }
            }
        }
    }

    private void onLoop(Runnable action) {
        loop.submit(action).syncUninterruptibly();
    }

    @Test
    void othersComeInBetweenTwoTurns() {
        onLoop(() -> {
            new Connection("busy", 1000).goOn();
            loop.execute(() -> order.add("other"));
        });
        Awaitility.await().until(() -> order.size() == 1001);
        assertThat(order.indexOf("other")).isLessThanOrEqualTo(3 * HostTurns.TURN);
    }

    @Test
    void connectionsOfOneHostTakeTurns() {
        onLoop(() -> {
            new Connection("a", 10_000).goOn();
            new Connection("b", 300).goOn();
        });
        Awaitility.await().until(() -> order.size() == 10_300);
        assertThat(order.lastIndexOf("b"))
                .as("where the last of b's stands")
                .isPositive()
                .isLessThan(1000);
    }

    @Test
    void dearWorkUsesTurnsUpInAdvance() {
        HostTurns others = new HostTurns(loop);
        onLoop(() -> {
            assertThat(turns.spendMore(HostTurns.TURN * 3)).isFalse();
            turns.await(() -> order.add("dear"));
            others.await(() -> {
                order.add("first");
                others.await(() -> order.add("second"));
            });
        });
        Awaitility.await().until(() -> order.size() == 3);
        assertThat(order).containsExactly("first", "second", "dear");
    }
}
