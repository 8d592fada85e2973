package dev.sanway.iscsi;

import dev.sanway.iscsi.Pdu.ResidualKind;
import dev.sanway.iscsi.PduViolation.Kind;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** Turns header segments and a data segment into a PDU; pure, so that it can be fuzzed. */
public final class PduParser {
    /** Bytes of a basic header segment (RFC 7143 section 11.2.1). */
    public static final int BHS_LENGTH = 48;

    /** Bytes of additional header segments that TotalAHSLength can express: 255 words. */
    static final int MAX_AHS_LENGTH = 255 * 4;

    private static final int AHS_EXTENDED_CDB = 1;
    private static final int AHS_BIDIRECTIONAL_READ_LENGTH = 2;

    private PduParser() {}

    /**
     * Interprets a PDU.
     *
     * @param header basic and additional header segments from the reader index on, without digest; borrowed
     * @param data the data segment without padding; taken over: it goes into the PDU or is released
     * @param direction which opcodes there are
     */
    public static DecodeResult parse(ByteBuf header, ByteBuf data, Direction direction) {
        if (data.isReadable()) {
            return parseWith(header, data, direction);
        }
        data.release();
        return parseWith(header, Unpooled.EMPTY_BUFFER, direction);
    }

    private static DecodeResult parseWith(ByteBuf header, ByteBuf data, Direction direction) {
        int at = header.readerIndex();
        Opcode opcode = Opcode.of(header.getByte(at));
        PduViolation violation;
        if (opcode == null || opcode.direction() != direction) {
            violation = violation(Kind.UNKNOWN_OPCODE, header, "no such opcode in this direction");
        } else {
            violation = checkFlags(opcode, header);
            if (violation == null) {
                Ahs ahs = ahs(opcode, header);
                if (ahs.fault == null) {
                    Pdu pdu = pdu(opcode, header, at, ahs, data);
                    if (data.isReadable() && !pdu.data().isReadable()) {
                        // This type has no data segment (section 11): what came in one is ignored.
                        data.release();
                    }
                    return new DecodeResult.Decoded(pdu);
                }
                violation = violation(Kind.BAD_AHS, header, ahs.fault);
            }
        }
        data.release();
        return new DecodeResult.Violated(violation);
    }

    /** A violation with a copy of the header's first 48 bytes. */
    static PduViolation violation(Kind kind, ByteBuf header, String detail) {
        byte[] bhs = new byte[BHS_LENGTH];
        header.getBytes(header.readerIndex(), bhs, 0, Math.min(BHS_LENGTH, header.readableBytes()));
        return new PduViolation(kind, bhs, detail);
    }

    private static @Nullable PduViolation checkFlags(Opcode opcode, ByteBuf header) {
        int flags = header.getByte(header.readerIndex() + 1);
        boolean bothResiduals = switch (opcode) {
            case SCSI_RESPONSE -> (flags & 0x06) == 0x06 || (flags & 0x18) == 0x18;
            case DATA_IN -> (flags & 0x06) == 0x06;
            case NOP_OUT,
                    SCSI_COMMAND,
                    TASK_MANAGEMENT_REQUEST,
                    LOGIN_REQUEST,
                    TEXT_REQUEST,
                    DATA_OUT,
                    LOGOUT_REQUEST,
                    SNACK_REQUEST,
                    NOP_IN,
                    TASK_MANAGEMENT_RESPONSE,
                    LOGIN_RESPONSE,
                    TEXT_RESPONSE,
                    LOGOUT_RESPONSE,
                    READY_TO_TRANSFER,
                    ASYNC_MESSAGE,
                    REJECT -> false;
        };
        return bothResiduals ? violation(Kind.BAD_FIELD, header, "residual overflow and underflow at once") : null;
    }

    /** Additional header segments (section 11.2.2), or what is wrong with them. */
    private record Ahs(
            byte @Nullable [] cdbTail,
            int bidirectionalReadLength,
            @Nullable String fault) {
        static final Ahs NONE = new Ahs(null, 0, null);

        static Ahs bad(String fault) {
            return new Ahs(null, 0, fault);
        }
    }

    private static Ahs ahs(Opcode opcode, ByteBuf header) {
        int end = header.writerIndex();
        int at = header.readerIndex() + BHS_LENGTH;
        if (at == end) {
            return Ahs.NONE;
        }
        if (opcode != Opcode.SCSI_COMMAND) {
            return Ahs.bad("only SCSI commands have additional header segments");
        }
        byte[] cdbTail = null;
        int readLength = 0;
        boolean readLengthSeen = false;
        while (at < end) {
            int length = header.getUnsignedShort(at);
            int type = header.getByte(at + 2) & 0x3f;
            int next = at + (3 + length + 3) / 4 * 4;
            if (length == 0 || next > end) {
                return Ahs.bad("additional header segment of " + length + " bytes overruns TotalAHSLength");
            }
            if (type == AHS_EXTENDED_CDB && cdbTail == null && length > 1) {
                cdbTail = new byte[length - 1];
                header.getBytes(at + 4, cdbTail);
            } else if (type == AHS_BIDIRECTIONAL_READ_LENGTH && !readLengthSeen && length == 5) {
                readLength = header.getInt(at + 4);
                readLengthSeen = true;
            } else {
                return Ahs.bad("additional header segment of type " + type + " and length " + length);
            }
            at = next;
        }
        return new Ahs(cdbTail, readLength, null);
    }

