package dev.sanway.initiator;

import static dev.sanway.initiator.ScriptedUnits.LOOP;
import static dev.sanway.initiator.ScriptedUnits.UNIT_LOOP;
import static dev.sanway.initiator.ScriptedUnits.awaitOpen;
import static dev.sanway.initiator.ScriptedUnits.onLoop;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sanway.block.BlockFailure;
import dev.sanway.block.BlockOperation;
import dev.sanway.block.BlockOutcome;
import dev.sanway.block.BlockRequest;
import dev.sanway.block.DeviceEvent;
import dev.sanway.block.Geometry;
import dev.sanway.iscsi.IscsiName;
import dev.sanway.iscsi.Isid;
import dev.sanway.iscsi.Pdu;
import dev.sanway.iscsi.TaskAttribute;
import dev.sanway.scsi.AdditionalSense;
import dev.sanway.scsi.Opcode;
import dev.sanway.scsi.SenseData;
import dev.sanway.scsi.SenseKey;
import dev.sanway.scsi.StatusCode;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The initiator against a unit that does what a test wants it to. */
@Timeout(60)
class UnitSessionTest {
    @SuppressWarnings("NullAway.Init")
    private ScriptedUnit unit;

    @SuppressWarnings("NullAway.Init")
    private UnitSession session;

    @BeforeEach
    void startUnit() throws Exception {
        unit = new ScriptedUnit(UNIT_LOOP);
        begin(config());
    }

    private UnitSessionConfig config() {
        return UnitSessionConfig.of(
                        "unit1",
                        "127.0.0.1",
                        unit.port(),
                        new IscsiName("iqn.2026-11.dev.sanway:unit.unit1"),
                        new IscsiName("iqn.2026-11.dev.sanway:gateway.test"),
                        new Isid(0x800000000001L))
                .withUnitTimeout(5000);
    }

    private void begin(UnitSessionConfig config) {
        session = new UnitSession(config, LOOP, UnitSessionListener.NONE);
    }

    @AfterEach
    void stop() throws Exception {
        ScriptedUnits.stop(session);
        unit.close();
        assertThat(unit.problems).isEmpty();
    }

    private RemoteLogicalUnit attach() throws Exception {
        return ScriptedUnits.attach(session);
    }

    private record Submitted(CompletableFuture<BlockOutcome> outcome, BlockOperation operation) {
        void cancel() {
            LOOP.execute(operation::cancel);
        }

        BlockOutcome get() throws Exception {
            return outcome.get(20, TimeUnit.SECONDS);
        }
    }

    private static Submitted submit(RemoteLogicalUnit device, BlockRequest request) throws Exception {
        CompletableFuture<BlockOutcome> outcome = new CompletableFuture<>();
        return new Submitted(outcome, onLoop(() -> device.submit(request, outcome::complete)));
    }

    private static BlockOutcome run(RemoteLogicalUnit device, BlockRequest request) throws Exception {
        return submit(device, request).get();
    }

    private static byte[] bytes(int blocks, long seed) {
        byte[] bytes = new byte[blocks * 512];
        new Random(seed).nextBytes(bytes);
        return bytes;
    }

    private static BlockRequest.Write write(long lba, int blocks, long seed) {
        ByteBuf data = ByteBufAllocator.DEFAULT.buffer().writeBytes(bytes(blocks, seed));
        return new BlockRequest.Write(lba, blocks, data, false);
    }

    private static byte[] read(RemoteLogicalUnit device, long lba, int blocks) throws Exception {
        BlockOutcome outcome = run(device, new BlockRequest.Read(lba, blocks, false));
        assertThat(outcome).isInstanceOf(BlockOutcome.Data.class);
        byte[] bytes = ByteBufUtil.getBytes(((BlockOutcome.Data) outcome).bytes());
        BlockOutcome.release(outcome);
        return bytes;
    }

    private static boolean is(Pdu.ScsiCommandPdu command, int opcode) {
        return (command.cdb()[0] & 0xff) == opcode;
    }

