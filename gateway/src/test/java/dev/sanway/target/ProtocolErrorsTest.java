package dev.sanway.target;

import static dev.sanway.target.TargetFixture.HOST_A;
import static dev.sanway.target.TargetFixture.TARGET_A;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sanway.iscsi.Pdu;
import dev.sanway.iscsi.Pdu.ResidualKind;
import dev.sanway.iscsi.RejectReason;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What an initiator does wrong concerns its command, at most its session, and never lasts (RFC 7143 7.3, 7.8, 7.9, 11.4.5). */
class ProtocolErrorsTest {

    private static final int GOOD = 0;
    private static final int UNKNOWN_OPCODE = 0x1e;

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

    private static int[] write10(int lba, int blocks) {
        return new int[] {0x2a, 0, 0, 0, lba >>> 8, lba, 0, blocks >>> 8, blocks, 0};
    }

    private static int[] read10(int lba, int blocks) {
        return new int[] {0x28, 0, 0, 0, lba >>> 8, lba, 0, blocks >>> 8, blocks, 0};
    }

    private static ByteBuf bytes(int length, int value) {
        byte[] bytes = new byte[length];
        java.util.Arrays.fill(bytes, (byte) value);
        return Unpooled.wrappedBuffer(bytes);
    }

    private Pdu.ScsiCommandPdu write(boolean isFinal, int lba, int blocks, int expectedLength) {
        return host.command(isFinal, false, true, expectedLength, Unpooled.EMPTY_BUFFER, write10(lba, blocks));
    }

    private Pdu.ScsiCommandPdu testUnitReady() {
        return host.command(true, false, false, 0, Unpooled.EMPTY_BUFFER, 0, 0, 0, 0, 0, 0);
    }

    private void dataOut(int tag, int transferTag, int dataSn, int offset, boolean isFinal, ByteBuf data) {
        host.send(new Pdu.DataOut(isFinal, 0, tag, transferTag, host.expStatSn, dataSn, offset, data));
    }

    private void expectGood() {
        Pdu.ScsiResponsePdu response = host.expect(Pdu.ScsiResponsePdu.class);
        assertThat(response.status()).isEqualTo(GOOD);
        assertThat(response.residual()).isEqualTo(ResidualKind.NONE);
        response.release();
    }

    /** Ends with this sense: key, additional sense code and qualifier as the standard prints them. */
    private Pdu.ScsiResponsePdu expectSense(String sense) {
        Pdu.ScsiResponsePdu response = host.expect(Pdu.ScsiResponsePdu.class);
        byte[] data = ByteBufUtil.getBytes(response.data());
        response.release();
        assertThat(response.status()).isEqualTo(2);
        assertThat(String.format("%02X/%02X/%02X", data[2 + 2] & 0x0f, data[2 + 12], data[2 + 13]))
                .isEqualTo(sense);
        return response;
    }

    private void expectReject(RejectReason reason, int expCmdSn) {
        Pdu.Reject reject = host.expect(Pdu.Reject.class);
        assertThat(reject.reason()).isEqualTo(reason.code());
        assertThat(reject.expCmdSn()).as("ExpCmdSN").isEqualTo(expCmdSn);
        reject.release();
    }

    /** The number that was given to something rejected is the next one still. */
    private void theNumberIsGoodFor(Pdu.ScsiCommandPdu command) {
        host.send(command);
        expectGood();
    }

    // ---- CmdSN of what was rejected (7.3)

