package dev.sanway.autoconfig;

import io.netty.bootstrap.Bootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoop;
import io.netty.channel.FixedRecvByteBufAllocator;
import io.netty.channel.IoEventLoop;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.epoll.EpollDatagramChannel;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.socket.DatagramChannel;
import io.netty.channel.socket.DatagramPacket;
import io.netty.channel.socket.nio.NioDatagramChannel;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.util.Collection;
import java.util.Collections;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The protocol's socket: signs and sends, receives and checks. What comes faster than is bearable, or is not a datagram signed with
 * a key of the pool, ends here, as a count. Belongs to its event loop, which is none that carries hosts' data.
 */
public final class UdpEndpoint {
    private static final Logger log = LoggerFactory.getLogger(UdpEndpoint.class);

    /** What one address may send each second. A unit sends one datagram every two seconds, and bursts when it tells of much. */
    private static final int PER_SOURCE = 500;

    private static final int IN_ALL = 20_000;

    /** One byte more than is legal, so that what is too long is seen to be. */
    private static final int RECEIVE_BYTES = Datagram.MAX_BYTES + 1;

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

    private final DatagramChannel channel;
    private final DatagramCodec codec;
    private final DropCounters counters;
    private final SourceLimits limits = new SourceLimits(PER_SOURCE, IN_ALL, System.nanoTime());

    private UdpEndpoint(DatagramChannel channel, DatagramCodec codec, DropCounters counters) {
        this.channel = channel;
        this.codec = codec;
        this.counters = counters;
    }

    /**
     * Opens the socket. Blocks the caller, who is not the loop.
     *
     * @param groups multicast addresses to listen to as well, on every network card that can
     * @throws IOException if the address cannot be bound, naming it
     */
    public static UdpEndpoint open(
            EventLoop loop,
            InetSocketAddress listen,
            Collection<InetAddress> groups,
            PoolKeys keys,
            DropCounters counters,
            Receiver receiver)
            throws IOException {
        boolean epoll = loop instanceof IoEventLoop io && io.isIoType(EpollIoHandler.class);
        DatagramChannel channel = epoll ? new EpollDatagramChannel() : new NioDatagramChannel();
        UdpEndpoint endpoint = new UdpEndpoint(channel, new DatagramCodec(keys), counters);
        ChannelFuture bound = new Bootstrap()
                .group(loop)
                .channelFactory(() -> channel)
                .option(ChannelOption.SO_BROADCAST, true)
                .option(ChannelOption.RECVBUF_ALLOCATOR, new FixedRecvByteBufAllocator(RECEIVE_BYTES))
                .handler(new SimpleChannelInboundHandler<DatagramPacket>() {
                    @Override
                    protected void channelRead0(ChannelHandlerContext context, DatagramPacket packet) {
                        endpoint.read(packet, receiver);
                    }

                    @Override
                    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
                        // An ICMP error of an earlier send, or a mistake of ours: the socket goes on.
                        log.debug("auto-configuration", cause);
                    }
                })
                .bind(listen)
                .awaitUninterruptibly();
        if (!bound.isSuccess()) {
            throw new IOException(
                    "cannot listen on UDP " + listen + ": " + bound.cause().getMessage(), bound.cause());
        }
        for (InetAddress group : groups) {
            endpoint.join(group);
        }
        return endpoint;
    }

    private void join(InetAddress group) throws IOException {
        boolean joined = false;
        for (NetworkInterface card : Collections.list(NetworkInterface.getNetworkInterfaces())) {
            if (card.isUp() && card.supportsMulticast()) {
                joined |= channel.joinGroup(new InetSocketAddress(group, 0), card)
                        .awaitUninterruptibly()
                        .isSuccess();
            }
        }
        if (!joined) {
            throw new IOException("no network card takes part in the multicast group " + group.getHostAddress());
        }
    }

    private void read(DatagramPacket packet, Receiver receiver) {
        InetSocketAddress from = packet.sender();
        if (!limits.admits(from.getAddress(), System.nanoTime())) {
            counters.count(DropReason.RATE_LIMITED);
            return;
        }
        ByteBuf content = packet.content();
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

    /** Closes the socket. */
    public void close() {
        channel.close().awaitUninterruptibly();
    }
}
