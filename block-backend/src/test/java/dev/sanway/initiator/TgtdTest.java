package dev.sanway.initiator;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sanway.block.BlockFailure;
import dev.sanway.block.BlockOperation;
import dev.sanway.block.BlockOutcome;
import dev.sanway.block.BlockRange;
import dev.sanway.block.BlockRequest;
import dev.sanway.block.Geometry;
import dev.sanway.iscsi.Chap;
import dev.sanway.iscsi.IscsiName;
import dev.sanway.iscsi.Isid;
import dev.sanway.iscsi.Transport;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.ByteBufUtil;
import io.netty.channel.EventLoop;
import io.netty.channel.EventLoopGroup;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The initiator against a unit that is not ours. */
@Timeout(240)
class TgtdTest {
    private static final long BYTES = 64 << 20;
    private static final IscsiName INITIATOR = new IscsiName("iqn.2026-11.dev.sanway:gateway.test");

    private static final EventLoopGroup GROUP = Transport.newGroup("initiator", 1);

    @TempDir
    @SuppressWarnings("NullAway.Init")
    Path directory;

    private final List<UnitSession> sessions = new ArrayList<>();

    @AfterEach
    void closeSessions() throws Exception {
        for (UnitSession session : sessions) {
            CompletableFuture<Boolean> closed = new CompletableFuture<>();
            session.close(() -> closed.complete(true));
            closed.get(10, TimeUnit.SECONDS);
        }
        sessions.clear();
    }

    @AfterAll
    static void end() {
        GROUP.shutdownGracefully(0, 1, TimeUnit.SECONDS);
    }

    private static EventLoop loop() {
        return GROUP.next();
    }

    private static UnitSessionConfig config(Tgtd tgtd) {
        return UnitSessionConfig.of(
                "tgt1", "127.0.0.1", tgtd.port(), new IscsiName(Tgtd.TARGET), INITIATOR, new Isid(0x800000000001L));
    }

    private UnitSession session(UnitSessionConfig config) {
        UnitSession session = new UnitSession(config, loop(), UnitSessionListener.NONE);
        sessions.add(session);
        session.start();
        return session;
    }

    private static RemoteLogicalUnit attach(UnitSession session, int lun) throws Exception {
        RemoteLogicalUnit unit = onLoop(() -> session.logicalUnit(lun, LunVerifier.ACCEPT_ALL, null));
        awaitOpen(unit);
        return unit;
    }

    private static void awaitOpen(RemoteLogicalUnit unit) {
        Awaitility.await()
                .atMost(Duration.ofSeconds(20))
                .untilAsserted(() -> assertThat(onLoop(unit::availability))
                        .as(() -> "session: " + unit.session().state())
                        .isInstanceOf(RemoteLogicalUnit.Availability.Open.class));
    }

    private static <T> T onLoop(java.util.concurrent.Callable<T> action) throws Exception {
        return loop().submit(action).get(10, TimeUnit.SECONDS);
    }

    private static CompletableFuture<BlockOutcome> submit(RemoteLogicalUnit unit, BlockRequest request) {
        CompletableFuture<BlockOutcome> done = new CompletableFuture<>();
        loop().execute(() -> unit.submit(request, done::complete));
        return done;
    }

    private static BlockOutcome run(RemoteLogicalUnit unit, BlockRequest request) throws Exception {
        return submit(unit, request).get(30, TimeUnit.SECONDS);
    }

    private static ByteBuf pattern(int blocks, long seed) {
        byte[] bytes = new byte[blocks * 512];
        new Random(seed).nextBytes(bytes);
        return ByteBufAllocator.DEFAULT.buffer(bytes.length).writeBytes(bytes);
    }

    private static byte[] read(RemoteLogicalUnit unit, long lba, int blocks) throws Exception {
        BlockOutcome outcome = run(unit, new BlockRequest.Read(lba, blocks, false));
        assertThat(outcome).isInstanceOf(BlockOutcome.Data.class);
        ByteBuf data = ((BlockOutcome.Data) outcome).bytes();
        byte[] bytes = ByteBufUtil.getBytes(data);
        data.release();
        return bytes;
    }

    private static byte[] bytes(int blocks, long seed) {
        byte[] bytes = new byte[blocks * 512];
        new Random(seed).nextBytes(bytes);
        return bytes;
    }

