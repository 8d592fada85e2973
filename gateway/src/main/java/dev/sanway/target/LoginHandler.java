package dev.sanway.target;

import dev.sanway.iscsi.DecodeResult;
import dev.sanway.iscsi.LoginStage;
import dev.sanway.iscsi.LoginStatus;
import dev.sanway.iscsi.NegotiationWishes;
import dev.sanway.iscsi.Pdu;
import dev.sanway.iscsi.PduDecoder;
import dev.sanway.iscsi.PduEncoder;
import dev.sanway.iscsi.Text;
import dev.sanway.target.LoginSequence.Answer;
import dev.sanway.target.LoginSequence.Complete;
import dev.sanway.target.LoginSequence.Refuse;
import dev.sanway.target.LoginSequence.Step;
import dev.sanway.target.ReadValve.Reason;
import dev.sanway.target.lun.Nexus;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.EventLoop;
import io.netty.channel.WriteBufferWaterMark;
import io.netty.util.concurrent.ScheduledFuture;
import java.net.InetAddress;
import java.security.SecureRandom;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A connection during login: feeds {@link LoginSequence}, moves the connection to its target's loop once that is known,
 * reinstates sessions, and makes way for {@link Session} or {@link DiscoverySession}. On the channel's loop.
 */
final class LoginHandler extends ChannelInboundHandlerAdapter {

    private static final Logger log = LoggerFactory.getLogger(LoginHandler.class);

    /** MaxRecvDataSegmentLength before it is negotiated (RFC 7143 13.12). */
    static final int MAX_LOGIN_SEGMENT = 8192;

    /** An answer during login or discovery is small, and the next one is not made before it has left. */
    static final WriteBufferWaterMark WATER_MARK = new WriteBufferWaterMark(32 << 10, 64 << 10);

    /** What a login request costs of a turn: text, tables, hashes. */
    private static final int TURN_UNITS = 16;

    private static final SecureRandom RANDOM = new SecureRandom();

    private final TargetServer server;
    private final ConnectionPlaces.Place place;
    private final PduDecoder decoder;
    private final ReadValve valve;
    private final PduEncoder encoder;
    private final LoginSequence sequence;
    private int statSn = 1;
    private volatile boolean over;
    private volatile @Nullable ScheduledFuture<?> timer;
    private boolean awaitingSession;
    /** It goes to another loop: what is still due on this one leaves it alone. */
    private boolean moving;

    private int requests;
    /** An answer that is longer than one PDU: what is left of it, and what it says when it is whole. */
    private @Nullable Unsent unsent;

    private record Unsent(ByteBuf text, Step step) {}

    LoginHandler(TargetServer server, ConnectionPlaces.Place place, PduDecoder decoder, PduEncoder encoder) {
        this.server = server;
        this.place = place;
        this.decoder = decoder;
        this.valve = new ReadValve(decoder);
        this.encoder = encoder;
        TargetLimits limits = server.limits();
        this.sequence = new LoginSequence(
                server.directory(),
                new NegotiationWishes(
                        NegotiationWishes.target().headerDigests(),
                        NegotiationWishes.target().dataDigests(),
                        limits.maxRecvDataSegmentLength(),
                        false,
                        true,
                        limits.maxBurstLength(),
                        limits.firstBurstLength(),
                        0,
                        0,
                        limits.maxOutstandingR2t(),
                        NegotiationWishes.target().taskReporting(),
                        NegotiationWishes.target().protocolLevel()),
                RANDOM);
    }

    @Override
    public void handlerAdded(ChannelHandlerContext ctx) {
        timer = ctx.executor()
                .schedule(() -> timeOut(ctx.channel()), server.limits().loginMillis(), TimeUnit.MILLISECONDS);
    }

    private void timeOut(Channel channel) {
        if (!over) {
            server.refusals()
                    .log(
                            TargetServer.address(channel).getHostAddress(),
                            "login not finished within " + server.limits().loginMillis() + " ms");
            channel.close();
        }
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) {
        finished();
        Unsent left = unsent;
        unsent = null;
        if (left != null) {
            left.text().release();
        }
    }

