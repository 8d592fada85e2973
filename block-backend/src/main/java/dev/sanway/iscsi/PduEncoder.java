package dev.sanway.iscsi;

import dev.sanway.iscsi.Pdu.ResidualKind;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelOutboundHandlerAdapter;
import io.netty.channel.ChannelPromise;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Outbound handler: a {@link Pdu} in, buffers out; {@link #encode} does the same as a plain function. The data segment goes
 * out as the buffer that it is, never copied. Belongs to one channel; its setter is called on the channel's event loop.
 */
public final class PduEncoder extends ChannelOutboundHandlerAdapter {
    private boolean headerDigest;
    private boolean dataDigest;

    /**
     * From the next PDU written on: call it right after writing the last login PDU, on the event loop (a write from there
     * is encoded before the call returns).
     */
    public void setDigests(boolean onHeader, boolean onData) {
        headerDigest = onHeader;
        dataDigest = onData;
    }

    @Override
    public void write(ChannelHandlerContext ctx, Object message, ChannelPromise promise) {
        if (!(message instanceof Pdu pdu)) {
            ctx.write(message, promise);
            return;
        }
        ByteBuf header = header(pdu, headerDigest, ctx.alloc());
        ByteBuf data = pdu.data();
        if (!data.isReadable()) {
            data.release();
            ctx.write(header, promise);
            return;
        }
        ByteBuf trailer = trailer(data, dataDigest, ctx.alloc());
        ctx.write(header, part(ctx, promise));
        if (trailer == null) {
            ctx.write(data, promise);
        } else {
            ctx.write(data, part(ctx, promise));
            ctx.write(trailer, promise);
        }
    }

    /** Who asks for no promise needs none for a part either. */
    private static ChannelPromise part(ChannelHandlerContext ctx, ChannelPromise whole) {
        return whole.isVoid() ? whole : ctx.newPromise();
    }

    /**
     * Encodes a PDU into the buffers that make it up: the headers with their digest, the data segment itself, padding with
     * the data digest.
     *
     * @param pdu consumed: its data segment goes out, or is released if empty
     * @param out gets one to three buffers, in order, and owns them
     */
    public static void encode(
            Pdu pdu, boolean headerDigest, boolean dataDigest, ByteBufAllocator allocator, Consumer<ByteBuf> out) {
        ByteBuf data = pdu.data();
        ByteBuf header = header(pdu, headerDigest, allocator);
        if (!data.isReadable()) {
            data.release();
            out.accept(header);
            return;
        }
        ByteBuf trailer = trailer(data, dataDigest, allocator);
        out.accept(header);
        out.accept(data);
        if (trailer != null) {
            out.accept(trailer);
        }
    }

    private static @Nullable ByteBuf trailer(ByteBuf data, boolean digest, ByteBufAllocator allocator) {
        int padding = -data.readableBytes() & 3;
        if (padding == 0 && !digest) {
            return null;
        }
        ByteBuf trailer = allocator.buffer(padding + Digest.LENGTH);
        trailer.writeZero(padding);
        if (digest) {
            trailer.writeInt(Digest.of(data, data.readerIndex(), data.readableBytes(), padding));
        }
        return trailer;
    }

    private static ByteBuf header(Pdu pdu, boolean digest, ByteBufAllocator allocator) {
        int ahsLength = pdu instanceof Pdu.ScsiCommandPdu command ? ahsLength(command) : 0;
        int length = PduParser.BHS_LENGTH + ahsLength;
        ByteBuf h = allocator.buffer(length + Digest.LENGTH);
        h.writeZero(PduParser.BHS_LENGTH);
        int dataLength = pdu.data().readableBytes();
        if (dataLength > 0xffffff) {
            h.release();
            throw new IllegalArgumentException("data segment of " + dataLength + " bytes: 24 bits hold its length");
        }
        h.setByte(4, ahsLength / 4);
        h.setMedium(5, dataLength);
        h.setInt(16, pdu.initiatorTaskTag());
        fill(pdu, h);
        if (ahsLength > 0) {
            writeAhs((Pdu.ScsiCommandPdu) pdu, h);
        }
        if (digest) {
            h.writeInt(Digest.of(h, 0, length, 0));
        }
        return h;
    }

    /** Bytes of the additional header segments that a command needs (section 11.2.2). */
    private static int ahsLength(Pdu.ScsiCommandPdu command) {
        int extended = command.cdb().length > 16 ? 4 + ((command.cdb().length - 16 + 3) & ~3) : 0;
        int total = extended + (command.bidirectionalReadLength() != 0 ? 8 : 0);
        if (total > PduParser.MAX_AHS_LENGTH) {
            throw new IllegalArgumentException("cdb of " + command.cdb().length + " bytes");
        }
        return total;
    }

    private static void writeAhs(Pdu.ScsiCommandPdu command, ByteBuf h) {
        int tail = command.cdb().length - 16;
        if (tail > 0) {
            h.writeShort(tail + 1).writeByte(1).writeZero(1);
            h.writeBytes(command.cdb(), 16, tail).writeZero(-tail & 3);
        }
        if (command.bidirectionalReadLength() != 0) {
            h.writeShort(5).writeByte(2).writeZero(1).writeInt(command.bidirectionalReadLength());
        }
    }

    private static void fill(Pdu pdu, ByteBuf h) {
        switch (pdu) {
            case Pdu.NopOut p -> {
                first(h, p, p.immediate(), 0x80);
                request(h, p.lun(), p.targetTransferTag(), p.cmdSn(), p.expStatSn());
            }
            case Pdu.ScsiCommandPdu p -> {
                first(
                        h,
                        p,
                        p.immediate(),
                        flag(p.isFinal(), 0x80)
                                | flag(p.read(), 0x40)
                                | flag(p.write(), 0x20)
                                | (p.attribute() & 0x07));
                request(h, p.lun(), p.expectedDataTransferLength(), p.cmdSn(), p.expStatSn());
                h.setBytes(32, p.cdb(), 0, 16);
            }
            case Pdu.TaskManagementRequest p -> {
                first(h, p, p.immediate(), 0x80 | (p.function() & 0x7f));
                request(h, p.lun(), p.referencedTaskTag(), p.cmdSn(), p.expStatSn());
                h.setInt(32, p.refCmdSn());
                h.setInt(36, p.expDataSn());
            }
            case Pdu.LoginRequest p -> {
                first(h, p, true, loginFlags(p.transit(), p.continues(), p.currentStage(), p.nextStage()));
                h.setByte(2, p.versionMax());
                h.setByte(3, p.versionMin());
                request(h, (p.isid().value() << 16) | (p.tsih() & 0xffff), p.cid() << 16, p.cmdSn(), p.expStatSn());
            }
            case Pdu.TextRequest p -> {
                first(h, p, p.immediate(), flag(p.isFinal(), 0x80) | flag(p.continues(), 0x40));
                request(h, p.lun(), p.targetTransferTag(), p.cmdSn(), p.expStatSn());
            }
            case Pdu.DataOut p -> {
                first(h, p, false, flag(p.isFinal(), 0x80));
                request(h, p.lun(), p.targetTransferTag(), 0, p.expStatSn());
                h.setInt(36, p.dataSn());
                h.setInt(40, p.bufferOffset());
            }
            case Pdu.LogoutRequest p -> {
                first(h, p, p.immediate(), 0x80 | (p.reasonCode() & 0x7f));
                request(h, 0, p.cid() << 16, p.cmdSn(), p.expStatSn());
            }
            case Pdu.SnackRequest p -> {
                first(h, p, false, 0x80 | (p.type() & 0x0f));
                request(h, p.lun(), p.targetTransferTag(), 0, p.expStatSn());
                h.setInt(40, p.begRun());
                h.setInt(44, p.runLength());
            }
            case Pdu.TargetPdu p -> fillResponse(p, h);
        }
    }

    private static void fillResponse(Pdu.TargetPdu pdu, ByteBuf h) {
        h.setInt(28, pdu.expCmdSn());
        h.setInt(32, pdu.maxCmdSn());
        switch (pdu) {
            case Pdu.NopIn p -> {
                first(h, p, false, 0x80);
                response(h, p.lun(), p.targetTransferTag(), p.statSn());
            }
            case Pdu.ScsiResponsePdu p -> {
                first(h, p, false, 0x80 | (residual(p.bidirectionalResidual()) << 2) | residual(p.residual()));
                h.setByte(2, p.response());
                h.setByte(3, p.status());
                response(h, 0, p.snackTag(), p.statSn());
                h.setInt(36, p.expDataSn());
                h.setInt(40, p.bidirectionalReadResidualCount());
                h.setInt(44, p.residualCount());
            }
            case Pdu.TaskManagementResponse p -> {
                first(h, p, false, 0x80);
                h.setByte(2, p.response());
                response(h, 0, 0, p.statSn());
            }
            case Pdu.LoginResponse p -> {
                first(h, p, false, loginFlags(p.transit(), p.continues(), p.currentStage(), p.nextStage()));
                h.setByte(2, p.versionMax());
                h.setByte(3, p.versionActive());
                response(h, (p.isid().value() << 16) | (p.tsih() & 0xffff), 0, p.statSn());
                h.setByte(36, p.statusClass());
                h.setByte(37, p.statusDetail());
            }
            case Pdu.TextResponse p -> {
                first(h, p, false, flag(p.isFinal(), 0x80) | flag(p.continues(), 0x40));
                response(h, p.lun(), p.targetTransferTag(), p.statSn());
            }
            case Pdu.DataIn p -> {
                first(
                        h,
                        p,
                        false,
                        flag(p.isFinal(), 0x80)
                                | flag(p.acknowledge(), 0x40)
                                | residual(p.residual())
                                | flag(p.hasStatus(), 0x01));
                h.setByte(3, p.status());
                response(h, p.lun(), p.targetTransferTag(), p.statSn());
                h.setInt(36, p.dataSn());
                h.setInt(40, p.bufferOffset());
                h.setInt(44, p.residualCount());
            }
            case Pdu.LogoutResponse p -> {
                first(h, p, false, 0x80);
                h.setByte(2, p.response());
                response(h, 0, 0, p.statSn());
                h.setShort(40, p.time2Wait());
                h.setShort(42, p.time2Retain());
            }
            case Pdu.ReadyToTransfer p -> {
                first(h, p, false, 0x80);
                response(h, p.lun(), p.targetTransferTag(), p.statSn());
                h.setInt(36, p.r2tSn());
                h.setInt(40, p.bufferOffset());
                h.setInt(44, p.desiredDataTransferLength());
            }
            case Pdu.AsyncMessage p -> {
                first(h, p, false, 0x80);
                response(h, p.lun(), 0, p.statSn());
                h.setByte(36, p.asyncEvent());
                h.setByte(37, p.asyncVCode());
                h.setShort(38, p.parameter1());
                h.setShort(40, p.parameter2());
                h.setShort(42, p.parameter3());
            }
            case Pdu.Reject p -> {
                first(h, p, false, 0x80);
                h.setByte(2, p.reason());
                response(h, 0, 0, p.statSn());
                h.setInt(36, p.dataSn());
            }
        }
    }

    private static void first(ByteBuf h, Pdu pdu, boolean immediate, int flags) {
        h.setByte(0, pdu.opcode().code() | flag(immediate, 0x40));
        h.setByte(1, flags);
    }

    private static void request(ByteBuf h, long bytes8, int word20, int word24, int word28) {
        h.setLong(8, bytes8);
        h.setInt(20, word20);
        h.setInt(24, word24);
        h.setInt(28, word28);
    }

    private static void response(ByteBuf h, long bytes8, int word20, int word24) {
        h.setLong(8, bytes8);
        h.setInt(20, word20);
        h.setInt(24, word24);
    }

    private static int loginFlags(boolean transit, boolean continues, int currentStage, int nextStage) {
        return flag(transit, 0x80) | flag(continues, 0x40) | ((currentStage & 3) << 2) | (nextStage & 3);
    }

    private static int residual(ResidualKind kind) {
        return switch (kind) {
            case NONE -> 0;
            case OVERFLOW -> 0x04;
            case UNDERFLOW -> 0x02;
        };
    }

    private static int flag(boolean set, int bit) {
        return set ? bit : 0;
    }
}