    private static Pdu pdu(Opcode opcode, ByteBuf h, int at, Ahs ahs, ByteBuf data) {
        int flags = h.getByte(at + 1);
        boolean immediate = (h.getByte(at) & 0x40) != 0;
        boolean isFinal = (flags & 0x80) != 0;
        boolean bit6 = (flags & 0x40) != 0;
        long lun = h.getLong(at + 8);
        int itt = h.getInt(at + 16);
        int w20 = h.getInt(at + 20);
        int w24 = h.getInt(at + 24);
        int w28 = h.getInt(at + 28);
        int w32 = h.getInt(at + 32);
        int w36 = h.getInt(at + 36);
        int w40 = h.getInt(at + 40);
        int w44 = h.getInt(at + 44);
        return switch (opcode) {
            case NOP_OUT -> new Pdu.NopOut(immediate, lun, itt, w20, w24, w28, data);
            case SCSI_COMMAND ->
                new Pdu.ScsiCommandPdu(
                        immediate,
                        isFinal,
                        bit6,
                        (flags & 0x20) != 0,
                        flags & 0x07,
                        lun,
                        itt,
                        w20,
                        w24,
                        w28,
                        cdb(h, at, ahs),
                        ahs.bidirectionalReadLength,
                        data);
            case TASK_MANAGEMENT_REQUEST ->
                new Pdu.TaskManagementRequest(immediate, flags & 0x7f, lun, itt, w20, w24, w28, w32, w36);
            case LOGIN_REQUEST ->
                new Pdu.LoginRequest(
                        isFinal,
                        bit6,
                        (flags >> 2) & 3,
                        flags & 3,
                        h.getUnsignedByte(at + 2),
                        h.getUnsignedByte(at + 3),
                        new Isid(lun >>> 16),
                        (int) (lun & 0xffff),
                        itt,
                        w20 >>> 16,
                        w24,
                        w28,
                        data);
            case TEXT_REQUEST -> new Pdu.TextRequest(immediate, isFinal, bit6, lun, itt, w20, w24, w28, data);
            case DATA_OUT -> new Pdu.DataOut(isFinal, lun, itt, w20, w28, w36, w40, data);
            case LOGOUT_REQUEST -> new Pdu.LogoutRequest(immediate, flags & 0x7f, itt, w20 >>> 16, w24, w28);
            case SNACK_REQUEST -> new Pdu.SnackRequest(flags & 0x0f, lun, itt, w20, w28, w40, w44);
            case NOP_IN -> new Pdu.NopIn(lun, itt, w20, w24, w28, w32, data);
            case SCSI_RESPONSE ->
                new Pdu.ScsiResponsePdu(
                        residual(flags >> 2),
                        residual(flags),
                        h.getUnsignedByte(at + 2),
                        h.getUnsignedByte(at + 3),
                        itt,
                        w20,
                        w24,
                        w28,
                        w32,
                        w36,
                        w40,
                        w44,
                        data);
            case TASK_MANAGEMENT_RESPONSE ->
                new Pdu.TaskManagementResponse(h.getUnsignedByte(at + 2), itt, w24, w28, w32);
            case LOGIN_RESPONSE ->
                new Pdu.LoginResponse(
                        isFinal,
                        bit6,
                        (flags >> 2) & 3,
                        flags & 3,
                        h.getUnsignedByte(at + 2),
                        h.getUnsignedByte(at + 3),
                        new Isid(lun >>> 16),
                        (int) (lun & 0xffff),
                        itt,
                        w24,
                        w28,
                        w32,
                        w36 >>> 24,
                        (w36 >> 16) & 0xff,
                        data);
            case TEXT_RESPONSE -> new Pdu.TextResponse(isFinal, bit6, lun, itt, w20, w24, w28, w32, data);
            case DATA_IN ->
                new Pdu.DataIn(
                        isFinal,
                        bit6,
                        residual(flags),
                        (flags & 0x01) != 0,
                        h.getUnsignedByte(at + 3),
                        lun,
                        itt,
                        w20,
                        w24,
                        w28,
                        w32,
                        w36,
                        w40,
                        w44,
                        data);
            case LOGOUT_RESPONSE ->
                new Pdu.LogoutResponse(h.getUnsignedByte(at + 2), itt, w24, w28, w32, w40 >>> 16, w40 & 0xffff);
            case READY_TO_TRANSFER -> new Pdu.ReadyToTransfer(lun, itt, w20, w24, w28, w32, w36, w40, w44);
            case ASYNC_MESSAGE ->
                new Pdu.AsyncMessage(
                        lun,
                        w24,
                        w28,
                        w32,
                        w36 >>> 24,
                        (w36 >> 16) & 0xff,
                        w36 & 0xffff,
                        w40 >>> 16,
                        w40 & 0xffff,
                        data);
            case REJECT -> new Pdu.Reject(h.getUnsignedByte(at + 2), w24, w28, w32, w36, data);
        };
    }

    /** The residual that bits 2 (overflow) and 1 (underflow) tell of; both at once was refused before. */
    private static ResidualKind residual(int flags) {
        return (flags & 0x04) != 0
                ? ResidualKind.OVERFLOW
                : (flags & 0x02) != 0 ? ResidualKind.UNDERFLOW : ResidualKind.NONE;
    }

    private static byte[] cdb(ByteBuf header, int at, Ahs ahs) {
        byte[] first = new byte[16];
        header.getBytes(at + 32, first);
        byte[] tail = ahs.cdbTail;
        if (tail == null) {
            return first;
        }
        byte[] whole = Arrays.copyOf(first, 16 + tail.length);
        System.arraycopy(tail, 0, whole, 16, tail.length);
        return whole;
    }
}
