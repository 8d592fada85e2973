package dev.sanway.target;

import dev.sanway.iscsi.Direction;
import dev.sanway.iscsi.PduDecoder;
import dev.sanway.iscsi.PduEncoder;
import dev.sanway.iscsi.Transport;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.WriteBufferWaterMark;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The iSCSI target node: portals that accept connections, and the sessions that came of them (RFC 7143). Any thread may call
 * its methods.
 */
public final class TargetServer implements AutoCloseable {

    /** One portal group: every portal serves every target. Also the relative target port identifier. */
    public static final int PORTAL_GROUP_TAG = SendTargets.PORTAL_GROUP_TAG;

    private static final Logger log = LoggerFactory.getLogger(TargetServer.class);

    /** What may wait in a socket's outbound buffer before we stop reading from that peer, in bytes. */
    private static final WriteBufferWaterMark WATER_MARK = new WriteBufferWaterMark(1 << 20, 4 << 20);

    private final EventLoopGroup loops;
    private final TargetDirectory directory;
    private final TargetLimits limits;
    private final InFlightBytes inFlight;
    private final AtomicInteger sessions = new AtomicInteger();
    private final AtomicInteger inLogin = new AtomicInteger();
    private final Map<String, SessionRegistry> registries = new ConcurrentHashMap<>();
    private final Refusals refusals = new Refusals();
    private final List<Channel> portals = new ArrayList<>();

    /**
     * @param loops where connections are accepted and log in; a session then moves to its target's loop, see
     *     {@link IscsiTarget#loopOf}, which must be one of them
     */
    public TargetServer(EventLoopGroup loops, TargetDirectory directory, TargetLimits limits) {
        this.loops = loops;
        this.directory = directory;
        this.limits = limits;
        this.inFlight = new InFlightBytes(limits.bytesInAll());
    }

    /**
     * Listens. Blocks the caller, who is no event loop.
     *
     * @throws IOException if an address cannot be listened on, naming it; then none is
     */
    public synchronized void listen(List<InetSocketAddress> addresses) throws IOException {
        for (InetSocketAddress address : addresses) {
            ChannelFuture bound = new ServerBootstrap()
                    .group(loops)
                    .channel(Transport.serverChannel(loops.next()))
                    .option(ChannelOption.SO_REUSEADDR, true)
                    .option(ChannelOption.SO_BACKLOG, 1024)
                    .childOption(ChannelOption.TCP_NODELAY, true)
                    .childOption(ChannelOption.SO_KEEPALIVE, true)
                    .childOption(ChannelOption.WRITE_BUFFER_WATER_MARK, WATER_MARK)
                    .childHandler(new ChannelInitializer<>() {
                        @Override
                        protected void initChannel(Channel channel) {
                            accept(channel);
                        }
                    })
                    .bind(address)
                    .awaitUninterruptibly();
            if (!bound.isSuccess()) {
                closePortals();
                throw new IOException(
                        "cannot listen on " + address + ": " + bound.cause().getMessage(), bound.cause());
            }
            portals.add(bound.channel());
        }
    }

    /** The addresses really listened on. */
    public synchronized List<InetSocketAddress> addresses() {
        return portals.stream()
                .map(channel -> (InetSocketAddress) channel.localAddress())
                .toList();
    }

    private void accept(Channel channel) {
        if (inLogin.incrementAndGet() > limits.connectionsInLogin()) {
            inLogin.decrementAndGet();
            log.warn(
                    "refusing {}: {} connections are logging in already",
                    channel.remoteAddress(),
                    limits.connectionsInLogin());
            channel.close();
            return;
        }
        PduDecoder decoder = new PduDecoder(Direction.TO_TARGET, LoginHandler.MAX_LOGIN_SEGMENT);
        PduEncoder encoder = new PduEncoder();
        channel.pipeline().addLast(decoder, encoder, new LoginHandler(this, decoder, encoder));
    }

    Refusals refusals() {
        return refusals;
    }

    void loginOver() {
        inLogin.decrementAndGet();
    }

    TargetDirectory directory() {
        return directory;
    }

    TargetLimits limits() {
        return limits;
    }

    InFlightBytes inFlight() {
        return inFlight;
    }

    SessionRegistry registry(String target) {
        return registries.computeIfAbsent(target, _ -> new SessionRegistry(sessions));
    }

    /** Every session in full feature phase. */
    public List<SessionInfo> sessions() {
        return registries.values().stream()
                .flatMap(registry -> registry.list().stream())
                .map(Session::info)
                .toList();
    }

    /** Ends the sessions of one target: its configuration changed or it is gone. */
    public void endSessions(String target, String why) {
        SessionRegistry registry = registries.get(target);
        if (registry != null) {
            registry.endAll(why);
        }
    }

    /**
     * Ends one session, telling its initiator.
     *
     * @return false if there is none with that TSIH
     */
    public boolean endSession(String target, int tsih, String why) {
        SessionRegistry registry = registries.get(target);
        return registry != null && registry.end(tsih, why);
    }

    /** Data held for hosts at this moment, in bytes. */
    public long inFlightBytes() {
        return inFlight.usedBytes();
    }

    /** Stops listening and ends every session, telling the initiators that they may come back. Does not close the loops. */
    @Override
    public void close() {
        closePortals();
        registries.keySet().forEach(target -> endSessions(target, "the target is shut down"));
    }

    private synchronized void closePortals() {
        portals.forEach(channel -> channel.close().awaitUninterruptibly());
        portals.clear();
    }
}
