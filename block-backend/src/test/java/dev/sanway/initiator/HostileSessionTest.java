package dev.sanway.initiator;

import static dev.sanway.initiator.ScriptedUnits.UNIT_LOOP;
import static dev.sanway.initiator.ScriptedUnits.awaitOpen;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sanway.block.BlockFailure;
import dev.sanway.block.BlockOutcome;
import dev.sanway.block.BlockRange;
import dev.sanway.block.BlockRequest;
import dev.sanway.iscsi.IscsiName;
import dev.sanway.iscsi.Isid;
import dev.sanway.iscsi.Pdu;
import dev.sanway.iscsi.Pdu.ResidualKind;
import dev.sanway.iscsi.Transport;
import dev.sanway.scsi.AdditionalSense;
import dev.sanway.scsi.CapacityData;
import dev.sanway.scsi.Opcode;
import dev.sanway.scsi.SenseData;
import dev.sanway.scsi.SenseKey;
import dev.sanway.scsi.StatusCode;
import dev.sanway.scsi.VpdPage;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.EventLoop;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.socket.SocketChannel;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A session to a unit that lies, repeats itself or comes and goes: it costs little, and ends nobody. */
@Timeout(60)
class HostileSessionTest {
    /** With the transport that a gateway uses. */
    private static final EventLoopGroup OURS = Transport.newGroup("initiator", 1);

    private static final EventLoop LOOP = OURS.next();
    private static final Duration WATCHED = Duration.ofSeconds(2);

    private final AtomicInteger lunNews = new AtomicInteger();

    @SuppressWarnings("NullAway.Init")
    private ScriptedUnit unit;

    @SuppressWarnings("NullAway.Init")
    private UnitSession session;

    @BeforeEach
    void begin() throws Exception {
        unit = new ScriptedUnit(UNIT_LOOP);
        unit.powerOnAttention = false;
        session = new UnitSession(config(unit, 5000), LOOP, new UnitSessionListener() {
            @Override
            public void logicalUnitsChanged() {
                lunNews.incrementAndGet();
            }
        });
    }

    private static UnitSessionConfig config(ScriptedUnit of, int timeoutMillis) {
        return UnitSessionConfig.of(
                        "unit1",
                        "127.0.0.1",
                        of.port(),
                        new IscsiName("iqn.2026-11.dev.sanway:unit.unit1"),
                        new IscsiName("iqn.2026-11.dev.sanway:gateway.test"),
                        new Isid(0x800000000001L))
                .withUnitTimeout(timeoutMillis);
    }

    @AfterEach
    void stop() throws Exception {
        ScriptedUnits.stop(session);
        unit.close();
        assertThat(unit.problems).isEmpty();
    }

    @AfterAll
    static void end() {
        OURS.shutdownGracefully(0, 1, TimeUnit.SECONDS);
    }

    private static <T> T onLoop(Callable<T> action) throws Exception {
        return ScriptedUnits.onLoop(LOOP, action);
    }

    private RemoteLogicalUnit device() throws Exception {
        session.start();
        return onLoop(() -> session.logicalUnit(0, LunVerifier.ACCEPT_ALL, null));
    }

    private RemoteLogicalUnit openDevice() throws Exception {
        RemoteLogicalUnit device = device();
        awaitOpen(device);
        return device;
    }