    @ParameterizedTest
    @CsvSource({"false,false", "true,false", "false,true", "true,true"})
    void whatIsWrittenWithManyRequestsInFlightIsReadBack(boolean headerDigest, boolean dataDigest) throws Exception {
        try (Tgtd tgtd = Tgtd.start(directory, 1, BYTES)) {
            tgtd.allowDigests(headerDigest, dataDigest);
            UnitSession session = session(config(tgtd).withDigests(headerDigest, dataDigest));
            RemoteLogicalUnit unit = attach(session, 1);
            assertThat(unit.geometry())
                    .isEqualTo(new Geometry(512, unit.geometry().physicalBlockSizeBytes(), BYTES / 512));
            int[] sizes = {1, 8, 128, 256, 2048, 3000};
            List<CompletableFuture<BlockOutcome>> writes = new ArrayList<>();
            List<long[]> placed = new ArrayList<>();
            long lba = 3;
            for (int i = 0; lba + sizes[i % sizes.length] < BYTES / 512; i++) {
                int blocks = sizes[i % sizes.length];
                placed.add(new long[] {lba, blocks});
                writes.add(submit(unit, new BlockRequest.Write(lba, blocks, pattern(blocks, lba), i % 7 == 0)));
                lba += blocks;
            }
            for (CompletableFuture<BlockOutcome> write : writes) {
                assertThat(write.get(30, TimeUnit.SECONDS)).isEqualTo(BlockOutcome.DONE);
            }
            assertThat(run(unit, new BlockRequest.Flush(0, 0))).isEqualTo(BlockOutcome.DONE);
            for (long[] place : placed) {
                assertThat(read(unit, place[0], (int) place[1])).isEqualTo(bytes((int) place[1], place[0]));
            }
        }
    }

    @Test
    void everyKindOfRequestIsServedOrReplaced() throws Exception {
        try (Tgtd tgtd = Tgtd.start(directory, 1, BYTES)) {
            RemoteLogicalUnit unit = attach(session(config(tgtd)), 1);
            assertThat(run(unit, new BlockRequest.Write(0, 4096, pattern(4096, 1), false)))
                    .isEqualTo(BlockOutcome.DONE);
            assertThat(run(unit, new BlockRequest.WriteZeroes(100, 3000, true, true)))
                    .isEqualTo(BlockOutcome.DONE);
            assertThat(read(unit, 100, 3000)).isEqualTo(new byte[3000 * 512]);
            assertThat(run(unit, new BlockRequest.Unmap(List.of(new BlockRange(0, 8)))))
                    .isEqualTo(BlockOutcome.DONE);
            assertThat(run(unit, new BlockRequest.Status(0, 1000))).isInstanceOf(BlockOutcome.Status.class);
            assertThat(run(unit, new BlockRequest.Flush(5, 10))).isEqualTo(BlockOutcome.DONE);
            BlockOutcome forced = run(unit, new BlockRequest.Read(0, 1, true));
            assertThat(forced).isInstanceOf(BlockOutcome.Data.class);
            BlockOutcome.release(forced);
            BlockOutcome beyond = run(unit, new BlockRequest.Read(BYTES / 512, 1, false));
            assertThat(beyond).isInstanceOf(BlockOutcome.Failed.class);
            LunEvidence evidence = Objects.requireNonNull(onLoop(unit::evidence));
            assertThat(evidence.vendor()).isEqualTo("IET");
            assertThat(evidence.bootId()).isNull();
            assertThat(evidence.designators()).isNotEmpty();
        }
    }

    @Test
    void logicalUnitsAndTargetsAreFound() throws Exception {
        try (Tgtd tgtd = Tgtd.start(directory, 2, BYTES)) {
            UnitSession session = session(config(tgtd));
            CompletableFuture<LogicalUnits> luns = new CompletableFuture<>();
            loop().execute(() -> session.reportLuns(luns::complete));
            assertThat(luns.get(10, TimeUnit.SECONDS)).isEqualTo(new LogicalUnits.Known(List.of(0, 1, 2)));
            CompletableFuture<Discovery.Result> targets = new CompletableFuture<>();
            Discovery.sendTargets(config(tgtd), loop(), targets::complete);
            assertThat(targets.get(10, TimeUnit.SECONDS))
                    .isEqualTo(new Discovery.Targets(
                            List.of(new Discovery.Target(Tgtd.TARGET, List.of("127.0.0.1:" + tgtd.port() + ",1")))));
            RemoteLogicalUnit controller = onLoop(() -> session.logicalUnit(0, LunVerifier.ACCEPT_ALL, null));
            Awaitility.await()
                    .until(() -> onLoop(controller::availability) instanceof RemoteLogicalUnit.Availability.Refused);
            assertThat(run(controller, new BlockRequest.Flush(0, 0)))
                    .isInstanceOfSatisfying(
                            BlockOutcome.Failed.class,
                            failed -> assertThat(failed.failure()).isInstanceOf(BlockFailure.NotReady.class));
        }
    }

