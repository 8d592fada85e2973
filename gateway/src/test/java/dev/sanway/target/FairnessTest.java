package dev.sanway.target;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sanway.iscsi.Isid;
import dev.sanway.iscsi.Pdu;
import io.netty.buffer.Unpooled;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** One session's work leaves others their turn, on a real loop. */
class FairnessTest {

    private static final int SESSIONS = 4;
    private static final int COMMANDS = 120;

    /**
     * On memory each piece of a VERIFY ends at once, and so nothing but the way from piece to piece lets the loop look at the
     * network: {@code execute} would not for a second at a time.
     */
    @Test
    void readsAreAnsweredBetweenThePiecesOfLongCommands() throws IOException {
        try (TargetFixture target = new TargetFixture(TargetFixture.limits());
                WireInitiator reader = target.connect()) {
            reader.loginTo(TargetFixture.TARGET_A, TargetFixture.HOST_A).release();
            List<WireInitiator> verifiers = new ArrayList<>();
            try {
                for (int i = 0; i < SESSIONS; i++) {
                    verifiers.add(verifier(target, i));
                }
                int answered = 0;
                while (verifiers.stream().anyMatch(each -> each.received() < COMMANDS)) {
                    read(reader, answered++ % 1000);
                }
                assertThat(answered).as("reads while VERIFYs were under way").isGreaterThan(50);
            } finally {
                verifiers.forEach(WireInitiator::close);
            }
        }
    }

    private static WireInitiator verifier(TargetFixture target, int number) {
        WireInitiator host = target.connect();
        host.login(
                        new Isid(0x800000_000100L + number),
                        0,
                        1,
                        3,
                        true,
                        "InitiatorName=" + TargetFixture.HOST_A,
                        "TargetName=" + TargetFixture.TARGET_A,
                        "SessionType=Normal")
                .release();
        for (int i = 0; i < COMMANDS; i++) {
            // VERIFY(16) of 16 MiB
            host.send(host.command(
                    true, false, false, 0, Unpooled.EMPTY_BUFFER, 0x8f, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80, 0));
        }
        return host;
    }

    private static void read(WireInitiator host, int lba) {
        host.send(
                host.command(true, true, false, 512, Unpooled.EMPTY_BUFFER, 0x28, 0, 0, 0, lba >>> 8, lba, 0, 0, 1, 0));
        Pdu.DataIn in = host.expect(Pdu.DataIn.class);
        assertThat(in.status()).isZero();
        in.release();
    }
}
