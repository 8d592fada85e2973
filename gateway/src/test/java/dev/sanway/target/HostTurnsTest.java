package dev.sanway.target;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.channel.DefaultEventLoop;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Between two turns of a host everybody else is let in, and its connections take turns. */
class HostTurnsTest {

    private final DefaultEventLoop loop = new DefaultEventLoop();
    private final HostTurns turns = new HostTurns(loop);
    private final List<String> order = new ArrayList<>();

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
        onLoop(() -> {});
        onLoop(() -> {});
        assertThat(order.indexOf("other")).isLessThanOrEqualTo(200);
    }

    @Test
    void connectionsOfOneHostTakeTurns() {
        onLoop(() -> {
            new Connection("a", 10_000).goOn();
            new Connection("b", 300).goOn();
        });
        for (int i = 0; i < 20; i++) {
            onLoop(() -> {});
        }
        assertThat(order.lastIndexOf("b"))
                .as("where the last of b's stands")
                .isPositive()
                .isLessThan(1000);
    }

    @Test
    void dearWorkUsesTurnsUpInAdvance() {
        onLoop(() -> assertThat(turns.spendMore(64 * 3)).isFalse());
        List<Integer> tasks = new ArrayList<>();
        onLoop(() -> {
            turns.await(() -> order.add("turn"));
            loop.execute(() -> tasks.add(order.size()));
        });
        onLoop(() -> tasks.add(order.size()));
        onLoop(() -> {});
        onLoop(() -> {});
        onLoop(() -> {});
        assertThat(tasks).as("turns that had come by then").containsExactly(0, 0);
        assertThat(order).containsExactly("turn");
    }
}
