package dev.sanway.target.lun;

import static dev.sanway.target.lun.DeviceServer.cdb;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sanway.block.BlockFailure;
import dev.sanway.block.BlockRequest;
import dev.sanway.scsi.AdditionalSense;
import dev.sanway.scsi.BigEndian;
import dev.sanway.scsi.Cdb;
import dev.sanway.scsi.SenseData;
import dev.sanway.scsi.SenseKey;
import dev.sanway.scsi.StatusCode;
import dev.sanway.target.lun.DeviceServer.Answer;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.atomic.AtomicReference;
import org.assertj.core.data.Index;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class MediumCommandsTest {
    private DeviceServer server = new DeviceServer();

    @AfterEach
    void close() {
        server.close();
    }

    private static byte[] bytes(int length, int value) {
        byte[] bytes = new byte[length];
        Arrays.fill(bytes, (byte) value);
        return bytes;
    }

    private void outOfRange(byte[] cdb, byte... data) {
        server.fails(server.a, SenseKey.ILLEGAL_REQUEST, AdditionalSense.LBA_OUT_OF_RANGE, cdb, data);
    }

    /** Every layout of READ and WRITE against a model, at random. */
    @ParameterizedTest
    @ValueSource(ints = {512, 4096})
    void whatIsWrittenIsRead(int blockSize) {
        server.close();
        server = new DeviceServer(blockSize);
        long seed = System.nanoTime();
        Random random = new Random(seed);
        int blocks = 200;
        byte[] model = new byte[blocks * blockSize];
        for (int i = 0; i < 2000; i++) {
            int lba = random.nextInt(blocks);
            int count = 1 + random.nextInt(Math.min(16, blocks - lba));
            byte[] data = new byte[count * blockSize];
            Nexus nexus = random.nextBoolean() ? server.a : server.b;
            String what = "seed " + seed + ", step " + i;
            switch (random.nextInt(6)) {
                case 0 -> {
                    random.nextBytes(data);
                    server.good(nexus, write(random.nextInt(7), lba, count), data);
                    System.arraycopy(data, 0, model, lba * blockSize, data.length);
                }
                case 1 -> {
                    Arrays.fill(data, (byte) random.nextInt(3));
                    server.good(
                            nexus,
                            Cdb.writeSame16(lba, count, random.nextBoolean(), false),
                            Arrays.copyOf(data, blockSize));
                    System.arraycopy(data, 0, model, lba * blockSize, data.length);
                }
                case 2 -> {
                    server.good(nexus, Cdb.writeSame16(lba, count, random.nextBoolean(), true));
                    Arrays.fill(model, lba * blockSize, (lba + count) * blockSize, (byte) 0);
                }
                case 3 -> {
                    random.nextBytes(data);
                    server.good(nexus, cdb(0x8B, 0, 0, 0, 0, 0, 0, 0, 0, lba, 0, 0, 0, count), data);
                    for (int at = 0; at < data.length; at++) {
                        model[lba * blockSize + at] |= data[at];
                    }
                }
                case 4 -> {
                    byte[] list = Cdb.unmapParameters(List.of(new Cdb.UnmapRange(lba, count)));
                    server.good(nexus, Cdb.unmap(list.length), list);
                    Arrays.fill(model, lba * blockSize, (lba + count) * blockSize, (byte) 0);
                }
                default -> {
                    byte[] expected = Arrays.copyOfRange(model, lba * blockSize, (lba + count) * blockSize);
                    assertThat(server.good(nexus, read(random.nextInt(4), lba, count)))
                            .as(what)
                            .isEqualTo(expected);
                    server.good(nexus, cdb(0x8F, 0x02, 0, 0, 0, 0, 0, 0, 0, lba, 0, 0, 0, count), expected);
                }
            }
        }
        assertThat(server.good(server.a, Cdb.read16(0, blocks, true)))
                .as("seed %d", seed)
                .isEqualTo(model);
    }

    private static byte[] read(int form, int lba, int count) {
        return switch (form) {
            case 0 -> cdb(0x08, 0, 0, lba, count);
            case 1 -> cdb(0x28, 0, 0, 0, 0, lba, 0, 0, count);
            case 2 -> cdb(0xA8, 0, 0, 0, 0, lba, 0, 0, 0, count);
            default -> cdb(0x88, 0x08, 0, 0, 0, 0, 0, 0, 0, lba, 0, 0, 0, count);
        };
    }

    private static byte[] write(int form, int lba, int count) {
        return switch (form) {
            case 0 -> cdb(0x0A, 0, 0, lba, count);
            case 1 -> cdb(0x2A, 0x18, 0, 0, 0, lba, 0, 0, count);
            case 2 -> cdb(0xAA, 0, 0, 0, 0, lba, 0, 0, 0, count);
            case 3 -> cdb(0x2E, 0, 0, 0, 0, lba, 0, 0, count);
            case 4 -> cdb(0xAE, 0x02, 0, 0, 0, lba, 0, 0, 0, count);
            case 5 -> cdb(0x8E, 0x02, 0, 0, 0, 0, 0, 0, 0, lba, 0, 0, 0, count);
            default -> cdb(0x8A, 0, 0, 0, 0, 0, 0, 0, 0, lba, 0, 0, 0, count);
        };
    }

    @Test
    void rangesBeyondTheEndAreRefusedAndNothingIsTransferred() {
        int capacity = 16384;
        outOfRange(Cdb.read16(capacity, 1, false));
        outOfRange(Cdb.read16(capacity - 1, 2, false));
        outOfRange(Cdb.read16(capacity + 1, 0, false));
        outOfRange(cdb(0x88, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 1));
        outOfRange(Cdb.write16(capacity - 1, 2, false), bytes(1024, 1));
        outOfRange(Cdb.compareAndWrite(capacity, 1, false), bytes(1024, 1));
        outOfRange(Cdb.writeSame16(capacity, 1, false, true));
        outOfRange(Cdb.synchronizeCache16(capacity, 1));
        outOfRange(cdb(0x90, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1));
        outOfRange(cdb(0x9E, 0x12, 0, 0, 0, 0, 0, 0, 0x40, 0, 0, 0, 0, 24));
        byte[] list = Cdb.unmapParameters(List.of(new Cdb.UnmapRange(0, 1), new Cdb.UnmapRange(capacity - 1, 2)));
        server.good(server.a, Cdb.write16(0, 1, false), bytes(512, 7));
        outOfRange(Cdb.unmap(list.length), list);
        assertThat(server.good(server.a, Cdb.read16(0, 1, false)))
                .as("no part of the list")
                .containsOnly(7);
    }

    @Test
    void transfersAboveTheLimitAreRefusedAtTheirField() {
        SenseData sense = server.fails(
                server.a,
                SenseKey.ILLEGAL_REQUEST,
                AdditionalSense.INVALID_FIELD_IN_CDB,
                Cdb.read16(0, 32 * 1024 + 1, false));
        assertThat(sense.keySpecific()).isEqualTo(new SenseData.FieldPointer(true, 10, -1));
    }

    @Test
    void compareAndWriteTellsTheFirstDifferenceAndWritesNothing() {
        server.good(server.a, Cdb.write16(4, 2, false), bytes(1024, 1));
        byte[] both = bytes(2048, 1);
        Arrays.fill(both, 1024, 2048, (byte) 2);
        server.good(server.a, Cdb.compareAndWrite(4, 2, false), both);
        assertThat(server.good(server.b, Cdb.read16(4, 2, false))).containsOnly(2);
        byte[] wrong = bytes(2048, 2);
        wrong[700] = 9;
        SenseData sense = server.fails(
                server.b,
                SenseKey.MISCOMPARE,
                AdditionalSense.MISCOMPARE_DURING_VERIFY,
                Cdb.compareAndWrite(4, 2, false),
                wrong);
        assertThat(sense.information()).isEqualTo(700);
        assertThat(server.good(server.b, Cdb.read16(4, 2, false))).containsOnly(2);
        server.fails(
                server.a,
                SenseKey.ILLEGAL_REQUEST,
                AdditionalSense.INVALID_FIELD_IN_CDB,
                Cdb.compareAndWrite(4, 200, false),
                bytes(200 * 1024, 0));
    }

    @Test
    void verifyComparesEachWayAndPointsAtTheDifference() {
        server.good(server.a, Cdb.write16(0, 4, false), bytes(2048, 5));
        server.good(server.a, Cdb.verify16(0, 4, 0));
        server.good(server.a, Cdb.verify16(0, 4, 3), bytes(512, 5));
        server.good(server.a, Cdb.write16(2, 1, false), bytes(512, 6));
        assertThat(server.fails(
                                server.a,
                                SenseKey.MISCOMPARE,
                                AdditionalSense.MISCOMPARE_DURING_VERIFY,
                                Cdb.verify16(0, 4, 3),
                                bytes(512, 5))
                        .information())
                .isEqualTo(1024);
        assertThat(server.fails(
                                server.a,
                                SenseKey.MISCOMPARE,
                                AdditionalSense.MISCOMPARE_DURING_VERIFY,
                                Cdb.verify16(0, 4, 1),
                                bytes(2048, 5))
                        .information())
                .isEqualTo(1024);
        server.fails(server.a, SenseKey.ILLEGAL_REQUEST, AdditionalSense.INVALID_FIELD_IN_CDB, Cdb.verify16(0, 1, 2));
        server.good(server.a, Cdb.verify16(0, 16384, 0));
        server.good(server.a, Cdb.verify16(8, 16376, 3), new byte[512]);
    }

    @Test
    void aLongVerifyCanBeAborted() {
        server.onLoop(() -> server.gate.hold(true));
        DeviceServer.Running verify =
                server.start(server.a, 77, TaskAttribute.SIMPLE, Cdb.verify16(0, 16384, 0), new byte[0], true);
        Awaitility.await().until(() -> server.<Integer>onLoop(() -> server.gate.heldCount()) == 1);
        assertThat(server.manage(server.a, new TaskManagement.AbortTask(0, 77), 1000))
                .isEqualTo(TaskManagement.Result.COMPLETE);
        assertThat(verify.await().isAborted()).isTrue();
    }

    @Test
    void residualsOfWritesAreWholeBlocks() {
        server.good(server.a, Cdb.write16(0, 2, false), bytes(1024, 1));
        Answer none = server.run(server.a, Cdb.write16(0, 1, false), 0, 0);
        assertThat(none.status()).isZero();
        assertThat(none.dataOutLength()).isEqualTo(512);
        Answer one = server.run(server.a, Cdb.write16(0, 2, false), bytes(512, 2));
        assertThat(one.status()).isZero();
        assertThat(one.dataOutLength()).isEqualTo(1024);
        Answer more = server.run(server.a, Cdb.write16(1, 1, false), bytes(2048, 3));
        assertThat(more.dataOutLength()).isEqualTo(512);
        server.fails(
                server.a,
                SenseKey.ILLEGAL_REQUEST,
                AdditionalSense.INVALID_FIELD_IN_INFORMATION_UNIT,
                Cdb.write16(0, 1, false),
                bytes(200, 9));
        byte[] read = server.good(server.a, Cdb.read16(0, 3, false));
        assertThat(read).startsWith(bytes(512, 2)).endsWith(new byte[512]).contains(3, Index.atIndex(600));
    }

    @Test
    void aWriteThatExpectsToReadIsRefusedAndDoesNothing() {
        server.good(server.a, Cdb.write16(0, 1, false), bytes(512, 1));
        AdditionalSense sense = AdditionalSense.INVALID_FIELD_IN_INFORMATION_UNIT;
        for (byte[] cdb : List.of(
                Cdb.write16(0, 1, false),
                Cdb.writeSame16(0, 1, false, false),
                Cdb.verify16(0, 1, 1),
                Cdb.unmap(24),
                cdb(0x15, 0x10, 0, 0, 24),
                cdb(0x5F, 0, 0, 0, 0, 0, 0, 0, 24))) {
            DeviceServer.check(server.run(server.a, cdb, 512, 0), SenseKey.ILLEGAL_REQUEST, sense);
        }
        DeviceServer.check(server.run(server.a, Cdb.write16(0, 1, false), 512, 512), SenseKey.ILLEGAL_REQUEST, sense);
        assertThat(server.run(server.a, Cdb.write16(0, 0, false), 512, 0).status())
                .as("nothing to transfer")
                .isZero();
        assertThat(server.good(server.a, Cdb.read16(0, 1, false))).containsOnly(1);
    }

    @Test
    void longWriteSameRepeatsItsBlockInBoundedSteps() {
        int blocks = 8192; // 4 MiB: several steps
        byte[] pattern = new byte[512];
        new Random(1).nextBytes(pattern);
        server.good(server.a, Cdb.writeSame16(100, blocks, false, false), pattern);
        byte[] read = server.good(server.a, Cdb.read16(99, blocks + 2, false));
        assertThat(Arrays.copyOf(read, 512)).containsOnly(0);
        for (int i = 1; i <= blocks; i++) {
            assertThat(Arrays.copyOfRange(read, i * 512, i * 512 + 512)).isEqualTo(pattern);
        }
        server.fails(
                server.a,
                SenseKey.ILLEGAL_REQUEST,
                AdditionalSense.INVALID_FIELD_IN_CDB,
                Cdb.writeSame16(0, 0, false, true));
        server.fails(
                server.a,
                SenseKey.ILLEGAL_REQUEST,
                AdditionalSense.INVALID_FIELD_IN_CDB,
                cdb(0x93, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1));
    }

    @Test
    void lbaStatusTellsMappedFromUnmapped() {
        server.good(server.a, Cdb.write16(0, 128, false), bytes(64 << 10, 1));
        byte[] status = server.good(server.a, Cdb.getLbaStatus(0, 1024));
        assertThat(BigEndian.i32(status, 0)).isEqualTo(status.length - 4);
        assertThat(BigEndian.i64(status, 8)).isZero();
        assertThat(BigEndian.i32(status, 16)).isEqualTo(128);
        assertThat(status[20]).isZero();
        assertThat(BigEndian.i64(status, 24)).isEqualTo(128);
        assertThat(status[36]).isEqualTo((byte) 1);
        assertThat(server.good(server.a, Cdb.getLbaStatus(0, 24))).hasSize(24);
    }

    /** FailureSense, row by row. */
    @Test
    void eachFailureBecomesItsSense() {
        record Row(SenseKey key, AdditionalSense sense) {}
        Map<BlockFailure, Row> rows = Map.of(
                new BlockFailure.Unreadable(0x1234),
                new Row(SenseKey.MEDIUM_ERROR, AdditionalSense.UNRECOVERED_READ_ERROR),
                new BlockFailure.Unwritable(0x1234),
                new Row(SenseKey.MEDIUM_ERROR, AdditionalSense.WRITE_ERROR),
                BlockFailure.NotReady.unusable("foreign"),
                new Row(SenseKey.NOT_READY, AdditionalSense.MANUAL_INTERVENTION_REQUIRED),
                new BlockFailure.OutOfSpace(),
                new Row(SenseKey.DATA_PROTECT, AdditionalSense.SPACE_ALLOCATION_FAILED),
                new BlockFailure.WriteProtected("read-only"),
                new Row(SenseKey.DATA_PROTECT, AdditionalSense.WRITE_PROTECTED),
                new BlockFailure.UnflushedWritesLost(),
                new Row(SenseKey.HARDWARE_ERROR, AdditionalSense.WRITE_ERROR),
                new BlockFailure.Unsupported(),
                new Row(SenseKey.ILLEGAL_REQUEST, AdditionalSense.INVALID_OPERATION_CODE),
                new BlockFailure.Broken("test"),
                new Row(SenseKey.HARDWARE_ERROR, AdditionalSense.INTERNAL_TARGET_FAILURE));
        rows.forEach((failure, row) -> {
            server.onLoop(() -> server.gate.fail(_ -> failure));
            SenseData sense = server.fails(server.a, row.key(), row.sense(), Cdb.synchronizeCache16(0, 0));
            boolean placed = failure instanceof BlockFailure.Unreadable || failure instanceof BlockFailure.Unwritable;
            assertThat(sense.information()).isEqualTo(placed ? 0x1234L : null);
        });
        Map<BlockFailure, Integer> statuses = Map.of(
                new BlockFailure.NotReady("gone"), StatusCode.BUSY,
                new BlockFailure.Busy(), StatusCode.BUSY,
                new BlockFailure.ReservationConflict(), StatusCode.RESERVATION_CONFLICT,
                new BlockFailure.Cancelled(), StatusCode.TASK_ABORTED);
        statuses.forEach((failure, status) -> {
            server.onLoop(() -> server.gate.fail(_ -> failure));
            assertThat(server.run(server.a, Cdb.read16(0, 1, false)).status()).isEqualTo(status);
        });
        server.onLoop(() -> server.gate.fail(_ -> null));
    }

    @Test
    void forceUnitAccessReachesTheDevice() {
        AtomicReference<BlockRequest> last = new AtomicReference<>(new BlockRequest.Flush(0, 0));
        server.onLoop(() -> server.gate.fail(request -> {
            last.set(request);
            return null;
        }));
        server.good(server.a, Cdb.write16(0, 1, true), bytes(512, 1));
        assertThat(last.get())
                .isInstanceOfSatisfying(
                        BlockRequest.Write.class,
                        write -> assertThat(write.forceUnitAccess()).isTrue());
        server.good(server.a, Cdb.write16(0, 1, false), bytes(512, 1));
        assertThat(last.get())
                .isInstanceOfSatisfying(
                        BlockRequest.Write.class,
                        write -> assertThat(write.forceUnitAccess()).isFalse());
        server.good(server.a, Cdb.read16(0, 1, true));
        assertThat(last.get()).isEqualTo(new BlockRequest.Read(0, 1, true));
        server.good(server.a, Cdb.synchronizeCache10(3, 4));
        assertThat(last.get()).isEqualTo(new BlockRequest.Flush(3, 4));
    }

    @Test
    void dataThatTheTransportCannotDeliverEndsTheCommandAndWritesNothing() {
        DeviceServer.Running write =
                server.start(server.a, 7000, TaskAttribute.SIMPLE, Cdb.write16(0, 1, false), bytes(512, 4), false);
        DeviceServer.get(write.wanted);
        ScsiTask task = write.task;
        assertThat(task).isNotNull();
        if (task != null) {
            task.dataOutFailed(0x4B, 0x00);
        }
        DeviceServer.check(write.await(), SenseKey.ABORTED_COMMAND, AdditionalSense.DATA_PHASE_ERROR);
        assertThat(server.good(server.a, Cdb.read16(0, 1, false))).containsOnly(0);
    }
}