    @Test
    void theUnitsCommandWindowIsKept() throws Exception {
        unit.window = 2;
        RemoteLogicalUnit device = attach();
        List<Submitted> all = new ArrayList<>();
        for (int i = 0; i < 50; i++) {
            all.add(submit(device, write(i * 16L, 16, i)));
        }
        for (Submitted one : all) {
            assertThat(one.get()).isEqualTo(BlockOutcome.DONE);
        }
        assertThat(unit.mostAtOnce).isBetween(1, 2);
        for (int i = 0; i < 50; i++) {
            assertThat(read(device, i * 16L, 16)).isEqualTo(bytes(16, i));
        }
    }

    @Test
    void severalR2tsAtOnceAreServed() throws Exception {
        RemoteLogicalUnit device = attach();
        assertThat(run(device, write(5, 4096, 1))).isEqualTo(BlockOutcome.DONE);
        assertThat(Arrays.copyOfRange(unit.disk, 5 * 512, 4101 * 512)).isEqualTo(bytes(4096, 1));
        assertThat(read(device, 5, 4096)).isEqualTo(bytes(4096, 1));
    }

    @Test
    void moreRequestsThanMayQueueAreBusy() throws Exception {
        session.start();
        UnitSessionConfig small = new UnitSessionConfig(
                "unit1",
                "127.0.0.1",
                unit.port(),
                config().targetName(),
                config().initiatorName(),
                config().isid(),
                null,
                null,
                false,
                false,
                CachePolicy.VOLATILE,
                5000,
                1000,
                1000,
                1000,
                1000,
                1000,
                4);
        stop();
        unit = new ScriptedUnit(UNIT_LOOP);
        begin(small);
        RemoteLogicalUnit device =
                onLoop(() -> session.logicalUnit(0, LunVerifier.ACCEPT_ALL, new Geometry(512, 512, 99)));
        List<Submitted> all = new ArrayList<>();
        for (int i = 0; i < 5; i++) {
            all.add(submit(device, new BlockRequest.Flush(0, 0)));
        }
        assertThat(all.getLast().get()).isEqualTo(BlockOutcome.failed(new BlockFailure.Busy()));
    }

    @Test
    void busyAndAbortedCommandsAreSentAgain() throws Exception {
        RemoteLogicalUnit device = attach();
        AtomicInteger refusals = new AtomicInteger();
        unit.script = (connection, command) -> {
            if (!is(command, Opcode.WRITE_16)) {
                return false;
            }
            switch (refusals.getAndIncrement()) {
                case 0 -> connection.respond(command, StatusCode.BUSY, Unpooled.EMPTY_BUFFER);
                case 1 -> connection.respond(command, StatusCode.TASK_SET_FULL, Unpooled.EMPTY_BUFFER);
                case 2 ->
                    connection.check(command, SenseData.of(SenseKey.ABORTED_COMMAND, AdditionalSense.DATA_PHASE_ERROR));
                default -> {
                    return false;
                }
            }
            return true;
        };
        assertThat(run(device, write(0, 8, 1))).isEqualTo(BlockOutcome.DONE);
        assertThat(refusals.get()).isEqualTo(4);
        assertThat(read(device, 0, 8)).isEqualTo(bytes(8, 1));
    }

    @Test
    void failuresNameTheirBlock() throws Exception {
        RemoteLogicalUnit device = attach();
        unit.script = (connection, command) -> {
            if (is(command, Opcode.READ_16)) {
                connection.check(
                        command,
                        SenseData.of(SenseKey.MEDIUM_ERROR, AdditionalSense.UNRECOVERED_READ_ERROR)
                                .withInformation(107));
                return true;
            }
            return false;
        };
        assertThat(run(device, new BlockRequest.Read(100, 10, false)))
                .isEqualTo(BlockOutcome.failed(new BlockFailure.Unreadable(107)));
    }

