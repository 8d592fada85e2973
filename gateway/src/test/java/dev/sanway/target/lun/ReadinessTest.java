package dev.sanway.target.lun;

import static dev.sanway.target.lun.DeviceServer.cdb;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sanway.block.BlockFailure;
import dev.sanway.block.Readiness;
import dev.sanway.scsi.AdditionalSense;
import dev.sanway.scsi.Cdb;
import dev.sanway.scsi.LogicalUnitNumber;
import dev.sanway.scsi.SenseData;
import dev.sanway.scsi.SenseKey;
import dev.sanway.scsi.StatusCode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What initiators hear of a medium that is not ready: docs/compliance.md has the table. */
class ReadinessTest {
    private static final byte[] TEST_UNIT_READY = cdb(0);
    private static final byte[] START = cdb(0x1B, 0, 0, 0, 1, 0);
    private static final byte[] STOP = cdb(0x1B, 0, 0, 0, 0, 0);

    private final DeviceServer server = new DeviceServer();

    @AfterEach
    void stop() {
        server.close();
    }

    private void become(Readiness readiness) {
        server.onLoop(() -> server.gate.become(readiness));
    }

    private void failing(BlockFailure failure) {
        server.onLoop(() -> server.gate.fail(_ -> failure));
    }

    private void serving() {
        server.onLoop(() -> server.gate.fail(_ -> null));
    }

    private DeviceServer.Running paused() {
        DeviceServer.Running running = server.start(server.a, Cdb.read16(0, 1, false));
        Awaitility.await().until(() -> server.onLoop(() -> server.unit.pauses().size()) == 1);
        return running;
    }

