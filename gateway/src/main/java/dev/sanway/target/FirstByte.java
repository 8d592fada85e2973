package dev.sanway.target;

import dev.sanway.iscsi.Opcode;
import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;

/**
 * Closes at once what is no login: a web browser, TLS, a port scanner. A connection begins with a Login Request (RFC 7143 6.3),
 * which its first byte tells. Removes itself then.
 */
final class FirstByte extends ChannelInboundHandlerAdapter {

    private static final int OPCODE = 0x3f;

    private final Refusals refusals;

    FirstByte(Refusals refusals) {
        this.refusals = refusals;
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
        if (message instanceof ByteBuf bytes && bytes.isReadable()) {
            int first = bytes.getUnsignedByte(bytes.readerIndex());
            if ((first & OPCODE) != Opcode.LOGIN_REQUEST.code()) {
                bytes.release();
                refusals.log(
                        TargetServer.address(ctx.channel()).getHostAddress(),
                        "no iSCSI login: its first byte was " + String.format("%02xh", first));
                ctx.close();
                return;
            }
        }
        ctx.pipeline().remove(this);
        ctx.fireChannelRead(message);
    }
}
