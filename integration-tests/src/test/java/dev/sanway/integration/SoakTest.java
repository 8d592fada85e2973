package dev.sanway.integration;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sanway.block.CheckedDevice;
import dev.sanway.block.Geometry;
import dev.sanway.block.Identity;
import dev.sanway.block.MemoryDevice;
import dev.sanway.block.OrderedDevice;
import dev.sanway.iscsi.Transport;
import dev.sanway.scsi.StatusCode;
import dev.sanway.target.IscsiTarget;
import dev.sanway.target.LoginPolicy;
import dev.sanway.target.TargetCatalog;
import dev.sanway.target.TargetLimits;
import dev.sanway.target.TargetServer;
import dev.sanway.target.lun.HostTarget;
import dev.sanway.target.lun.LogicalUnit;
import dev.sanway.target.lun.LogicalUnitConfig;
import io.netty.buffer.PooledByteBufAllocator;
import io.netty.channel.EventLoop;
import io.netty.channel.EventLoopGroup;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryMXBean;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Many sessions, many logins, and connections that are up to no good. */
class SoakTest {
    private static final String INITIATOR = "iqn.2026-11.example:a";
    private static final String TARGET = "iqn.2026-11.dev.sanway:soak";

    private final EventLoopGroup loops = Transport.newGroup("soak", 2);

    @SuppressWarnings("NullAway.Init")
    private TargetServer server;

    private int serve(TargetLimits limits) throws IOException {
        EventLoop loop = loops.next();
        UUID uuid = UUID.randomUUID();
        LogicalUnit unit = new LogicalUnit(
                new CheckedDevice(new OrderedDevice(
                        new MemoryDevice(loop, new Identity(uuid, "memory"), new Geometry(512, 4096, 2048)))),
                LogicalUnitConfig.volume(uuid, false).withInitialUnitAttention(false),
                null);
        HostTarget target = new HostTarget(TARGET, List.of(TargetServer.PORTAL_GROUP_TAG));
        target.add(0, unit);
        InetSocketAddress address = new InetSocketAddress(InetAddress.getLoopbackAddress(), Ports.free());
        TargetCatalog catalog = new TargetCatalog(List.of(address));
        catalog.replace(List.of(new IscsiTarget(TARGET, new LoginPolicy(Set.of("*"), null), target, loop)));
        server = new TargetServer(loops, catalog, limits);
        server.listen(List.of(address));
        return address.getPort();
    }

    @AfterEach
    void stop() {
        server.close();
        loops.shutdownGracefully(0, 2, TimeUnit.SECONDS).awaitUninterruptibly();
    }

    /** Short waits for logins; {@code idleMillis} for the silence of sessions and for answers to pings. */
    private static TargetLimits impatient(int connectionsInLogin, long idleMillis) {
        TargetLimits usual = TargetLimits.defaults();
        return usual.withConnections(usual.sessionsInAll(), connectionsInLogin, usual.discoverySessions())
                .withLoginTimes(1_000, usual.discoveryMillis())
                .withPatience(idleMillis, idleMillis, usual.dataOutMillis());
    }

    private static Wire session(int port, int number) throws IOException {
        Wire wire = new Wire(port, number);
        Wire.Login login = wire.login(INITIATOR, TARGET);
        assertThat(login.statusClass()).as("%s", login).isZero();
        assertThat(login.transit()).isTrue();
        return wire;
    }

    private void awaitSessions(int count) {
        Awaitility.await("sessions")
                .atMost(Duration.ofSeconds(20))
                .until(() -> server.sessions().size() == count);
    }

    @Test
    void twoHundredAndFiftySixSessionsAtOnce() throws Exception {
        int port = serve(TargetLimits.defaults());
        List<Wire> all = new ArrayList<>();
        for (int i = 0; i < 256; i++) {
            all.add(session(port, i));
        }
        awaitSessions(256);
        for (int round = 0; round < 3; round++) {
            for (Wire wire : all) {
                assertThat(wire.command(0, (byte) 0)).isEqualTo(StatusCode.GOOD);
            }
        }
        for (Wire wire : all) {
            wire.logout();
        }
        awaitSessions(0);
        assertThat(server.heldBytes()).isZero();
    }

    @Test
    void twoThousandLoginsAndLogoutsLeaveNothingBehind() throws Exception {
        loginsAndLogouts(2_000);
    }

    @Test
    @Tag("long")
    void twentyThousandLoginsAndLogoutsLeaveNothingBehind() throws Exception {
        loginsAndLogouts(20_000);
    }