    private static String refusal(RemoteLogicalUnit device) {
        Awaitility.await()
                .atMost(Duration.ofSeconds(10))
                .untilAsserted(() -> assertThat(onLoop(device::availability))
                        .isInstanceOf(RemoteLogicalUnit.Availability.Refused.class));
        try {
            return ((RemoteLogicalUnit.Availability.Refused) onLoop(device::availability)).reason();
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }

    private static BlockOutcome run(RemoteLogicalUnit device, BlockRequest request) throws Exception {
        CompletableFuture<BlockOutcome> outcome = new CompletableFuture<>();
        onLoop(() -> device.submit(request, outcome::complete));
        return outcome.get(20, TimeUnit.SECONDS);
    }

    private static BlockRequest.Write write(int blocks) {
        return new BlockRequest.Write(0, blocks, Unpooled.buffer(blocks * 512).writeZero(blocks * 512), false);
    }

    private static boolean is(Pdu.ScsiCommandPdu command, int opcode) {
        return (command.cdb()[0] & 0xff) == opcode;
    }

    private long seen(int opcode) {
        return unit.seen.stream().filter(one -> one == opcode).count();
    }

    /** For as long as a test watches what is not to happen. */
    private static void watch() {
        Awaitility.await().pollDelay(WATCHED).atMost(WATCHED.plusSeconds(2)).until(() -> true);
    }

    // ---- facts

    @ParameterizedTest
    @CsvSource({
        "9223372036854775807, 512, last block",
        "9223372036854775806, 512, last block",
        "-1, 512, last block",
        "-9223372036854775808, 4096, last block",
        "17592186044416, 512, last block",
        "100000, 0, blocks of 0 bytes",
        "100000, 520, blocks of 520 bytes",
        "100000, -2147483648, blocks of 2147483648 bytes"
    })
    void aLunOfAnImpossibleSizeIsRefusedAndTheReasonIsSaid(long lastLba, int blockSize, String reason)
            throws Exception {
        unit.script = (connection, command) -> {
            if (is(command, Opcode.SERVICE_ACTION_IN_16)) {
                connection.data(command, new CapacityData(lastLba, blockSize, false, 0, 0, false, false).encode16());
                return true;
            }
            return false;
        };
        assertThat(refusal(device())).contains(reason);
        assertThat(unit.logins()).isEqualTo(1);
    }

    @Test
    void aLunThatGrowsToAnImpossibleSizeIsRefused() throws Exception {
        RemoteLogicalUnit device = openDevice();
        unit.script = (connection, command) -> {
            if (is(command, Opcode.SERVICE_ACTION_IN_16)) {
                connection.data(command, new CapacityData(Long.MAX_VALUE, 512, false, 0, 0, false, false).encode16());
                return true;
            }
            return false;
        };
        unit.latest().attention(AdditionalSense.CAPACITY_CHANGED);
        run(device, write(8));
        assertThat(refusal(device)).contains("last block");
        assertThat(unit.logins()).isEqualTo(1);
    }

    @Test
    void aLunThatTakesNextToNothingAtOnceIsRefused() throws Exception {
        pages(limits(2, 0, 0, 0));
        assertThat(refusal(device())).contains("takes 1024 bytes at once");
    }

    @Test
    void aUnitThatUnmapsOneBlockAtATimeIsNotAskedTo() throws Exception {
        pages(limits(0, 1, 1, 0));
        assertThat(run(openDevice(), new BlockRequest.Unmap(List.of(new BlockRange(0, 8192)))))
                .isEqualTo(BlockOutcome.DONE);
        assertThat(seen(Opcode.UNMAP)).isZero();
    }

    @Test
    void aUnitThatWritesOneBlockTheSameAtATimeIsGivenZeroesInstead() throws Exception {
        pages(limits(0, 0, 0, 1));
        assertThat(run(openDevice(), new BlockRequest.WriteZeroes(0, 8192, true, false)))
                .isEqualTo(BlockOutcome.DONE);
        assertThat(seen(Opcode.WRITE_SAME_16)).isZero();
        assertThat(seen(Opcode.WRITE_16)).isLessThan(10);
    }

    private static VpdPage.BlockLimits limits(long transfer, long unmap, long descriptors, long writeSame) {
        return new VpdPage.BlockLimits(false, 0, 0, transfer, 0, 0, unmap, descriptors, 1, false, 0, writeSame);
    }

    private void pages(VpdPage.BlockLimits limits) {
        unit.script = (connection, command) -> {
            if (!is(command, Opcode.INQUIRY) || (command.cdb()[1] & 1) == 0) {
                return false;
            }
            VpdPage page = switch (command.cdb()[2] & 0xff) {
                case VpdPage.BLOCK_LIMITS -> limits;
                case VpdPage.LOGICAL_BLOCK_PROVISIONING ->
                    new VpdPage.LogicalBlockProvisioning(0, true, true, true, true, 2);
                default ->
                    new VpdPage.SupportedPages(List.of(0, VpdPage.BLOCK_LIMITS, VpdPage.LOGICAL_BLOCK_PROVISIONING));
            };
            connection.data(command, page.encode(0));
            return true;
        };
    }

    // ---- news without end

    @Test
    void aCapacityThatKeepsChangingIsAskedForOneAtATime() throws Exception {
        RemoteLogicalUnit device = openDevice();
        unit.seen.clear();
        unit.script = (connection, command) -> {
            if (is(command, Opcode.SERVICE_ACTION_IN_16)) {
                connection.check(command, SenseData.of(SenseKey.UNIT_ATTENTION, AdditionalSense.CAPACITY_CHANGED));
                return true;
            }
            return false;
        };
        unit.latest().attention(AdditionalSense.CAPACITY_CHANGED);
        run(device, write(8));
        watch();
        assertThat(seen(Opcode.SERVICE_ACTION_IN_16)).isBetween(8L, 120L);
    }

    @Test
    void aListOfLunsThatKeepsChangingIsNewsOnceASecond() throws Exception {
        openDevice();
        ScriptedUnit.Connection connection = unit.latest();
        UNIT_LOOP
                .submit(() -> {
                    for (int i = 0; i < 100; i++) {
                        connection.send(luns(connection));
                    }
                })
                .syncUninterruptibly();
        watch();
        assertThat(lunNews.get()).isBetween(1, 4);
        assertThat(seen(Opcode.TEST_UNIT_READY)).isBetween(2L, 5L);
        assertThat(unit.logins()).isEqualTo(1);
    }

    private static Pdu luns(ScriptedUnit.Connection connection) {
        byte[] sense = SenseData.of(SenseKey.UNIT_ATTENTION, AdditionalSense.REPORTED_LUNS_CHANGED)
                .encode(false);
        ByteBuf data = Unpooled.buffer().writeShort(sense.length).writeBytes(sense);
        return new Pdu.AsyncMessage(
                0, connection.statSn++, connection.expCmdSn(), connection.maxCmdSn(), 0, 0, 0, 0, 0, data);
    }

    @Test
    void aCommandThatIsAnsweredByUnitAttentionsWithoutEndIsSentAgainMoreSlowly() throws Exception {
        RemoteLogicalUnit device = openDevice();
        unit.seen.clear();
        unit.script = (connection, command) -> {
            if (is(command, Opcode.WRITE_16)) {
                connection.check(
                        command,
                        SenseData.of(SenseKey.UNIT_ATTENTION, AdditionalSense.THIN_PROVISIONING_SOFT_THRESHOLD));
                return true;
            }
            return false;
        };
        assertThat(run(device, write(8)))
                .isInstanceOfSatisfying(
                        BlockOutcome.Failed.class,
                        failed -> assertThat(failed.failure()).isInstanceOf(BlockFailure.NotReady.class));
        assertThat(seen(Opcode.WRITE_16)).isBetween(9L, 40L);
    }

    @Test
    void aProbeThatIsAnsweredByUnitAttentionsWithoutEndEnds() throws Exception {
        unit.script = (connection, command) -> {
            if (is(command, Opcode.TEST_UNIT_READY)) {
                connection.check(
                        command, SenseData.of(SenseKey.UNIT_ATTENTION, AdditionalSense.POWER_ON_RESET_OR_BUS_RESET));
                return true;
            }
            return false;
        };
        device();
        watch();
        assertThat(seen(Opcode.TEST_UNIT_READY)).isBetween(20L, 80L);
        assertThat(unit.logins()).isEqualTo(1);
    }

    // ---- coming and going

    @Test
    void aUnitThatBreaksEachSessionRightAfterLoginIsReachedLessAndLessOften() throws Exception {
        unit.script = (connection, command) -> {
            connection.channel.close();
            return true;
        };
        device();
        watch();
        assertThat(unit.logins()).isBetween(2, 6);
    }

    @Test
    void aUnitThatAnnouncesAResetAfterEachLoginIsReachedLessAndLessOften() throws Exception {
        AtomicInteger reads = new AtomicInteger();
        unit.script = (connection, command) -> {
            if (is(command, Opcode.WRITE_16)) {
                reads.incrementAndGet();
                connection.check(
                        command, SenseData.of(SenseKey.UNIT_ATTENTION, AdditionalSense.POWER_ON_RESET_OR_BUS_RESET));
                return true;
            }
            return false;
        };
        RemoteLogicalUnit device = openDevice();
        onLoop(() -> device.submit(write(8), BlockOutcome::release));
        watch();
        assertThat(unit.logins()).isBetween(2, 6);
    }

    @Test
    void afterOneOutageItIsReachedAgainAtOnce() throws Exception {
        RemoteLogicalUnit device = openDevice();
        unit.latest().channel.close();
        Awaitility.await().atMost(Duration.ofSeconds(2)).until(() -> unit.logins() == 2);
        awaitOpen(device);
    }

    @Test
    void aUnitThatDoesNotAnswerWhatItIsAskedDelaysNobodyElse() throws Exception {
        ScriptedUnits.stop(session);
        session = new UnitSession(config(unit, 1000), LOOP, UnitSessionListener.NONE);
        unit.script = (connection, command) -> is(command, Opcode.SERVICE_ACTION_IN_16);
        RemoteLogicalUnit silent = device();
        Awaitility.await().until(() -> seen(Opcode.SERVICE_ACTION_IN_16) > 0);
        try (ScriptedUnit other = new ScriptedUnit(UNIT_LOOP)) {
            UnitSession to = new UnitSession(config(other, 1000), LOOP, UnitSessionListener.NONE);
            to.start();
            RemoteLogicalUnit device = onLoop(() -> to.logicalUnit(0, LunVerifier.ACCEPT_ALL, null));
            awaitOpen(device);
            assertThat(run(device, write(8))).isEqualTo(BlockOutcome.DONE);
            assertThat(run(silent, write(8))).isInstanceOf(BlockOutcome.Failed.class);
            ScriptedUnits.stop(to);
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aUnitThatPingsAndDoesNotReadIsGivenUpAlsoWhenItClosesItsSide(boolean closesItsSide) throws Exception {
        openDevice();
        ScriptedUnit.Connection connection = unit.latest();
        UNIT_LOOP
                .submit(() -> {
                    connection.channel.config().setAutoRead(false);
                    for (int i = 0; i < 5000; i++) {
                        connection.channel.write(new Pdu.NopIn(
                                0,
                                Pdu.NO_TAG,
                                i,
                                connection.statSn,
                                connection.expCmdSn(),
                                connection.maxCmdSn(),
                                Unpooled.EMPTY_BUFFER));
                    }
                    connection.channel.flush();
                    if (closesItsSide) {
                        ((SocketChannel) connection.channel).shutdownOutput();
                    }
                })
                .syncUninterruptibly();
        Awaitility.await().atMost(Duration.ofSeconds(5)).until(() -> unit.logins() == 2);
    }

    // ---- at once

    @Test
    void aFewLunsAreVerifiedAtOnceAndAllInTheEnd() throws Exception {
        List<Consumer<LunVerifier.Verdict>> open = new ArrayList<>();
        List<RemoteLogicalUnit> devices = new ArrayList<>();
        session.start();
        for (int lun = 0; lun < 20; lun++) {
            int number = lun;
            devices.add(onLoop(() -> session.logicalUnit(number, (_, _, verdict) -> open.add(verdict), null)));
        }
        Awaitility.await().until(() -> onLoop(open::size) == 8);
        watch();
        assertThat(onLoop(open::size)).isEqualTo(8);
        for (int told = 0; told < 20; told++) {
            int next = told;
            Awaitility.await().until(() -> onLoop(open::size) > next);
            onLoop(() -> {
                open.get(next).accept(new LunVerifier.Verdict.Accepted());
                return true;
            });
        }
        devices.forEach(ScriptedUnits::awaitOpen);
    }

    // ---- writes

    @Test
    void goodForAWriteThatTheUnitDidNotTakeInFullIsAFailure() throws Exception {
        RemoteLogicalUnit device = openDevice();
        unit.script = (connection, command) -> {
            if (is(command, Opcode.WRITE_16)) {
                connection.send(new Pdu.ScsiResponsePdu(
                        ResidualKind.NONE,
                        ResidualKind.UNDERFLOW,
                        0,
                        StatusCode.GOOD,
                        command.initiatorTaskTag(),
                        0,
                        connection.statSn++,
                        connection.expCmdSn(),
                        connection.maxCmdSn(),
                        0,
                        0,
                        512,
                        Unpooled.EMPTY_BUFFER));
                return true;
            }
            return false;
        };
        assertThat(run(device, write(8)))
                .isInstanceOfSatisfying(
                        BlockOutcome.Failed.class,
                        failed -> assertThat(failed.failure().toString()).contains("did not take 512 bytes"));
    }

    @Test
    void goodForAWriteWhoseDataTheUnitNeverAskedForIsAFailure() throws Exception {
        RemoteLogicalUnit device = openDevice();
        unit.script = (connection, command) -> {
            if (is(command, Opcode.WRITE_16)) {
                connection.good(command);
                return true;
            }
            return false;
        };
        assertThat(run(device, write(4096)))
                .isInstanceOfSatisfying(
                        BlockOutcome.Failed.class,
                        failed -> assertThat(failed.failure()).isInstanceOf(BlockFailure.Broken.class));
    }
}