    @Test
    void whatIsRejectedDoesNotUseUpItsNumber() {
        login("InitialR2T=Yes", "ImmediateData=No");
        int number = host.cmdSn;

        ByteBuf unknown = Unpooled.buffer(48).writeZero(48);
        unknown.setByte(0, UNKNOWN_OPCODE).setInt(16, host.nextTag++).setInt(24, number);
        host.channel.writeAndFlush(unknown).syncUninterruptibly();
        expectReject(RejectReason.COMMAND_NOT_SUPPORTED, number);

        host.send(new Pdu.LogoutRequest(false, 9, host.nextTag++, 0, number, 0));
        expectReject(RejectReason.INVALID_PDU_FIELD, number);

        ByteBuf text = WireInitiator.text("SendTargets=");
        host.send(new Pdu.TextRequest(false, true, true, 0, host.nextTag++, Pdu.NO_TAG, number, 0, text));
        expectReject(RejectReason.PROTOCOL_ERROR, number);

        Pdu.ScsiCommandPdu pending = write(true, 0, 1, 512);
        host.send(pending);
        int transferTag = host.expect(Pdu.ReadyToTransfer.class).targetTransferTag();
        host.nextTag = pending.initiatorTaskTag();
        host.send(testUnitReady());
        expectReject(RejectReason.TASK_IN_PROGRESS, number + 1);
        host.cmdSn = number + 1;
        theNumberIsGoodFor(testUnitReady());

        dataOut(pending.initiatorTaskTag(), transferTag, 0, 0, true, bytes(512, 1));
        expectGood();
    }

    @Test
    void whatCameEarlyAndIsRejectedInItsTurnLeavesItsNumberFree() {
        login();
        Pdu.ScsiCommandPdu first = testUnitReady();
        int second = host.cmdSn;
        host.send(new Pdu.LogoutRequest(false, 9, host.nextTag++, 0, second, 0));
        host.cmdSn = second + 1;
        Pdu.ScsiCommandPdu third = testUnitReady();
        host.send(third);
        host.send(first);
        expectGood();
        expectReject(RejectReason.INVALID_PDU_FIELD, second);
        host.cmdSn = second;
        host.send(testUnitReady());
        expectGood();
        assertThat(host.expect(Pdu.ScsiResponsePdu.class).initiatorTaskTag()).isEqualTo(third.initiatorTaskTag());
    }

    @Test
    void aCommandWithDamagedImmediateDataIsAsIfItHadNotCome() {
        login("HeaderDigest=CRC32C", "DataDigest=CRC32C", "ImmediateData=Yes");
        host.digests();
        int number = host.cmdSn;
        host.sendDamaged(host.command(true, false, true, 512, bytes(512, 1), write10(5, 1)), 100);
        expectReject(RejectReason.DATA_DIGEST_ERROR, number);
        host.cmdSn = number;
        theNumberIsGoodFor(host.command(true, false, true, 512, bytes(512, 2), write10(5, 1)));
    }

    @Test
    void theReservedTaskTagIsRefused() {
        login();
        int number = host.cmdSn;
        List<Pdu> wrong = List.of(
                withTag(testUnitReady(), Pdu.NO_TAG),
                new Pdu.TaskManagementRequest(false, 2, 0, Pdu.NO_TAG, -1, number, 0, 0, 0),
                new Pdu.TaskManagementRequest(true, 5, 0, Pdu.NO_TAG, -1, number, 0, 0, 0),
                new Pdu.TextRequest(
                        false, true, false, 0, Pdu.NO_TAG, Pdu.NO_TAG, number, 0, WireInitiator.text("SendTargets=")),
                new Pdu.LogoutRequest(false, 0, Pdu.NO_TAG, 0, number, 0));
        for (Pdu pdu : wrong) {
            host.send(pdu);
            expectReject(RejectReason.PROTOCOL_ERROR, number);
        }
        host.cmdSn = number;
        theNumberIsGoodFor(testUnitReady());
    }

    private static Pdu.ScsiCommandPdu withTag(Pdu.ScsiCommandPdu c, int tag) {
        return new Pdu.ScsiCommandPdu(
                c.immediate(),
                c.isFinal(),
                c.read(),
                c.write(),
                c.attribute(),
                c.lun(),
                tag,
                c.expectedDataTransferLength(),
                c.cmdSn(),
                c.expStatSn(),
                c.cdb(),
                0,
                c.data());
    }

    // ---- lengths of 2 GiB and more (11.3.4, 11.4.5.2)

