package dev.sanway.target.lun;

import static dev.sanway.target.lun.DeviceServer.cdb;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.sanway.scsi.AdditionalSense;
import dev.sanway.scsi.BigEndian;
import dev.sanway.scsi.Cdb;
import dev.sanway.scsi.SenseKey;
import dev.sanway.scsi.StatusCode;
import dev.sanway.target.lun.DeviceServer.Answer;
import dev.sanway.target.lun.DeviceServer.Running;
import dev.sanway.target.lun.TaskManagement.Result;
import io.netty.buffer.Unpooled;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The order of tasks, and each way to end them in each of their states. */
class TaskManagementTest {
    private static final long DEADLINE_MILLIS = 5_000;
    private final DeviceServer server = new DeviceServer();
    private final byte[] block = new byte[512];

    TaskManagementTest() {
        Arrays.fill(block, (byte) 9);
    }

    @AfterEach
    void close() {
        server.close();
    }

    /** Where a write is when it is aborted. */
    enum Where {
        /** Behind an ordered task. */
        DORMANT,
        /** Its data have not come. */
        AWAITING_DATA,
        /** In the device, which heeds a cancel. */
        IN_DEVICE,
        /** In the device, which does not: its fate is unknown until it ends. */
        LINGERING
    }

    enum How {
        ABORT_TASK,
        ABORT_TASK_SET,
        CLEAR_TASK_SET,
        LOGICAL_UNIT_RESET,
        TARGET_RESET,
        NEXUS_LOST
    }

    private void hold(boolean heedsCancel) {
        server.onLoop(() -> server.gate.hold(heedsCancel));
    }

    private void awaitHeld(int count) {
        await().until(() -> server.<Integer>onLoop(() -> server.gate.heldCount()) == count);
    }

    private Running write(int tag, TaskAttribute attribute, boolean sends) {
        return server.start(server.a, tag, attribute, Cdb.write16(0, 1, false), block, sends);
    }

    private CompletableFuture<Boolean> end(How how, int tag, long deadlineMillis) {
        CompletableFuture<Boolean> ended = new CompletableFuture<>();
        TaskManagement function = switch (how) {
            case ABORT_TASK -> new TaskManagement.AbortTask(0, tag);
            case ABORT_TASK_SET -> new TaskManagement.AbortTaskSet(0);
            case CLEAR_TASK_SET -> new TaskManagement.ClearTaskSet(0);
            case LOGICAL_UNIT_RESET -> new TaskManagement.LogicalUnitReset(0);
            case TARGET_RESET -> new TaskManagement.TargetReset(false);
            case NEXUS_LOST -> new TaskManagement.ClearAca(0);
        };
        if (how == How.NEXUS_LOST) {
            server.target.nexusLost(server.a, deadlineMillis, ended::complete);
        } else {
            server.target.manage(
                    server.a, function, deadlineMillis, result -> ended.complete(result == Result.COMPLETE));
        }
        return ended;
    }

    @ParameterizedTest
    @EnumSource(How.class)
    void whatWasAbortedNeverLands(How how) {
        for (Where where : Where.values()) {
            hold(where != Where.LINGERING);
            Running blocker = null;
            if (where == Where.DORMANT) {
                blocker = server.start(server.b, 1, TaskAttribute.ORDERED, Cdb.read16(9, 1, false), new byte[0], true);
                awaitHeld(1);
            }
            Running write = write(2, TaskAttribute.SIMPLE, where != Where.AWAITING_DATA);
            if (where == Where.AWAITING_DATA) {
                DeviceServer.get(write.wanted);
            } else if (where != Where.DORMANT) {
                awaitHeld(1);
            }
            CompletableFuture<Boolean> ended = end(how, 2, where == Where.LINGERING ? 50 : DEADLINE_MILLIS);
            assertThat(DeviceServer.get(ended)).as("%s", where).isEqualTo(where != Where.LINGERING);
            if (where == Where.LINGERING) {
                assertThat(write.answer).as("no end while its fate is unknown").isNotDone();
                server.onLoop(server.gate::open);
            } else if (where == Where.AWAITING_DATA && write.task != null) {
                write.task.dataOut(Unpooled.copiedBuffer(block)); // too late
            }
            assertThat(write.await().isAborted()).as("%s", where).isTrue();
            server.onLoop(server.gate::open);
            if (blocker != null) {
                blocker.await();
            }
            if (how == How.NEXUS_LOST) {
                server.target.nexusEstablished(server.a);
            }
            server.run(server.b, cdb(0)); // clears what a reset left
            server.run(server.a, cdb(0));
            byte[] read = server.good(server.a, Cdb.read16(0, 1, false));
            assertThat(read).as("%s", where).containsOnly(where == Where.LINGERING ? 9 : 0);
            server.good(server.a, Cdb.write16(0, 1, false), new byte[512]);
        }
    }

