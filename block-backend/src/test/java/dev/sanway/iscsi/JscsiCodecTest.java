package dev.sanway.iscsi;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sanway.iscsi.Pdu.ResidualKind;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.assertj.core.api.SoftAssertions;
import org.jscsi.parser.InitiatorMessageParser;
import org.jscsi.parser.ProtocolDataUnit;
import org.jscsi.parser.ProtocolDataUnitFactory;
import org.jscsi.parser.TargetMessageParser;
import org.jscsi.parser.data.DataInParser;
import org.jscsi.parser.data.DataOutParser;
import org.jscsi.parser.login.ISID;
import org.jscsi.parser.login.LoginRequestParser;
import org.jscsi.parser.login.LoginResponseParser;
import org.jscsi.parser.logout.LogoutRequestParser;
import org.jscsi.parser.logout.LogoutResponseParser;
import org.jscsi.parser.nop.NOPInParser;
import org.jscsi.parser.nop.NOPOutParser;
import org.jscsi.parser.r2t.Ready2TransferParser;
import org.jscsi.parser.reject.RejectParser;
import org.jscsi.parser.scsi.SCSICommandParser;
import org.jscsi.parser.scsi.SCSIResponseParser;
import org.jscsi.parser.snack.SNACKRequestParser;
import org.jscsi.parser.text.TextRequestParser;
import org.jscsi.parser.text.TextResponseParser;
import org.jscsi.parser.tmf.TaskManagementFunctionRequestParser;
import org.jscsi.parser.tmf.TaskManagementFunctionResponseParser;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * jSCSI, a codec by other people, as the judge of ours: it reads in our PDUs what we wrote, and what it writes we read as it
 * was. Well-formed PDUs without AHS and digests, for jSCSI knows no more; values within what its signed types carry.
 */
class JscsiCodecTest {

    /** PDUs of which jSCSI loses the function or response, for it does not shift it down before it looks at it. */
    private static final List<Opcode> LOSSY =
            List.of(Opcode.TASK_MANAGEMENT_REQUEST, Opcode.TASK_MANAGEMENT_RESPONSE, Opcode.LOGOUT_RESPONSE);

    @ParameterizedTest
    @EnumSource(value = Opcode.class, names = "ASYNC_MESSAGE", mode = EnumSource.Mode.EXCLUDE)
    void readsWhatWeWriteAndWritesWhatWeRead(Opcode opcode) throws Exception {
        long seed = Long.getLong("sanway.seed", System.nanoTime());
        Random random = new Random(seed);
        for (int round = 0; round < 200; round++) {
            String which = opcode + ", seed " + seed + ", round " + round;
            Pdu pdu = wellFormed(opcode, random);
            byte[] data = ByteBufUtil.getBytes(pdu.data());
            byte[] wire = wire(pdu);
            ProtocolDataUnit theirs = new ProtocolDataUnitFactory().create("None", "None");
            theirs.deserialize(ByteBuffer.wrap(wire));
            assertThat(theirs.getBasicHeaderSegment().getOpCode().value())
                    .as(which)
                    .isEqualTo((byte) opcode.code());
            assertThat(theirs.getBasicHeaderSegment().getDataSegmentLength())
                    .as(which)
                    .isEqualTo(data.length);
            if (!(pdu instanceof Pdu.Reject)) {
                assertThat(theirs.getBasicHeaderSegment().getInitiatorTaskTag())
                        .as(which)
                        .isEqualTo(pdu.initiatorTaskTag());
            }
            byte[] theirData = new byte[data.length];
            theirs.getDataSegment().get(0, theirData);
            assertThat(theirData).as(which).isEqualTo(data);
            SoftAssertions fields = new SoftAssertions();
            compare(pdu, theirs, new Fields(fields, which));
            fields.assertAll();
            // It reads the residual bits of Data-In from their places and writes them to others.
            boolean residual = pdu instanceof Pdu.DataIn in && in.residual() != ResidualKind.NONE;
            if (!LOSSY.contains(opcode) && !residual) {
                byte[] back = theirs.serialize().array();
                assertThat(ByteBufUtil.hexDump(back)).as(which).isEqualTo(ByteBufUtil.hexDump(wire));
                assertThat(wire(decoded(opcode, back))).as(which).isEqualTo(wire);
            }
        }
    }

