package dev.sanway.target;

import static dev.sanway.target.TargetFixture.HOST_A;
import static dev.sanway.target.TargetFixture.TARGET_A;
import static dev.sanway.target.WireInitiator.value;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sanway.iscsi.Pdu;
import dev.sanway.iscsi.Pdu.ResidualKind;
import dev.sanway.iscsi.RejectReason;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The rules of full feature phase, one initiator PDU at a time. */
class FullFeatureTest {

    private static final int GOOD = 0;
    private static final int CHECK_CONDITION = 2;

    private TargetFixture target;
    private WireInitiator host;

    @BeforeEach
    void start() throws IOException {
        target = new TargetFixture(TargetFixture.limits());
        host = target.connect();
    }

    @AfterEach
    void stop() {
        host.close();
        target.close();
    }

    private void login(String... keys) {
        Pdu.LoginResponse response = host.loginTo(TARGET_A, HOST_A, keys);
        assertThat(response.statusClass()).isZero();
        response.release();
    }

    private static byte[] random(int length) {
        byte[] bytes = new byte[length];
        new Random(length).nextBytes(bytes);
        return bytes;
    }

    private static int[] write10(int lba, int blocks) {
        return new int[] {0x2a, 0, lba >>> 24, lba >>> 16, lba >>> 8, lba, 0, blocks >>> 8, blocks, 0};
    }

    private static int[] read10(int lba, int blocks) {
        int[] cdb = write10(lba, blocks);
        cdb[0] = 0x28;
        return cdb;
    }

    /** Reads by READ(10) and checks what the Data-In PDUs promise. */
    private byte[] read(int lba, int blocks, int maxSegment) {
        host.send(host.command(true, true, false, blocks * 512, Unpooled.EMPTY_BUFFER, read10(lba, blocks)));
        ByteBuf all = Unpooled.buffer();
        for (int dataSn = 0; ; dataSn++) {
            Pdu.DataIn in = host.expect(Pdu.DataIn.class);
            assertThat(in.dataSn()).isEqualTo(dataSn);
            assertThat(in.bufferOffset()).isEqualTo(all.readableBytes());
            assertThat(in.data().readableBytes()).isLessThanOrEqualTo(maxSegment);
            all.writeBytes(in.data());
            in.release();
            if (in.hasStatus()) {
                assertThat(in.isFinal()).isTrue();
                assertThat(in.status()).isEqualTo(GOOD);
                assertThat(in.residual()).isEqualTo(ResidualKind.NONE);
                return ByteBufUtil.getBytes(all);
            }
        }
    }

    private void expectGood() {
        Pdu.ScsiResponsePdu response = host.expect(Pdu.ScsiResponsePdu.class);
        assertThat(response.status()).isEqualTo(GOOD);
        assertThat(response.residual()).isEqualTo(ResidualKind.NONE);
        response.release();
    }

    private void dataOut(int tag, int transferTag, int dataSn, int offset, boolean isFinal, byte[] from, int length) {
        host.send(new Pdu.DataOut(
                isFinal,
                0,
                tag,
                transferTag,
                host.expStatSn,
                dataSn,
                offset,
                Unpooled.copiedBuffer(from, offset, length)));
    }

    @Test
    void immediateDataAreWrittenAndReadBackInSegmentsThatTheInitiatorTakes() {
        login("MaxRecvDataSegmentLength=4096", "ImmediateData=Yes");
        byte[] data = random(16 * 512);
        host.send(host.command(true, false, true, data.length, Unpooled.copiedBuffer(data), write10(8, 16)));
        expectGood();
        assertThat(read(8, 16, 4096)).isEqualTo(data);
    }

    @Test
    void unsolicitedDataFollowTheCommand() {
        login("InitialR2T=No", "ImmediateData=Yes", "FirstBurstLength=16384");
        byte[] data = random(8 * 512);
        Pdu.ScsiCommandPdu command =
                host.command(false, false, true, data.length, Unpooled.copiedBuffer(data, 0, 512), write10(0, 8));
        host.send(command);
        dataOut(command.initiatorTaskTag(), Pdu.NO_TAG, 0, 512, false, data, 1024);
        dataOut(command.initiatorTaskTag(), Pdu.NO_TAG, 1, 1536, true, data, 2560);
        expectGood();
        assertThat(target.server.sessions().getFirst().writtenBytes())
                .as("immediate data count as well")
                .isEqualTo(data.length);
        assertThat(read(0, 8, 8192)).isEqualTo(data);
    }

