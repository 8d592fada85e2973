package dev.sanway.target.lun;

import static dev.sanway.target.lun.DeviceServer.cdb;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.sanway.block.BlockRange;
import dev.sanway.block.BlockRequest;
import dev.sanway.scsi.AdditionalSense;
import dev.sanway.scsi.Cdb;
import dev.sanway.scsi.SenseKey;
import dev.sanway.target.lun.DeviceServer.Running;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Commands of many blocks come in pieces, and a host has one piece under way. */
class LongCommandsTest {
    private static final long GIBIBYTE = 1L << 30;
    private static final int PIECE_BYTES = 256 << 10;
    private static final long DEADLINE_MILLIS = 5_000;

    private final DeviceServer server = new DeviceServer(512, GIBIBYTE, new MemoryTarget.HeapReservationStore(), false);
    /** Another session of host a. */
    private final Nexus a2 = new Nexus(server.a.initiatorName(), "800000000009", server.a.targetName(), 1);

    LongCommandsTest() {
        server.target.nexusEstablished(a2);
    }

    @AfterEach
    void close() {
        server.close();
    }

    private void hold(boolean heedsCancel) {
        server.onLoop(() -> server.gate.hold(heedsCancel));
    }

    /** What the device holds once nothing moves any more. */
    private List<BlockRequest> settled() {
        await().until(() -> server.<Integer>onLoop(() -> server.gate.heldCount()) > 0);
        // What a turn of the loop leads to is there after it, and after that turn's own.
        server.onLoop(() -> {});
        server.onLoop(() -> {});
        return server.onLoop(() -> server.gate.held());
    }

    private List<BlockRequest> next() {
        server.onLoop(server.gate::openOne);
        return settled();
    }

    private static long blocks(BlockRequest request) {
        return switch (request) {
            case BlockRequest.Read read -> read.blockCount();
            case BlockRequest.Write write -> write.blockCount();
            case BlockRequest.WriteZeroes zeroes -> zeroes.blockCount();
            case BlockRequest.Unmap unmap ->
                unmap.ranges().stream().mapToLong(BlockRange::blockCount).sum();
            default -> throw new AssertionError("not a piece: " + request);
        };
    }

    private static byte[] block(int value) {
        byte[] block = new byte[512];
        Arrays.fill(block, (byte) value);
        return block;
    }

    @Test
    void aHostsVerifiesHaveOnePieceUnderWayAndOthersGetInBetween() {
        hold(true);
        List<Running> verifies = new ArrayList<>();
        for (int i = 0; i < 60; i++) {
            Nexus session = i % 2 == 0 ? server.a : a2;
            verifies.add(server.start(session, Cdb.verify16(0, 4096, 0)));
        }
        List<BlockRequest> held = settled();
        assertThat(held).hasSize(1);
        assertThat(blocks(held.getFirst()) * 512).isLessThanOrEqualTo(PIECE_BYTES);

        Running read = server.start(server.b, Cdb.read16(9, 1, false));
        Running verify = server.start(server.b, Cdb.verify16(0, 4096, 0));
        assertThat(settled()).as("another host's").hasSize(3);
        server.onLoop(server.gate::open);
        assertThat(read.await().status()).isZero();
        assertThat(verify.await().status()).isZero();
        for (Running each : verifies) {
            assertThat(each.await().status()).isZero();
        }
    }

