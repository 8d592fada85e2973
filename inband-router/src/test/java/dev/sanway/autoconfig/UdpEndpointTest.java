package dev.sanway.autoconfig;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.sanway.iscsi.Transport;
import io.netty.channel.EventLoop;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Real sockets on loopback. */
class UdpEndpointTest {
    private final DropCounters counters = new DropCounters();
    private final Queue<Datagram> received = new ConcurrentLinkedQueue<>();
    private EventLoopGroup group = Transport.newGroup("udp-test", 1);

    @AfterEach
    void close() {
        group.shutdownGracefully(0, 1, java.util.concurrent.TimeUnit.SECONDS).awaitUninterruptibly();
    }

    private EventLoop loop(String transport) {
        if (transport.equals("nio")) {
            group.shutdownGracefully();
            group = new MultiThreadIoEventLoopGroup(1, NioIoHandler.newFactory());
        }
        return group.next();
    }

    private UdpEndpoint open(EventLoop loop, String host, List<InetAddress> groups) throws IOException {
        return UdpEndpoint.open(
                loop,
                new InetSocketAddress(host, 0),
                groups,
                SampleMessages.keys(),
                counters,
                (datagram, _) -> received.add(datagram));
    }

    @ParameterizedTest
    @CsvSource({"epoll,127.0.0.1", "epoll,::1", "nio,127.0.0.1", "nio,::1"})
    void whatIsSentArrives(String transport, String host) throws IOException {
        EventLoop loop = loop(transport);
        UdpEndpoint one = open(loop, host, List.of());
        UdpEndpoint other = open(loop, host, List.of());
        Datagram datagram =
                SampleMessages.datagrams(SampleMessages.recorded().getFirst()).getFirst();
        loop.execute(() -> one.send(other.address(), datagram));
        await().until(() -> !received.isEmpty());
        assertThat(received.element()).usingRecursiveComparison().isEqualTo(datagram);
        one.close();
        other.close();
    }

    @ParameterizedTest
    @CsvSource({"epoll", "nio"})
    void aGroupIsHeard(String transport) throws IOException {
        EventLoop loop = loop(transport);
        InetAddress multicast = InetAddress.getByName("239.255.32.61");
        UdpEndpoint member = open(loop, "0.0.0.0", List.of(multicast));
        UdpEndpoint announcer = open(loop, "0.0.0.0", List.of());
        Datagram datagram =
                SampleMessages.datagrams(SampleMessages.recorded().get(8)).getFirst();
        loop.execute(() ->
                announcer.send(new InetSocketAddress(multicast, member.address().getPort()), datagram));
        await().until(() -> !received.isEmpty());
        assertThat(received.element().type()).isEqualTo(MessageType.CONTROL_ANNOUNCE);
        member.close();
        announcer.close();
    }

    @ParameterizedTest
    @CsvSource({"epoll", "nio"})
    void whatIsNoneOfThePoolsIsCountedAndAFloodIsNotLookedAt(String transport) throws IOException {
        UdpEndpoint endpoint = open(loop(transport), "127.0.0.1", List.of());
        byte[] foreign = new DatagramCodec(new PoolKeys(7, Map.of(7, SampleMessages.key(1))))
                .encode(SampleMessages.datagrams(new Message.ShutdownAck()).getFirst());
        try (DatagramSocket socket = new DatagramSocket()) {
            socket.send(new DatagramPacket(new byte[1_401], 1_401, endpoint.address()));
            socket.send(new DatagramPacket(new byte[60_000], 60_000, endpoint.address()));
            socket.send(new DatagramPacket(new byte[1], 1, endpoint.address()));
            socket.send(new DatagramPacket(foreign, foreign.length, endpoint.address()));
            await().until(() -> counters.total() == 4);
            assertThat(counters.of(DropReason.OVERSIZED)).isEqualTo(2);
            assertThat(counters.of(DropReason.TRUNCATED)).isEqualTo(1);
            assertThat(counters.of(DropReason.BAD_AUTHENTICATOR)).isEqualTo(1);
            // More at once would be lost in the socket's buffer.
            await().pollInterval(java.time.Duration.ofMillis(10)).until(() -> {
                for (int i = 0; i < 100; i++) {
                    socket.send(new DatagramPacket(foreign, foreign.length, endpoint.address()));
                }
                return counters.of(DropReason.RATE_LIMITED) > 0;
            });
        }
        assertThat(received).isEmpty();
        endpoint.close();
    }

    @ParameterizedTest
    @CsvSource({"epoll", "nio"})
    void anAddressThatIsTakenIsNamed(String transport) throws IOException {
        EventLoop loop = loop(transport);
        UdpEndpoint endpoint = open(loop, "127.0.0.1", List.of());
        assertThatThrownBy(() -> UdpEndpoint.open(
                        loop, endpoint.address(), List.of(), SampleMessages.keys(), counters, (_, _) -> {}))
                .hasMessageContaining(String.valueOf(endpoint.address().getPort()));
        endpoint.close();
    }

    @org.junit.jupiter.api.Test
    void limitsAreForEachSourceAndInAll() {
        SourceLimits limits = new SourceLimits(10, 25, 0);
        InetAddress one = SimulatedNetwork.address(1).getAddress();
        assertThat(admitted(limits, one, 50, 0)).isEqualTo(10);
        assertThat(admitted(limits, SimulatedNetwork.address(2).getAddress(), 50, 0))
                .isEqualTo(10);
        assertThat(admitted(limits, SimulatedNetwork.address(3).getAddress(), 50, 0))
                .isEqualTo(5);
        assertThat(admitted(limits, one, 50, 500_000_000)).isEqualTo(5);
    }

    private static int admitted(SourceLimits limits, InetAddress source, int count, long nowNanos) {
        int admitted = 0;
        for (int i = 0; i < count; i++) {
            admitted += limits.admits(source, nowNanos) ? 1 : 0;
        }
        return admitted;
    }
}
