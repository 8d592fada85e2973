package dev.sanway.target.lun;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sanway.block.BlockFailure;
import dev.sanway.block.BlockRequest;
import dev.sanway.scsi.AdditionalSense;
import dev.sanway.scsi.Cdb;
import dev.sanway.scsi.SenseKey;
import dev.sanway.scsi.StatusCode;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

/** Each nexus hears once that unflushed writes were lost, whoever found it out. */
class UntoldLossesTest {
    private static final byte[] FLUSH = Cdb.synchronizeCache10(0, 0);

    @Nested
    class Commands {
        private final DeviceServer server = new DeviceServer();
        private boolean lost;

        /** The device says it once. */
        private void lose() {
            server.onLoop(() -> {
                lost = true;
                server.gate.fail(request -> {
                    boolean says = lost && request instanceof BlockRequest.Flush;
                    lost &= !says;
                    return says ? new BlockFailure.UnflushedWritesLost() : null;
                });
            });
        }

        private void hears(Nexus nexus) {
            server.fails(nexus, SenseKey.HARDWARE_ERROR, AdditionalSense.WRITE_ERROR, FLUSH);
        }

        private void reconnects(Nexus nexus) {
            CompletableFuture<Boolean> ended = new CompletableFuture<>();
            server.targetOf(nexus).nexusLost(nexus, 1000, ended::complete);
            assertThat(DeviceServer.get(ended)).isTrue();
            server.targetOf(nexus).nexusEstablished(nexus);
        }

        @Test
        void eachNexusHearsItOnce() {
            lose();
            hears(server.a);
            hears(server.b);
            server.good(server.a, FLUSH);
            server.good(server.b, FLUSH);
            lose();
            hears(server.b);
            hears(server.a);
            server.good(server.b, FLUSH);
            server.close();
        }

        @Test
        void aNexusThatComesBackHearsItWheneverItWasAway() {
            lose();
            hears(server.a);
            reconnects(server.b);
            hears(server.b);
            lose();
            CompletableFuture<Boolean> ended = new CompletableFuture<>();
            server.otherTarget.nexusLost(server.b, 1000, ended::complete);
            DeviceServer.get(ended);
            hears(server.a);
            server.otherTarget.nexusEstablished(server.b);
            hears(server.b);
            server.good(server.b, FLUSH);
            server.good(server.a, FLUSH);
            server.close();
        }

        @Test
        void whatReadsAndWritesDoesNotTakeItAway() {
            lose();
            hears(server.a);
            server.good(server.b, Cdb.read16(0, 1, true));
            server.good(server.b, Cdb.write16(0, 1, true), new byte[512]);
            hears(server.b);
            server.close();
        }

        @Test
        void flushesUnderWayTogetherAreOneLoss() {
            server.onLoop(() -> server.gate.hold(true));
            DeviceServer.Running first = server.start(server.a, FLUSH);
            DeviceServer.Running second = server.start(server.b, FLUSH);
            server.onLoop(() -> server.gate.failHeld(new BlockFailure.UnflushedWritesLost()));
            for (DeviceServer.Running each : List.of(first, second)) {
                DeviceServer.check(each.await(), SenseKey.HARDWARE_ERROR, AdditionalSense.WRITE_ERROR);
            }
            server.good(server.a, FLUSH);
            server.good(server.b, FLUSH);
            server.close();
        }

        @Test
        void aFlushUnderWayWhileAnotherFindsItOutTellsIt() {
            server.onLoop(() -> server.gate.hold(true));
            DeviceServer.Running second = server.start(server.b, FLUSH);
            server.onLoop(() -> server.unit.losses().lost(List.of(server.a, server.b)));
            server.onLoop(server.gate::open);
            assertThat(second.await().status()).isEqualTo(StatusCode.CHECK_CONDITION);
            server.good(server.b, FLUSH);
            hears(server.a);
            server.close();
        }
    }

    private long nanos;
    private final UntoldLosses losses = new UntoldLosses(() -> nanos);
    private final Nexus a = new Nexus("iqn.host:a", "800000000001", "iqn.test:a", 1);
    private final Nexus b = new Nexus("iqn.host:b", "800000000002", "iqn.test:a", 1);

    private void passes(long minutes) {
        nanos += TimeUnit.MINUTES.toNanos(minutes);
    }

    @Test
    void afterAStartWhoeverComesIsTold() {
        losses.established(a);
        passes(1);
        losses.lost(List.of(a));
        losses.established(b);
        assertThat(losses.take(b)).isTrue();
        assertThat(losses.take(a)).isTrue();
        passes(10);
        losses.established(new Nexus("iqn.host:new", "800000000003", "iqn.test:a", 1));
        assertThat(losses.take(new Nexus("iqn.host:new", "800000000003", "iqn.test:a", 1)))
                .isFalse();
    }

    @Test
    void whoWentLongAgoIsNotConcerned() {
        losses.established(a);
        losses.established(b);
        losses.ended(b);
        passes(11);
        losses.lost(List.of(a));
        losses.established(b);
        assertThat(losses.take(b)).isFalse();
    }

    @Test
    void whatIsRememberedIsBounded() {
        for (int i = 0; i < 3000; i++) {
            Nexus each = new Nexus("iqn.host:a", "%012x".formatted(i), "iqn.test:a", 1);
            losses.established(each);
            losses.lost(List.of(each));
            losses.ended(each);
        }
        assertThat(losses.take(new Nexus("iqn.host:a", "%012x".formatted(0), "iqn.test:a", 1)))
                .isFalse();
        assertThat(losses.take(new Nexus("iqn.host:a", "%012x".formatted(2999), "iqn.test:a", 1)))
                .isTrue();
    }
}
