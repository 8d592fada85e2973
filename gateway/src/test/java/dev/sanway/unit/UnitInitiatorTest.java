package dev.sanway.unit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sanway.block.BlockFailure;
import dev.sanway.block.BlockOutcome;
import dev.sanway.block.BlockRange;
import dev.sanway.block.BlockRequest;
import dev.sanway.config.Access;
import dev.sanway.config.ChapConfig;
import dev.sanway.config.Secret;
import dev.sanway.config.UnitConfig;
import dev.sanway.initiator.LunVerifier;
import dev.sanway.initiator.RemoteLogicalUnit;
import dev.sanway.initiator.SessionState;
import dev.sanway.initiator.UnitSession;
import dev.sanway.initiator.UnitSessionConfig;
import dev.sanway.initiator.UnitSessionListener;
import dev.sanway.iscsi.Chap;
import dev.sanway.iscsi.IscsiName;
import dev.sanway.iscsi.Isid;
import dev.sanway.iscsi.Transport;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.ByteBufUtil;
import io.netty.channel.EventLoop;
import io.netty.channel.EventLoopGroup;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.UnaryOperator;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Our initiator against our own unit, in one process. */
@Timeout(90)
class UnitInitiatorTest {
    private static final long MIB = 1 << 20;
    private static final String INITIATOR = "iqn.2026-11.dev.sanway:gateway.test";
    private static final EventLoopGroup GROUP = Transport.newGroup("initiator", 1);
    private static final EventLoop LOOP = GROUP.next();

    @TempDir
    @SuppressWarnings("NullAway.Init")
    Path directory;

    private final List<UnitSession> sessions = new ArrayList<>();
    private int port;

    private UnitServer unit(UUID bootId) throws Exception {
        UnitConfig config = new UnitConfig(
                directory.resolve("unit.yaml"),
                "unit1",
                "iqn.2026-11.dev.sanway:unit.unit1",
                List.of(new InetSocketAddress(InetAddress.getLoopbackAddress(), port)),
                directory,
                Long.MAX_VALUE,
                2,
                new Access(
                        List.of(INITIATOR),
                        new ChapConfig(
                                "gw1", Secret.of("secret-of-gateway-1"), "unit1", Secret.of("secret-of-unit-one"))),
                List.of(
                        new UnitConfig.Volume("small", 64 * MIB, null, 0, 512, false, false, 1),
                        new UnitConfig.Volume("large", 64 * MIB, null, 1, 4096, false, false, 2)));
        UnitServer server = new UnitServer(config, UnaryOperator.identity(), bootId);
        port = server.addresses().getFirst().getPort();
        return server;
    }

    private UnitSessionConfig config() {
        return UnitSessionConfig.of(
                        "unit1",
                        "127.0.0.1",
                        port,
                        new IscsiName("iqn.2026-11.dev.sanway:unit.unit1"),
                        new IscsiName(INITIATOR),
                        new Isid(0x800000000001L))
                .withChap(
                        new Chap.Credentials("gw1", "secret-of-gateway-1"),
                        new Chap.Credentials("unit1", "secret-of-unit-one"));
    }

    private UnitSession session(UnitSessionConfig config) {
        UnitSession session = new UnitSession(config, LOOP, UnitSessionListener.NONE);
        sessions.add(session);
        session.start();
        return session;
    }

    @AfterEach
    void closeSessions() throws Exception {
        for (UnitSession session : sessions) {
            CompletableFuture<Boolean> closed = new CompletableFuture<>();
            session.close(() -> closed.complete(true));
            assertThat(closed.get(10, TimeUnit.SECONDS)).isTrue();
        }
        sessions.clear();
    }

    @AfterAll
    static void end() {
        GROUP.shutdownGracefully(0, 1, TimeUnit.SECONDS);
    }

    private static <T> T onLoop(Callable<T> action) throws Exception {
        return LOOP.submit(action).get(10, TimeUnit.SECONDS);
    }

