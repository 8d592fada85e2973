package dev.sanway.autoconfig;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.netty.channel.EventLoop;
import io.netty.channel.EventLoopGroup;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.UUID;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Real sockets on loopback. */
class UdpEndpointTest {
    private final DropCounters counters = new DropCounters();
    private final Queue<Datagram> received = new ConcurrentLinkedQueue<>();
    private final EventLoopGroup group = UdpEndpoint.newGroup("udp-test");
    private final EventLoop loop = group.next();
    private final Queue<InetSocketAddress> senders = new ConcurrentLinkedQueue<>();
    private final List<UdpEndpoint> opened = new ArrayList<>();

    @AfterEach
    void close() {
        opened.forEach(UdpEndpoint::close);
        group.shutdownGracefully(0, 1, TimeUnit.SECONDS).awaitUninterruptibly();
    }

    private UdpEndpoint open(String host, UUID self, List<InetAddress> groups) throws IOException {
        UdpEndpoint endpoint = UdpEndpoint.open(
                loop,
                new InetSocketAddress(host, 0),
                groups,
                self,
                SampleMessages.keys(),
                counters,
                (datagram, from) -> {
                    received.add(datagram);
                    senders.add(from);
                });
        opened.add(endpoint);
        return endpoint;
    }

    private static byte[] encoded(Message message) {
        return new DatagramCodec(SampleMessages.keys())
                .encode(SampleMessages.datagrams(message).getFirst());
    }

    private static void send(DatagramSocket socket, byte[] bytes, InetSocketAddress to) throws IOException {
        socket.send(new DatagramPacket(bytes, bytes.length, to));
    }

    @ParameterizedTest
    @CsvSource({"127.0.0.1", "::1", "0.0.0.0"})
    void whatIsSentArrives(String host) throws IOException {
        UdpEndpoint one = open(host, SampleMessages.CONTROL, List.of());
        UdpEndpoint other = open(host, SampleMessages.CONTROL, List.of());
        Datagram datagram =
                SampleMessages.datagrams(SampleMessages.recorded().getFirst()).getFirst();
        InetSocketAddress to = new InetSocketAddress(
                host.equals("0.0.0.0") ? "127.0.0.1" : host, other.address().getPort());
        loop.execute(() -> one.send(to, datagram));
        await().until(() -> !received.isEmpty());
        assertThat(received.element()).usingRecursiveComparison().isEqualTo(datagram);
        assertThat(senders.element().getPort()).isEqualTo(one.address().getPort());
    }

    @Test
    void aGroupIsHeard() throws IOException {
        InetAddress multicast = InetAddress.getByName("239.255.32.61");
        UdpEndpoint member = open("0.0.0.0", SampleMessages.UNIT, List.of(multicast));
        UdpEndpoint announcer = open("0.0.0.0", SampleMessages.CONTROL, List.of());
        Datagram datagram =
                SampleMessages.datagrams(SampleMessages.recorded().get(8)).getFirst();
        loop.execute(() ->
                announcer.send(new InetSocketAddress(multicast, member.address().getPort()), datagram));
        await().until(() -> !received.isEmpty());
        assertThat(received.element().type()).isEqualTo(MessageType.CONTROL_ANNOUNCE);
    }

