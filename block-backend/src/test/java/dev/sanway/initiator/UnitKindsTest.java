package dev.sanway.initiator;

import static dev.sanway.initiator.ScriptedUnits.LOOP;
import static dev.sanway.initiator.ScriptedUnits.UNIT_LOOP;
import static dev.sanway.initiator.ScriptedUnits.awaitOpen;
import static dev.sanway.initiator.ScriptedUnits.onLoop;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sanway.block.BlockFailure;
import dev.sanway.block.BlockOutcome;
import dev.sanway.block.BlockRange;
import dev.sanway.block.BlockRequest;
import dev.sanway.iscsi.IscsiName;
import dev.sanway.iscsi.Isid;
import dev.sanway.iscsi.TaskAttribute;
import dev.sanway.scsi.BigEndian;
import dev.sanway.scsi.Opcode;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Kinds of units: how they tell of a restart, what then has to be durable, and what ends old writes there. */
@Timeout(60)
class UnitKindsTest {
    private static final BlockOutcome LOST = BlockOutcome.failed(new BlockFailure.UnflushedWritesLost());

    /** Commands to the medium in their order: WRITE, WRITE FUA, SYNC lba+count, UNMAP; all attributes beside. */
    private final List<String> medium = new CopyOnWriteArrayList<>();

    private final List<TaskAttribute> attributes = new CopyOnWriteArrayList<>();

    @SuppressWarnings("NullAway.Init")
    private ScriptedUnit unit;

    @SuppressWarnings("NullAway.Init")
    private UnitSession session;

    @BeforeEach
    void startUnit() throws Exception {
        unit = new ScriptedUnit(UNIT_LOOP);
        unit.script = (connection, command) -> {
            record(command.cdb(), Objects.requireNonNull(TaskAttribute.of(command.attribute())));
            return false;
        };
        begin(CachePolicy.AUTOMATIC);
    }

    private void record(byte[] cdb, TaskAttribute attribute) {
        attributes.add(attribute);
        switch (cdb[0] & 0xFF) {
            case Opcode.WRITE_16 -> medium.add((cdb[1] & 0x08) == 0 ? "WRITE" : "WRITE FUA");
            case Opcode.UNMAP -> medium.add("UNMAP");
            case Opcode.SYNCHRONIZE_CACHE_16 ->
                medium.add("SYNC " + BigEndian.i64(cdb, 2) + "+" + BigEndian.i32(cdb, 10));
            default -> {}
        }
    }