    @Test
    void sessionsOfAHostTakeTurnsHoweverManyCommandsEachHas() {
        hold(true);
        List<Running> many = new ArrayList<>();
        for (int i = 0; i < 30; i++) {
            many.add(server.start(server.a, Cdb.verify16(0, 4096, 0)));
        }
        settled();
        Running one = server.start(a2, Cdb.verify16(100_000, 2048, 0));
        List<Boolean> turnsOfOne = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            BlockRequest.Read piece = (BlockRequest.Read) next().getFirst();
            turnsOfOne.add(piece.lba() >= 100_000);
        }
        assertThat(turnsOfOne.subList(1, 8)).containsExactly(true, false, true, false, true, false, true);
        server.onLoop(server.gate::open);
        assertThat(one.await().status()).isZero();
        for (Running each : many) {
            assertThat(each.await().status()).isZero();
        }
    }

    /** Only that it is not sooner: how much later depends on the machine. */
    @Test
    void aLongCommandPausesWhileOtherHostsAreAtWork() throws InterruptedException {
        hold(true);
        Running verify = server.start(server.a, Cdb.verify16(0, 4096, 0));
        verify.othersAtWork = true;
        settled();
        Thread.sleep(60); // the time that the device takes for the piece
        long doneNanos = System.nanoTime();
        next();
        assertThat(System.nanoTime() - doneNanos).isGreaterThan(TimeUnit.MILLISECONDS.toNanos(50));
        server.onLoop(server.gate::open);
        assertThat(verify.await().status()).isZero();
    }

    @Test
    void writeSameLaysDownOneBoundedPieceAtATime() {
        hold(true);
        List<Running> running = new ArrayList<>();
        for (int i = 0; i < 40; i++) {
            running.add(server.start(server.a, Cdb.writeSame16(i * 4096L, 4096, false, false), block(i + 1)));
        }
        List<BlockRequest> held = settled();
        assertThat(held).hasSize(1).allMatch(request -> blocks(request) * 512 <= PIECE_BYTES);
        server.onLoop(server.gate::open);
        for (Running each : running) {
            assertThat(each.await().status()).isZero();
        }
        for (int i = 0; i < 40; i++) {
            byte[] expected = new byte[2 << 20];
            Arrays.fill(expected, (byte) (i + 1));
            assertThat(server.good(server.a, Cdb.read16(i * 4096L, 4096, false)))
                    .isEqualTo(expected);
        }
    }

    @Test
    void zeroesAndUnmapsComeInPiecesThatEndAtGranules() {
        long granule = server.device.limits().unmapGranularityBlocks();
        int all = (int) (GIBIBYTE / 512);
        byte[] list = Cdb.unmapParameters(List.of(new Cdb.UnmapRange(5, 100), new Cdb.UnmapRange(1003, all - 1003)));
        byte[][] commands = {
            Cdb.writeSame16(3, 60 * 1024, false, true), Cdb.unmap(list.length), cdb(0x04),
        };
        for (byte[] cdb : commands) {
            hold(true);
            boolean unmap = (cdb[0] & 0xFF) == 0x42;
            Running running = unmap ? server.start(server.a, cdb, list) : server.start(server.a, cdb);
            List<Long> ends = new ArrayList<>();
            long total = 0;
            while (server.<Boolean>onLoop(() -> !running.answer.isDone()) && ends.size() < 100) {
                List<BlockRequest> held = server.onLoop(() -> server.gate.held());
                if (held.isEmpty()) {
                    continue;
                }
                assertThat(held).hasSize(1);
                total += blocks(held.getFirst());
                ends.add(
                        switch (held.getFirst()) {
                            case BlockRequest.WriteZeroes zeroes -> zeroes.lba() + zeroes.blockCount();
                            case BlockRequest.Unmap given ->
                                given.ranges().getLast().end();
                            default -> throw new AssertionError(held);
                        });
                server.onLoop(server.gate::openOne);
            }
            assertThat(running.await().status()).isZero();
            assertThat(ends).as("pieces").hasSizeGreaterThan(3);
            assertThat(ends.subList(0, ends.size() - 1)).allMatch(end -> end % granule == 0);
            assertThat(total).isEqualTo(unmap ? all - 903L : cdb[0] == 0x04 ? all : 60 * 1024);
            server.onLoop(server.gate::open);
        }
    }

    enum How {
        ABORT_TASK,
        LOGICAL_UNIT_RESET,
        NEXUS_LOST
    }

    private CompletableFuture<Boolean> end(How how, int tag) {
        CompletableFuture<Boolean> ended = new CompletableFuture<>();
        switch (how) {
            case ABORT_TASK ->
                server.target.manage(
                        server.a,
                        new TaskManagement.AbortTask(0, tag),
                        DEADLINE_MILLIS,
                        result -> ended.complete(result == TaskManagement.Result.COMPLETE));
            case LOGICAL_UNIT_RESET ->
                server.target.manage(
                        server.a,
                        new TaskManagement.LogicalUnitReset(0),
                        DEADLINE_MILLIS,
                        result -> ended.complete(result == TaskManagement.Result.COMPLETE));
            case NEXUS_LOST -> server.target.nexusLost(server.a, DEADLINE_MILLIS, ended::complete);
        }
        return ended;
    }

    private Running verify(Nexus nexus, int tag) {
        return server.start(nexus, tag, TaskAttribute.SIMPLE, Cdb.verify16(0, 4096, 0), new byte[0], true);
    }

    /** Whoever waits for the turn ends at once, though a piece is under way that does not. */
    @ParameterizedTest
    @EnumSource(How.class)
    void whatWaitsForItsTurnEndsAtOnce(How how) {
        hold(false);
        Running underWay = verify(a2, 1);
        settled();
        List<Running> waiting = List.of(verify(server.a, 11), verify(server.a, 12), verify(server.a, 13));
        server.onLoop(() -> {});
        CompletableFuture<Boolean> ended = end(how, 11);
        assertThat(waiting.getFirst().await().isAborted()).isTrue();
        if (how != How.ABORT_TASK) {
            assertThat(waiting).allMatch(each -> each.await().isAborted());
        }
        if (how != How.LOGICAL_UNIT_RESET) {
            assertThat(DeviceServer.get(ended)).isTrue();
            assertThat(underWay.answer).isNotDone();
        }
        server.onLoop(server.gate::open);
        assertThat(DeviceServer.get(ended)).isTrue();
        assertThat(underWay.await().isAborted()).isEqualTo(how == How.LOGICAL_UNIT_RESET);
        if (how == How.ABORT_TASK) {
            assertThat(waiting.subList(1, 3)).allMatch(each -> each.await().status() == 0);
        }
    }

    /** The turn of what was aborted goes on to the next, whether its piece heeded the cancel or not. */
    @ParameterizedTest
    @EnumSource(How.class)
    void theTurnGoesOnWhenItsHolderIsAborted(How how) {
        for (boolean heeds : new boolean[] {true, false}) {
            hold(heeds);
            Running underWay = verify(server.a, 1);
            settled();
            CompletableFuture<Boolean> ended = end(how, 1);
            server.onLoop(() -> {}); // the abort was begun
            server.onLoop(server.gate::open);
            assertThat(DeviceServer.get(ended)).isTrue();
            assertThat(underWay.await().isAborted()).isTrue();
            if (how == How.NEXUS_LOST) {
                server.target.nexusEstablished(server.a);
            }
            server.run(server.a, cdb(0));
            server.run(a2, cdb(0));
            server.good(a2, Cdb.verify16(0, 4096, 0));
        }
    }

    @Test
    void aPieceThatFailsEndsTheCommandAndNotTheOthers() {
        server.good(server.a, Cdb.write16(3000, 1, false), block(7));
        Running wrong = server.start(server.a, Cdb.verify16(0, 4096, 3), new byte[512]);
        Running right = server.start(server.a, Cdb.verify16(4096, 4096, 3), new byte[512]);
        assertThat(DeviceServer.check(wrong.await(), SenseKey.MISCOMPARE, AdditionalSense.MISCOMPARE_DURING_VERIFY)
                        .information())
                .isEqualTo(3000 * 512);
        assertThat(right.await().status()).isZero();
        byte[] data = new byte[4096 * 512];
        data[3000 * 512 + 11] = 8;
        assertThat(server.fails(
                                server.a,
                                SenseKey.MISCOMPARE,
                                AdditionalSense.MISCOMPARE_DURING_VERIFY,
                                Cdb.verify16(0, 4096, 1),
                                data)
                        .information())
                .isEqualTo(3000 * 512);
    }

    /** ORWRITE and COMPARE AND WRITE stay whole; the latter, on which clusters' heartbeats rest, waits for nobody's turn. */
    @Test
    void compareAndWriteDoesNotWaitForATurn() {
        hold(true);
        Running verify = verify(server.a, 1);
        settled();
        Running both = server.start(server.a, Cdb.compareAndWrite(1 << 20, 1, false), new byte[1024]);
        assertThat(settled()).hasSize(2);
        server.onLoop(server.gate::open);
        assertThat(both.await().status()).isZero();
        assertThat(verify.await().status()).isZero();
    }
}
