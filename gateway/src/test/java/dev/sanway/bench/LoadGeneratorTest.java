package dev.sanway.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sanway.block.BlockCompletion;
import dev.sanway.block.BlockDevice;
import dev.sanway.block.BlockFailure;
import dev.sanway.block.BlockOperation;
import dev.sanway.block.BlockRequest;
import dev.sanway.block.FaultyDevice;
import dev.sanway.block.ForwardingDevice;
import dev.sanway.config.Access;
import dev.sanway.config.ChapConfig;
import dev.sanway.config.Secret;
import dev.sanway.config.UnitConfig;
import dev.sanway.iscsi.Chap;
import dev.sanway.iscsi.IscsiName;
import dev.sanway.unit.UnitServer;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The load generator against a unit of ours, in one process. */
@Timeout(90)
class LoadGeneratorTest {
    private static final int MIB = 1 << 20;
    private static final IscsiName INITIATOR = new IscsiName("iqn.2026-11.dev.sanway:bench");
    private static final String TARGET = "iqn.2026-11.dev.sanway:unit.unit1";
    private static final LoadGenerator.Observer NOBODY = new LoadGenerator.Observer() {};

    @TempDir
    @SuppressWarnings("NullAway.Init")
    Path directory;

    private UnitServer unit(UnaryOperator<BlockDevice> beneath) throws Exception {
        return new UnitServer(
                new UnitConfig(
                        directory.resolve("unit.yaml"),
                        "unit1",
                        TARGET,
                        List.of(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0)),
                        directory,
                        Long.MAX_VALUE,
                        2,
                        new Access(
                                List.of(INITIATOR.value()),
                                new ChapConfig(
                                        "host",
                                        Secret.of("secret-of-the-host"),
                                        "unit1",
                                        Secret.of("secret-of-unit-1"))),
                        List.of(
                                new UnitConfig.Volume("small", 16L * MIB, null, 0, 512, false, false, 1),
                                new UnitConfig.Volume("large", 16L * MIB, null, 1, 4096, false, false, 2))),
                beneath,
                UUID.randomUUID());
    }

    private static LoadTarget target(UnitServer unit, String secret, Integer... luns) {
        return new LoadTarget(
                "127.0.0.1",
                unit.addresses().getFirst().getPort(),
                new IscsiName(TARGET),
                List.of(luns),
                new Chap.Credentials("host", secret),
                new Chap.Credentials("unit1", "secret-of-unit-1"));
    }

    private static LoadTarget target(UnitServer unit, Integer... luns) {
        return target(unit, "secret-of-the-host", luns);
    }

    /** A plan of a number of requests, verified. */
    private static LoadPlan plan(
            LoadTarget target,
            String pattern,
            int requestBytes,
            int depth,
            int sessions,
            boolean digests,
            long requests) {
        AccessPattern access = AccessPattern.parse(pattern);
        if (access == null) {
            throw new IllegalArgumentException(pattern);
        }
        return new LoadPlan(
                List.of(target),
                INITIATOR,
                sessions,
                depth,
                2,
                requestBytes,
                access,
                0,
                false,
                digests,
                digests,
                true,
                9,
                0,
                0,
                requests);
    }

    private static String failure(LoadPlan plan) {
        List<String> messages = new ArrayList<>();
        assertThatThrownBy(() -> LoadGenerator.run(plan, NOBODY))
                .isInstanceOfSatisfying(LoadFailure.class, thrown -> messages.add(String.valueOf(thrown.getMessage())));
        return messages.getFirst();
    }

    @ParameterizedTest
    @CsvSource({
        // Immediate data alone; several data segments; unsolicited and solicited data.
        "mixed, 4096, 16, 1, false, 4000",
        "write, 4096, 1, 1, false, 100",
        "mixed, 4096, 16, 2, true, 4000",
        "seq-mixed, 65536, 4, 3, false, 600",
        "mixed, 524288, 2, 1, true, 200",
        "seq-write, 1048576, 2, 2, false, 60",
        "seq-write, 1048576, 2, 1, true, 60",
        "write, 4096, 1000, 1, false, 4000"
    })
    void whatIsWrittenIsReadBack(String pattern, int bytes, int depth, int sessions, boolean digests, long requests)
            throws Exception {
        try (UnitServer unit = unit(UnaryOperator.identity())) {
            LoadResult result = LoadGenerator.run(
                    plan(target(unit, 0, 1), pattern, bytes, depth, sessions, digests, requests), NOBODY);
            assertThat(result.requests()).isEqualTo(requests);
            assertThat(result.checkedBlocks()).isPositive();
            assertThat(result.all().getMinValue()).isPositive();
            assertThat(result.requestsPerSecond()).isPositive();
        }
    }

    @Test
    void aLaterRunChecksWhatAnEarlierOneWrote() throws Exception {
        try (UnitServer unit = unit(UnaryOperator.identity())) {
            long all = 16L * MIB / 65536;
            LoadGenerator.run(plan(target(unit, 0), "seq-write", 65536, 4, 1, false, all), NOBODY);
            LoadPlan reading = plan(target(unit, 0), "seq-read", 65536, 4, 1, false, all);
            assertThat(LoadGenerator.run(reading, NOBODY).checkedBlocks()).isGreaterThanOrEqualTo(16L * MIB / 512);
            assertThat(failure(plan(target(unit, 1), "seq-read", 65536, 4, 1, false, all)))
                    .contains("WRONG DATA: LUN 1, block 0 does not hold what was written");
        }
    }

    @Test
    void aLostWriteIsFoundOut() throws Exception {
        AtomicInteger writes = new AtomicInteger();
        UnaryOperator<BlockDevice> losing = device -> new Rewriting(
                device,
                request -> request instanceof BlockRequest.Write write && writes.incrementAndGet() % 50 == 0
                        ? new BlockRequest.Flush(write.lba(), 0)
                        : request);
        try (UnitServer unit = unit(losing)) {
            assertThat(failure(plan(target(unit, 0), "write", 4096, 8, 1, false, 4000)))
                    .contains("WRONG DATA: LUN 0, block ");
        }
    }

    @Test
    void aMisdirectedReadIsFoundOut() throws Exception {
        AtomicInteger reads = new AtomicInteger();
        UnaryOperator<BlockDevice> misdirecting = device -> new Rewriting(
                device,
                request -> request instanceof BlockRequest.Read read && read.lba() > 8 && reads.incrementAndGet() == 50
                        ? new BlockRequest.Read(read.lba() - 8, read.blockCount(), false)
                        : request);
        try (UnitServer unit = unit(misdirecting)) {
            assertThat(failure(plan(target(unit, 0), "seq-write", 4096, 8, 1, false, 4096)))
                    .containsPattern("WRONG DATA: LUN 0, block \\d+ holds what was written to block \\d+");
        }
    }

    @Test
    void aBusyTargetIsAskedAgain() throws Exception {
        AtomicInteger requests = new AtomicInteger();
        UnaryOperator<BlockDevice> busy = device -> {
            FaultyDevice faulty = new FaultyDevice(device);
            faulty.inject(_ -> requests.incrementAndGet() % 50 == 0
                    ? new FaultyDevice.Fault.Fail(new BlockFailure.Busy())
                    : FaultyDevice.Fault.NONE);
            return faulty;
        };
        try (UnitServer unit = unit(busy)) {
            LoadResult result = LoadGenerator.run(plan(target(unit, 0), "mixed", 4096, 8, 1, false, 2000), NOBODY);
            assertThat(result.requests()).isEqualTo(2000);
            assertThat(result.repeated()).isPositive();
        }
    }

    @Test
    void aFailedRequestEndsTheRunAndSaysWhere() throws Exception {
        UnaryOperator<BlockDevice> broken = device -> {
            FaultyDevice faulty = new FaultyDevice(device);
            faulty.inject(request -> request instanceof BlockRequest.Read read && read.lba() == 800
                    ? new FaultyDevice.Fault.Fail(new BlockFailure.Unreadable(803))
                    : FaultyDevice.Fault.NONE);
            return faulty;
        };
        try (UnitServer unit = unit(broken)) {
            assertThat(failure(plan(target(unit, 0), "seq-write", 4096, 8, 1, false, 4096)))
                    .contains("LUN 0, read of 8 blocks from 800 on:")
                    .contains("MEDIUM_ERROR");
        }
    }

    @Test
    @Tag("slow")
    void aSilentTargetIsTakenForDead() throws Exception {
        AtomicInteger requests = new AtomicInteger();
        UnaryOperator<BlockDevice> silent = device -> {
            FaultyDevice faulty = new FaultyDevice(device);
            faulty.inject(_ -> requests.incrementAndGet() > 500 ? FaultyDevice.Fault.HOLD : FaultyDevice.Fault.NONE);
            return faulty;
        };
        try (UnitServer unit = unit(silent)) {
            assertThat(failure(plan(target(unit, 0), "mixed", 4096, 8, 1, false, 2000)))
                    .contains("answered nothing for 30 s, while measuring");
        }
    }

    @Test
    void aDurationEndsTheRun() throws Exception {
        try (UnitServer unit = unit(UnaryOperator.identity())) {
            LoadPlan plan = new LoadPlan(
                    List.of(target(unit, 0, 1)),
                    INITIATOR,
                    2,
                    8,
                    1,
                    4096,
                    new AccessPattern(false, 100),
                    MIB,
                    false,
                    false,
                    false,
                    false,
                    1,
                    100,
                    1500,
                    0);
            List<String> heard = new ArrayList<>();
            LoadResult result = LoadGenerator.run(plan, new LoadGenerator.Observer() {
                @Override
                public void measuring() {
                    heard.add("measuring");
                }

                @Override
                public void progress(String phase, long perSecond, long secondsLeft) {
                    heard.add(phase);
                }

                @Override
                public void measured() {
                    heard.add("measured");
                }
            });
            assertThat(heard).containsSubsequence("measuring", "measuring", "measured");
            assertThat(result.elapsedNanos()).isBetween(1_500_000_000L, 5_000_000_000L);
            assertThat(result.writes().getTotalCount()).isZero();
            assertThat(result.reads().getTotalCount()).isPositive();
            assertThat(result.cpuNanos()).isPositive();
        }
    }

    @Test
    void whatCannotWorkIsSaid() throws Exception {
        int port;
        try (UnitServer unit = unit(UnaryOperator.identity())) {
            port = unit.addresses().getFirst().getPort();
            assertThat(failure(plan(target(unit, 7), "read", 4096, 1, 1, false, 1)))
                    .contains("LUN 7 answers");
            assertThat(failure(plan(target(unit, 1), "read", 512, 1, 1, false, 1)))
                    .contains("LUN 1 has blocks of 4096 bytes, and requests of 512 bytes are no multiple of that");
            assertThat(failure(plan(target(unit, 0), "write", MIB, 9, 1, false, 1)))
                    .contains("are too few for 1 sessions at depth 9");
            assertThat(failure(plan(target(unit, "another-secret-xyz", 0), "read", 4096, 1, 1, false, 1)))
                    .contains("refuses login");
        }
        LoadTarget gone = LoadTarget.of("127.0.0.1", port, new IscsiName(TARGET), 0);
        assertThat(failure(plan(gone, "read", 4096, 1, 1, false, 1))).contains("cannot connect");
    }

    @Test
    void theRunEndsWithTheTarget() throws Exception {
        UnitServer unit = unit(UnaryOperator.identity());
        LoadPlan endless = plan(target(unit, 0), "mixed", 4096, 8, 1, false, Long.MAX_VALUE / 2);
        assertThatThrownBy(() -> LoadGenerator.run(endless, new LoadGenerator.Observer() {
                    @Override
                    public void progress(String phase, long perSecond, long secondsLeft) {
                        unit.close();
                    }
                }))
                .isInstanceOf(LoadFailure.class)
                .hasMessageContaining(TARGET);
    }

    /** Carries out something else than it is asked for. */
    private static final class Rewriting extends ForwardingDevice {
        private final UnaryOperator<BlockRequest> rewrite;

        Rewriting(BlockDevice inner, UnaryOperator<BlockRequest> rewrite) {
            super(inner);
            this.rewrite = rewrite;
        }

        @Override
        public BlockOperation submit(BlockRequest request, BlockCompletion completion) {
            BlockRequest instead = rewrite.apply(request);
            if (!instead.equals(request)) {
                BlockRequest.release(request);
            }
            return inner.submit(instead, completion);
        }
    }
}
