package dev.sanway.iscsi;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Inbound handler: bytes in, {@link DecodeResult}s out ({@code channelRead} of the next handler gets one per PDU). Belongs
 * to one channel; its setters are called on the channel's event loop.
 */
public final class PduDecoder extends ChannelInboundHandlerAdapter {
    private final PduFraming framing;
    private @Nullable Consumer<DecodeResult> sink;

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

    @Override
    public void handlerAdded(ChannelHandlerContext ctx) {
        sink = ctx::fireChannelRead;
    }

    @Override
    public void handlerRemoved(ChannelHandlerContext ctx) {
        framing.close();
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
        Consumer<DecodeResult> out = sink;
        if (message instanceof ByteBuf bytes && out != null) {
            try {
                framing.feed(bytes, out);
            } finally {
                bytes.release();
            }
        } else {
            ctx.fireChannelRead(message);
        }
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) {
        framing.close();
        ctx.fireChannelInactive();
    }
}