    @Test
    void aNewCapacityIsNewsAndNoError() throws Exception {
        RemoteLogicalUnit device = attach();
        List<DeviceEvent> events = new CopyOnWriteArrayList<>();
        onLoop(() -> {
            device.addListener(events::add);
            return true;
        });
        unit.blocks = 4096;
        unit.latest().attention(AdditionalSense.CAPACITY_CHANGED);
        assertThat(run(device, write(0, 8, 1))).isEqualTo(BlockOutcome.DONE);
        Awaitility.await()
                .untilAsserted(() -> assertThat(events)
                        .containsExactly(new DeviceEvent.CapacityChanged(
                                new Geometry(512, 4096, ScriptedUnit.BLOCKS), new Geometry(512, 4096, 4096))));
        assertThat(unit.logins()).isEqualTo(1);
    }

    @Test
    void commandsThatAnotherInitiatorClearedAreSentAgainInANewSession() throws Exception {
        RemoteLogicalUnit device = attach();
        AtomicInteger swallowed = new AtomicInteger();
        unit.script = (connection, command) -> is(command, Opcode.WRITE_16) && swallowed.getAndIncrement() == 0;
        Submitted lost = submit(device, write(0, 8, 1));
        Awaitility.await().until(() -> swallowed.get() == 1);
        unit.latest().attention(AdditionalSense.COMMANDS_CLEARED_BY_ANOTHER_INITIATOR);
        assertThat(read(device, 100, 1)).isEqualTo(new byte[512]);
        assertThat(lost.get()).isEqualTo(BlockOutcome.DONE);
        assertThat(unit.logins()).isEqualTo(2);
    }

    @Test
    void afterABrokenConnectionNothingIsSentBeforeTheOrderedBarrierIsAnswered() throws Exception {
        RemoteLogicalUnit device = attach();
        unit.powerOnAttention = false;
        List<String> order = new CopyOnWriteArrayList<>();
        unit.script = (connection, command) -> {
            if (is(command, Opcode.WRITE_16) && unit.logins() == 1) {
                connection.channel.close();
                return true;
            }
            if (is(command, Opcode.TEST_UNIT_READY)) {
                order.add("barrier " + TaskAttribute.of(command.attribute()));
                // Older commands are still at work: it is answered when they have ended.
                connection
                        .channel
                        .eventLoop()
                        .schedule(
                                () -> {
                                    order.add("answered");
                                    connection.good(command);
                                },
                                300,
                                TimeUnit.MILLISECONDS);
                return true;
            }
            // What was sent together with the write on the first connection may arrive there before it closes.
            if (unit.logins() > 1 && (is(command, Opcode.WRITE_16) || is(command, Opcode.READ_16))) {
                order.add("medium");
            }
            return false;
        };
        Submitted write = submit(device, write(0, 8, 1));
        Submitted read = submit(device, new BlockRequest.Read(64, 8, false));
        assertThat(write.get()).isEqualTo(BlockOutcome.DONE);
        BlockOutcome.release(read.get());
        assertThat(order).startsWith("barrier ORDERED", "answered", "medium");
        assertThat(unit.logins()).isEqualTo(2);
    }

    @Test
    void anAbortThatTheUnitCompletesCancelsWithoutANewSession() throws Exception {
        RemoteLogicalUnit device = attach();
        unit.script = (connection, command) -> is(command, Opcode.WRITE_16);
        Submitted stuck = submit(device, write(0, 8, 1));
        Awaitility.await().until(() -> unit.seen.contains(Opcode.WRITE_16));
        stuck.cancel();
        assertThat(stuck.get()).isEqualTo(BlockOutcome.failed(new BlockFailure.Cancelled()));
        unit.script = (connection, command) -> false;
        assertThat(run(device, write(0, 8, 2))).isEqualTo(BlockOutcome.DONE);
        assertThat(unit.logins()).isEqualTo(1);
    }