    @Test
    void whatIsNoneOfThePoolsIsCountedAndOneSourceIsLookedAtSoOftenOnly() throws IOException {
        UdpEndpoint endpoint = open("127.0.0.1", SampleMessages.UNIT, List.of());
        byte[] foreign = new DatagramCodec(new PoolKeys(7, Map.of(7, SampleMessages.key(1))))
                .encode(SampleMessages.datagrams(new Message.ShutdownAck()).getFirst());
        byte[] unknownKey = new DatagramCodec(new PoolKeys(6, Map.of(6, SampleMessages.key(1))))
                .encode(SampleMessages.datagrams(new Message.ShutdownAck()).getFirst());
        byte[] version = foreign.clone();
        version[4] = 2;
        byte[] longer = java.util.Arrays.copyOf(foreign, foreign.length + 1);
        try (DatagramSocket socket = new DatagramSocket()) {
            InetSocketAddress to = endpoint.address();
            send(socket, new byte[1_401], to);
            send(socket, new byte[60_000], to);
            send(socket, longer, to);
            send(socket, new byte[0], to);
            send(socket, new byte[1], to);
            send(socket, new byte[1_000], to);
            send(socket, version, to);
            send(socket, unknownKey, to);
            send(socket, encoded(SampleMessages.recorded().get(4)), to); // For the control station.
            send(socket, foreign, to);
            await().until(() -> counters.total() == 10);
            assertThat(counters.of(DropReason.OVERSIZED)).isEqualTo(3);
            assertThat(counters.of(DropReason.TRUNCATED)).isEqualTo(2);
            assertThat(counters.of(DropReason.FOREIGN)).isEqualTo(1);
            assertThat(counters.of(DropReason.UNKNOWN_VERSION)).isEqualTo(1);
            assertThat(counters.of(DropReason.UNKNOWN_KEY)).isEqualTo(1);
            assertThat(counters.of(DropReason.MISADDRESSED)).isEqualTo(1);
            assertThat(counters.of(DropReason.BAD_AUTHENTICATOR)).isEqualTo(1);
            // More at once would be lost in the socket's buffer.
            await().pollInterval(Duration.ofMillis(10)).until(() -> {
                for (int i = 0; i < 100; i++) {
                    send(socket, foreign, to);
                }
                return counters.of(DropReason.RATE_LIMITED) > 0;
            });
        }
        assertThat(received).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({"127.0.0.1,127.0.0.1", "0.0.0.0,127.0.0.1", "::1,::1", "::,127.0.0.1", "::,::1"})
    void whoIsAttendedToIsHeardWhateverOthersSend(String listen, String host) throws Exception {
        UdpEndpoint endpoint = open(listen, SampleMessages.UNIT, List.of());
        InetSocketAddress to = new InetSocketAddress(host, endpoint.address().getPort());
        byte[] known = encoded(new Message.HeartbeatAck(Message.Admission.ADOPTED, 3));
        byte[] other = encoded(new Message.ShutdownAck());
        try (DatagramSocket peer = new DatagramSocket(new InetSocketAddress(host, 0));
                DatagramSocket stranger = new DatagramSocket(new InetSocketAddress(host, 0));
                DatagramSocket flood = new DatagramSocket(new InetSocketAddress(host, 0))) {
            InetSocketAddress at = (InetSocketAddress) peer.getLocalSocketAddress();
            onLoop(() -> endpoint.attend(SampleMessages.CONTROL, at));
            CountDownLatch release = new CountDownLatch(1);
            loop.execute(() -> awaited(release));
            // No longer than what comes then, which would fit where these do not any more.
            for (int i = 0; i < 2_000; i++) {
                send(flood, new byte[other.length], to);
            }
            send(stranger, other, to);
            send(peer, known, to);
            release.countDown();
            await().until(() -> !received.isEmpty());
            assertThat(received.element().type()).isEqualTo(MessageType.HEARTBEAT_ACK);
            assertThat(senders.element()).isEqualTo(at);
            // What did not fit into the buffer was lost, and with it what came from somebody who is not known.
            await().pollDelay(Duration.ofMillis(100)).until(() -> counters.of(DropReason.FOREIGN) > 0);
            assertThat(received).hasSize(1);

            // Elsewhere, and no longer attended to, it is heard like everybody.
            send(stranger, known, to);
            await().until(() -> received.size() == 2);
            onLoop(() -> endpoint.attend(SampleMessages.CONTROL, null));
            await().until(() -> {
                // The socket lives a moment longer: until the loop looks for events again.
                send(peer, known, to);
                return received.size() >= 3;
            });
        }
    }

    @Test
    void thereIsABoundToThoseWhoAreAttendedTo() throws Exception {
        UdpEndpoint endpoint = open("127.0.0.1", SampleMessages.UNIT, List.of());
        int more = PeerSockets.MAX_PEERS + 10;
        onLoop(() -> {
            for (int i = 0; i < more; i++) {
                endpoint.attend(new UUID(1, i), new InetSocketAddress(InetAddress.getLoopbackAddress(), 20_000 + i));
            }
        });
        assertThat(sockets(endpoint.address().getPort())).isEqualTo(PeerSockets.MAX_PEERS + 1L);
        onLoop(() -> {
            for (int i = 0; i < more; i++) {
                endpoint.attend(
                        new UUID(1, i),
                        i == 7 ? new InetSocketAddress(InetAddress.getLoopbackAddress(), 19_999) : null);
            }
        });
        await().until(() -> sockets(endpoint.address().getPort()) == 2);
        endpoint.close();
        await().until(() -> sockets(endpoint.address().getPort()) == 0);
    }

    /** How many UDP sockets of this machine have this port. */
    private static long sockets(int port) throws IOException {
        String suffix = ":%04X".formatted(port);
        long found = 0;
        for (String table : List.of("/proc/net/udp", "/proc/net/udp6")) {
            found += Files.readAllLines(Path.of(table)).stream()
                    .skip(1)
                    .filter(line -> line.strip().split(" +", -1)[1].endsWith(suffix))
                    .count();
        }
        return found;
    }

    private static List<DatagramSocket> sources(int count) throws IOException {
        List<DatagramSocket> sources = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            sources.add(new DatagramSocket(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0)));
        }
        return sources;
    }

    /** From more sources than can be told apart. */
    @Test
    void aFloodIsReadAtABoundedRateAndThenEverybodyIsHeardAgain() throws Exception {
        UdpEndpoint endpoint = open("127.0.0.1", SampleMessages.UNIT, List.of());
        List<DatagramSocket> sources = sources(4 * FloodSockets.MAX_SOURCES);
        long start = System.nanoTime();
        long sent = 0;
        while (counters.floodedTurns() < 20) {
            send(sources.get((int) (sent % sources.size())), new byte[10], endpoint.address());
            sent++;
        }
        long turns = (System.nanoTime() - start) / TimeUnit.MILLISECONDS.toNanos(ReadBudget.TURN_MILLIS) + 1;
        // 200 in a turn, and what was read at once with them.
        assertThat(counters.of(DropReason.TRUNCATED))
                .isLessThanOrEqualTo(turns * 232)
                .isLessThan(sent);
        await().until(() -> {
            send(sources.getFirst(), encoded(new Message.ShutdownAck()), endpoint.address());
            return !received.isEmpty();
        });
        sources.forEach(DatagramSocket::close);
    }

    /** Has a source send more than its share, until it has a socket of its own. */
    private static void flooding(DatagramSocket source, InetSocketAddress to, long socketsThen) {
        await().pollInterval(Duration.ofMillis(10)).until(() -> {
            for (int i = 0; i < 100; i++) {
                send(source, new byte[10], to);
            }
            return sockets(to.getPort()) >= socketsThen;
        });
    }

    @Test
    void whoFloodsFillsABufferOfItsOwnAndIsHeardSlowlyAndStrangersAreHeardMeanwhile() throws Exception {
        UdpEndpoint endpoint = open("127.0.0.1", SampleMessages.UNIT, List.of());
        InetSocketAddress to = endpoint.address();
        byte[] known = encoded(new Message.ShutdownAck());
        List<DatagramSocket> sources = sources(2);
        try (DatagramSocket stranger = sources.getFirst();
                DatagramSocket flood = sources.getLast()) {
            flooding(flood, to, 2);
            CountDownLatch release = new CountDownLatch(1);
            loop.execute(() -> awaited(release));
            // More than any buffer holds; then somebody comes who was never heard.
            for (int i = 0; i < 2_000; i++) {
                send(flood, new byte[10], to);
            }
            send(stranger, known, to);
            release.countDown();
            await().until(() -> !received.isEmpty());
            assertThat(senders.element()).isEqualTo(stranger.getLocalSocketAddress());
            // Whoever it is may have something to say all the same.
            await().pollInterval(Duration.ofMillis(10)).until(() -> {
                send(flood, known, to);
                return senders.contains(flood.getLocalSocketAddress());
            });
            // When it is silent it is one of all again.
            await().until(() -> sockets(to.getPort()) == 1);
            received.clear();
            send(flood, known, to);
            await().until(() -> received.size() == 1);
        }
    }

    @Test
    void whoWasTakenForAFloodAndIsConfirmedHasOnlyTheSocketOfAPeer() throws Exception {
        UdpEndpoint endpoint = open("127.0.0.1", SampleMessages.UNIT, List.of());
        InetSocketAddress to = endpoint.address();
        try (DatagramSocket peer = sources(1).getFirst()) {
            InetSocketAddress at = (InetSocketAddress) peer.getLocalSocketAddress();
            flooding(peer, to, 2);
            onLoop(() -> endpoint.attend(SampleMessages.CONTROL, at));
            // A closed socket lives until the loop looks for events again.
            loop.schedule(() -> {}, 50, TimeUnit.MILLISECONDS).get(5, TimeUnit.SECONDS);
            assertThat(sockets(to.getPort())).isEqualTo(2);
        }
    }

    @Test
    void whoIsConfirmedIsNotTakenForAFloodForWhatCameBefore() throws Exception {
        UdpEndpoint endpoint = open("127.0.0.1", SampleMessages.UNIT, List.of());
        InetSocketAddress to = endpoint.address();
        try (DatagramSocket peer = sources(1).getFirst()) {
            // Almost its share; then more than the rest of it waits in the open socket when the peer has one of its
            // own.
            await().pollInterval(Duration.ofMillis(1)).until(() -> {
                for (int i = 0; i < 50; i++) {
                    send(peer, new byte[10], to);
                }
                return counters.of(DropReason.TRUNCATED) >= 850;
            });
            CountDownLatch release = new CountDownLatch(1);
            loop.execute(() -> awaited(release));
            loop.execute(
                    () -> endpoint.attend(SampleMessages.CONTROL, (InetSocketAddress) peer.getLocalSocketAddress()));
            for (int i = 0; i < 1_000; i++) {
                send(peer, new byte[10], to);
            }
            release.countDown();
            loop.schedule(() -> {}, 100, TimeUnit.MILLISECONDS).get(5, TimeUnit.SECONDS);
            assertThat(sockets(to.getPort())).isEqualTo(2);
        }
    }

    @Test
    void thereIsABoundToThoseWhoFlood() throws Exception {
        UdpEndpoint endpoint = open("127.0.0.1", SampleMessages.UNIT, List.of());
        InetSocketAddress to = endpoint.address();
        List<DatagramSocket> sources = sources(FloodSockets.MAX_SOURCES + 1);
        for (int i = 1; i <= sources.size(); i++) {
            List<DatagramSocket> before = sources.subList(0, i - 1);
            DatagramSocket next = sources.get(i - 1);
            long enough = counters.of(DropReason.TRUNCATED) + 5_000;
            int wanted = i + 1;
            await().pollInterval(Duration.ofMillis(10)).until(() -> {
                for (int sent = 0; sent < 100; sent++) {
                    send(next, new byte[10], to);
                }
                for (DatagramSocket each : before) {
                    send(each, new byte[10], to);
                }
                return sockets(to.getPort()) >= wanted || counters.of(DropReason.TRUNCATED) > enough;
            });
        }
        assertThat(sockets(to.getPort())).isEqualTo(FloodSockets.MAX_SOURCES + 1L);
        sources.forEach(DatagramSocket::close);
    }

    private void onLoop(Runnable action) throws Exception {
        loop.submit(action).get(5, TimeUnit.SECONDS);
    }

    private static void awaited(CountDownLatch latch) {
        try {
            assertThat(latch.await(10, TimeUnit.SECONDS)).isTrue();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    /** Also while it attends to somebody, which lets a socket of its own listen there for a moment. */
    @Test
    void anAddressThatIsTakenIsNamed() throws Exception {
        UdpEndpoint endpoint = open("127.0.0.1", SampleMessages.UNIT, List.of());
        onLoop(() ->
                endpoint.attend(SampleMessages.CONTROL, new InetSocketAddress(InetAddress.getLoopbackAddress(), 9)));
        assertThatThrownBy(() -> UdpEndpoint.open(
                        loop,
                        endpoint.address(),
                        List.of(),
                        SampleMessages.UNIT,
                        SampleMessages.keys(),
                        counters,
                        (_, _) -> {}))
                .hasMessageContaining(String.valueOf(endpoint.address().getPort()));
        try (java.nio.channels.DatagramChannel thief = java.nio.channels.DatagramChannel.open()) {
            thief.setOption(java.net.StandardSocketOptions.SO_REUSEADDR, true);
            assertThatThrownBy(() -> thief.bind(endpoint.address())).isInstanceOf(java.net.BindException.class);
        }
    }

    @Test
    void limitsAreForEachSourceAndInAll() {
        SourceLimits<InetAddress> limits = new SourceLimits<>(10, 25, 0);
        InetAddress one = SimulatedNetwork.address(1).getAddress();
        assertThat(admitted(limits, one, 50, 0)).isEqualTo(10);
        assertThat(admitted(limits, SimulatedNetwork.address(2).getAddress(), 50, 0))
                .isEqualTo(10);
        assertThat(admitted(limits, SimulatedNetwork.address(3).getAddress(), 50, 0))
                .isEqualTo(5);
        assertThat(admitted(limits, one, 50, 500_000_000)).isEqualTo(5);
    }

    private static int admitted(SourceLimits<InetAddress> limits, InetAddress source, int count, long nowNanos) {
        int admitted = 0;
        for (int i = 0; i < count; i++) {
            admitted += limits.admits(source, nowNanos) ? 1 : 0;
        }
        return admitted;
    }
}