    private static RemoteLogicalUnit attach(UnitSession session, int lun) throws Exception {
        RemoteLogicalUnit device = onLoop(() -> session.logicalUnit(lun, LunVerifier.ACCEPT_ALL, null));
        awaitOpen(session, device);
        return device;
    }

    private static void awaitOpen(UnitSession session, RemoteLogicalUnit device) {
        Awaitility.await()
                .atMost(Duration.ofSeconds(15))
                .untilAsserted(() -> assertThat(onLoop(device::availability))
                        .as(() -> session.state().toString())
                        .isInstanceOf(RemoteLogicalUnit.Availability.Open.class));
    }

    private static CompletableFuture<BlockOutcome> submit(RemoteLogicalUnit device, BlockRequest request) {
        CompletableFuture<BlockOutcome> done = new CompletableFuture<>();
        LOOP.execute(() -> device.submit(request, done::complete));
        return done;
    }

    private static BlockOutcome run(RemoteLogicalUnit device, BlockRequest request) throws Exception {
        return submit(device, request).get(30, TimeUnit.SECONDS);
    }

    private static byte[] bytes(int length, long seed) {
        byte[] bytes = new byte[length];
        new Random(seed).nextBytes(bytes);
        return bytes;
    }

    private static BlockRequest.Write write(RemoteLogicalUnit device, long lba, int blocks, boolean force) {
        ByteBuf data = ByteBufAllocator.DEFAULT
                .buffer()
                .writeBytes(bytes(blocks * device.geometry().blockSizeBytes(), lba));
        return new BlockRequest.Write(lba, blocks, data, force);
    }

    private static byte[] read(RemoteLogicalUnit device, long lba, int blocks) throws Exception {
        BlockOutcome outcome = run(device, new BlockRequest.Read(lba, blocks, false));
        assertThat(outcome).isInstanceOf(BlockOutcome.Data.class);
        byte[] bytes = ByteBufUtil.getBytes(((BlockOutcome.Data) outcome).bytes());
        BlockOutcome.release(outcome);
        return bytes;
    }

    @ParameterizedTest
    @CsvSource({"0,false,false", "0,true,true", "1,false,false", "1,true,true"})
    void whatIsWrittenWithManyRequestsInFlightIsReadBack(int lun, boolean headerDigest, boolean dataDigest)
            throws Exception {
        try (UnitServer server = unit(new UUID(1, 1))) {
            assertThat(server.addresses()).isNotEmpty();
            RemoteLogicalUnit device = attach(session(config().withDigests(headerDigest, dataDigest)), lun);
            int[] sizes = {1, 8, 100, 256, 500};
            List<CompletableFuture<BlockOutcome>> writes = new ArrayList<>();
            List<int[]> placed = new ArrayList<>();
            int lba = 3;
            for (int i = 0; lba + sizes[i % 5] < device.geometry().blockCount(); i++) {
                placed.add(new int[] {lba, sizes[i % 5]});
                writes.add(submit(device, write(device, lba, sizes[i % 5], i % 5 == 0)));
                lba += sizes[i % 5];
            }
            for (CompletableFuture<BlockOutcome> write : writes) {
                assertThat(write.get(30, TimeUnit.SECONDS)).isEqualTo(BlockOutcome.DONE);
            }
            assertThat(run(device, new BlockRequest.Flush(0, 0))).isEqualTo(BlockOutcome.DONE);
            for (int[] place : placed) {
                assertThat(read(device, place[0], place[1]))
                        .isEqualTo(bytes(place[1] * device.geometry().blockSizeBytes(), place[0]));
            }
        }
    }

