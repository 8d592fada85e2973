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
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The iSCSI target node: portals that accept connections, and the sessions that came of them (RFC 7143). Any thread may call
 * its methods.
 */
public final class TargetServer implements AutoCloseable {

    /** One portal group: every portal serves every target. Also the relative target port identifier. */
    public static final int PORTAL_GROUP_TAG = SendTargets.PORTAL_GROUP_TAG;

    /** What may wait in a socket's outbound buffer before we stop reading from that peer, in bytes. */
    static final WriteBufferWaterMark WATER_MARK = new WriteBufferWaterMark(1 << 20, 4 << 20);

    private final EventLoopGroup loops;
    private final TargetDirectory directory;
    private final TargetLimits limits;
    private final MemoryBudget memory;
    private final ConnectionPlaces inLogin;
    private final ConnectionPlaces discovering;
    private final SessionPlaces sessionPlaces;
    private final Map<String, SessionRegistry> registries = new ConcurrentHashMap<>();
    private final Refusals refusals;
    private final List<Channel> portals = new ArrayList<>();

    /**
     * @param loops where connections are accepted and log in; a session then moves to its target's loop, see
     *     {@link IscsiTarget#loopOf}, which must be one of them
     * @param news hears of what concerns an operator
     */
    public TargetServer(EventLoopGroup loops, TargetDirectory directory, TargetLimits limits, TargetNews news) {
        this.loops = loops;
        this.directory = directory;
        this.limits = limits;
        this.refusals = new Refusals(news);
        this.memory = new MemoryBudget(
                limits.bytesInAll(),
                loops.next(),
                (host, what) -> news.hostAtBound(host.target(), host.initiator(), what));
        this.inLogin = new ConnectionPlaces(limits.connectionsInLogin());
        this.discovering = new ConnectionPlaces(limits.discoverySessions());
        this.sessionPlaces = new SessionPlaces(limits.sessionsInAll());
    }

    /** With nobody to hear of anything. */
    public TargetServer(EventLoopGroup loops, TargetDirectory directory, TargetLimits limits) {
        this(loops, directory, limits, TargetNews.none());
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
                    // In full feature phase it may be more.
                    .childOption(ChannelOption.WRITE_BUFFER_WATER_MARK, LoginHandler.WATER_MARK)
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
        InetAddress from = address(channel);
        ConnectionPlaces.Place place = inLogin.enter(from, () -> {
            refusals.log(from.getHostAddress(), "a connection that did not log in gave way to another one");
            channel.close();
        });
        if (place == null) {
            refusals.log(
                    from.getHostAddress(),
                    "no place for one more connection: " + limits.connectionsInLogin() + " may log in at a time");
            channel.close();
            return;
        }
        PduDecoder decoder = new PduDecoder(Direction.TO_TARGET, LoginHandler.MAX_LOGIN_SEGMENT);
        PduEncoder encoder = new PduEncoder();
        channel.pipeline()
                .addLast(new FirstByte(refusals), decoder, encoder, new LoginHandler(this, place, decoder, encoder));
    }

    static InetAddress address(Channel channel) {
        // Gone before it was looked at: then it has no address any more.
        return channel.remoteAddress() instanceof InetSocketAddress remote
                ? remote.getAddress()
                : InetAddress.getLoopbackAddress();
    }

    Refusals refusals() {
        return refusals;
    }

    void loginOver(ConnectionPlaces.Place place) {
        inLogin.leave(place);
    }

    ConnectionPlaces discovering() {
        return discovering;
    }

    SessionPlaces sessionPlaces() {
        return sessionPlaces;
    }

    TargetDirectory directory() {
        return directory;
    }

    TargetLimits limits() {
        return limits;
    }

    MemoryBudget memory() {
        return memory;
    }

    SessionRegistry registry(String target) {
        return registries.computeIfAbsent(target, _ -> new SessionRegistry());
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

    /** What is held in memory for hosts at this moment, in bytes: data and commands, until the sockets have taken the answers. */
    public long heldBytes() {
        return memory.heldBytes();
    }

    /** What is held in memory for each host that has a session. */
    public List<HostLoad> hostLoads() {
        return memory.hosts().stream()
                .map(host -> new HostLoad(
                        host.key().target(),
                        host.key().initiator(),
                        host.heldBytes(),
                        host.allowedBytes(),
                        host.waits(),
                        host.refusals()))
                .toList();
    }

    /** How many connections are logging in. */
    public int connectionsInLogin() {
        return inLogin.taken();
    }

    /** How many discovery sessions there are. */
    public int discoverySessions() {
        return discovering.taken();
    }

    /** How many log-ins and connections were refused, or gave way to others, since the start. */
    public long refused() {
        return refusals.count();
    }

    /** The bounds. */
    public TargetLimits bounds() {
        return limits;
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
