package dev.sanway.target;

import dev.sanway.iscsi.Pdu;
import dev.sanway.iscsi.PduEncoder;
import dev.sanway.iscsi.PduViolation;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/** The few header fields that matter of a PDU that was not decoded (RFC 7143 11.2, 11.7), those after the first of a Data-Out. */
record Rejected(boolean isDataOut, int targetTransferTag, int bufferOffset, int lengthBytes, boolean isFinal) {

    private static final int HEADER_BYTES = 48;
    private static final int OPCODE_DATA_OUT = 0x05;

    static Rejected of(PduViolation violation) {
        ByteBuffer header = ByteBuffer.wrap(violation.header());
        return new Rejected(
                violation.opcodeBits() == OPCODE_DATA_OUT,
                header.getInt(20),
                header.getInt(40),
                header.getInt(4) & 0xff_ffff,
                (header.get(1) & 0x80) != 0);
    }

    /** Cuts ping data that are sent back to what the initiator takes (RFC 7143 11.19). */
    static void cut(ByteBuf echo, int initiatorMaxRecvDataSegmentLength) {
        if (echo.readableBytes() > initiatorMaxRecvDataSegmentLength) {
            echo.writerIndex(echo.readerIndex() + initiatorMaxRecvDataSegmentLength);
        }
    }

    /** As if it had been rejected before it was decoded. */
    static Rejected of(Pdu.DataOut pdu) {
        return new Rejected(
                true, pdu.targetTransferTag(), pdu.bufferOffset(), pdu.data().readableBytes(), pdu.isFinal());
    }

    /** The header of a decoded PDU, for a Reject; releases the PDU. */
    static ByteBuf header(Pdu pdu, ByteBufAllocator allocator) {
        List<ByteBuf> parts = new ArrayList<>();
        PduEncoder.encode(pdu, false, false, allocator, parts::add);
        ByteBuf header = parts.getFirst().readRetainedSlice(HEADER_BYTES);
        parts.forEach(ByteBuf::release);
        return header;
    }
}