    @ParameterizedTest
    @EnumSource(
            value = dev.sanway.iscsi.TaskManagementOutcome.class,
            names = {"TASK_DOES_NOT_EXIST", "FUNCTION_NOT_SUPPORTED", "FUNCTION_REJECTED"})
    void anAbortThatLeavesTheFateOpenEndsInANewSession(dev.sanway.iscsi.TaskManagementOutcome response)
            throws Exception {
        stop();
        unit = new ScriptedUnit(UNIT_LOOP);
        begin(config().withUnitTimeout(4000));
        RemoteLogicalUnit device = attach();
        unit.abortResponse = response.code();
        unit.script = (connection, command) -> is(command, Opcode.WRITE_16);
        Submitted stuck = submit(device, write(0, 8, 1));
        Awaitility.await().until(() -> unit.seen.contains(Opcode.WRITE_16));
        stuck.cancel();
        assertThat(stuck.get()).isEqualTo(BlockOutcome.failed(new BlockFailure.Cancelled()));
        assertThat(unit.logins()).isEqualTo(2);
    }

    @Test
    void aWriteThatTimesOutTakesTheSessionWithIt() throws Exception {
        stop();
        unit = new ScriptedUnit(UNIT_LOOP);
        begin(config().withUnitTimeout(1000));
        RemoteLogicalUnit device = attach();
        unit.script = (connection, command) -> is(command, Opcode.WRITE_16) && unit.logins() == 1;
        long begin = System.nanoTime();
        assertThat(run(device, write(0, 8, 1)))
                .isInstanceOfSatisfying(
                        BlockOutcome.Failed.class,
                        failed -> assertThat(failed.failure()).isInstanceOf(BlockFailure.NotReady.class));
        assertThat(Duration.ofNanos(System.nanoTime() - begin))
                .isBetween(Duration.ofMillis(950), Duration.ofMillis(1800));
        assertThat(run(device, write(0, 8, 2))).isEqualTo(BlockOutcome.DONE);
        assertThat(unit.logins()).isEqualTo(2);
        assertThat(read(device, 0, 8)).isEqualTo(bytes(8, 2));
    }

    @Test
    void aGapInStatSnEndsTheSessionAndTheCommandIsSentAgain() throws Exception {
        RemoteLogicalUnit device = attach();
        unit.script = (connection, command) -> {
            if (is(command, Opcode.WRITE_16) && unit.logins() == 1) {
                connection.statSn++;
                connection.good(command);
                return true;
            }
            return false;
        };
        assertThat(run(device, write(0, 8, 1))).isEqualTo(BlockOutcome.DONE);
        assertThat(unit.logins()).isEqualTo(2);
        assertThat(read(device, 0, 8)).isEqualTo(bytes(8, 1));
    }

    @Test
    void whenTheUnitAsksForALogoutItGetsOneAndWeComeBack() throws Exception {
        RemoteLogicalUnit device = attach();
        ScriptedUnit.Connection first = unit.latest();
        UNIT_LOOP.execute(() -> first.send(new Pdu.AsyncMessage(
                0, first.statSn++, first.expCmdSn(), first.maxCmdSn(), 1, 0, 0, 0, 3, Unpooled.EMPTY_BUFFER)));
        Awaitility.await().until(() -> unit.logins() == 2);
        assertThat(first.received).anyMatch(Pdu.LogoutRequest.class::isInstance);
        awaitOpen(device);
        assertThat(run(device, write(0, 8, 1))).isEqualTo(BlockOutcome.DONE);
    }

    @Test
    void pingsAreAnsweredAndASilentUnitIsPinged() throws Exception {
        stop();
        unit = new ScriptedUnit(UNIT_LOOP);
        begin(config().withUnitTimeout(600));
        attach();
        ScriptedUnit.Connection connection = unit.latest();
        UNIT_LOOP.execute(() -> connection.send(new Pdu.NopIn(
                0,
                Pdu.NO_TAG,
                77,
                connection.statSn,
                connection.expCmdSn(),
                connection.maxCmdSn(),
                Unpooled.EMPTY_BUFFER)));
        Awaitility.await()
                .until(() -> connection.received.stream()
                        .anyMatch(pdu -> pdu instanceof Pdu.NopOut nop && nop.targetTransferTag() == 77));
        Awaitility.await()
                .until(() -> connection.received.stream()
                        .anyMatch(pdu -> pdu instanceof Pdu.NopOut nop && nop.initiatorTaskTag() != Pdu.NO_TAG));
        assertThat(unit.logins()).isEqualTo(1);
    }

