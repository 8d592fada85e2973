package dev.sanway.target;

import dev.sanway.iscsi.DecodeResult;
import dev.sanway.iscsi.KeyValue;
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
import dev.sanway.target.lun.Nexus;
import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.EventLoop;
import io.netty.util.concurrent.ScheduledFuture;
import java.security.SecureRandom;
import java.util.List;
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

    private static final SecureRandom RANDOM = new SecureRandom();

    private final TargetServer server;
    private final PduDecoder decoder;
    private final PduEncoder encoder;
    private final LoginSequence sequence;
    private int statSn = 1;
    private volatile boolean over;
    private volatile @Nullable ScheduledFuture<?> timer;
    private boolean awaitingSession;

    LoginHandler(TargetServer server, PduDecoder decoder, PduEncoder encoder) {
        this.server = server;
        this.decoder = decoder;
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
            log.info(
                    "{}: login not finished within {} ms",
                    channel.remoteAddress(),
                    server.limits().loginMillis());
            channel.close();
        }
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) {
        finished();
    }

    private void finished() {
        if (!over) {
            over = true;
            server.loginOver();
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
                        .log(String.valueOf(ctx.channel().remoteAddress()), "not an iSCSI login: " + violation.kind());
                ctx.close();
            }
        }
    }

    private void receive(ChannelHandlerContext ctx, Pdu.LoginRequest request) {
        switch (sequence.receive(request)) {
            case Answer answer ->
                respond(
                        ctx,
                        request,
                        answer.transit(),
                        answer.current(),
                        answer.next(),
                        0,
                        LoginStatus.SUCCESS,
                        answer.keys());
            case Refuse refuse -> refuse(ctx, request, refuse);
            case Complete complete -> complete(ctx, request, complete);
        }
    }

    private void refuse(ChannelHandlerContext ctx, Pdu.LoginRequest request, Refuse refuse) {
        server.refusals()
                .log(
                        sequence.initiatorName() + " at " + sequence.targetName(),
                        "login refused: " + refuse.status().meaning() + ": " + refuse.rule());
        LoginStage stage = request.currentStage() == 0 ? LoginStage.SECURITY : LoginStage.OPERATIONAL;
        respond(ctx, request, false, stage, null, 0, refuse.status(), List.of());
        ctx.channel().close();
    }

    private void respond(
            ChannelHandlerContext ctx,
            Pdu.LoginRequest request,
            boolean transit,
            LoginStage current,
            @Nullable LoginStage next,
            int tsih,
            LoginStatus status,
            List<KeyValue> keys) {
        ByteBuf text = Text.build(keys);
        ctx.writeAndFlush(new Pdu.LoginResponse(
                transit,
                false,
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
                text));
    }

    private void complete(ChannelHandlerContext ctx, Pdu.LoginRequest request, Complete complete) {
        IscsiTarget target = complete.target();
        if (target == null) {
            respond(
                    ctx,
                    request,
                    true,
                    complete.current(),
                    LoginStage.FULL_FEATURE,
                    1,
                    LoginStatus.SUCCESS,
                    complete.keys());
            var connection = sequence.negotiation().connection();
            applyDigests();
            replaceBy(
                    ctx,
                    new DiscoverySession(
                            ctx,
                            server,
                            complete.initiatorName(),
                            connection.maxSendDataSegmentLength(),
                            request.cmdSn(),
                            statSn));
            return;
        }
        awaitingSession = true;
        EventLoop loop = target.loopOf(request.isid());
        if (loop.inEventLoop()) {
            reinstate(ctx, request, complete, target);
            return;
        }
        // Nothing is on its way: the initiator waits for our last answer, and we for nobody.
        Channel channel = ctx.channel();
        channel.config().setAutoRead(false);
        channel.deregister().addListener(left -> {
            if (!left.isSuccess()) {
                channel.close();
                return;
            }
            loop.register(channel).addListener(joined -> {
                if (!joined.isSuccess()) {
                    log.error("a connection could not move to its target's loop", joined.cause());
                    channel.close();
                    return;
                }
                loop.execute(() -> {
                    channel.config().setAutoRead(true);
                    reinstate(ctx, request, complete, target);
                });
            });
        });
    }

    /** Ends a session of the same name before this one begins, so that none of its writes lands later. */
    private void reinstate(ChannelHandlerContext ctx, Pdu.LoginRequest request, Complete complete, IscsiTarget target) {
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
                refuse(ctx, request, new Refuse(status, "TSIH " + tsih + ", CID " + request.cid()));
                return;
            }
        }
        if (old == null) {
            begin(ctx, request, complete, target, registry, nexus, registry.newTsih());
            return;
        }
        int newTsih = tsih != 0 ? tsih : registry.newTsih();
        old.end("the initiator logged in anew", () -> begin(ctx, request, complete, target, registry, nexus, newTsih));
    }

    private void begin(
            ChannelHandlerContext ctx,
            Pdu.LoginRequest request,
            Complete complete,
            IscsiTarget target,
            SessionRegistry registry,
            Nexus nexus,
            int tsih) {
        if (!ctx.channel().isActive()) {
            return;
        }
        Session rival = registry.find(nexus);
        if (rival != null) {
            // Two logins of one name awaited the same old session: the later one wins.
            rival.end(
                    "the initiator logged in anew", () -> begin(ctx, request, complete, target, registry, nexus, tsih));
            return;
        }
        if (registry.countInAll() >= server.limits().sessionsInAll()) {
            refuse(
                    ctx,
                    request,
                    new Refuse(
                            LoginStatus.OUT_OF_RESOURCES,
                            "there are " + server.limits().sessionsInAll() + " sessions already, the most allowed"));
            return;
        }
        var session = sequence.negotiation().session();
        var connection = sequence.negotiation().connection();
        NegotiatedParameters parameters = new NegotiatedParameters(
                session.initialR2T(),
                session.immediateData(),
                session.firstBurstLength(),
                session.maxBurstLength(),
                session.maxOutstandingR2T(),
                connection.maxSendDataSegmentLength(),
                connection.headerDigest(),
                connection.dataDigest());
        Session made = new Session(
                ctx.channel(),
                new SessionSetup(
                        target,
                        nexus,
                        tsih,
                        request.cid(),
                        sequence.negotiation(),
                        parameters,
                        request.cmdSn(),
                        statSn + 1,
                        server.limits(),
                        server.inFlight(),
                        server.refusals(),
                        registry,
                        server.directory(),
                        registry::remove));
        // Known before the initiator hears of it, so that whoever ends sessions from now on finds it.
        registry.add(made);
        respond(
                ctx,
                request,
                true,
                complete.current(),
                LoginStage.FULL_FEATURE,
                tsih,
                LoginStatus.SUCCESS,
                complete.keys());
        applyDigests();
        log.info("{}: logged in, session {}", made, tsih);
        replaceBy(ctx, made);
        made.begin();
    }

    private void applyDigests() {
        var connection = sequence.negotiation().connection();
        decoder.setDigests(connection.headerDigest(), connection.dataDigest());
        encoder.setDigests(connection.headerDigest(), connection.dataDigest());
        decoder.setMaxDataSegmentLength(server.limits().maxRecvDataSegmentLength());
    }

    private void replaceBy(ChannelHandlerContext ctx, ChannelInboundHandlerAdapter next) {
        finished();
        ctx.pipeline().addLast(next);
        ctx.pipeline().remove(this);
    }
}