    @Test
    void chapProvesBothSides() throws Exception {
        try (Tgtd tgtd = Tgtd.start(directory, 1, BYTES, "gw1", "secret-of-gw1!", "tgt1", "secret-of-tgt1")) {
            Chap.Credentials own = new Chap.Credentials("gw1", "secret-of-gw1!");
            attach(session(config(tgtd).withChap(own, null)), 1);
            closeSessions();
            attach(session(config(tgtd).withChap(own, new Chap.Credentials("tgt1", "secret-of-tgt1"))), 1);
            closeSessions();
            UnitSession wrong = session(config(tgtd).withChap(new Chap.Credentials("gw1", "wrong-secret!!"), null));
            Awaitility.await().untilAsserted(() -> assertThat(refusal(wrong)).contains("0201"));
            closeSessions();
            UnitSession impostor = session(config(tgtd).withChap(own, new Chap.Credentials("tgt1", "another-secret")));
            Awaitility.await().untilAsserted(() -> assertThat(refusal(impostor)).contains("CHAP_R"));
            closeSessions();
            UnitSession none = session(config(tgtd));
            assertThat(refusal(none)).isNotBlank();
        }
    }

    private static String refusal(UnitSession session) {
        return Awaitility.await()
                .until(
                        () -> onLoop(session::state) instanceof SessionState.Waiting waiting ? waiting.reason() : "",
                        reason -> !reason.isEmpty());
    }

    @Test
    void aRefusedLogicalUnitIsNeverWritten() throws Exception {
        try (Tgtd tgtd = Tgtd.start(directory, 1, BYTES)) {
            UnitSession session = session(config(tgtd));
            AtomicBoolean accept = new AtomicBoolean();
            AtomicInteger asked = new AtomicInteger();
            RemoteLogicalUnit unit = onLoop(() -> session.logicalUnit(
                    1,
                    (evidence, blocks, verdict) -> blocks.read(0, 8, outcome -> {
                        asked.incrementAndGet();
                        assertThat(outcome).isInstanceOf(BlockOutcome.Data.class);
                        BlockOutcome.release(outcome);
                        verdict.accept(
                                accept.get()
                                        ? new LunVerifier.Verdict.Accepted()
                                        : new LunVerifier.Verdict.Refused("another disk"));
                    }),
                    new Geometry(512, 512, BYTES / 512)));
            CompletableFuture<BlockOutcome> early = submit(unit, new BlockRequest.Write(0, 8, pattern(8, 1), true));
            assertThat(early.get(10, TimeUnit.SECONDS))
                    .isEqualTo(BlockOutcome.failed(BlockFailure.NotReady.unusable("another disk")));
            assertThat(run(unit, new BlockRequest.Write(0, 8, pattern(8, 1), true)))
                    .isInstanceOf(BlockOutcome.Failed.class);
            accept.set(true);
            awaitOpen(unit);
            assertThat(asked.get()).isGreaterThan(1);
            assertThat(read(unit, 0, 8)).isEqualTo(new byte[8 * 512]);
        }
    }

    @Test
    void anIdleSessionIsPingedAndStaysUp() throws Exception {
        try (Tgtd tgtd = Tgtd.start(directory, 1, BYTES)) {
            AtomicInteger losses = new AtomicInteger();
            UnitSession session = new UnitSession(config(tgtd).withUnitTimeout(400), loop(), new UnitSessionListener() {
                @Override
                public void stateChanged(SessionState state) {
                    if (state instanceof SessionState.Waiting) {
                        losses.incrementAndGet();
                    }
                }
            });
            sessions.add(session);
            session.start();
            attach(session, 1);
            losses.set(0);
            // Many times the interval of pings, and of their time-out.
            Awaitility.await()
                    .during(Duration.ofSeconds(3))
                    .atMost(Duration.ofSeconds(5))
                    .until(() -> losses.get() == 0 && onLoop(session::state) instanceof SessionState.Ready);
        }
    }