    @Test
    void residualsAreRightUpToFourGibibytes() {
        login("InitialR2T=Yes", "ImmediateData=No");
        Pdu.ScsiCommandPdu write = write(true, 7, 1, 0x8000_0200);
        host.send(write);
        Pdu.ReadyToTransfer asked = host.expect(Pdu.ReadyToTransfer.class);
        assertThat(asked.desiredDataTransferLength()).isEqualTo(512);
        dataOut(write.initiatorTaskTag(), asked.targetTransferTag(), 0, 0, true, bytes(512, 3));
        Pdu.ScsiResponsePdu written = host.expect(Pdu.ScsiResponsePdu.class);
        assertThat(written.status()).isEqualTo(GOOD);
        assertThat(written.residual()).isEqualTo(ResidualKind.UNDERFLOW);
        assertThat(Integer.toUnsignedLong(written.residualCount())).isEqualTo(0x8000_0000L);

        host.send(host.command(true, true, false, -1, Unpooled.EMPTY_BUFFER, read10(7, 1)));
        Pdu.DataIn read = host.expect(Pdu.DataIn.class);
        assertThat(read.data().readableBytes()).isEqualTo(512);
        assertThat(read.residual()).isEqualTo(ResidualKind.UNDERFLOW);
        assertThat(Integer.toUnsignedLong(read.residualCount())).isEqualTo(0xFFFF_FFFFL - 512);
        read.release();
    }

    @Test
    void aWriteCountsWhatItCanHoldAndNotWhatItAnnounces() {
        login("InitialR2T=Yes", "ImmediateData=No");
        host.send(write(true, 0, 1, -1));
        host.expect(Pdu.ReadyToTransfer.class).release();
        host.send(host.command(true, true, false, 512, Unpooled.EMPTY_BUFFER, read10(1, 1)));
        assertThat(host.expect(Pdu.DataIn.class).status()).isEqualTo(GOOD);
    }

    // ---- Data-Out (7.9, 11.7)

    @Test
    void anR2tAnsweredWholeWithoutTheFinalBitFailsTheCommand() {
        login("InitialR2T=Yes", "ImmediateData=No");
        Pdu.ScsiCommandPdu write = write(true, 0, 1, 512);
        host.send(write);
        int transferTag = host.expect(Pdu.ReadyToTransfer.class).targetTransferTag();
        dataOut(write.initiatorTaskTag(), transferTag, 0, 0, false, bytes(512, 1));
        expectSense("0B/4B/00");
        theNumberIsGoodFor(testUnitReady());
    }

    @Test
    void anR2tAnsweredUnderAnotherTagFailsTheCommand() {
        login("InitialR2T=Yes", "ImmediateData=No", "MaxOutstandingR2T=2", "MaxBurstLength=512");
        Pdu.ScsiCommandPdu write = write(true, 0, 2, 1024);
        host.send(write);
        int transferTag = host.expect(Pdu.ReadyToTransfer.class).targetTransferTag();
        host.expect(Pdu.ReadyToTransfer.class).release();
        dataOut(write.initiatorTaskTag(), transferTag + 77, 0, 0, true, bytes(512, 1));
        expectSense("0B/4B/00");
        dataOut(write.initiatorTaskTag(), transferTag, 0, 0, true, bytes(512, 1)); // too late, and of no effect
        theNumberIsGoodFor(testUnitReady());
    }

    @Test
    void unsolicitedDataThatNeverSayTheyEndFailTheCommand() {
        login("InitialR2T=No", "ImmediateData=Yes", "FirstBurstLength=512");
        for (int expected : new int[] {512, 1024}) {
            Pdu.ScsiCommandPdu write = write(false, 0, expected / 512, expected);
            host.send(write);
            dataOut(write.initiatorTaskTag(), Pdu.NO_TAG, 0, 0, false, bytes(512, 1));
            expectSense("0B/4B/00");
        }
        // Where the immediate data leave no room, nothing is waited for.
        host.send(host.command(false, false, true, 512, bytes(512, 1), write10(0, 1)));
        expectGood();
        Pdu.ScsiCommandPdu twice = write(false, 0, 2, 1024);
        host.send(twice);
        dataOut(twice.initiatorTaskTag(), 12345, 0, 0, true, bytes(512, 1));
        expectSense("0B/4B/00");
    }