    @Test
    void aCommandThatIsRejectedTwiceFails() throws Exception {
        RemoteLogicalUnit device = attach();
        unit.script = (connection, command) -> {
            if (!is(command, Opcode.WRITE_16)) {
                return false;
            }
            ByteBuf header = Unpooled.buffer(48).writeZero(48).setInt(16, command.initiatorTaskTag());
            connection.send(
                    new Pdu.Reject(9, connection.statSn++, connection.expCmdSn(), connection.maxCmdSn(), 0, header));
            return true;
        };
        assertThat(run(device, write(0, 8, 1)))
                .isInstanceOfSatisfying(
                        BlockOutcome.Failed.class,
                        failed -> assertThat(failed.failure()).isInstanceOf(BlockFailure.Broken.class));
    }

    @Test
    void theBootIdTellsWhetherUnflushedWritesWereLost() throws Exception {
        unit.bootId = new UUID(1, 1);
        RemoteLogicalUnit device = attach();
        assertThat(run(device, write(0, 8, 1))).isEqualTo(BlockOutcome.DONE);
        unit.latest().channel.close();
        Awaitility.await().until(() -> unit.logins() == 2);
        awaitOpen(device);
        assertThat(run(device, new BlockRequest.Flush(0, 0))).isEqualTo(BlockOutcome.DONE);
        assertThat(run(device, write(0, 8, 1))).isEqualTo(BlockOutcome.DONE);
        unit.bootId = new UUID(2, 2);
        unit.latest().channel.close();
        Awaitility.await().until(() -> unit.logins() == 3);
        awaitOpen(device);
        assertThat(run(device, new BlockRequest.Flush(0, 0)))
                .isEqualTo(BlockOutcome.failed(new BlockFailure.UnflushedWritesLost()));
        assertThat(run(device, new BlockRequest.Flush(0, 0))).isEqualTo(BlockOutcome.DONE);
    }

    /** A kernel says once that writing back failed: the next flush succeeds. LIO says it as LOGICAL UNIT COMMUNICATION FAILURE. */
    @Test
    void aFlushThatFailsAtTheUnitHasLostWhatWasUnflushedOfEachVolume() throws Exception {
        RemoteLogicalUnit device = attach();
        for (SenseData sense : List.of(
                SenseData.of(SenseKey.MEDIUM_ERROR, AdditionalSense.WRITE_ERROR),
                SenseData.of(SenseKey.HARDWARE_ERROR, AdditionalSense.WRITE_ERROR),
                new SenseData(SenseKey.NOT_READY, 0x08, 0x00, false, null, null))) {
            AtomicBoolean told = new AtomicBoolean();
            unit.script = (connection, command) -> {
                boolean tells = is(command, Opcode.SYNCHRONIZE_CACHE_16) && !told.getAndSet(true);
                if (tells) {
                    connection.check(command, sense);
                }
                return tells;
            };
            assertThat(run(device, write(0, 8, 1))).isEqualTo(BlockOutcome.DONE);
            assertThat(run(device, write(4096, 8, 1))).isEqualTo(BlockOutcome.DONE);
            BlockOutcome lost = BlockOutcome.failed(new BlockFailure.UnflushedWritesLost());
            assertThat(run(device, new BlockRequest.Flush(6144, 2048)))
                    .as("nothing was unflushed here")
                    .isEqualTo(BlockOutcome.DONE);
            assertThat(told).isTrue();
            assertThat(run(device, new BlockRequest.Flush(0, 2048)))
                    .as("%s", sense)
                    .isEqualTo(lost);
            assertThat(run(device, new BlockRequest.Flush(4096, 2048)))
                    .as("%s", sense)
                    .isEqualTo(lost);
            assertThat(run(device, new BlockRequest.Flush(0, 0))).isEqualTo(BlockOutcome.DONE);
        }
    }