    private static byte[] wire(Pdu pdu) {
        List<ByteBuf> parts = new ArrayList<>();
        PduEncoder.encode(pdu, false, false, Unpooled.buffer().alloc(), parts::add);
        ByteBuf all = Unpooled.wrappedBuffer(parts.toArray(ByteBuf[]::new));
        byte[] bytes = ByteBufUtil.getBytes(all);
        all.release();
        return bytes;
    }

    private static Pdu decoded(Opcode opcode, byte[] wire) {
        List<DecodeResult> results = new ArrayList<>();
        PduFraming framing = new PduFraming(opcode.direction(), 1 << 20);
        framing.feed(Unpooled.wrappedBuffer(wire), results::add);
        assertThat(results).hasSize(1);
        return ((DecodeResult.Decoded) results.getFirst()).pdu();
    }

    /** Says which field differs. */
    private record Fields(SoftAssertions soft, String which) {
        void same(String field, Object theirs, Object ours) {
            soft.assertThat(theirs).as("%s: %s", which, field).isEqualTo(ours);
        }
    }

    private static void compare(Pdu pdu, ProtocolDataUnit theirs, Fields fields) throws Exception {
        Object parser = theirs.getBasicHeaderSegment().getParser();
        if (pdu instanceof Pdu.NumberedRequest request) {
            fields.same("immediate", theirs.getBasicHeaderSegment().isImmediateFlag(), request.immediate());
            fields.same("CmdSN", ((InitiatorMessageParser) parser).getCommandSequenceNumber(), request.cmdSn());
        }
        if (pdu instanceof Pdu.InitiatorPdu initiator) {
            fields.same(
                    "ExpStatSN",
                    ((InitiatorMessageParser) parser).getExpectedStatusSequenceNumber(),
                    initiator.expStatSn());
            compareFromInitiator(initiator, theirs.getBasicHeaderSegment().isFinalFlag(), parser, fields);
        }
        if (pdu instanceof Pdu.TargetPdu target) {
            TargetMessageParser numbers = (TargetMessageParser) parser;
            fields.same("ExpCmdSN", numbers.getExpectedCommandSequenceNumber(), target.expCmdSn());
            fields.same("MaxCmdSN", numbers.getMaximumCommandSequenceNumber(), target.maxCmdSn());
            compareFromTarget(target, theirs.getBasicHeaderSegment().isFinalFlag(), numbers, fields);
        }
    }