    @Test
    void aDamagedDataOutUnderAnUnknownTagFailsTheCommand() {
        login("HeaderDigest=CRC32C", "DataDigest=CRC32C", "InitialR2T=Yes", "ImmediateData=No");
        host.digests();
        for (boolean known : new boolean[] {false, true}) {
            Pdu.ScsiCommandPdu write = write(true, 0, 1, 512);
            host.send(write);
            int transferTag = host.expect(Pdu.ReadyToTransfer.class).targetTransferTag();
            // Under its own tag but without the final bit, it was all that was due as well.
            host.sendDamaged(
                    new Pdu.DataOut(
                            !known, 0, write.initiatorTaskTag(), known ? transferTag : 4711, 0, 0, 0, bytes(512, 1)),
                    100);
            host.expect(Pdu.Reject.class).release();
            expectSense("0B/47/05");
        }
    }

    @Test
    void dataThatGoWrongBeforeTheDeviceAskedForThemFailTheCommandInItsTurn() {
        login("InitialR2T=No", "ImmediateData=No", "FirstBurstLength=512");
        Pdu.ScsiCommandPdu older = write(true, 0, 1, 512);
        host.send(older);
        int transferTag = host.expect(Pdu.ReadyToTransfer.class).targetTransferTag();
        Pdu.ScsiCommandPdu simple = write(false, 8, 1, 512);
        Pdu.ScsiCommandPdu ordered = new Pdu.ScsiCommandPdu(
                false,
                false,
                false,
                true,
                2,
                0,
                simple.initiatorTaskTag(),
                512,
                simple.cmdSn(),
                0,
                simple.cdb(),
                0,
                Unpooled.EMPTY_BUFFER);
        host.send(ordered);
        dataOut(ordered.initiatorTaskTag(), Pdu.NO_TAG, 9, 0, true, bytes(512, 1));
        dataOut(older.initiatorTaskTag(), transferTag, 0, 0, true, bytes(512, 1));
        expectGood();
        assertThat(expectSense("0B/4B/00").initiatorTaskTag()).isEqualTo(ordered.initiatorTaskTag());
    }

    // ---- data in the other direction than the CDB's

    @Test
    void aWriteThatExpectsToReadIsRefusedAndAReadThatExpectsToWriteMovesNothing() {
        login("InitialR2T=No", "ImmediateData=Yes");
        theNumberIsGoodFor(host.command(true, false, true, 512, bytes(512, 5), write10(3, 1)));
        host.send(host.command(true, true, false, 512, Unpooled.EMPTY_BUFFER, write10(3, 1)));
        Pdu.ScsiResponsePdu writeThatReads = expectSense("05/0E/03");
        assertThat(writeThatReads.residual()).isEqualTo(ResidualKind.UNDERFLOW);
        assertThat(writeThatReads.residualCount()).isEqualTo(512);
        // libiscsi's suite wants GOOD here (Read10Invalid); the residual says that nothing was moved.
        host.send(host.command(true, false, true, 512, bytes(512, 9), read10(3, 1)));
        Pdu.ScsiResponsePdu readThatWrites = host.expect(Pdu.ScsiResponsePdu.class);
        assertThat(readThatWrites.status()).isEqualTo(GOOD);
        assertThat(readThatWrites.residual()).isEqualTo(ResidualKind.UNDERFLOW);
        assertThat(readThatWrites.residualCount()).isEqualTo(512);
        host.send(host.command(true, true, false, 512, Unpooled.EMPTY_BUFFER, read10(3, 1)));
        Pdu.DataIn read = host.expect(Pdu.DataIn.class);
        assertThat(ByteBufUtil.getBytes(read.data())).containsOnly(5);
        read.release();
    }
}
