package dev.sanway.target;

import dev.sanway.iscsi.DecodeResult;
import dev.sanway.iscsi.KeyValue;
import dev.sanway.iscsi.Pdu;
import dev.sanway.iscsi.RejectReason;
import dev.sanway.iscsi.TextKey;
import dev.sanway.target.ReadValve.Reason;
import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.util.concurrent.ScheduledFuture;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * A discovery session (RFC 7143 4.3): text requests, NOP and log-out; anything else is rejected. Anybody can have one, so it
 * holds next to nothing: no request is taken before the answer to the last one has left, and it ends by itself after a time.
 * Confined to its channel's loop.
 */
final class DiscoverySession extends ChannelInboundHandlerAdapter implements TextService.Owner {

    private static final int WINDOW = 8;

    /** What a request costs of a turn; a list of targets is made for each. */
    private static final int TURN_UNITS = 8;

    private final ChannelHandlerContext login;
    private final TargetServer server;
    private final ConnectionPlaces.Place place;
    private final ReadValve valve;
    private final String initiatorName;
    private final int initiatorMaxRecvDataSegmentLength;
    private final TextService text = new TextService(this);
    private int expCmdSn;
    private int statSn;
    private final ScheduledFuture<?> timer;

    DiscoverySession(
            ChannelHandlerContext login,
            TargetServer server,
            ConnectionPlaces.Place place,
            ReadValve valve,
            String initiatorName,
            int initiatorMaxRecvDataSegmentLength,
            int expCmdSn,
            int statSn) {
        this.login = login;
        this.server = server;
        this.place = place;
        this.valve = valve;
        this.initiatorName = initiatorName;
        this.initiatorMaxRecvDataSegmentLength = initiatorMaxRecvDataSegmentLength;
        this.expCmdSn = expCmdSn;
        this.statSn = statSn;
        this.timer = login.executor()
                .schedule(() -> login.close(), server.limits().discoveryMillis(), TimeUnit.MILLISECONDS);
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
        place.useful();
        HostTurns turns = place.turns().on(ctx.executor());
        if (!turns.spendMore(TURN_UNITS) && valve.shut(Reason.TURN)) {
            turns.await(() -> valve.open(Reason.TURN));
        }
        switch ((DecodeResult) message) {
            case DecodeResult.Decoded(Pdu pdu) -> received(pdu);
            case DecodeResult.Violated _ -> ctx.close();
        }
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) {
        text.close();
        server.discovering().leave(place);
        // It holds on to the connection, which may be gone long before.
        timer.cancel(false);
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
        if (pdu.initiatorTaskTag() == Pdu.NO_TAG && !(pdu instanceof Pdu.NopOut)) {
            reject(RejectReason.PROTOCOL_ERROR, pdu);
            return;
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
        Rejected.cut(echo, initiatorMaxRecvDataSegmentLength);
        send(new Pdu.NopIn(nop.lun(), nop.initiatorTaskTag(), Pdu.NO_TAG, statSn++, expCmdSn, grantedMaxCmdSn(), echo));
    }

    @Override
    public void send(Pdu pdu) {
        valve.shut(Reason.ANSWERS);
        login.writeAndFlush(pdu).addListener(_ -> valve.open(Reason.ANSWERS));
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
        if (pdu instanceof Pdu.NumberedRequest request && !request.immediate()) {
            // As if it had not come (RFC 7143 7.3).
            expCmdSn--;
        }
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
                // Nothing else is of use here (RFC 7143 6.2).
                answers.add(new KeyValue(pair.key(), TextKey.of(pair.key()) == null ? "NotUnderstood" : "Reject"));
            }
        }
        return answers;
    }
}