    @Test
    void spaceIsGivenBackZeroedAndAskedAbout() throws Exception {
        try (UnitServer server = unit(new UUID(1, 1))) {
            assertThat(server.addresses()).isNotEmpty();
            RemoteLogicalUnit device = attach(session(config()), 0);
            assertThat(device.limits().unmappedReadsZeroes()).isTrue();
            assertThat(device.limits().unmapGranularityBlocks()).isPositive();
            assertThat(run(device, write(device, 0, 8192, false))).isEqualTo(BlockOutcome.DONE);
            assertThat(run(
                            device,
                            new BlockRequest.Unmap(List.of(new BlockRange(0, 2048), new BlockRange(4096, 1024)))))
                    .isEqualTo(BlockOutcome.DONE);
            assertThat(read(device, 0, 2048)).isEqualTo(new byte[2048 * 512]);
            BlockOutcome.Status status = (BlockOutcome.Status) run(device, new BlockRequest.Status(0, 8192));
            assertThat(status.extents().getFirst()).isEqualTo(new BlockOutcome.Status.Extent(0, 2048, false));
            assertThat(status.extents().get(1)).isEqualTo(new BlockOutcome.Status.Extent(2048, 2048, true));
            assertThat(run(device, new BlockRequest.WriteZeroes(5000, 3000, true, true)))
                    .isEqualTo(BlockOutcome.DONE);
            assertThat(read(device, 5000, 3000)).isEqualTo(new byte[3000 * 512]);
            assertThat(run(device, new BlockRequest.WriteZeroes(2100, 100, false, false)))
                    .isEqualTo(BlockOutcome.DONE);
            assertThat(read(device, 2100, 100)).isEqualTo(new byte[100 * 512]);
        }
    }

    @Test
    void aUnitThatIsRestartedLosesNothingAndAnotherBootIsFoundOut() throws Exception {
        UUID boot = new UUID(1, 1);
        UnitServer server = unit(boot);
        UnitSession session = session(config());
        RemoteLogicalUnit device = attach(session, 0);
        assertThat(onLoop(device::evidence)).isNotNull();
        assertThat(run(device, write(device, 0, 8, false))).isEqualTo(BlockOutcome.DONE);
        server.close();
        CompletableFuture<BlockOutcome> waiting = submit(device, write(device, 100, 8, false));
        server = unit(boot);
        assertThat(waiting.get(20, TimeUnit.SECONDS)).isEqualTo(BlockOutcome.DONE);
        assertThat(run(device, new BlockRequest.Flush(0, 0))).isEqualTo(BlockOutcome.DONE);
        assertThat(run(device, write(device, 200, 8, false))).isEqualTo(BlockOutcome.DONE);
        server.close();
        server = unit(new UUID(2, 2));
        assertThat(read(device, 0, 8)).isEqualTo(bytes(8 * 512, 0));
        assertThat(run(device, new BlockRequest.Flush(0, 0)))
                .isEqualTo(BlockOutcome.failed(new BlockFailure.UnflushedWritesLost()));
        assertThat(run(device, new BlockRequest.Flush(0, 0))).isEqualTo(BlockOutcome.DONE);
        server.close();
    }

    @Test
    void anIdleSessionIsPingedAndStaysUp() throws Exception {
        try (UnitServer server = unit(new UUID(1, 1))) {
            assertThat(server.addresses()).isNotEmpty();
            AtomicInteger losses = new AtomicInteger();
            UnitSession session = new UnitSession(config().withUnitTimeout(400), LOOP, new UnitSessionListener() {
                @Override
                public void stateChanged(SessionState state) {
                    if (state instanceof SessionState.Waiting) {
                        losses.incrementAndGet();
                    }
                }
            });
            sessions.add(session);
            session.start();
            attach(session, 0);
            losses.set(0);
            // Many times the interval of pings, and of their time-out.
            Awaitility.await()
                    .during(Duration.ofSeconds(3))
                    .atMost(Duration.ofSeconds(5))
                    .until(() -> losses.get() == 0 && onLoop(session::state) instanceof SessionState.Ready);
        }
    }

    @Test
    void aWrongSecretIsRefused() throws Exception {
        try (UnitServer server = unit(new UUID(1, 1))) {
            assertThat(server.addresses()).isNotEmpty();
            UnitSession session =
                    session(config().withChap(new Chap.Credentials("gw1", "not-the-secret-at-all"), null));
            Awaitility.await()
                    .untilAsserted(() -> assertThat(onLoop(session::state))
                            .isInstanceOfSatisfying(
                                    SessionState.Waiting.class,
                                    waiting -> assertThat(waiting.reason()).contains("0201")));
        }
    }
}