    private static void compareFromInitiator(Pdu.InitiatorPdu pdu, boolean isFinal, Object parser, Fields fields)
            throws Exception {
        switch (pdu) {
            case Pdu.ScsiCommandPdu ours -> {
                SCSICommandParser theirs = (SCSICommandParser) parser;
                fields.same("F", isFinal, ours.isFinal());
                fields.same("R", theirs.isReadExpectedFlag(), ours.read());
                fields.same("W", theirs.isWriteExpectedFlag(), ours.write());
                fields.same("ATTR", (int) theirs.getTaskAttributes().value(), ours.attribute());
                fields.same("LUN", theirs.getLogicalUnitNumber(), ours.lun());
                fields.same(
                        "expected length", theirs.getExpectedDataTransferLength(), ours.expectedDataTransferLength());
                byte[] cdb = new byte[16];
                theirs.getCDB().get(0, cdb);
                fields.same("CDB", ByteBufUtil.hexDump(cdb), ByteBufUtil.hexDump(ours.cdb()));
            }
            case Pdu.TaskManagementRequest ours -> {
                TaskManagementFunctionRequestParser theirs = (TaskManagementFunctionRequestParser) parser;
                fields.same("LUN", theirs.getLogicalUnitNumber(), ours.lun());
                fields.same("referenced tag", theirs.getReferencedTaskTag(), ours.referencedTaskTag());
                fields.same("RefCmdSN", theirs.getRefCmdSN(), ours.refCmdSn());
                fields.same("ExpDataSN", theirs.getExpDataSN(), ours.expDataSn());
            }
            case Pdu.DataOut ours -> {
                DataOutParser theirs = (DataOutParser) parser;
                fields.same("F", isFinal, ours.isFinal());
                fields.same("LUN", theirs.getLogicalUnitNumber(), ours.lun());
                fields.same("TTT", theirs.getTargetTransferTag(), ours.targetTransferTag());
                fields.same("DataSN", theirs.getDataSequenceNumber(), ours.dataSn());
                fields.same("offset", theirs.getBufferOffset(), ours.bufferOffset());
            }
            case Pdu.TextRequest ours -> {
                TextRequestParser theirs = (TextRequestParser) parser;
                fields.same("F", isFinal, ours.isFinal());
                fields.same("C", theirs.isContinueFlag(), ours.continues());
                fields.same("LUN", theirs.getLogicalUnitNumber(), ours.lun());
                fields.same("TTT", theirs.getTargetTransferTag(), ours.targetTransferTag());
            }
            case Pdu.LoginRequest ours -> {
                LoginRequestParser theirs = (LoginRequestParser) parser;
                fields.same("T", isFinal, ours.transit());
                fields.same("C", theirs.isContinueFlag(), ours.continues());
                fields.same("CSG", (int) theirs.getCurrentStageNumber().value(), ours.currentStage());
                fields.same("NSG", (int) theirs.getNextStageNumber().value(), ours.nextStage());
                fields.same("ISID", bits(theirs.getInitiatorSessionID()), ours.isid());
                fields.same("TSIH", (int) theirs.getTargetSessionIdentifyingHandle(), ours.tsih());
                fields.same("CID", theirs.getConnectionID(), ours.cid());
            }
            case Pdu.LogoutRequest ours -> {
                LogoutRequestParser theirs = (LogoutRequestParser) parser;
                fields.same("reason", (int) theirs.getReasonCode().value(), ours.reasonCode());
                fields.same("CID", (int) theirs.getConnectionID(), ours.cid());
            }
            case Pdu.SnackRequest ours -> {
                SNACKRequestParser theirs = (SNACKRequestParser) parser;
                fields.same("type", (int) theirs.getType().value(), ours.type());
                fields.same("LUN", theirs.getLogicalUnitNumber(), ours.lun());
                fields.same("TTT", theirs.getTargetTransferTag(), ours.targetTransferTag());
                fields.same("BegRun", theirs.getBegRun(), ours.begRun());
                fields.same("RunLength", theirs.getRunLength(), ours.runLength());
            }
            case Pdu.NopOut ours -> {
                NOPOutParser theirs = (NOPOutParser) parser;
                fields.same("LUN", theirs.getLogicalUnitNumber(), ours.lun());
                fields.same("TTT", theirs.getTargetTransferTag(), ours.targetTransferTag());
            }
        }
    }

