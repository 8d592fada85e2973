package dev.sanway.autoconfig;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.EventLoop;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.FixedRecvByteBufAllocator;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.DatagramPacket;
import io.netty.channel.socket.nio.NioDatagramChannel;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.net.StandardSocketOptions;
import java.nio.channels.DatagramChannel;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The protocol's sockets: sign and send, receive and check. What comes faster than is bearable, or is not a datagram signed with
 * a key of the pool, ends here, as a count.
 *
 * <p>Everybody is heard through the open socket, which is read at a bounded rate: what comes faster fills its buffer and is dropped
 * by the kernel, at no cost to anybody but those who are not known yet. Who sends more than his share has a socket of his own, and fills
 * its buffer instead ({@link FloodSockets}). Who is attended to has a socket besides ({@link PeerSockets}), whose buffer no other address
 * can fill.
 *
 * <p>Belongs to its event loop, which is none that carries hosts' data.
 */
public final class UdpEndpoint {
    private static final Logger log = LoggerFactory.getLogger(UdpEndpoint.class);

    /** What is read from the open socket in a turn; and from that of a peer, who sends one every two seconds, and bursts. */
    private static final int OPEN_PER_TURN = 200;

    private static final int PEER_PER_TURN = 50;

    /** How many authenticators are computed each second: for one address, and in all. */
    private static final int PER_SOURCE = 500;

    private static final int IN_ALL = 5_000;
    private static final int PEERS_IN_ALL = 20_000;

    /** One byte more than is legal, so that what is too long is seen to be. */
    private static final int RECEIVE_BYTES = Datagram.MAX_BYTES + 1;

    /** So many turns of a second in which more comes than is read are a flood, and told, but not again for some time. */
    private static final int FLOODED_TURNS = 50;

    private static final long TOLD_AGAIN_NANOS = TimeUnit.MINUTES.toNanos(10);

    /** Called on the event loop with what is authentic. */
    public interface Receiver {
        void received(Datagram datagram, InetSocketAddress from);

        /**
         * Which key something is signed with, or claims to be; before {@link #received}, if that comes.
         *
         * @param reason {@code UNKNOWN_KEY} or {@code BAD_AUTHENTICATOR}: it is not authentic, and its address may be forged; null: it is
         */
        default void signed(int keyId, InetSocketAddress from, @Nullable DropReason reason) {}
    }

    private final EventLoop loop;
    private final UUID self;
    private final DatagramCodec codec;
    private final DropCounters counters;
    private final Receiver receiver;
    private final NioDatagramChannel channel;
    private final PeerSockets peers;
    private final FloodSockets floods;
    private final SourceLimits<InetAddress> limits = new SourceLimits<>(PER_SOURCE, IN_ALL, System.nanoTime());
    private final SourceLimits<InetSocketAddress> peerLimits =
            new SourceLimits<>(PER_SOURCE, PEERS_IN_ALL, System.nanoTime());
    private long floodNanos = System.nanoTime();
    private int floodedTurns;
    private long toldNanos = floodNanos - TOLD_AGAIN_NANOS;

    private UdpEndpoint(
            EventLoop loop, DatagramChannel open, UUID self, PoolKeys keys, DropCounters counters, Receiver receiver) {
        this.loop = loop;
        this.self = self;
        this.codec = new DatagramCodec(keys);
        this.counters = counters;
        this.receiver = receiver;
        this.channel = new NioDatagramChannel(open);
        this.peers = new PeerSockets(open, peer -> start(peer, new ReadBudget(PEER_PER_TURN, () -> {}), peerLimits));
        this.floods = new FloodSockets(
                loop,
                open,
                peers::hears,
                flooder -> start(flooder, new ReadBudget(FloodSockets.SHARE_PER_TURN, this::flooded), null));
    }

    /** An event loop, on a thread of its own, that can carry an endpoint. */
    public static EventLoopGroup newGroup(String name) {
        return new MultiThreadIoEventLoopGroup(1, new DefaultThreadFactory(name, true), NioIoHandler.newFactory());
    }

    /**
     * Opens the socket. Blocks the caller, who is not the loop.
     *
     * @param loop of {@link #newGroup}
     * @param self who listens: what is for somebody else is not looked into
     * @param groups multicast addresses to listen to as well, on every network card that can
     * @throws IOException if the address cannot be bound, naming it
     */
    public static UdpEndpoint open(
            EventLoop loop,
            InetSocketAddress listen,
            Collection<InetAddress> groups,
            UUID self,
            PoolKeys keys,
            DropCounters counters,
            Receiver receiver)
            throws IOException {
        DatagramChannel open = DatagramChannel.open();
        try {
            open.setOption(StandardSocketOptions.SO_BROADCAST, true);
            try {
                open.bind(listen);
            } catch (IOException e) {
                throw new IOException("cannot listen on UDP " + listen + ": " + e.getMessage(), e);
            }
            for (InetAddress group : groups) {
                join(open, group);
            }
            UdpEndpoint endpoint = new UdpEndpoint(loop, open, self, keys, counters, receiver);
            endpoint.start(endpoint.channel, new ReadBudget(OPEN_PER_TURN, endpoint::flooded), null);
            return endpoint;
        } catch (IOException e) {
            open.close();
            throw e;
        }
    }