    @Test
    void aWriteOfUnknownFateIsAFenceForLaterOnes() {
        hold(false);
        Running old = write(1, TaskAttribute.SIMPLE, true);
        awaitHeld(1);
        assertThat(server.manage(server.a, new TaskManagement.AbortTask(0, 1), 50))
                .isEqualTo(Result.REJECTED);
        byte[] newer = new byte[512];
        Arrays.fill(newer, (byte) 7);
        Running later = server.start(server.b, Cdb.write16(0, 1, false), newer);
        server.good(server.b, cdb(0)); // the loop has been through: the later write waits in front of the device
        awaitHeld(1);
        assertThat(later.answer).isNotDone();
        server.onLoop(server.gate::open);
        assertThat(old.await().isAborted()).isTrue();
        assertThat(later.await().status()).isZero();
        assertThat(server.good(server.a, Cdb.read16(0, 1, false))).containsOnly(7);
    }

    @Test
    void functionsOnWhatIsNotThereSaySo() {
        assertThat(server.manage(server.a, new TaskManagement.AbortTask(0, 99), 100))
                .isEqualTo(Result.TASK_DOES_NOT_EXIST);
        assertThat(server.manage(server.a, new TaskManagement.AbortTaskSet(5L << 48), 100))
                .isEqualTo(Result.LUN_DOES_NOT_EXIST);
        assertThat(server.manage(server.a, new TaskManagement.ClearAca(0), 100)).isEqualTo(Result.NOT_SUPPORTED);
        hold(true);
        Running write = write(1, TaskAttribute.SIMPLE, true);
        awaitHeld(1);
        assertThat(server.manage(server.b, new TaskManagement.AbortTask(0, 1), 100))
                .as("tags are a nexus's own")
                .isEqualTo(Result.TASK_DOES_NOT_EXIST);
        assertThat(server.manage(server.b, new TaskManagement.AbortTaskSet(0), 100))
                .isEqualTo(Result.COMPLETE);
        assertThat(write.answer).isNotDone();
        server.onLoop(server.gate::open);
        assertThat(write.await().status()).isZero();
    }

    @Test
    void anotherNexussClearTaskSetIsToldByUnitAttentionOrStatus() {
        hold(true);
        Running first = write(1, TaskAttribute.SIMPLE, true);
        awaitHeld(1);
        assertThat(server.manage(server.b, new TaskManagement.ClearTaskSet(0), 100))
                .isEqualTo(Result.COMPLETE);
        assertThat(first.await().isAborted()).isTrue();
        server.onLoop(server.gate::open);
        server.fails(server.a, SenseKey.UNIT_ATTENTION, AdditionalSense.COMMANDS_CLEARED_BY_ANOTHER_INITIATOR, cdb(0));

        byte[] page = server.good(server.a, cdb(0x1A, 0x08, 0x0A, 0, 255));
        page[0] = 0;
        page[2] = 0;
        page[4 + 5] |= 0x40; // TAS
        server.good(server.a, cdb(0x15, 0x10, 0, 0, page.length), page);
        server.fails(server.b, SenseKey.UNIT_ATTENTION, AdditionalSense.MODE_PARAMETERS_CHANGED, cdb(0));
        hold(true);
        Running second = write(1, TaskAttribute.SIMPLE, true);
        awaitHeld(1);
        assertThat(server.manage(server.b, new TaskManagement.ClearTaskSet(0), 100))
                .isEqualTo(Result.COMPLETE);
        assertThat(second.await().status()).isEqualTo(StatusCode.TASK_ABORTED);
        server.onLoop(server.gate::open);
        server.good(server.a, cdb(0));
    }

    @Test
    void aResetIsNewsToAllAndPutsModesAndReservationsBack() {
        server.good(server.a, cdb(0x16));
        assertThat(server.manage(server.b, new TaskManagement.LogicalUnitReset(0), 100))
                .isEqualTo(Result.COMPLETE);
        server.fails(server.b, SenseKey.UNIT_ATTENTION, AdditionalSense.DEVICE_RESET, cdb(0));
        server.good(server.b, cdb(0));
        server.fails(server.a, SenseKey.UNIT_ATTENTION, AdditionalSense.DEVICE_RESET, cdb(0));
        server.good(server.b, cdb(0x16));
        assertThat(server.manage(server.b, new TaskManagement.TargetReset(true), 100))
                .isEqualTo(Result.COMPLETE);
        server.fails(server.a, SenseKey.UNIT_ATTENTION, AdditionalSense.BUS_RESET, cdb(0));
        server.good(server.a, cdb(0));
    }

    @Test
    void aTagUsedTwiceEndsAllTasksOfTheNexus() {
        hold(true);
        Running first = write(1, TaskAttribute.SIMPLE, true);
        Running second = server.start(server.a, 2, TaskAttribute.SIMPLE, Cdb.read16(8, 1, false), new byte[0], true);
        Running foreign = server.start(server.b, 1, TaskAttribute.SIMPLE, Cdb.read16(16, 1, false), new byte[0], true);
        awaitHeld(3);
        Answer twice = server.start(server.a, 1, TaskAttribute.SIMPLE, cdb(0), new byte[0], true)
                .await();
        DeviceServer.check(twice, SenseKey.ABORTED_COMMAND, AdditionalSense.OVERLAPPED_COMMANDS_ATTEMPTED);
        assertThat(first.await().isAborted()).isTrue();
        assertThat(second.await().isAborted()).isTrue();
        assertThat(foreign.answer).isNotDone();
        server.onLoop(server.gate::open);
        assertThat(foreign.await().status()).isZero();
    }

