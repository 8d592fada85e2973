package dev.sanway.target;

import dev.sanway.iscsi.DecodeResult;
import dev.sanway.iscsi.KeyValue;
import dev.sanway.iscsi.Pdu;
import dev.sanway.iscsi.RejectReason;
import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.util.concurrent.ScheduledFuture;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * A discovery session (RFC 7143 4.3): text requests, NOP and log-out; anything else is rejected. Ends by itself after a time
 * of silence. Confined to its channel's loop.
 */
final class DiscoverySession extends ChannelInboundHandlerAdapter implements TextService.Owner {

    private static final int WINDOW = 8;

    private final ChannelHandlerContext login;
    private final TargetServer server;
    private final String initiatorName;
    private final int initiatorMaxRecvDataSegmentLength;
    private final TextService text = new TextService(this);
    private int expCmdSn;
    private int statSn;
    private long heardNanos = System.nanoTime();
    private @Nullable ScheduledFuture<?> timer;

    DiscoverySession(
            ChannelHandlerContext login,
            TargetServer server,
            String initiatorName,
            int initiatorMaxRecvDataSegmentLength,
            int expCmdSn,
            int statSn) {
        this.login = login;
        this.server = server;
        this.initiatorName = initiatorName;
        this.initiatorMaxRecvDataSegmentLength = initiatorMaxRecvDataSegmentLength;
        this.expCmdSn = expCmdSn;
        this.statSn = statSn;
        scheduleEnd(server.limits().idlePingMillis());
    }

    private void scheduleEnd(long millis) {
        timer = login.executor().schedule(this::endIfSilent, millis, TimeUnit.MILLISECONDS);
    }

    private void endIfSilent() {
        long silentMillis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - heardNanos);
        long allowedMillis = server.limits().idlePingMillis() + server.limits().pingReplyMillis();
        if (!login.channel().isActive()) {
            return;
        }
        if (silentMillis >= allowedMillis) {
            login.close();
        } else {
            scheduleEnd(Math.max(100, allowedMillis - silentMillis));
        }
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
        heardNanos = System.nanoTime();
        switch ((DecodeResult) message) {
            case DecodeResult.Decoded(Pdu pdu) -> received(pdu);
            case DecodeResult.Violated _ -> ctx.close();
        }
    }

    @Override
    public void channelReadComplete(ChannelHandlerContext ctx) {
        ctx.flush();
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) {
        text.close();
        ScheduledFuture<?> waiting = timer;
        if (waiting != null) {
            waiting.cancel(false);
        }
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        ctx.close();
    }

    private void received(Pdu pdu) {
        if (pdu instanceof Pdu.NumberedRequest request && !request.immediate()) {
            if (request.cmdSn() != expCmdSn) {
                pdu.release();
                return;
            }
            expCmdSn++;
        }
        switch (pdu) {
            case Pdu.TextRequest request -> text.request(request);
            case Pdu.NopOut nop -> nop(nop);
            case Pdu.LogoutRequest logout -> {
                Pdu answer = new Pdu.LogoutResponse(
                        0, logout.initiatorTaskTag(), statSn++, expCmdSn, grantedMaxCmdSn(), 0, 0);
                login.writeAndFlush(answer).addListener(_ -> login.close());
            }
            default -> reject(RejectReason.COMMAND_NOT_SUPPORTED, pdu);
        }
    }

    private void nop(Pdu.NopOut nop) {
        if (nop.initiatorTaskTag() == Pdu.NO_TAG) {
            nop.release();
            return;
        }
        ByteBuf echo = nop.data();
        send(new Pdu.NopIn(nop.lun(), nop.initiatorTaskTag(), Pdu.NO_TAG, statSn++, expCmdSn, grantedMaxCmdSn(), echo));
    }

    @Override
    public void send(Pdu pdu) {
        login.write(pdu, login.voidPromise());
    }

    @Override
    public int takeStatSn() {
        return statSn++;
    }

    @Override
    public int expCmdSn() {
        return expCmdSn;
    }

    @Override
    public int grantedMaxCmdSn() {
        return expCmdSn + WINDOW - 1;
    }

    @Override
    public int initiatorMaxRecvDataSegmentLength() {
        return initiatorMaxRecvDataSegmentLength;
    }

    @Override
    public void reject(RejectReason reason, Pdu pdu) {
        send(new Pdu.Reject(
                reason.code(), statSn++, expCmdSn, grantedMaxCmdSn(), 0, Rejected.header(pdu, login.alloc())));
    }

    @Override
    public List<KeyValue> answer(List<KeyValue> pairs) {
        List<KeyValue> answers = new ArrayList<>();
        for (KeyValue pair : pairs) {
            if (pair.key().equals("SendTargets")) {
                InetSocketAddress local = (InetSocketAddress) login.channel().localAddress();
                answers.addAll(SendTargets.answer(server.directory(), initiatorName, null, pair.value(), local));
            } else {
                answers.add(new KeyValue(pair.key(), "Reject"));
            }
        }
        return answers;
    }
}