    /** RFC 7143 4.2.7 compares names in normal form; tgtd compares bytes. */
    @Test
    void aTargetWithCapitalsIsReachedUnderTheNameThatItHas() throws Exception {
        try (Tgtd tgtd = Tgtd.start(directory, 1, BYTES)) {
            String name = "iqn.2026-11.example:Storage.Disk1";
            tgtd.adm("--op", "new", "--mode", "target", "--tid", "2", "-T", name);
            tgtd.adm("--op", "bind", "--mode", "target", "--tid", "2", "-I", "ALL");
            UnitSession session = session(UnitSessionConfig.of(
                    "tgt1",
                    "127.0.0.1",
                    tgtd.port(),
                    Objects.requireNonNull(IscsiName.parse(name)),
                    INITIATOR,
                    new Isid(0x800000000001L)));
            Awaitility.await()
                    .untilAsserted(() -> assertThat(onLoop(session::state)).isInstanceOf(SessionState.Ready.class));
        }
    }

    /** That is by the security stage, in which a login of ours begins: without it tgtd lets the old session go on. */
    @Test
    void aLoginEndsTheSessionBeforeOfTheSameNameAndIsid() throws Exception {
        try (Tgtd tgtd = Tgtd.start(directory, 1, BYTES)) {
            AtomicInteger losses = new AtomicInteger();
            UnitSession before = new UnitSession(config(tgtd), loop(), new UnitSessionListener() {
                @Override
                public void stateChanged(SessionState state) {
                    if (state instanceof SessionState.Waiting) {
                        losses.incrementAndGet();
                    }
                }
            });
            sessions.add(before);
            before.start();
            attach(before, 1);
            assertThat(losses.get()).isZero();
            attach(session(config(tgtd)), 1);
            Awaitility.await().until(() -> losses.get() > 0);
        }
    }

    @Test
    void killingTheUnitInTheMiddleOfWritesLosesNoneThatWasDone() throws Exception {
        try (Tgtd tgtd = Tgtd.start(directory, 1, BYTES)) {
            RemoteLogicalUnit unit = attach(session(config(tgtd).withCache(CachePolicy.PROTECTED)), 1);
            List<CompletableFuture<BlockOutcome>> writes = new ArrayList<>();
            int count = 400;
            for (int i = 0; i < count; i++) {
                writes.add(submit(unit, new BlockRequest.Write(i * 64L, 64, pattern(64, i), false)));
                if (i == 200) {
                    tgtd.kill();
                }
            }
            tgtd.launch();
            for (int i = 0; i < count; i++) {
                assertThat(writes.get(i).get(30, TimeUnit.SECONDS))
                        .as("write " + i)
                        .isEqualTo(BlockOutcome.DONE);
            }
            for (int i = 0; i < count; i++) {
                assertThat(read(unit, i * 64L, 64)).as("write " + i).isEqualTo(bytes(64, i));
            }
        }
    }

    @Test
    void aForeignUnitThatWasRestartedMakesTheNextFlushFailOnce() throws Exception {
        try (Tgtd tgtd = Tgtd.start(directory, 1, BYTES)) {
            RemoteLogicalUnit unit = attach(session(config(tgtd)), 1);
            long mib = 2048;
            run(unit, new BlockRequest.Write(0, 8, pattern(8, 1), false));
            run(unit, new BlockRequest.Write(10 * mib, 8, pattern(8, 2), false));
            run(unit, new BlockRequest.Write(20 * mib, 8, pattern(8, 3), true));
            tgtd.kill();
            tgtd.launch();
            // Each part of the unit, as it may belong to another volume, hears of its own loss, once.
            assertThat(run(unit, new BlockRequest.Flush(5 * mib, 5 * mib))).isEqualTo(BlockOutcome.DONE);
            awaitOpen(unit);
            BlockOutcome lost = BlockOutcome.failed(new BlockFailure.UnflushedWritesLost());
            assertThat(run(unit, new BlockRequest.Flush(0, mib))).isEqualTo(lost);
            assertThat(run(unit, new BlockRequest.Flush(0, mib))).isEqualTo(BlockOutcome.DONE);
            assertThat(run(unit, new BlockRequest.Flush(10 * mib, mib))).isEqualTo(lost);
            assertThat(run(unit, new BlockRequest.Flush(0, 0))).isEqualTo(BlockOutcome.DONE);
        }
    }