    private void finished() {
        if (!over) {
            over = true;
            server.loginOver(place);
            ScheduledFuture<?> waiting = timer;
            if (waiting != null) {
                // It holds on to the connection, which may be gone long before.
                waiting.cancel(false);
            }
        }
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        if (!(cause instanceof java.io.IOException)) {
            log.error(
                    "{}: closing after an error of ours during login",
                    ctx.channel().remoteAddress(),
                    cause);
        }
        ctx.close();
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
        switch ((DecodeResult) message) {
            case DecodeResult.Decoded(Pdu.LoginRequest request) when !awaitingSession -> receive(ctx, request);
            case DecodeResult.Decoded(Pdu other) -> {
                // Anything but a login request ends the connection (RFC 7143 6.3).
                other.release();
                ctx.close();
            }
            case DecodeResult.Violated(var violation) -> {
                server.refusals()
                        .log(
                                TargetServer.address(ctx.channel()).getHostAddress(),
                                "not an iSCSI login: " + violation.kind());
                ctx.close();
            }
        }
    }

    private void receive(ChannelHandlerContext ctx, Pdu.LoginRequest request) {
        place.useful();
        HostTurns turns = place.turns().on(ctx.executor());
        if (!turns.spendMore(TURN_UNITS) && valve.shut(Reason.TURN)) {
            turns.await(() -> {
                if (!moving) {
                    valve.open(Reason.TURN);
                }
            });
        }
        if (++requests > server.limits().loginRequests()) {
            request.release();
            refuse(
                    ctx,
                    request,
                    new Refuse(
                            LoginStatus.INITIATOR_ERROR,
                            "more than " + server.limits().loginRequests() + " login requests"));
            return;
        }
        Unsent left = unsent;
        if (left != null) {
            goOn(ctx, request, left);
            return;
        }
        Step step = sequence.receive(request);
        switch (step) {
            case Answer answer -> answer(ctx, request, step, Text.build(answer.keys()));
            case Refuse refuse -> refuse(ctx, request, refuse);
            case Complete complete -> answer(ctx, request, step, Text.build(complete.keys()));
        }
    }

    /** Sends what is left of an answer of several PDUs; each is asked for by an empty request (RFC 7143 6.2, 11.13). */
    private void goOn(ChannelHandlerContext ctx, Pdu.LoginRequest request, Unsent left) {
        unsent = null;
        boolean empty = !request.data().isReadable() && !request.continues();
        request.release();
        if (empty) {
            answer(ctx, request, left.step(), left.text());
        } else {
            left.text().release();
            refuse(
                    ctx,
                    request,
                    new Refuse(LoginStatus.INITIATOR_ERROR, "a login request with text before our answer was whole"));
        }
    }

    private void answer(ChannelHandlerContext ctx, Pdu.LoginRequest request, Step step, ByteBuf text) {
        if (text.readableBytes() > MAX_LOGIN_SEGMENT) {
            ByteBuf part = text.readRetainedSlice(MAX_LOGIN_SEGMENT);
            unsent = new Unsent(text, step);
            LoginStage stage = request.currentStage() == 0 ? LoginStage.SECURITY : LoginStage.OPERATIONAL;
            respond(ctx, request, false, true, stage, null, 0, LoginStatus.SUCCESS, part);
            return;
        }
        switch (step) {
            case Answer answer ->
                respond(
                        ctx,
                        request,
                        answer.transit(),
                        false,
                        answer.current(),
                        answer.next(),
                        0,
                        LoginStatus.SUCCESS,
                        text);
            case Complete complete -> complete(ctx, request, complete, text);
            case Refuse _ -> throw new IllegalStateException("a refusal has no text");
        }
    }