    private static void compareFromTarget(Pdu.TargetPdu pdu, boolean isFinal, Object parser, Fields fields)
            throws Exception {
        switch (pdu) {
            case Pdu.ScsiResponsePdu ours -> {
                SCSIResponseParser theirs = (SCSIResponseParser) parser;
                fields.same("StatSN", theirs.getStatusSequenceNumber(), ours.statSn());
                fields.same("response", (int) theirs.getResponse().value(), ours.response());
                fields.same("status", (int) theirs.getStatus().value(), ours.status());
                fields.same("O", theirs.isResidualOverflow(), ours.residual() == ResidualKind.OVERFLOW);
                fields.same("U", theirs.isResidualUnderflow(), ours.residual() == ResidualKind.UNDERFLOW);
                fields.same("residual", theirs.getResidualCount(), ours.residualCount());
                fields.same("SNACK tag", theirs.getSNACKTag(), ours.snackTag());
                fields.same("ExpDataSN", theirs.getExpectedDataSequenceNumber(), ours.expDataSn());
            }
            case Pdu.TaskManagementResponse ours -> {
                TaskManagementFunctionResponseParser theirs = (TaskManagementFunctionResponseParser) parser;
                fields.same("StatSN", theirs.getStatusSequenceNumber(), ours.statSn());
            }
            case Pdu.DataIn ours -> {
                DataInParser theirs = (DataInParser) parser;
                fields.same("F", isFinal, ours.isFinal());
                fields.same("A", theirs.isAcknowledgeFlag(), ours.acknowledge());
                fields.same("S", theirs.isStatusFlag(), ours.hasStatus());
                fields.same("status", (int) theirs.getStatus().value(), ours.status());
                fields.same("StatSN", theirs.getStatusSequenceNumber(), ours.statSn());
                fields.same("O", theirs.isResidualOverflow(), ours.residual() == ResidualKind.OVERFLOW);
                fields.same("U", theirs.isResidualUnderflow(), ours.residual() == ResidualKind.UNDERFLOW);
                fields.same("residual", theirs.getResidualCount(), ours.residualCount());
                fields.same("LUN", theirs.getLogicalUnitNumber(), ours.lun());
                fields.same("TTT", theirs.getTargetTaskTag(), ours.targetTransferTag());
                fields.same("DataSN", theirs.getDataSequenceNumber(), ours.dataSn());
                fields.same("offset", theirs.getBufferOffset(), ours.bufferOffset());
            }
            case Pdu.ReadyToTransfer ours -> {
                Ready2TransferParser theirs = (Ready2TransferParser) parser;
                fields.same("LUN", theirs.getLogicalUnitNumber(), ours.lun());
                fields.same("TTT", theirs.getTargetTransferTag(), ours.targetTransferTag());
                fields.same("StatSN", theirs.getStatusSequenceNumber(), ours.statSn());
                fields.same("R2TSN", theirs.getReady2TransferSequenceNumber(), ours.r2tSn());
                fields.same("offset", theirs.getBufferOffset(), ours.bufferOffset());
                fields.same("desired length", theirs.getDesiredDataTransferLength(), ours.desiredDataTransferLength());
            }
            case Pdu.AsyncMessage _ -> throw new IllegalArgumentException("jSCSI has no parser for it");
            case Pdu.TextResponse ours -> {
                TextResponseParser theirs = (TextResponseParser) parser;
                fields.same("F", isFinal, ours.isFinal());
                fields.same("C", theirs.isContinueFlag(), ours.continues());
                fields.same("LUN", theirs.getLogicalUnitNumber(), ours.lun());
                fields.same("TTT", theirs.getTargetTransferTag(), ours.targetTransferTag());
                fields.same("StatSN", theirs.getStatusSequenceNumber(), ours.statSn());
            }
            case Pdu.LoginResponse ours -> {
                LoginResponseParser theirs = (LoginResponseParser) parser;
                fields.same("T", isFinal, ours.transit());
                fields.same("C", theirs.isContinueFlag(), ours.continues());
                fields.same("CSG", (int) theirs.getCurrentStageNumber().value(), ours.currentStage());
                fields.same("NSG", (int) theirs.getNextStageNumber().value(), ours.nextStage());
                fields.same("version max", theirs.getMaxVersion(), ours.versionMax());
                fields.same("version active", theirs.getActiveVersion(), ours.versionActive());
                fields.same("ISID", bits(theirs.getInitiatorSessionID()), ours.isid());
                fields.same("TSIH", (int) theirs.getTargetSessionIdentifyingHandle(), ours.tsih());
                fields.same("StatSN", theirs.getStatusSequenceNumber(), ours.statSn());
                fields.same("status", (int) theirs.getStatus().value(), ours.statusClass() << 8 | ours.statusDetail());
            }
            case Pdu.LogoutResponse ours -> {
                LogoutResponseParser theirs = (LogoutResponseParser) parser;
                fields.same("StatSN", theirs.getStatusSequenceNumber(), ours.statSn());
                fields.same("Time2Wait", (int) theirs.getTime2Wait(), ours.time2Wait());
                fields.same("Time2Retain", (int) theirs.getTime2Retain(), ours.time2Retain());
            }
            case Pdu.Reject ours -> {
                RejectParser theirs = (RejectParser) parser;
                fields.same("reason", (int) theirs.getReasonCode().value(), ours.reason());
                fields.same("StatSN", theirs.getStatusSequenceNumber(), ours.statSn());
                fields.same("DataSN", theirs.getDataSequenceNumber(), ours.dataSn());
            }
            case Pdu.NopIn ours -> {
                NOPInParser theirs = (NOPInParser) parser;
                fields.same("LUN", theirs.getLogicalUnitNumber(), ours.lun());
                fields.same("TTT", theirs.getTargetTransferTag(), ours.targetTransferTag());
                fields.same("StatSN", theirs.getStatusSequenceNumber(), ours.statSn());
            }
        }
    }