    @Test
    void theTaskSetIsBounded() {
        hold(true);
        List<Running> running = new ArrayList<>();
        for (int tag = 0; tag < 1024; tag++) {
            running.add(
                    server.start(server.a, tag, TaskAttribute.SIMPLE, Cdb.read16(tag, 1, false), new byte[0], true));
        }
        Answer refused = server.start(server.a, 5000, TaskAttribute.SIMPLE, cdb(0), new byte[0], true)
                .await();
        assertThat(refused.status()).isEqualTo(StatusCode.TASK_SET_FULL);
        server.good(server.b, cdb(0));
        server.onLoop(server.gate::open);
        for (Running each : running) {
            assertThat(each.await().status()).isZero();
        }
    }

    @Test
    void acaIsRefused() {
        Answer answer = server.start(server.a, 1, TaskAttribute.ACA, cdb(0), new byte[0], true)
                .await();
        assertThat(answer.status()).isEqualTo(StatusCode.CHECK_CONDITION);
        assertThat(answer.sense()).isNotNull();
    }

    /** SAM-5 8: checked on random mixes by what is in the device at any moment. */
    @Test
    void orderedWaitsForOlderAndSimpleWaitsForOrdered() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        for (int round = 0; round < 50; round++) {
            hold(true);
            int count = 12;
            TaskAttribute[] attributes = new TaskAttribute[count];
            List<Running> running = new ArrayList<>();
            for (int i = 0; i < count; i++) {
                attributes[i] = switch (random.nextInt(4)) {
                    case 0 -> TaskAttribute.ORDERED;
                    case 1 -> random.nextInt(4) == 0 ? TaskAttribute.HEAD_OF_QUEUE : TaskAttribute.SIMPLE;
                    default -> TaskAttribute.SIMPLE;
                };
                running.add(server.start(
                        random.nextBoolean() ? server.a : server.b,
                        i,
                        attributes[i],
                        Cdb.read16(i, 1, false),
                        new byte[0],
                        true));
            }
            int expected = 0;
            boolean older = false;
            boolean olderOrdered = false;
            boolean anyHead = Arrays.asList(attributes).contains(TaskAttribute.HEAD_OF_QUEUE);
            int firstHead = Arrays.asList(attributes).indexOf(TaskAttribute.HEAD_OF_QUEUE);
            for (int i = 0; i < count; i++) {
                // A task that had begun before a head of queue task came is not stopped by it.
                boolean headBlocks = anyHead && i > firstHead;
                boolean runs = switch (attributes[i]) {
                    case HEAD_OF_QUEUE -> true;
                    case ORDERED -> !older && !headBlocks;
                    case SIMPLE, ACA -> !olderOrdered && !headBlocks;
                };
                expected += runs ? 1 : 0;
                older = true;
                olderOrdered |= attributes[i] == TaskAttribute.ORDERED;
            }
            int held = server.<Integer>onLoop(() -> server.gate.heldCount());
            assertThat(held)
                    .as("seed %d round %d %s", seed, round, Arrays.toString(attributes))
                    .isEqualTo(expected);
            server.onLoop(server.gate::open);
            for (Running each : running) {
                assertThat(each.await().status()).isZero();
            }
        }
    }

    @Test
    void preemptAndAbortWaitsForWhatItAborts() {
        server.good(server.a, cdb(0x5F, 6, 0, 0, 0, 0, 0, 0, 24), Reserve.list(0, 1, 0));
        server.good(server.b, cdb(0x5F, 6, 0, 0, 0, 0, 0, 0, 24), Reserve.list(0, 2, 0));
        server.good(server.a, cdb(0x5F, 1, 5, 0, 0, 0, 0, 0, 24), Reserve.list(1, 0, 0));
        hold(false);
        Running victim = write(1, TaskAttribute.SIMPLE, true);
        awaitHeld(1);
        Running preempt = server.start(server.b, cdb(0x5F, 5, 5, 0, 0, 0, 0, 0, 24), Reserve.list(2, 1, 0));
        byte[] keys = server.good(server.b, cdb(0x5E, 0, 0, 0, 0, 0, 0, 1, 0));
        assertThat(BigEndian.i64(keys, 8)).isEqualTo(2);
        assertThat(preempt.answer).isNotDone();
        server.onLoop(server.gate::open);
        assertThat(victim.await().isAborted()).isTrue();
        assertThat(preempt.await().status()).isZero();
        server.run(server.a, cdb(0));
        server.run(server.a, cdb(0));
        assertThat(server.run(server.a, Cdb.write16(0, 1, false), block).status())
                .isEqualTo(StatusCode.RESERVATION_CONFLICT);
    }
}
