package dev.sanway.bench;

import static dev.sanway.bench.TargetEnd.TAG;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sanway.iscsi.NegotiationWishes;
import dev.sanway.iscsi.Pdu;
import dev.sanway.scsi.AdditionalSense;
import dev.sanway.scsi.SenseData;
import dev.sanway.scsi.SenseKey;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LoadConnectionTest {

    private static final long READ_10 = 0x28L << 56;
    private static final long WRITE_10 = 0x2AL << 56;

    /** A careful target: nothing unasked, small segments, as tgtd. */
    private static NegotiationWishes careful() {
        NegotiationWishes usual = NegotiationWishes.target();
        return new NegotiationWishes(
                usual.headerDigests(),
                usual.dataDigests(),
                8192,
                true,
                true,
                65536,
                16384,
                0,
                0,
                1,
                usual.taskReporting(),
                1);
    }

    private static List<Pdu> sent(TargetEnd target) {
        target.connection.flush();
        List<Pdu> all = new ArrayList<>();
        for (Pdu pdu = target.next(); pdu != null; pdu = target.next()) {
            all.add(pdu);
        }
        all.forEach(Pdu::release);
        return all;
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aReadIsOneHeaderAndItsDataComeBack(boolean digests) {
        try (TargetEnd target = new TargetEnd(NegotiationWishes.target(), digests)) {
            target.connection.command(TAG, 1L << 48, READ_10 | 0x1234_5678L << 16, 8L << 56, 4096, 0);
            Pdu.ScsiCommandPdu command =
                    (Pdu.ScsiCommandPdu) Objects.requireNonNull(sent(target).getFirst());
            assertThat(command.read()).isTrue();
            assertThat(command.write()).isFalse();
            assertThat(command.isFinal()).isTrue();
            assertThat(command.lun()).isEqualTo(1L << 48);
            assertThat(command.initiatorTaskTag()).isEqualTo(TAG);
            assertThat(command.expectedDataTransferLength()).isEqualTo(4096);
            assertThat(command.cmdSn()).isEqualTo(1);
            assertThat(command.expStatSn()).isEqualTo(target.statSn);
            assertThat(command.cdb()).startsWith(0x28, 0, 0x12, 0x34, 0x56, 0x78, 0, 0, 8, 0);

            target.send(dataIn(target, TAG, 0, 4096, true));
            assertThat(target.told).containsExactly("logged in", "data 3 0 4096", "answered 3 0");
        }
    }

    private static Pdu dataIn(TargetEnd target, int tag, int offset, int length, boolean withStatus) {
        ByteBuf data = Unpooled.buffer(length).writeZero(length);
        return new Pdu.DataIn(
                true,
                false,
                Pdu.ResidualKind.NONE,
                withStatus,
                0,
                0,
                tag,
                Pdu.NO_TAG,
                withStatus ? target.statSn++ : 0,
                target.expCmdSn,
                target.maxCmdSn,
                0,
                offset,
                0,
                data);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void dataGoOutAsTheTargetTakesThem(boolean digests) {
        try (TargetEnd target = new TargetEnd(careful(), digests)) {
            target.connection.command(TAG, 0, WRITE_10, 0, 0, 65536);
            List<Pdu> first = sent(target);
            assertThat(first).hasSize(1);
            Pdu.ScsiCommandPdu command = (Pdu.ScsiCommandPdu) first.getFirst();
            assertThat(command.isFinal()).as("the rest has to be asked for").isTrue();
            assertThat(command.data().capacity()).isPositive();

            target.send(r2t(target, TAG, 8192, 20_000));
            List<Pdu> asked = sent(target);
            assertThat(asked).hasSize(3).allSatisfy(pdu -> {
                assertThat(pdu).isInstanceOf(Pdu.DataOut.class);
                assertThat(((Pdu.DataOut) pdu).targetTransferTag()).isEqualTo(77);
            });
            Pdu.DataOut last = (Pdu.DataOut) asked.getLast();
            assertThat(last.isFinal()).isTrue();
            assertThat(last.bufferOffset()).isEqualTo(8192 + 16384);
            assertThat(last.dataSn()).isEqualTo(2);
            assertThat(((Pdu.DataOut) asked.getFirst()).isFinal()).isFalse();
        }
    }

    private static Pdu r2t(TargetEnd target, int tag, int offset, int length) {
        return new Pdu.ReadyToTransfer(0, tag, 77, target.statSn, target.expCmdSn, target.maxCmdSn, 0, offset, length);
    }

    @Test
    void unsolicitedDataFollowTheCommand() {
        try (TargetEnd target = new TargetEnd(NegotiationWishes.target(), false)) {
            target.connection.command(TAG, 0, WRITE_10, 0, 0, 1 << 20);
            List<Pdu> all = sent(target);
            Pdu.ScsiCommandPdu command = (Pdu.ScsiCommandPdu) all.getFirst();
            assertThat(command.expectedDataTransferLength()).isEqualTo(1 << 20);
            assertThat(command.isFinal())
                    .as("nothing follows: one segment holds the first burst")
                    .isTrue();
            assertThat(all).hasSize(1);
        }
    }

    @Test
    void theCommandWindowIsKept() {
        try (TargetEnd target = new TargetEnd(NegotiationWishes.target(), false)) {
            for (int tag = 0; tag < 8; tag++) {
                assertThat(target.connection.canSend()).isTrue();
                target.connection.command(tag, 0, READ_10, 0, 512, 0);
            }
            assertThat(target.connection.canSend()).isFalse();
            target.maxCmdSn = 9;
            target.send(dataIn(target, TAG, 0, 512, true));
            assertThat(target.connection.canSend()).isTrue();
        }
    }

    @Test
    void senseDataReachTheOwner() {
        try (TargetEnd target = new TargetEnd(NegotiationWishes.target(), false)) {
            byte[] sense = SenseData.of(SenseKey.UNIT_ATTENTION, AdditionalSense.POWER_ON_RESET_OR_BUS_RESET)
                    .encode(false);
            ByteBuf data = Unpooled.buffer().writeShort(sense.length).writeBytes(sense);
            target.send(response(target, TAG, 0, 2, data));
            assertThat(target.told).containsExactly("logged in", "answered 3 2 UNIT_ATTENTION");
        }
    }

    private static Pdu response(TargetEnd target, int tag, int response, int status, ByteBuf data) {
        return new Pdu.ScsiResponsePdu(
                Pdu.ResidualKind.NONE,
                Pdu.ResidualKind.NONE,
                response,
                status,
                tag,
                0,
                target.statSn++,
                target.expCmdSn,
                target.maxCmdSn,
                0,
                0,
                0,
                data);
    }

    @Test
    void pingsAreAnswered() {
        try (TargetEnd target = new TargetEnd(NegotiationWishes.target(), false)) {
            target.send(new Pdu.NopIn(
                    0, Pdu.NO_TAG, 55, target.statSn, target.expCmdSn, target.maxCmdSn, Unpooled.EMPTY_BUFFER));
            assertThat(sent(target))
                    .singleElement()
                    .satisfies(pdu ->
                            assertThat(((Pdu.NopOut) pdu).targetTransferTag()).isEqualTo(55));
        }
    }

    @Test
    void logoutIsAnsweredAndIsTheEnd() {
        try (TargetEnd target = new TargetEnd(NegotiationWishes.target(), false)) {
            target.connection.logout();
            assertThat(sent(target)).singleElement().isInstanceOf(Pdu.LogoutRequest.class);
            assertThat(target.connection.canSend()).isFalse();
            target.send(new Pdu.LogoutResponse(0, 0, target.statSn++, 1, 8, 0, 0));
            assertThat(target.told).containsExactly("logged in", "ended: logged out");
            assertThat(target.channel.isOpen()).isFalse();
        }
    }

    @Test
    void whatATargetMustNotDoEndsTheConnection() {
        List<java.util.function.Function<TargetEnd, Pdu>> wrongs = List.of(
                target -> dataIn(target, 9, 0, 512, true),
                target -> r2t(target, 9, 0, 512),
                target -> r2t(target, TAG, 0, 0),
                target -> r2t(target, TAG, 1 << 20, 512),
                target -> r2t(target, TAG, -4, 512),
                target -> r2t(target, TAG, 512, -4),
                target -> response(target, TAG, 1, 0, Unpooled.EMPTY_BUFFER),
                target -> new Pdu.Reject(
                        4, target.statSn++, 1, 8, 0, Unpooled.buffer(48).writeZero(48)),
                target -> new Pdu.AsyncMessage(0, target.statSn++, 1, 8, 1, 0, 0, 0, 0, Unpooled.EMPTY_BUFFER),
                target -> new Pdu.TaskManagementResponse(0, 1, target.statSn++, 1, 8),
                target -> new Pdu.LoginResponse(
                        true,
                        false,
                        1,
                        3,
                        0,
                        0,
                        new dev.sanway.iscsi.Isid(1),
                        7,
                        1,
                        1,
                        1,
                        8,
                        0,
                        0,
                        Unpooled.EMPTY_BUFFER));
        for (java.util.function.Function<TargetEnd, Pdu> wrong : wrongs) {
            try (TargetEnd target = new TargetEnd(NegotiationWishes.target(), false)) {
                Pdu pdu = wrong.apply(target);
                String what = pdu.toString();
                // What comes behind it is not heard any more.
                target.send(pdu, dataIn(target, TAG, 0, 512, true));
                assertThat(target.told.getLast()).as(what).startsWith("ended: the target ");
                assertThat(target.told).as(what).doesNotContain("answered 3 0");
                assertThat(target.channel.isOpen()).isFalse();
            }
        }
    }

    @Test
    void aWrongDigestEndsTheConnection() {
        try (TargetEnd target = new TargetEnd(NegotiationWishes.target(), true)) {
            target.sendBytes(Unpooled.buffer(52).writeByte(0x25).writeZero(51));
            assertThat(target.told.getLast()).contains("header digest");
        }
    }
}