    @Test
    void severalR2tsAreOutstandingAsNegotiated() {
        login(
                "InitialR2T=Yes",
                "ImmediateData=No",
                "MaxOutstandingR2T=3",
                "MaxBurstLength=1024",
                "FirstBurstLength=512");
        byte[] data = random(8 * 512);
        Pdu.ScsiCommandPdu command =
                host.command(true, false, true, data.length, Unpooled.EMPTY_BUFFER, write10(100, 8));
        host.send(command);
        List<Pdu.ReadyToTransfer> asked = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            asked.add(host.expect(Pdu.ReadyToTransfer.class));
        }
        assertThat(asked).extracting(Pdu.ReadyToTransfer::r2tSn).containsExactly(0, 1, 2);
        assertThat(asked).extracting(Pdu.ReadyToTransfer::bufferOffset).containsExactly(0, 1024, 2048);
        assertThat(asked).extracting(Pdu.ReadyToTransfer::targetTransferTag).doesNotHaveDuplicates();
        dataOut(command.initiatorTaskTag(), asked.get(0).targetTransferTag(), 0, 0, true, data, 1024);
        asked.add(host.expect(Pdu.ReadyToTransfer.class));
        for (int i = 1; i < 4; i++) {
            dataOut(command.initiatorTaskTag(), asked.get(i).targetTransferTag(), 0, 1024 * i, true, data, 1024);
        }
        Pdu.ScsiResponsePdu response = host.expect(Pdu.ScsiResponsePdu.class);
        assertThat(response.status()).isEqualTo(GOOD);
        assertThat(response.expDataSn()).as("R2Ts sent").isEqualTo(4);
        assertThat(read(100, 8, 8192)).isEqualTo(data);
    }

    @Test
    void wrongDataOutFailsTheCommandAndNotTheSession() {
        login("InitialR2T=No", "ImmediateData=No", "FirstBurstLength=16384");
        byte[] before = read(0, 2, 8192);
        byte[] data = random(1024);
        Pdu.ScsiCommandPdu command = host.command(false, false, true, 1024, Unpooled.EMPTY_BUFFER, write10(0, 2));
        host.send(command);
        dataOut(command.initiatorTaskTag(), Pdu.NO_TAG, 27, 0, false, data, 512);
        dataOut(command.initiatorTaskTag(), Pdu.NO_TAG, 1, 512, true, data, 512);
        Pdu.ScsiResponsePdu response = host.expect(Pdu.ScsiResponsePdu.class);
        assertThat(response.status()).isEqualTo(CHECK_CONDITION);
        response.release();
        assertThat(read(0, 2, 8192)).isEqualTo(before);
    }

    @Test
    void immediateDataThatWereNotNegotiatedEndTheConnection() {
        login("ImmediateData=No");
        host.send(host.command(true, false, true, 512, Unpooled.copiedBuffer(random(512)), write10(0, 1)));
        assertThat(host.expect(Pdu.Reject.class).reason()).isEqualTo(RejectReason.PROTOCOL_ERROR.code());
        assertThat(host.next()).isNull();
    }

    @Test
    void residualsAreToldBothWays() {
        login();
        host.send(host.command(true, true, false, 1024, Unpooled.EMPTY_BUFFER, read10(0, 1)));
        Pdu.DataIn under = host.expect(Pdu.DataIn.class);
        assertThat(under.residual()).isEqualTo(ResidualKind.UNDERFLOW);
        assertThat(under.residualCount()).isEqualTo(512);
        under.release();
        host.send(host.command(true, true, false, 512, Unpooled.EMPTY_BUFFER, read10(0, 4)));
        Pdu.DataIn over = host.expect(Pdu.DataIn.class);
        assertThat(over.data().readableBytes()).isEqualTo(512);
        assertThat(over.residual()).isEqualTo(ResidualKind.OVERFLOW);
        assertThat(over.residualCount()).isEqualTo(1536);
        over.release();
    }

    @Test
    void digestsProtectBothWaysAndADamagedWriteIsNotCarriedOut() {
        login("HeaderDigest=CRC32C", "DataDigest=CRC32C", "InitialR2T=No");
        host.digests();
        byte[] data = random(1024);
        host.send(host.command(true, false, true, 1024, Unpooled.copiedBuffer(data), write10(20, 2)));
        expectGood();
        assertThat(read(20, 2, 8192)).isEqualTo(data);
        Pdu.ScsiCommandPdu command = host.command(false, false, true, 512, Unpooled.EMPTY_BUFFER, write10(20, 1));
        host.send(command);
        host.sendDamaged(
                new Pdu.DataOut(
                        true,
                        0,
                        command.initiatorTaskTag(),
                        Pdu.NO_TAG,
                        host.expStatSn,
                        0,
                        0,
                        Unpooled.copiedBuffer(random(512))),
                100);
        assertThat(host.expect(Pdu.Reject.class).reason()).isEqualTo(RejectReason.DATA_DIGEST_ERROR.code());
        Pdu.ScsiResponsePdu response = host.expect(Pdu.ScsiResponsePdu.class);
        assertThat(response.status()).isEqualTo(CHECK_CONDITION);
        byte[] sense = ByteBufUtil.getBytes(response.data());
        assertThat(sense[2 + 12]).as("additional sense code").isEqualTo((byte) 0x47);
        assertThat(read(20, 2, 8192)).isEqualTo(data);
        host.sendDamaged(new Pdu.NopOut(true, 0, 7, Pdu.NO_TAG, host.cmdSn, 0, Unpooled.EMPTY_BUFFER), 20);
        assertThat(host.next()).as("a header digest error ends the connection").isNull();
    }

    @Test
    void requestsRunInTheOrderOfTheirNumbers() {
        login();
        Pdu.ScsiCommandPdu first =
                host.command(true, false, true, 512, Unpooled.copiedBuffer(random(512)), write10(3, 1));
        byte[] later = random(1024);
        Pdu.ScsiCommandPdu second =
                host.command(true, false, true, 512, Unpooled.copiedBuffer(later, 0, 512), write10(3, 1));
        host.send(second);
        host.send(first);
        assertThat(host.expect(Pdu.ScsiResponsePdu.class).initiatorTaskTag()).isEqualTo(first.initiatorTaskTag());
        assertThat(host.expect(Pdu.ScsiResponsePdu.class).initiatorTaskTag()).isEqualTo(second.initiatorTaskTag());
        assertThat(read(3, 1, 8192)).isEqualTo(java.util.Arrays.copyOf(later, 512));
    }

    @Test
    void duplicatesAndNumbersOutsideTheWindowAreIgnoredInSilence() throws InterruptedException {
        login();
        Pdu.ScsiCommandPdu once = host.command(true, false, false, 0, Unpooled.EMPTY_BUFFER, 0, 0, 0, 0, 0, 0);
        host.send(once);
        expectGood();
        host.send(once);
        int expected = host.cmdSn;
        host.cmdSn = expected + 100_000;
        host.send(host.command(true, false, false, 0, Unpooled.EMPTY_BUFFER, 0, 0, 0, 0, 0, 0));
        assertThat(host.silentFor(200)).isTrue();
        host.cmdSn = expected;
        host.send(host.command(true, false, false, 0, Unpooled.EMPTY_BUFFER, 0, 0, 0, 0, 0, 0));
        expectGood();
    }

    @Test
    void theWindowPushesBackAndOpensAgain() {
        login("InitialR2T=Yes", "ImmediateData=No");
        int depth = TargetFixture.limits().commandsPerSession();
        List<Pdu.ReadyToTransfer> asked = new ArrayList<>();
        for (int i = 0; i < depth; i++) {
            host.send(host.command(true, false, true, 512, Unpooled.EMPTY_BUFFER, write10(i, 1)));
            asked.add(host.expect(Pdu.ReadyToTransfer.class));
        }
        Pdu.ReadyToTransfer last = asked.getLast();
        assertThat(last.maxCmdSn()).as("closed").isEqualTo(last.expCmdSn() - 1);
        byte[] data = random(512);
        dataOut(asked.getFirst().initiatorTaskTag(), asked.getFirst().targetTransferTag(), 0, 0, true, data, 512);
        Pdu.ScsiResponsePdu response = host.expect(Pdu.ScsiResponsePdu.class);
        assertThat(response.maxCmdSn()).as("open by one").isEqualTo(response.expCmdSn());
    }

    @Test
    void anAbortedWriteNeverLands() {
        login("InitialR2T=Yes", "ImmediateData=No");
        byte[] before = read(9, 1, 8192);
        Pdu.ScsiCommandPdu command = host.command(true, false, true, 512, Unpooled.EMPTY_BUFFER, write10(9, 1));
        host.send(command);
        Pdu.ReadyToTransfer asked = host.expect(Pdu.ReadyToTransfer.class);
        host.send(new Pdu.TaskManagementRequest(
                true, 1, 0, host.nextTag++, command.initiatorTaskTag(), host.cmdSn, 0, command.cmdSn(), 0));
        assertThat(host.expect(Pdu.TaskManagementResponse.class).response()).isZero();
        // The initiator answers the R2T although the task is gone: of no effect.
        dataOut(command.initiatorTaskTag(), asked.targetTransferTag(), 0, 0, true, random(512), 512);
        assertThat(read(9, 1, 8192)).isEqualTo(before);
    }

    @Test
    void taskManagementAnswersAsTheStandardSays() {
        login();
        int[][] functionAndResponse = {{1, 1}, {2, 0}, {4, 0}, {5, 0}, {8, 4}, {99, 5}};
        for (int[] row : functionAndResponse) {
            host.send(new Pdu.TaskManagementRequest(
                    true, row[0], 0, host.nextTag++, 0x7777, host.cmdSn, 0, host.cmdSn - 1, 0));
            assertThat(host.expect(Pdu.TaskManagementResponse.class).response())
                    .as("function " + row[0])
                    .isEqualTo(row[1]);
        }
        host.send(new Pdu.TaskManagementRequest(true, 5, 0x0005000000000000L, host.nextTag++, -1, host.cmdSn, 0, 0, 0));
        assertThat(host.expect(Pdu.TaskManagementResponse.class).response())
                .as("no such LUN")
                .isEqualTo(2);
    }

    @Test
    void abortOfACommandThatNeverCameUsesUpItsNumber() {
        login();
        int missing = host.cmdSn++;
        int tag = host.nextTag++;
        Pdu.ScsiCommandPdu next = host.command(true, false, false, 0, Unpooled.EMPTY_BUFFER, 0, 0, 0, 0, 0, 0);
        host.send(next);
        host.send(new Pdu.TaskManagementRequest(true, 1, 0, host.nextTag++, tag, host.cmdSn, 0, missing, 0));
        List<Pdu> two =
                List.of(java.util.Objects.requireNonNull(host.next()), java.util.Objects.requireNonNull(host.next()));
        assertThat(two).anyMatch(pdu -> pdu instanceof Pdu.TaskManagementResponse tm && tm.response() == 0);
        assertThat(two)
                .anyMatch(
                        pdu -> pdu instanceof Pdu.ScsiResponsePdu r && r.initiatorTaskTag() == next.initiatorTaskTag());
    }

    @Test
    void nopEchoesAndSnackIsRejected() {
        login();
        host.send(
                new Pdu.NopOut(true, 0, host.nextTag++, Pdu.NO_TAG, host.cmdSn, 0, Unpooled.copiedBuffer(random(100))));
        Pdu.NopIn echo = host.expect(Pdu.NopIn.class);
        assertThat(ByteBufUtil.getBytes(echo.data())).isEqualTo(random(100));
        echo.release();
        host.send(new Pdu.SnackRequest(0, 0, 5, Pdu.NO_TAG, 0, 0, 0));
        Pdu.Reject reject = host.expect(Pdu.Reject.class);
        assertThat(reject.reason()).isEqualTo(RejectReason.SNACK_REJECT.code());
        assertThat(reject.data().readableBytes()).isEqualTo(48);
        reject.release();
    }

    @Test
    void textInANormalSessionTellsOfItsOwnTargetOnly() {
        login();
        for (String question : List.of("", TARGET_A)) {
            Pdu.TextResponse answer = text("SendTargets=" + question);
            assertThat(value(answer, "TargetName")).isEqualTo(TARGET_A);
            answer.release();
        }
        Pdu.TextResponse other = text("SendTargets=" + TargetFixture.TARGET_B);
        assertThat(other.data().isReadable()).isFalse();
        Pdu.TextResponse all = text("SendTargets=All");
        assertThat(value(all, "SendTargets")).isEqualTo("Reject");
        all.release();
    }

    private Pdu.TextResponse text(String pair) {
        host.send(new Pdu.TextRequest(
                false, true, false, 0, host.nextTag++, Pdu.NO_TAG, host.cmdSn++, 0, WireInitiator.text(pair)));
        return host.expect(Pdu.TextResponse.class);
    }

    @Test
    void aSmallerSegmentDeclaredLaterIsKeptTo() {
        login();
        text("MaxRecvDataSegmentLength=1024").release();
        assertThat(read(0, 16, 1024)).hasSize(16 * 512);
    }

    @Test
    void logoutIsAnsweredByItsReason() {
        login();
        host.send(new Pdu.LogoutRequest(true, 2, host.nextTag++, 0, host.cmdSn, 0));
        assertThat(host.expect(Pdu.LogoutResponse.class).response())
                .as("recovery is not supported")
                .isEqualTo(2);
        host.send(new Pdu.LogoutRequest(true, 1, host.nextTag++, 55, host.cmdSn, 0));
        assertThat(host.expect(Pdu.LogoutResponse.class).response())
                .as("no such CID")
                .isEqualTo(1);
        host.send(new Pdu.LogoutRequest(true, 0, host.nextTag++, 0, host.cmdSn, 0));
        assertThat(host.expect(Pdu.LogoutResponse.class).response()).isZero();
        assertThat(host.next()).isNull();
    }

    @Test
    void aShutDownIsAnnounced() {
        login();
        target.server.close();
        assertThat(host.expect(Pdu.AsyncMessage.class).asyncEvent()).isEqualTo(3);
        assertThat(host.next()).isNull();
    }

    @Test
    void aColdResetEndsTheConnectionsAfterItsAnswer() {
        login();
        host.send(new Pdu.TaskManagementRequest(true, 7, 0, host.nextTag++, -1, host.cmdSn, 0, 0, 0));
        assertThat(host.expect(Pdu.TaskManagementResponse.class).response()).isZero();
        assertThat(host.expect(Pdu.AsyncMessage.class).asyncEvent()).isEqualTo(3);
        assertThat(host.next()).isNull();
    }

    @Test
    void tooManyImmediateCommandsAreRejected() {
        login("InitialR2T=Yes", "ImmediateData=No");
        int most = TargetFixture.limits().immediatePerSession();
        for (int i = 0; i < most; i++) {
            host.send(immediate(write10(i, 1)));
            host.expect(Pdu.ReadyToTransfer.class);
        }
        host.send(immediate(write10(99, 1)));
        assertThat(host.expect(Pdu.Reject.class).reason()).isEqualTo(RejectReason.TOO_MANY_IMMEDIATE_COMMANDS.code());
    }

    private Pdu.ScsiCommandPdu immediate(int... cdb) {
        Pdu.ScsiCommandPdu c = host.command(true, false, true, 512, Unpooled.EMPTY_BUFFER, cdb);
        host.cmdSn--;
        return new Pdu.ScsiCommandPdu(
                true,
                true,
                false,
                true,
                1,
                0,
                c.initiatorTaskTag(),
                512,
                host.cmdSn,
                0,
                c.cdb(),
                0,
                Unpooled.EMPTY_BUFFER);
    }
}
