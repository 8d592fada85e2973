package dev.sanway.autoconfig;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sanway.autoconfig.Message.Admission;
import dev.sanway.autoconfig.Message.Health;
import dev.sanway.autoconfig.UnitView.Status;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.Test;

class KeyWatchTest {
    private static final UUID UNIT = new UUID(1, 2);
    private static final InetSocketAddress AT = new InetSocketAddress(InetAddress.getLoopbackAddress(), 4000);
    private static final InetSocketAddress ELSEWHERE = new InetSocketAddress(InetAddress.getLoopbackAddress(), 4001);

    private static PoolKeys keys(int signing, int other) {
        return new PoolKeys(signing, Map.of(signing, new byte[32], other, new byte[32]));
    }

    private static UnitView view(Status status) {
        return new UnitView(UNIT, "unit1", 1, Admission.ADOPTED, "", status, null, AT, Health.GOOD, 0, 0, 1, null);
    }

    private final KeyWatch watch = new KeyWatch(keys(2, 1));

    @Test
    void aUnitThatSignsWithTheOtherKeyIsLeftBehindOnlyIfItDoesNotUnderstandTheAnswers() {
        watch.changed(view(Status.ONLINE));
        for (int i = 0; i < 20; i++) {
            assertThat(watch.signed(1, AT, null)).isEmpty();
        }
        assertThat(watch.keyIds()).containsExactly(Map.entry(UNIT, 1));
        watch.changed(view(Status.SUSPECT));
        for (int i = 0; i < 3; i++) {
            assertThat(watch.signed(1, AT, null)).as("it may be starting").isEmpty();
        }
        assertThat(watch.signed(1, AT, null)).contains(UNIT);
        assertThat(watch.note(UNIT))
                .hasValueSatisfying(note -> assertThat(note)
                        .contains("signs with pool key 1", "key 2, with which the gateway signs", "SIGHUP"));
        assertThat(watch.signed(1, AT, null)).as("told once").isEmpty();
        watch.changed(view(Status.ONLINE));
        assertThat(watch.note(UNIT)).isEmpty();
        watch.changed(view(Status.OFFLINE));
        for (int i = 0; i < 20; i++) {
            assertThat(watch.signed(2, AT, null)).as("it knows the key").isEmpty();
        }
    }

    @Test
    void whatIsNotAuthenticIsToldOnlyOfAUnitThatIsNotHeard() {
        watch.changed(view(Status.ONLINE));
        assertThat(watch.signed(3, AT, DropReason.UNKNOWN_KEY)).isEmpty();
        assertThat(watch.keyIds()).isEmpty();
        watch.changed(view(Status.OFFLINE));
        assertThat(watch.signed(3, ELSEWHERE, DropReason.UNKNOWN_KEY))
                .as("nobody's address")
                .isEmpty();
        assertThat(watch.signed(3, AT, DropReason.UNKNOWN_KEY)).contains(UNIT);
        assertThat(watch.note(UNIT))
                .hasValueSatisfying(note -> assertThat(note)
                        .contains("pool key 3", "none of that id (key 2 signs, key 1 is accepted, too)"));
        assertThat(watch.signed(2, AT, DropReason.BAD_AUTHENTICATOR)).contains(UNIT);
        assertThat(watch.note(UNIT)).hasValueSatisfying(note -> assertThat(note).contains("another pool key 2"));
        watch.use(keys(3, 2));
        assertThat(watch.note(UNIT)).as("looked at anew").isEmpty();
        watch.forgotten(UNIT);
        assertThat(watch.signed(4, AT, DropReason.UNKNOWN_KEY)).isEmpty();
    }

    @Test
    void keysAreTheSameIfTheirBytesAreAndTheSameOneSigns() {
        byte[] other = new byte[32];
        other[31] = 1;
        assertThat(keys(1, 2).same(keys(1, 2))).isTrue();
        assertThat(keys(1, 2).same(keys(2, 1))).isFalse();
        assertThat(keys(1, 2).same(new PoolKeys(1, Map.of(1, new byte[32])))).isFalse();
        assertThat(keys(1, 2).same(new PoolKeys(1, Map.of(1, new byte[32], 2, other))))
                .isFalse();
    }

    @Test
    void aCodecUsesTheKeysThatItIsGivenLast() {
        byte[] bytes = new byte[32];
        bytes[0] = 9;
        DatagramCodec codec = new DatagramCodec(keys(1, 2));
        Datagram datagram = new Datagram(
                UNIT, 1, 1, Datagram.NOBODY, 0, 0, 0, 1, 0, 1, AT, AT, MessageType.SHUTDOWN_ACK, new byte[] {(byte) 0xa0
                });
        byte[] old = codec.encode(datagram);
        assertThat(DatagramCodec.keyId(old)).isEqualTo(1);
        codec.use(new PoolKeys(5, Map.of(5, bytes, 2, new byte[32])));
        assertThat(DatagramCodec.keyId(codec.encode(datagram))).isEqualTo(5);
        assertThat(codec.decode(old)).isEqualTo(new DatagramCodec.Decoded.Dropped(DropReason.UNKNOWN_KEY));
        assertThat(codec.decode(new DatagramCodec(keys(2, 1)).encode(datagram)))
                .isInstanceOf(DatagramCodec.Decoded.Accepted.class);
    }
}