    private static Isid bits(ISID isid) throws Exception {
        return new Isid(isid.serialize() >>> 16);
    }

    // ---- PDUs in which every field that is reserved is zero, and every code is one of the standard's

    private static Pdu wellFormed(Opcode opcode, Random random) {
        return switch (opcode) {
            case NOP_OUT ->
                new Pdu.NopOut(
                        bit(random), lun(random), word(random), word(random), word(random), word(random), data(random));
            case SCSI_COMMAND -> command(random);
            case TASK_MANAGEMENT_REQUEST ->
                new Pdu.TaskManagementRequest(
                        bit(random),
                        1,
                        0,
                        word(random),
                        word(random),
                        word(random),
                        word(random),
                        word(random),
                        word(random));
            case LOGIN_REQUEST -> {
                boolean transit = bit(random);
                yield new Pdu.LoginRequest(
                        transit,
                        !transit && bit(random),
                        random.nextInt(2),
                        transit ? 3 : 0,
                        0,
                        0,
                        isid(random),
                        half(random),
                        word(random),
                        half(random),
                        word(random),
                        word(random),
                        data(random));
            }
            case TEXT_REQUEST -> {
                boolean last = bit(random);
                yield new Pdu.TextRequest(
                        bit(random),
                        last,
                        !last,
                        lun(random),
                        word(random),
                        word(random),
                        word(random),
                        word(random),
                        data(random));
            }
            case DATA_OUT ->
                new Pdu.DataOut(
                        bit(random),
                        lun(random),
                        word(random),
                        word(random),
                        word(random),
                        word(random),
                        word(random),
                        data(random));
            case LOGOUT_REQUEST -> {
                int reason = random.nextInt(3);
                yield new Pdu.LogoutRequest(
                        bit(random), reason, word(random), reason == 0 ? 0 : half(random), word(random), word(random));
            }
            case SNACK_REQUEST ->
                new Pdu.SnackRequest(
                        random.nextInt(4),
                        lun(random),
                        word(random),
                        word(random),
                        word(random),
                        word(random),
                        word(random));
            case NOP_IN ->
                new Pdu.NopIn(
                        lun(random),
                        word(random),
                        word(random),
                        word(random),
                        word(random),
                        word(random),
                        data(random));
            case SCSI_RESPONSE -> {
                ResidualKind residual = kind(random);
                yield new Pdu.ScsiResponsePdu(
                        ResidualKind.NONE,
                        residual,
                        0,
                        status(random),
                        word(random),
                        word(random),
                        word(random),
                        word(random),
                        word(random),
                        word(random),
                        0,
                        residual == ResidualKind.NONE ? 0 : word(random),
                        data(random));
            }
            case TASK_MANAGEMENT_RESPONSE ->
                new Pdu.TaskManagementResponse(
                        random.nextInt(7), word(random), word(random), word(random), word(random));
            case LOGIN_RESPONSE -> {
                boolean transit = bit(random);
                boolean success = bit(random);
                yield new Pdu.LoginResponse(
                        transit,
                        !transit && bit(random),
                        random.nextInt(2),
                        transit ? 3 : 0,
                        0,
                        0,
                        isid(random),
                        half(random),
                        word(random),
                        success ? word(random) : 0,
                        word(random),
                        word(random),
                        success ? 0 : 2,
                        success ? 0 : random.nextInt(12),
                        data(random));
            }
            case TEXT_RESPONSE -> {
                boolean last = bit(random);
                yield new Pdu.TextResponse(
                        last,
                        !last,
                        lun(random),
                        word(random),
                        word(random),
                        word(random),
                        word(random),
                        word(random),
                        data(random));
            }
            case DATA_IN -> dataIn(random);
            case LOGOUT_RESPONSE ->
                new Pdu.LogoutResponse(
                        0, word(random), word(random), word(random), word(random), half(random), half(random));
            case READY_TO_TRANSFER ->
                new Pdu.ReadyToTransfer(
                        lun(random),
                        word(random),
                        random.nextInt(1 << 30),
                        word(random),
                        word(random),
                        word(random),
                        word(random),
                        word(random),
                        1 + random.nextInt(1 << 24));
            case ASYNC_MESSAGE -> throw new IllegalArgumentException("jSCSI has no parser for it");
            case REJECT -> {
                int reason = 2 + random.nextInt(11);
                yield new Pdu.Reject(
                        reason,
                        word(random),
                        word(random),
                        word(random),
                        reason == 4 ? word(random) : 0,
                        Unpooled.wrappedBuffer(new byte[48]));
            }
        };
    }