    private void refuse(ChannelHandlerContext ctx, Pdu.LoginRequest request, Refuse refuse) {
        server.refusals()
                .log(
                        sequence.initiatorName() + " at " + sequence.targetName(),
                        "login refused: " + refuse.status().meaning() + ": " + refuse.rule());
        LoginStage stage = request.currentStage() == 0 ? LoginStage.SECURITY : LoginStage.OPERATIONAL;
        respond(ctx, request, false, false, stage, null, 0, refuse.status(), Unpooled.EMPTY_BUFFER);
        ctx.channel().close();
    }

    private void respond(
            ChannelHandlerContext ctx,
            Pdu.LoginRequest request,
            boolean transit,
            boolean continues,
            LoginStage current,
            @Nullable LoginStage next,
            int tsih,
            LoginStatus status,
            ByteBuf text) {
        // Whoever does not take the answer is not asked for more.
        valve.shut(Reason.ANSWERS);
        ctx.writeAndFlush(new Pdu.LoginResponse(
                        transit,
                        continues,
                        current.code(),
                        next == null ? 0 : next.code(),
                        0,
                        0,
                        request.isid(),
                        tsih,
                        request.initiatorTaskTag(),
                        status == LoginStatus.SUCCESS ? statSn++ : 0,
                        request.cmdSn(),
                        request.cmdSn() + (tsih == 0 ? 0 : server.limits().commandsPerSession() - 1),
                        status.statusClass(),
                        status.statusDetail(),
                        text))
                .addListener(_ -> valve.open(Reason.ANSWERS));
    }

    private void complete(ChannelHandlerContext ctx, Pdu.LoginRequest request, Complete complete, ByteBuf text) {
        IscsiTarget target = complete.target();
        if (target == null) {
            discover(ctx, request, complete, text);
            return;
        }
        awaitingSession = true;
        EventLoop loop = target.loopOf(request.isid());
        if (loop.inEventLoop()) {
            reinstate(ctx, request, complete, target, text);
            return;
        }
        // Nothing is on its way: the initiator waits for our last answer, and we for nobody.
        Channel channel = ctx.channel();
        moving = true;
        channel.config().setAutoRead(false);
        channel.deregister().addListener(left -> {
            if (!left.isSuccess()) {
                text.release();
                channel.close();
                return;
            }
            loop.register(channel).addListener(joined -> {
                if (!joined.isSuccess()) {
                    log.error("a connection could not move to its target's loop", joined.cause());
                    text.release();
                    channel.close();
                    return;
                }
                loop.execute(() -> {
                    channel.config().setAutoRead(true);
                    valve.open(Reason.TURN);
                    reinstate(ctx, request, complete, target, text);
                });
            });
        });
    }

    private void discover(ChannelHandlerContext ctx, Pdu.LoginRequest request, Complete complete, ByteBuf text) {
        InetAddress from = TargetServer.address(ctx.channel());
        Channel channel = ctx.channel();
        ConnectionPlaces.Place discovering = server.discovering().enter(from, channel::close);
        if (discovering == null) {
            text.release();
            refuse(
                    ctx,
                    request,
                    new Refuse(
                            LoginStatus.OUT_OF_RESOURCES,
                            "no place for one more discovery session from " + from.getHostAddress() + ": "
                                    + server.limits().discoverySessions() + " for all addresses"));
            return;
        }
        respond(ctx, request, true, false, complete.current(), LoginStage.FULL_FEATURE, 1, LoginStatus.SUCCESS, text);
        var connection = sequence.negotiation().connection();
        applyDigests();
        replaceBy(
                ctx,
                new DiscoverySession(
                        ctx,
                        server,
                        discovering,
                        valve,
                        complete.initiatorName(),
                        connection.maxSendDataSegmentLength(),
                        request.cmdSn(),
                        statSn));
    }