    @Test
    void requestsToAUnitThatIsAwayEndAtTheirTimeOut() throws Exception {
        try (Tgtd tgtd = Tgtd.start(directory, 1, BYTES)) {
            RemoteLogicalUnit unit = attach(session(config(tgtd).withUnitTimeout(1500)), 1);
            for (boolean frozen : new boolean[] {true, false}) {
                if (frozen) {
                    tgtd.freeze();
                } else {
                    tgtd.kill();
                }
                long begin = System.nanoTime();
                List<CompletableFuture<BlockOutcome>> all = List.of(
                        submit(unit, new BlockRequest.Write(0, 8, pattern(8, 1), false)),
                        submit(unit, new BlockRequest.Read(0, 8, false)),
                        submit(unit, new BlockRequest.Flush(0, 0)));
                for (CompletableFuture<BlockOutcome> one : all) {
                    assertThat(one.get(10, TimeUnit.SECONDS))
                            .isInstanceOfSatisfying(
                                    BlockOutcome.Failed.class,
                                    failed -> assertThat(failed.failure()).isInstanceOf(BlockFailure.NotReady.class));
                }
                assertThat(Duration.ofNanos(System.nanoTime() - begin))
                        .isBetween(Duration.ofMillis(1400), Duration.ofMillis(2500));
                if (frozen) {
                    tgtd.thaw();
                    awaitOpen(unit);
                }
            }
        }
    }

    @Test
    void whatIsWrittenAfterAnAbortedWriteStaysWhateverTheUnitDoes() throws Exception {
        try (Tgtd tgtd = Tgtd.start(directory, 1, BYTES)) {
            RemoteLogicalUnit unit = attach(session(config(tgtd)), 1);
            Random random = new Random(7);
            for (int round = 0; round < 20; round++) {
                long lba = round * 2048L;
                int blocks = 2048;
                CompletableFuture<BlockOutcome> first = new CompletableFuture<>();
                CompletableFuture<BlockOperation> handle = new CompletableFuture<>();
                boolean freezeFirst = round % 2 == 0;
                if (freezeFirst) {
                    tgtd.freeze();
                }
                ByteBuf old = pattern(blocks, 1000 + round);
                loop().execute(() ->
                        handle.complete(unit.submit(new BlockRequest.Write(lba, blocks, old, false), first::complete)));
                BlockOperation operation = handle.get();
                if (!freezeFirst) {
                    java.util.concurrent.locks.LockSupport.parkNanos(random.nextInt(2_000_000));
                    tgtd.freeze();
                }
                loop().execute(operation::cancel);
                CompletableFuture<BlockOutcome> second = new CompletableFuture<>();
                ByteBuf later = pattern(blocks, 2000 + round);
                // As a target does: the later write follows the earlier one's completion.
                first.whenComplete((outcome, _) -> loop().execute(() ->
                        unit.submit(new BlockRequest.Write(lba, blocks, later, false), second::complete)));
                if (random.nextBoolean()) {
                    // Past the time that an abort may take: the session has to be reinstated.
                    Awaitility.await()
                            .atMost(Duration.ofSeconds(6))
                            .until(() -> first.isDone()
                                    || !(onLoop(() -> unit.session().state()) instanceof SessionState.Ready));
                }
                tgtd.thaw();
                BlockOutcome ended = first.get(25, TimeUnit.SECONDS);
                assertThat(ended).isIn(BlockOutcome.DONE, BlockOutcome.failed(new BlockFailure.Cancelled()));
                assertThat(second.get(25, TimeUnit.SECONDS)).isEqualTo(BlockOutcome.DONE);
                assertThat(read(unit, lba, blocks)).as("round " + round).isEqualTo(bytes(blocks, 2000 + round));
            }
            for (int round = 0; round < 20; round++) {
                assertThat(read(unit, round * 2048L, 2048)).as("round " + round).isEqualTo(bytes(2048, 2000 + round));
            }
        }
    }
}