    private void begin(CachePolicy cache) {
        session = new UnitSession(
                UnitSessionConfig.of(
                                "unit1",
                                "127.0.0.1",
                                unit.port(),
                                new IscsiName("iqn.2026-11.example:unit1"),
                                new IscsiName("iqn.2026-11.dev.sanway:gateway.test"),
                                new Isid(0x800000000001L))
                        .withUnitTimeout(5000)
                        .withCache(cache),
                LOOP,
                UnitSessionListener.NONE);
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

    private static BlockOutcome run(RemoteLogicalUnit device, BlockRequest request) throws Exception {
        CompletableFuture<BlockOutcome> outcome = new CompletableFuture<>();
        onLoop(() -> device.submit(request, outcome::complete));
        return outcome.get(20, TimeUnit.SECONDS);
    }

    private static BlockRequest.Write write(long lba) {
        ByteBuf data = ByteBufAllocator.DEFAULT.buffer(4096).writeZero(4096);
        for (int i = 0; i < 4096; i++) {
            data.setByte(i, 7);
        }
        return new BlockRequest.Write(lba, 8, data, false);
    }

    private byte[] stored(int lba) {
        return Arrays.copyOfRange(unit.disk, lba * 512, lba * 512 + 4096);
    }

    private static byte[] sevens() {
        byte[] sevens = new byte[4096];
        Arrays.fill(sevens, (byte) 7);
        return sevens;
    }

    private void cut(RemoteLogicalUnit device) {
        int before = unit.logins();
        unit.latest().channel.close();
        Awaitility.await().until(() -> unit.logins() > before);
        awaitOpen(device);
    }

    private static BlockRequest.Flush flush() {
        return new BlockRequest.Flush(0, 0);
    }

    // ---- B3: restarts

    @Test
    void whoGreetsASessionTellsOfRestartsAndIsWrittenToAsItIs() throws Exception {
        RemoteLogicalUnit device = attach();
        assertThat(device.nature())
                .isEqualTo(new LunNature(Barrier.ORDERED, RestartSign.ATTENTION, true, CachePolicy.VOLATILE));
        assertThat(run(device, write(0))).isEqualTo(BlockOutcome.DONE);
        assertThat(medium).containsExactly("WRITE");
        cut(device);
        assertThat(run(device, flush()))
                .as("it greets everybody, and may have been restarted")
                .isEqualTo(LOST);
    }

    @Test
    void whoDoesNotTellOfRestartsIsWrittenThrough() throws Exception {
        unit.powerOnAttention = false;
        RemoteLogicalUnit device = attach();
        assertThat(device.nature())
                .isEqualTo(new LunNature(Barrier.ORDERED, RestartSign.NONE, true, CachePolicy.WRITE_THROUGH));
        assertThat(run(device, write(0))).isEqualTo(BlockOutcome.DONE);
        assertThat(medium).containsExactly("WRITE FUA");
        cut(device);
        assertThat(run(device, flush())).isEqualTo(BlockOutcome.DONE);
    }

    @Test
    void withoutForceUnitAccessAFlushFollowsBeforeTheAnswer() throws Exception {
        unit.powerOnAttention = false;
        unit.forceUnitAccess = false;
        unit.unmaps = true;
        RemoteLogicalUnit device = attach();
        assertThat(run(device, write(8))).isEqualTo(BlockOutcome.DONE);
        assertThat(medium).containsExactly("WRITE", "SYNC 8+8");
        medium.clear();
        assertThat(run(device, new BlockRequest.Unmap(List.of(new BlockRange(16, 8), new BlockRange(64, 8)))))
                .isEqualTo(BlockOutcome.DONE);
        assertThat(medium).containsExactly("UNMAP", "SYNC 16+56");
    }

    @Test
    void aRestartBetweenAWriteAndItsFlushHasItWrittenAgain() throws Exception {
        unit.powerOnAttention = false;
        unit.forceUnitAccess = false;
        RemoteLogicalUnit device = attach();
        AtomicInteger flushes = new AtomicInteger();
        unit.script = (connection, command) -> {
            record(command.cdb(), TaskAttribute.SIMPLE);
            if ((command.cdb()[0] & 0xFF) == Opcode.SYNCHRONIZE_CACHE_16 && flushes.getAndIncrement() == 0) {
                Arrays.fill(unit.disk, (byte) 0);
                connection.channel.close();
                return true;
            }
            return false;
        };
        assertThat(run(device, write(0))).isEqualTo(BlockOutcome.DONE);
        assertThat(stored(0)).isEqualTo(sevens());
        assertThat(medium).containsExactly("WRITE", "SYNC 0+8", "SYNC 0+8", "WRITE", "SYNC 0+8");
    }

    @Test
    void whereVolatileIsAskedForABrokenConnectionCountsAsALoss() throws Exception {
        unit.powerOnAttention = false;
        begin(CachePolicy.VOLATILE);
        RemoteLogicalUnit device = attach();
        assertThat(run(device, write(0))).isEqualTo(BlockOutcome.DONE);
        assertThat(medium).containsExactly("WRITE");
        cut(device);
        assertThat(run(device, flush())).isEqualTo(LOST);
        assertThat(run(device, flush())).isEqualTo(BlockOutcome.DONE);
        cut(device);
        assertThat(run(device, flush())).as("nothing was unflushed").isEqualTo(BlockOutcome.DONE);
    }

    @Test
    void whereNothingCanBeMadeDurableFlushesFailAndWritesDoNot() throws Exception {
        unit.powerOnAttention = false;
        unit.forceUnitAccess = false;
        unit.synchronizes = false;
        RemoteLogicalUnit device = attach();
        assertThat(run(device, write(0))).isEqualTo(BlockOutcome.DONE);
        assertThat(run(device, write(8))).isEqualTo(BlockOutcome.DONE);
        assertThat(run(device, flush())).isEqualTo(BlockOutcome.failed(new BlockFailure.Unsupported()));
        cut(device);
        assertThat(run(device, flush())).isEqualTo(LOST);
    }

    @Test
    void whatHasNoVolatileCacheNeedsNoForce() throws Exception {
        unit.powerOnAttention = false;
        unit.volatileCache = false;
        RemoteLogicalUnit device = attach();
        assertThat(run(device, write(0))).isEqualTo(BlockOutcome.DONE);
        assertThat(medium).containsExactly("WRITE");
    }

    /** The greeting is for whoever comes first: a device that is made anew in the session knows of it. */
    @Test
    void aDeviceThatIsMadeAnewKnowsThatTheSessionWasGreeted() throws Exception {
        RemoteLogicalUnit first = attach();
        CompletableFuture<Boolean> closed = new CompletableFuture<>();
        LOOP.execute(() -> first.close(() -> closed.complete(true)));
        assertThat(closed.get(10, TimeUnit.SECONDS)).isTrue();
        RemoteLogicalUnit second = onLoop(() -> session.logicalUnit(0, LunVerifier.ACCEPT_ALL, null));
        awaitOpen(second);
        assertThat(Objects.requireNonNull(second.nature()).restart()).isEqualTo(RestartSign.ATTENTION);
    }

    // ---- B5: what ends old writes

    @ParameterizedTest
    @CsvSource({"LIO-ORG, ", "SYNOLOGY, 6001405d33b1a0fd4e8d4b8a0dabcdef"})
    void nothingButSimpleCommandsGoesToLio(String vendor, @org.jspecify.annotations.Nullable String naa)
            throws Exception {
        unit.vendor = vendor;
        unit.naa = naa == null ? null : HexFormat.of().parseHex(naa);
        unit.powerOnAttention = false;
        RemoteLogicalUnit device = attach();
        assertThat(Objects.requireNonNull(device.nature()).barrier()).isEqualTo(Barrier.LOGIN);
        assertThat(run(device, write(8))).isEqualTo(BlockOutcome.DONE);
        // LIO warns in its log of each flush that names blocks.
        assertThat(run(device, new BlockRequest.Flush(8, 8))).isEqualTo(BlockOutcome.DONE);
        cut(device);
        assertThat(run(device, write(8))).isEqualTo(BlockOutcome.DONE);
        assertThat(Set.copyOf(attributes)).containsExactly(TaskAttribute.SIMPLE);
        assertThat(medium).containsExactly("WRITE FUA", "SYNC 0+0", "WRITE FUA");
        assertThat(unit.seen.stream().filter(one -> one == Opcode.TEST_UNIT_READY))
                .hasSize(2);
    }

    @Test
    void whatIsNotLioIsStoppedAtAnOrderedCommandAfterItSaidWhatItIs() throws Exception {
        unit.naa = HexFormat.of().parseHex("60014060" + "00000000".repeat(2) + "0000abcd");
        RemoteLogicalUnit device = attach();
        assertThat(Objects.requireNonNull(device.nature()).barrier()).isEqualTo(Barrier.ORDERED);
        assertThat(attributes).contains(TaskAttribute.ORDERED);
        assertThat(unit.seen.indexOf(Opcode.INQUIRY)).isLessThan(unit.seen.indexOf(Opcode.TEST_UNIT_READY));
    }

    // ---- B8: other things than disks

    @Test
    void whatIsNoDiskSaysSo() throws Exception {
        unit.deviceType = 0x0C;
        session.start();
        RemoteLogicalUnit device = onLoop(() -> session.logicalUnit(0, LunVerifier.ACCEPT_ALL, null));
        Awaitility.await().until(() -> onLoop(device::availability) instanceof RemoteLogicalUnit.Availability.Refused);
        assertThat(onLoop(device::isDisk)).isFalse();
        unit.deviceType = 0;
        awaitOpen(device);
        assertThat(onLoop(device::isDisk)).isTrue();
    }
}