    /** A kernel says it to whoever flushes first, and to nobody else. */
    @Test
    void whatOneSessionHearsOfAFailedFlushIsHeardInAll() throws Exception {
        FailedFlushes failures = new FailedFlushes();
        session.start();
        RemoteLogicalUnit one = onLoop(() -> session.logicalUnit(0, LunVerifier.ACCEPT_ALL, null, failures));
        awaitOpen(one);
        UnitSession second = new UnitSession(config(), LOOP, UnitSessionListener.NONE);
        second.start();
        RemoteLogicalUnit other = onLoop(() -> second.logicalUnit(0, LunVerifier.ACCEPT_ALL, null, failures));
        awaitOpen(other);
        try {
            AtomicBoolean told = new AtomicBoolean();
            unit.script = (connection, command) -> {
                boolean tells = is(command, Opcode.SYNCHRONIZE_CACHE_16) && !told.getAndSet(true);
                if (tells) {
                    connection.check(command, SenseData.of(SenseKey.MEDIUM_ERROR, AdditionalSense.WRITE_ERROR));
                }
                return tells;
            };
            assertThat(run(one, write(0, 8, 1))).isEqualTo(BlockOutcome.DONE);
            assertThat(run(other, write(4096, 8, 1))).isEqualTo(BlockOutcome.DONE);
            BlockOutcome lost = BlockOutcome.failed(new BlockFailure.UnflushedWritesLost());
            assertThat(run(one, new BlockRequest.Flush(0, 2048))).isEqualTo(lost);
            assertThat(run(other, new BlockRequest.Flush(4096, 2048))).isEqualTo(lost);
            assertThat(run(other, new BlockRequest.Flush(4096, 2048))).isEqualTo(BlockOutcome.DONE);
            assertThat(run(one, new BlockRequest.Flush(0, 0))).isEqualTo(BlockOutcome.DONE);
        } finally {
            ScriptedUnits.stop(second);
        }
    }

    @Test
    void aFlushThatWasUnderWayWhenTheUnitLostPowerFails() throws Exception {
        unit.bootId = new UUID(1, 1);
        RemoteLogicalUnit device = attach();
        assertThat(run(device, write(0, 8, 1))).isEqualTo(BlockOutcome.DONE);
        unit.script = (connection, command) -> {
            if (is(command, Opcode.SYNCHRONIZE_CACHE_16) && unit.logins() == 1) {
                unit.bootId = new UUID(2, 2);
                connection.channel.close();
                return true;
            }
            return false;
        };
        assertThat(run(device, new BlockRequest.Flush(0, 0)))
                .isEqualTo(BlockOutcome.failed(new BlockFailure.UnflushedWritesLost()));
    }

    @Test
    void unitsThatKnowOnlyShortCommandsAreServedWithThem() throws Exception {
        RemoteLogicalUnit device = attach();
        unit.script = (connection, command) -> {
            if (is(command, Opcode.READ_16)) {
                connection.check(
                        command, SenseData.of(SenseKey.ILLEGAL_REQUEST, AdditionalSense.INVALID_OPERATION_CODE));
                return true;
            }
            if (is(command, Opcode.READ_10)) {
                connection.data(command, new byte[command.expectedDataTransferLength()]);
                return true;
            }
            return false;
        };
        assertThat(read(device, 3, 8)).isEqualTo(new byte[8 * 512]);
        unit.seen.clear();
        assertThat(read(device, 3, 8)).isEqualTo(new byte[8 * 512]);
        assertThat(unit.seen).containsExactly(Opcode.READ_10);
    }
}
