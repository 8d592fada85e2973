package dev.sanway.initiator;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.channel.EventLoop;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.awaitility.Awaitility;

/** What tests of sessions to a {@link ScriptedUnit} have in common: a loop for each side, and waiting for what happens there. */
final class ScriptedUnits {
    private static final MultiThreadIoEventLoopGroup GROUP = new MultiThreadIoEventLoopGroup(
            2, new DefaultThreadFactory("scripted-unit", true), NioIoHandler.newFactory());

    /** Of the sessions. */
    static final EventLoop LOOP = GROUP.next();

    /** Of the units. */
    static final EventLoop UNIT_LOOP = GROUP.next();

    private ScriptedUnits() {}

    static <T> T onLoop(EventLoop loop, Callable<T> action) throws Exception {
        return loop.submit(action).get(10, TimeUnit.SECONDS);
    }

    static <T> T onLoop(Callable<T> action) throws Exception {
        return onLoop(LOOP, action);
    }

    static void awaitOpen(RemoteLogicalUnit device) {
        Awaitility.await()
                .atMost(Duration.ofSeconds(10))
                .untilAsserted(() -> assertThat(onLoop((EventLoop) device.owner(), device::availability))
                        .isInstanceOf(RemoteLogicalUnit.Availability.Open.class));
    }

    /** LUN 0 of a session that is started by this, once it is served. */
    static RemoteLogicalUnit attach(UnitSession session) throws Exception {
        session.start();
        RemoteLogicalUnit device = onLoop(session.loop(), () -> session.logicalUnit(0, LunVerifier.ACCEPT_ALL, null));
        awaitOpen(device);
        return device;
    }

    static void stop(UnitSession session) throws Exception {
        CompletableFuture<Boolean> closed = new CompletableFuture<>();
        session.close(() -> closed.complete(true));
        assertThat(closed.get(10, TimeUnit.SECONDS)).isTrue();
    }
}