    @Test
    void whatComesBackByItselfIsBusyAfterAWhileAndNotBefore() {
        for (BlockFailure failure : List.of(new BlockFailure.NotReady("unit1 is away"), new BlockFailure.Busy())) {
            failing(failure);
            long start = System.nanoTime();
            assertThat(server.run(server.a, Cdb.read16(0, 1, false)).status()).isEqualTo(StatusCode.BUSY);
            assertThat(server.run(server.a, Cdb.write16(0, 1, false), new byte[512])
                            .status())
                    .isEqualTo(StatusCode.BUSY);
            assertThat(TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start))
                    .isGreaterThanOrEqualTo(2 * DeviceServer.RETRY_PACE_MILLIS);
        }
        serving();
    }

    @Test
    void whatTookItsTimeAlreadyIsBusyAtOnce() {
        server.onLoop(() -> server.gate.hold(true));
        DeviceServer.Running read = server.start(server.a, Cdb.read16(0, 1, false));
        Awaitility.await()
                .pollDelay(DeviceServer.RETRY_PACE_MILLIS + 50, TimeUnit.MILLISECONDS)
                .until(() -> server.gate.heldCount() == 1);
        server.onLoop(() -> server.gate.failHeld(new BlockFailure.NotReady("unit1 is away")));
        server.onLoop(() -> assertThat(read.answer).as("no pause").isCompleted());
        assertThat(read.await().status()).isEqualTo(StatusCode.BUSY);
    }

    @Test
    void whoWaitsToBeBusyIsToldAtOnceWhenSomethingReturned() {
        failing(new BlockFailure.NotReady("unit1 is away"));
        DeviceServer.Running read = paused();
        serving();
        server.onLoop(() -> {
            server.gate.become(Readiness.READY);
            assertThat(read.answer).isCompleted();
        });
        assertThat(read.await().status()).isEqualTo(StatusCode.BUSY);
    }

    @Test
    void abortResetAndTheEndOfTheSessionEndTheWaitAtOnce() {
        failing(new BlockFailure.NotReady("unit1 is away"));
        long lun = LogicalUnitNumber.encode(0);
        DeviceServer.Running first = paused();
        server.onLoop(() -> {
            CompletableFuture<TaskManagement.Result> done = new CompletableFuture<>();
            server.unit.manage(server.a, new TaskManagement.AbortTaskSet(lun), 1000, done::complete);
            assertThat(done).as("nothing is waited for").isCompletedWithValue(TaskManagement.Result.COMPLETE);
        });
        assertThat(first.await().isAborted()).isTrue();
        DeviceServer.Running second = paused();
        server.onLoop(() -> {
            CompletableFuture<TaskManagement.Result> done = new CompletableFuture<>();
            server.unit.manage(server.a, new TaskManagement.LogicalUnitReset(lun), 1000, done::complete);
            assertThat(done).isCompletedWithValue(TaskManagement.Result.COMPLETE);
        });
        assertThat(second.await().isAborted()).isTrue();
        server.fails(server.a, SenseKey.UNIT_ATTENTION, AdditionalSense.DEVICE_RESET, TEST_UNIT_READY);
        server.good(server.a, TEST_UNIT_READY);
        DeviceServer.Running third = paused();
        server.onLoop(() ->
                server.unit.lost(server.a, 1000, ended -> assertThat(ended).isTrue()));
        assertThat(third.await().isAborted()).isTrue();
        serving();
    }

    @Test
    void whatWaitsToBeBusyCountsAsUnderWay() {
        failing(new BlockFailure.NotReady("unit1 is away"));
        List<DeviceServer.Running> all = new ArrayList<>();
        int bound = server.unit.config().maxTasksPerNexus();
        for (int i = 0; i <= bound; i++) {
            all.add(server.start(server.a, Cdb.read16(0, 1, false)));
        }
        assertThat(all.getLast().await().status()).isEqualTo(StatusCode.TASK_SET_FULL);
        all.removeLast();
        all.forEach(each -> assertThat(each.await().status()).isEqualTo(StatusCode.BUSY));
        serving();
    }

    @Test
    void theCommandsThatAskFollowOneRule() {
        SenseData becoming = SenseData.of(SenseKey.NOT_READY, AdditionalSense.BECOMING_READY);
        Map<Readiness.Unready, SenseData> rows = Map.of(
                new Readiness.Away("unit1 is away"),
                becoming,
                new Readiness.Preparing("being wiped", 0x4000),
                becoming.withKeySpecific(new SenseData.Progress(0x4000)),
                new Readiness.Unusable("it is foreign"),
                SenseData.of(SenseKey.NOT_READY, AdditionalSense.MANUAL_INTERVENTION_REQUIRED));
        rows.forEach((why, sense) -> {
            become(why);
            for (byte[] asking : List.of(TEST_UNIT_READY, START)) {
                assertThat(server.run(server.a, asking).sense()).isEqualTo(sense);
            }
            assertThat(SenseData.parse(server.good(server.a, Cdb.requestSense(false, 252))))
                    .isEqualTo(sense);
            server.good(server.a, STOP);
            server.good(server.a, Cdb.inquiry(96));
            // Its size does not depend on what can be reached now.
            server.good(server.a, Cdb.readCapacity16(32));
            server.good(server.a, Cdb.readCapacity10());
            become(Readiness.READY);
            server.good(server.a, TEST_UNIT_READY);
            server.good(server.a, START);
        });
    }

    @Test
    void whatIsBeingPreparedSaysHowFarItIsAfterAWhile() {
        failing(new BlockFailure.NotReady(new Readiness.Preparing("being wiped", 0x8000)));
        long start = System.nanoTime();
        SenseData sense =
                server.fails(server.a, SenseKey.NOT_READY, AdditionalSense.BECOMING_READY, Cdb.read16(0, 1, false));
        assertThat(sense.keySpecific()).isEqualTo(new SenseData.Progress(0x8000));
        assertThat(TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start))
                .isGreaterThanOrEqualTo(DeviceServer.RETRY_PACE_MILLIS);
        serving();
    }

    @Test
    void aStartThatIsNotOverCountsAsReady() {
        become(new Readiness.Away("unit1 is not reachable"));
        server.onLoop(() -> server.unit.starting(true));
        server.good(server.a, TEST_UNIT_READY);
        server.onLoop(() -> server.unit.starting(false));
        server.fails(server.a, SenseKey.NOT_READY, AdditionalSense.BECOMING_READY, TEST_UNIT_READY);
        become(Readiness.READY);
    }
}