    private void loginsAndLogouts(int count) throws Exception {
        int port = serve(TargetLimits.defaults());
        int warmUp = count / 4;
        logins(port, 0, warmUp);
        awaitSessions(0);
        long heapBefore = heapBytes();
        long directBefore = PooledByteBufAllocator.DEFAULT.metric().usedDirectMemory();
        logins(port, warmUp, count);
        awaitSessions(0);
        long heap = heapBytes() - heapBefore;
        long direct = PooledByteBufAllocator.DEFAULT.metric().usedDirectMemory() - directBefore;
        assertThat(heap)
                .as("heap that %d logins left, in bytes", count - warmUp)
                .isLessThan(6L << 20);
        assertThat(direct).as("direct memory, in bytes").isLessThanOrEqualTo(8L << 20);
        assertThat(server.heldBytes()).isZero();
    }

    private static void logins(int port, int from, int to) throws IOException {
        for (int i = from; i < to; i++) {
            Wire wire = session(port, i);
            if (i % 16 == 0) {
                assertThat(wire.command(0, (byte) 0)).isEqualTo(StatusCode.GOOD);
            }
            wire.logout();
        }
    }

    /** What is reachable; the smallest of some tries, for a collection may come too early to see that something is garbage. */
    private static long heapBytes() {
        MemoryMXBean memory = ManagementFactory.getMemoryMXBean();
        long smallest = Long.MAX_VALUE;
        for (int i = 0; i < 4; i++) {
            memory.gc();
            smallest = Math.min(smallest, memory.getHeapMemoryUsage().getUsed());
        }
        return smallest;
    }

    @Test
    void silentSlowAndHalfOpenConnectionsEndByTimeOut() throws Exception {
        int port = serve(impatient(64, 1_000));
        List<Socket> bad = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            bad.add(open(port)); // silent
            Socket slow = open(port);
            slow.getOutputStream().write(new byte[] {0x43, (byte) 0x87, 0});
            bad.add(slow);
        }
        Wire mute = session(port, 1); // logged in; it answers no ping
        bad.add(mute.socket);
        Wire midPdu = session(port, 2);
        midPdu.socket.getOutputStream().write(new byte[] {0x01, (byte) 0x81});
        bad.add(midPdu.socket);
        try (Wire good = session(port, 3)) {
            assertThat(good.command(0, (byte) 0)).isEqualTo(StatusCode.GOOD);
        }
        for (Socket socket : bad) {
            expectClosed(socket);
        }
        awaitSessions(0);
        // Nothing is counted for them any more: as many again are let in.
        List<Wire> again = new ArrayList<>();
        for (int i = 0; i < 64; i++) {
            again.add(session(port, 100 + i));
        }
        for (Wire wire : again) {
            wire.logout();
        }
    }

    private static Socket open(int port) throws IOException {
        return new Socket(InetAddress.getLoopbackAddress(), port);
    }

    private static void expectClosed(Socket socket) throws IOException {
        socket.setSoTimeout(15_000);
        try (socket) {
            int ignored = 0;
            while (socket.getInputStream().read() >= 0) {
                ignored++;
                assertThat(ignored).as("bytes before the end").isLessThan(4096);
            }
        } catch (java.net.SocketTimeoutException stillOpen) {
            throw new AssertionError("still open after 15 s", stillOpen);
        } catch (IOException reset) {
            // An end as good as another.
        }
    }

    @Test
    void tooManyAtLoginAreRefusedAndRoomComesBack() throws Exception {
        int port = serve(impatient(8, 15_000));
        List<Socket> silent = new ArrayList<>();
        for (int i = 0; i < 30; i++) {
            silent.add(open(port));
        }
        for (Socket socket : silent) {
            expectClosed(socket);
        }
        try (Wire good = session(port, 3)) {
            assertThat(good.command(0, (byte) 0)).isEqualTo(StatusCode.GOOD);
        }
    }

    @Test
    void garbageEndsItsOwnConnectionAndNothingElse() throws Exception {
        int port = serve(impatient(256, 15_000));
        long seed = Long.getLong("sanway.seed", System.nanoTime());
        Random random = new Random(seed);
        try (Wire good = session(port, 3)) {
            for (int i = 0; i < 200; i++) {
                Socket socket = open(port);
                byte[] garbage = new byte[1 + random.nextInt(400)];
                random.nextBytes(garbage);
                if (i % 4 == 0) {
                    garbage[0] = 0x43; // a login, so that more of it is looked at
                }
                try {
                    socket.getOutputStream().write(garbage);
                } catch (IOException closedAlready) {
                    // It was quick.
                }
                if (i % 2 == 0) {
                    socket.close();
                } else if (i % 5 == 0) {
                    expectClosed(socket);
                }
                if (i % 20 == 0) {
                    assertThat(good.command(0, (byte) 0)).as("seed " + seed).isEqualTo(StatusCode.GOOD);
                }
            }
            assertThat(good.command(0, (byte) 0)).as("seed " + seed).isEqualTo(StatusCode.GOOD);
        }
        awaitSessions(0);
        assertThat(server.heldBytes()).isZero();
    }
}