    /** Ends a session of the same name before this one begins, so that none of its writes lands later. */
    private void reinstate(
            ChannelHandlerContext ctx, Pdu.LoginRequest request, Complete complete, IscsiTarget target, ByteBuf text) {
        SessionRegistry registry = server.registry(target.name());
        Nexus nexus = new Nexus(
                complete.initiatorName(), request.isid().toString(), target.name(), SendTargets.PORTAL_GROUP_TAG);
        Session old = registry.find(nexus);
        int tsih = request.tsih();
        if (tsih != 0) {
            LoginStatus status = old == null || old.tsih() != tsih
                    ? LoginStatus.SESSION_DOES_NOT_EXIST
                    : old.cid() == request.cid() ? LoginStatus.SUCCESS : LoginStatus.TOO_MANY_CONNECTIONS;
            if (status != LoginStatus.SUCCESS) {
                text.release();
                refuse(ctx, request, new Refuse(status, "TSIH " + tsih + ", CID " + request.cid()));
                return;
            }
        }
        int newTsih = tsih != 0 ? tsih : registry.newTsih();
        begin(ctx, request, complete, target, registry, nexus, newTsih, text);
    }

    private void begin(
            ChannelHandlerContext ctx,
            Pdu.LoginRequest request,
            Complete complete,
            IscsiTarget target,
            SessionRegistry registry,
            Nexus nexus,
            int tsih,
            ByteBuf text) {
        if (!ctx.channel().isActive()) {
            text.release();
            return;
        }
        Session old = registry.find(nexus);
        if (old != null) {
            // Or a rival: two logins of one name that awaited the same old session. The later one wins.
            old.end(
                    "the initiator logged in anew",
                    () -> begin(ctx, request, complete, target, registry, nexus, tsih, text));
            return;
        }
        HostKey host = HostKey.of(target, nexus.initiatorName());
        if (!server.sessionPlaces().enter(host)) {
            text.release();
            refuse(
                    ctx,
                    request,
                    new Refuse(
                            LoginStatus.OUT_OF_RESOURCES,
                            "no place for one more session: this host may have "
                                    + server.sessionPlaces().allowed(host) + " now, all hosts together "
                                    + server.limits().sessionsInAll()));
            return;
        }
        Session made = new Session(ctx.channel(), setup(request, target, registry, nexus, tsih, host), decoder, valve);
        // Known before the initiator hears of it, so that whoever ends sessions from now on finds it.
        registry.add(made);
        respond(
                ctx,
                request,
                true,
                false,
                complete.current(),
                LoginStage.FULL_FEATURE,
                tsih,
                LoginStatus.SUCCESS,
                text);
        applyDigests();
        ctx.channel().config().setWriteBufferWaterMark(TargetServer.WATER_MARK);
        log.info("{}: logged in, session {}", made, tsih);
        replaceBy(ctx, made);
        made.begin();
    }

    private SessionSetup setup(
            Pdu.LoginRequest request,
            IscsiTarget target,
            SessionRegistry registry,
            Nexus nexus,
            int tsih,
            HostKey host) {
        var session = sequence.negotiation().session();
        var connection = sequence.negotiation().connection();
        return new SessionSetup(
                target,
                nexus,
                tsih,
                request.cid(),
                sequence.negotiation(),
                new NegotiatedParameters(
                        session.initialR2T(),
                        session.immediateData(),
                        session.firstBurstLength(),
                        session.maxBurstLength(),
                        session.maxOutstandingR2T(),
                        connection.maxSendDataSegmentLength(),
                        connection.headerDigest(),
                        connection.dataDigest()),
                request.cmdSn(),
                statSn + 1,
                server.limits(),
                server.memory().open(host, server.limits().bytesPerSession()),
                server.refusals(),
                registry,
                server.directory(),
                ended -> {
                    registry.remove(ended);
                    server.sessionPlaces().leave(host);
                });
    }

    private void applyDigests() {
        var connection = sequence.negotiation().connection();
        decoder.setDigests(connection.headerDigest(), connection.dataDigest());
        encoder.setDigests(connection.headerDigest(), connection.dataDigest());
        decoder.setMaxDataSegmentLength(connection.maxRecvDataSegmentLength());
    }

    private void replaceBy(ChannelHandlerContext ctx, ChannelInboundHandlerAdapter next) {
        finished();
        ctx.pipeline().addLast(next);
        ctx.pipeline().remove(this);
    }
}
