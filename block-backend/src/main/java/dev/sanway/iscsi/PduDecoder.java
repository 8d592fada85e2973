package dev.sanway.iscsi;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import java.util.ArrayDeque;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Inbound handler: bytes in, {@link DecodeResult}s out ({@code channelRead} of the next handler gets one per PDU). Belongs
 * to one channel; its methods are called on the channel's event loop.
 *
 * <p>It has a valve. Whoever handles the PDUs shuts it, between two PDUs, while it can take no more; bytes that were read
 * already are parked here, and the channel reads no further once there are some of them. Some transports hand over all that is
 * queued once the peer has shut its side, whatever autoRead says: beyond {@link #PARKED_AT_MOST} the connection is closed, since
 * nobody is there to take the answers.
 */
public final class PduDecoder extends ChannelInboundHandlerAdapter {

    /** From so many parked bytes on nothing more is read from the socket. */
    static final int PARKED_ENOUGH = 32 << 10;

    /** Parked bytes that no peer reaches who still reads. */
    static final int PARKED_AT_MOST = 1 << 20;

    private final PduFraming framing;
    private final ArrayDeque<ByteBuf> parked = new ArrayDeque<>();
    private @Nullable ChannelHandlerContext context;
    private @Nullable Consumer<DecodeResult> sink;
    private int parkedBytes;
    private boolean shut;
    private boolean feeding;

    /** See {@link PduFraming#PduFraming}. */
    public PduDecoder(Direction direction, int maxDataSegmentLength) {
        framing = new PduFraming(direction, maxDataSegmentLength);
    }

    /** From the next PDU on. */
    public void setDigests(boolean onHeader, boolean onData) {
        framing.setDigests(onHeader, onData);
    }

    /** From the next PDU on, in bytes. */
    public void setMaxDataSegmentLength(int lengthBytes) {
        framing.setMaxDataSegmentLength(lengthBytes);
    }

    /** Whether some bytes of a PDU came and others are awaited. */
    public boolean midPdu() {
        return framing.midPdu();
    }

    /** Bytes that came and were not handed on: parked ones, and the data segment of a PDU that is not complete. */
    public int heldBytes() {
        return parkedBytes + framing.partialBytes();
    }

    /** See {@link PduFraming#partialOpcode}. */
    public int partialOpcode() {
        return framing.partialOpcode();
    }

    /** See {@link PduFraming#partialTag}. */
    public int partialTag() {
        return framing.partialTag();
    }

    /** See {@link PduFraming#partialBytes}. */
    public int partialBytes() {
        return framing.partialBytes();
    }

    /** Hands on nothing after the PDU that is being handed on, until {@link #open}. */
    public void shut() {
        shut = true;
        framing.setStopped(true);
    }

    /** Stops reading from the socket; for a valve that will be shut for a while. {@link #open} goes on. */
    public void stopReading() {
        ChannelHandlerContext ctx = context;
        if (ctx != null) {
            ctx.channel().config().setAutoRead(false);
        }
    }

    /**
     * Hands on what was parked, then reads on. The handlers after this one are told of the end of a read. Does nothing if the
     * valve is open; may shut it again.
     */
    public void open() {
        ChannelHandlerContext ctx = context;
        if (!shut) {
            return;
        }
        shut = false;
        framing.setStopped(false);
        if (feeding || ctx == null) {
            return;
        }
        boolean some = !parked.isEmpty();
        drain(ctx);
        if (some && !ctx.isRemoved()) {
            ctx.fireChannelReadComplete();
        }
        if (!shut) {
            ctx.channel().config().setAutoRead(true);
        }
    }

    private void drain(ChannelHandlerContext ctx) {
        Consumer<DecodeResult> out = sink;
        while (!shut && out != null) {
            ByteBuf bytes = parked.pollFirst();
            if (bytes == null) {
                return;
            }
            parkedBytes -= bytes.readableBytes();
            feed(ctx, bytes, out, true);
        }
    }

    @Override
    public void handlerAdded(ChannelHandlerContext ctx) {
        context = ctx;
        sink = ctx::fireChannelRead;
    }

    @Override
    public void handlerRemoved(ChannelHandlerContext ctx) {
        close();
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
        Consumer<DecodeResult> out = sink;
        if (!(message instanceof ByteBuf bytes)) {
            ctx.fireChannelRead(message);
        } else if (out == null) {
            bytes.release();
        } else if (shut || !parked.isEmpty()) {
            park(ctx, bytes, false);
        } else {
            feed(ctx, bytes, out, false);
        }
    }

    /** Takes {@code bytes} over; what is left when the valve was shut meanwhile is parked. */
    private void feed(ChannelHandlerContext ctx, ByteBuf bytes, Consumer<DecodeResult> out, boolean wasFirst) {
        boolean outer = feeding;
        feeding = true;
        try {
            framing.feed(bytes, out);
            // Opened again while a PDU was handled: the loop above has gone on by itself, or had ended.
            while (!shut && bytes.isReadable()) {
                framing.feed(bytes, out);
            }
        } catch (Throwable failed) {
            bytes.release();
            throw failed;
        } finally {
            feeding = outer;
        }
        if (bytes.isReadable()) {
            park(ctx, bytes, wasFirst);
        } else {
            bytes.release();
        }
    }

    private void park(ChannelHandlerContext ctx, ByteBuf bytes, boolean first) {
        if (sink == null || ctx.isRemoved()) {
            bytes.release();
            return;
        }
        parkedBytes += bytes.readableBytes();
        if (first) {
            parked.addFirst(bytes);
        } else {
            parked.addLast(bytes);
        }
        if (parkedBytes > PARKED_AT_MOST) {
            ctx.close();
        } else if (parkedBytes > PARKED_ENOUGH) {
            stopReading();
        }
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) {
        close();
        ctx.fireChannelInactive();
    }

    private void close() {
        sink = null;
        framing.close();
        parked.forEach(ByteBuf::release);
        parked.clear();
        parkedBytes = 0;
    }
}