    private static Pdu command(Random random) {
        boolean read = bit(random);
        boolean write = bit(random);
        byte[] cdb = new byte[16];
        random.nextBytes(cdb);
        return new Pdu.ScsiCommandPdu(
                bit(random),
                !write || bit(random),
                read,
                write,
                random.nextInt(5),
                lun(random),
                word(random),
                read || write ? word(random) : 0,
                word(random),
                word(random),
                cdb,
                0,
                data(random));
    }

    private static Pdu dataIn(Random random) {
        boolean status = bit(random);
        ResidualKind residual = status ? kind(random) : ResidualKind.NONE;
        boolean acknowledge = bit(random);
        return new Pdu.DataIn(
                status || bit(random),
                acknowledge,
                residual,
                status,
                status ? status(random) : 0,
                acknowledge ? lun(random) : 0,
                word(random),
                acknowledge ? random.nextInt(1 << 30) : Pdu.NO_TAG,
                word(random),
                word(random),
                word(random),
                word(random),
                word(random),
                residual == ResidualKind.NONE ? 0 : word(random),
                data(random));
    }

    private static boolean bit(Random random) {
        return random.nextBoolean();
    }

    private static int word(Random random) {
        return random.nextInt();
    }

    /** jSCSI's short is signed. */
    private static int half(Random random) {
        return random.nextInt(0x8000);
    }

    private static long lun(Random random) {
        return (1L + random.nextInt(16_000)) << 48;
    }

    /** Type and fields whose bytes are positive, for jSCSI's are signed. */
    private static Isid isid(Random random) {
        return new Isid(0x8000_0000_0000L | (random.nextLong() & 0x007F_7F7F_7FFFL));
    }

    private static int status(Random random) {
        int[] known = {0x00, 0x02, 0x04, 0x08, 0x18, 0x28, 0x30, 0x40};
        return known[random.nextInt(known.length)];
    }

    private static ResidualKind kind(Random random) {
        return bit(random) ? ResidualKind.NONE : bit(random) ? ResidualKind.OVERFLOW : ResidualKind.UNDERFLOW;
    }

    private static ByteBuf data(Random random) {
        byte[] bytes = new byte[random.nextInt(3000)];
        random.nextBytes(bytes);
        return bytes.length == 0 ? Unpooled.EMPTY_BUFFER : Unpooled.wrappedBuffer(bytes);
    }
}