    private static void join(DatagramChannel open, InetAddress group) throws IOException {
        boolean joined = false;
        for (NetworkInterface card : Collections.list(NetworkInterface.getNetworkInterfaces())) {
            if (card.isUp() && card.supportsMulticast()) {
                try {
                    open.join(group, card);
                    joined = true;
                } catch (IOException | IllegalArgumentException e) {
                    log.debug("{} on {}", group, card.getName(), e);
                }
            }
        }
        if (!joined) {
            throw new IOException("no network card takes part in the multicast group " + group.getHostAddress());
        }
    }

    /** @param ofPeers null: it is the open socket, or that of one who floods */
    private void start(
            NioDatagramChannel socket, ReadBudget budget, @Nullable SourceLimits<InetSocketAddress> ofPeers) {
        socket.config().setRecvByteBufAllocator(new FixedRecvByteBufAllocator(RECEIVE_BYTES));
        socket.pipeline().addLast(budget, new SimpleChannelInboundHandler<DatagramPacket>() {
            @Override
            protected void channelRead0(ChannelHandlerContext context, DatagramPacket packet) {
                read(packet, ofPeers);
            }

            @Override
            public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
                // An ICMP error of an earlier send, or a mistake of ours: the socket goes on.
                log.debug("auto-configuration", cause);
            }
        });
        loop.register(socket);
    }

    private void flooded() {
        counters.flooded();
        long now = System.nanoTime();
        if (now - floodNanos >= TimeUnit.SECONDS.toNanos(1)) {
            floodNanos = now;
            floodedTurns = 0;
        }
        if (++floodedTurns == FLOODED_TURNS && now - toldNanos >= TOLD_AGAIN_NANOS) {
            toldNanos = now;
            List<InetSocketAddress> held = floods.held();
            log.warn(
                    "auto-configuration: more datagrams come to UDP {} than are read, {} every {} ms; {}",
                    address(),
                    OPEN_PER_TURN,
                    ReadBudget.TURN_MILLIS,
                    held.isEmpty()
                            ? "those who are known are heard, others perhaps later"
                            : "from " + held + ", or so they say; everybody else is heard");
        }
    }

    private void read(DatagramPacket packet, @Nullable SourceLimits<InetSocketAddress> ofPeers) {
        ByteBuf content = packet.content();
        InetSocketAddress from = packet.sender();
        long now = System.nanoTime();
        if (ofPeers == null) {
            floods.heard(from, now);
        }
        DropReason outside =
                DatagramCodec.glance(content.internalNioBuffer(content.readerIndex(), content.readableBytes()), self);
        if (outside != null) {
            counters.count(outside);
            return;
        }
        if (!(ofPeers == null ? limits.admits(from.getAddress(), now) : ofPeers.admits(from, now))) {
            counters.count(DropReason.RATE_LIMITED);
            return;
        }
        byte[] bytes = new byte[content.readableBytes()];
        content.readBytes(bytes);
        switch (codec.decode(bytes)) {
            case DatagramCodec.Decoded.Dropped(DropReason reason) -> {
                counters.count(reason);
                if (reason == DropReason.UNKNOWN_KEY || reason == DropReason.BAD_AUTHENTICATOR) {
                    receiver.signed(DatagramCodec.keyId(bytes), from, reason);
                }
            }
            case DatagramCodec.Decoded.Accepted accepted -> {
                receiver.signed(DatagramCodec.keyId(bytes), from, null);
                receiver.received(accepted.datagram(), from);
            }
        }
    }

    /** These keys count from now on. On the event loop. */
    public void use(PoolKeys keys) {
        codec.use(keys);
    }

    /** Hears a peer, of whom it is sure where he is, whatever others send; on the event loop. See {@link Effect.Attend}. */
    public void attend(UUID peer, @Nullable InetSocketAddress address) {
        if (address != null) {
            floods.forget(address);
        }
        peers.attend(peer, address);
    }

    /** Sends, on the event loop. What cannot be sent is as good as lost on the way. */
    public void send(InetSocketAddress to, Datagram datagram) {
        channel.writeAndFlush(new DatagramPacket(Unpooled.wrappedBuffer(codec.encode(datagram)), to))
                .addListener(sent -> {
                    if (!sent.isSuccess()) {
                        log.debug("to {}: {}", to, sent.cause().toString());
                    }
                });
    }

    /** The address really bound. */
    public InetSocketAddress address() {
        return channel.localAddress();
    }

    /** Closes the sockets. Blocks the caller, who is not the loop. */
    public void close() {
        channel.close().awaitUninterruptibly();
        loop.submit(() -> {
                    peers.close();
                    floods.close();
                })
                .awaitUninterruptibly();
    }
}
