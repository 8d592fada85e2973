package dev.sanway.volume;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sanway.block.BlockClient;
import dev.sanway.block.BlockDevice;
import dev.sanway.block.BlockFailure;
import dev.sanway.block.BlockOutcome;
import dev.sanway.block.BlockRequest;
import dev.sanway.block.CheckedDevice;
import dev.sanway.block.DeviceEvent;
import dev.sanway.block.FaultyDevice;
import dev.sanway.block.FaultyDevice.Fault;
import dev.sanway.block.Limits;
import dev.sanway.block.Readiness;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.CompositeByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.util.concurrent.DefaultEventExecutor;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.Function;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class ComposedDeviceTest {
    private final DefaultEventExecutor owner = new DefaultEventExecutor();

    @AfterEach
    void stop() {
        owner.shutdownGracefully();
    }

    private FaultyDevice unit(String name, long blockCount) {
        return new FaultyDevice(ComposedContractsTest.memory(owner, name, 512, blockCount));
    }

    private BlockClient volume(Layout layout, FaultyDevice... units) {
        return new BlockClient(new CheckedDevice(
                new ComposedDevice(ComposedContractsTest.identity("volume"), layout, List.of(units), 4096)));
    }

    private static Function<BlockRequest, Fault> failing(BlockFailure failure) {
        return _ -> new Fault.Fail(failure);
    }

    /** Linux 6.1 takes it for the longest request: a single stripe of 32 KiB would make 32 requests of a MiB. */
    @Test
    void asManyStripesAsMakeAMebibyteAreTheBestTransfer() {
        ComposedDevice small = new ComposedDevice(
                ComposedContractsTest.identity("volume"),
                new Layout.Striped(2, 32, 192),
                List.of(unit("u0", 100), unit("u1", 100)),
                16_384);
        assertThat(small.limits().optimalTransferBlocks()).isEqualTo(2048);
        ComposedDevice three = new ComposedDevice(
                ComposedContractsTest.identity("volume"),
                new Layout.Striped(3, 32, 288),
                List.of(unit("u0", 100), unit("u1", 100), unit("u2", 100)),
                16_384);
        assertThat(three.limits().optimalTransferBlocks())
                .as("whole stripes of 96 blocks")
                .isEqualTo(21 * 96);
    }

    @Test
    void aPartsBadBlockIsNamedByTheVolumesNumber() {
        FaultyDevice first = unit("u0", 100);
        FaultyDevice second = unit("u1", 100);
        BlockClient linear = volume(new Layout.Linear(100, 100), first, second);
        second.inject(failing(new BlockFailure.Unreadable(7)));
        assertThat(linear.run(new BlockRequest.Read(90, 30, false)))
                .isEqualTo(BlockOutcome.failed(new BlockFailure.Unreadable(107)));
        assertThat(linear.read(0, 100)).as("the other part serves").hasSize(51200);
        linear.close();
    }

    @Test
    void ofTwoBadBlocksTheLowerIsNamed() {
        FaultyDevice first = unit("u0", 100);
        FaultyDevice second = unit("u1", 100);
        BlockClient striped = volume(new Layout.Striped(2, 4, 200), first, second);
        // Part block 5 of part 0 is volume block 9; part block 2 of part 1 is volume block 6.
        first.inject(failing(new BlockFailure.Unwritable(5)));
        second.inject(failing(new BlockFailure.Unwritable(2)));
        assertThat(striped.run(striped.writeOf(0, new byte[16 * 512], false)))
                .isEqualTo(BlockOutcome.failed(new BlockFailure.Unwritable(6)));
        striped.close();
    }

    @Test
    void adjacentChunksOfOneUnitTravelAsOneCommandWithoutCopying() {
        List<BlockRequest> seen = new ArrayList<>();
        FaultyDevice first = unit("u0", 100);
        List<Long> addresses = new ArrayList<>();
        first.inject(request -> {
            seen.add(request);
            if (request instanceof BlockRequest.Write write) {
                addresses.add(((CompositeByteBuf) write.data()).component(1).memoryAddress());
            }
            return Fault.NONE;
        });
        BlockClient striped = volume(new Layout.Striped(2, 4, 200), first, unit("u1", 100));
        byte[] bytes = new byte[64 * 512];
        new Random(3).nextBytes(bytes);
        ByteBuf data = Unpooled.directBuffer(bytes.length).writeBytes(bytes);
        // Volume blocks 2-3 are part 0's first slice, 8-11 its second.
        long secondSlice = data.memoryAddress() + 6 * 512;
        assertThat(striped.run(new BlockRequest.Write(2, 64, data, false))).isEqualTo(BlockOutcome.DONE);
        assertThat(seen).hasSize(1);
        BlockRequest.Write write = (BlockRequest.Write) seen.getFirst();
        assertThat(write.lba()).isEqualTo(2);
        assertThat(write.blockCount()).isEqualTo(32);
        assertThat(addresses).containsExactly(secondSlice);
        assertThat(data.refCnt()).isZero();
        seen.clear();
        assertThat(striped.read(2, 64)).isEqualTo(bytes);
        assertThat(seen).hasSize(1);
        striped.close();
    }

    @Test
    void aPartThatIsAwayFailsOnlyWhatTouchesIt() {
        Limits limits = new Limits(4096, 0, 0, 0, false, true, false);
        FaultyDevice there = unit("u0", 100);
        FaultyDevice coming = unit("u1", 100);
        SlotDevice slot = new SlotDevice(owner, coming.identity(), coming.geometry(), limits, "unit2 is away");
        ComposedDevice device = new ComposedDevice(
                ComposedContractsTest.identity("volume"), new Layout.Linear(100, 100), List.of(there, slot), 4096);
        List<DeviceEvent> events = new ArrayList<>();
        BlockClient client = new BlockClient(new CheckedDevice(device));
        BlockClient.onOwner(device, () -> {
            device.addListener(events::add);
            return true;
        });
        assertThat(readiness(device)).as("one part is there").isEqualTo(Readiness.READY);
        BlockOutcome away = BlockOutcome.failed(new BlockFailure.NotReady("unit2 is away"));
        client.write(0, new byte[100 * 512]);
        assertThat(client.run(client.writeOf(99, new byte[1024], false))).isEqualTo(away);
        assertThat(client.run(new BlockRequest.Read(150, 1, false))).isEqualTo(away);
        assertThat(client.run(new BlockRequest.Flush(0, 0))).isEqualTo(away);
        assertThat(client.run(new BlockRequest.Flush(0, 50))).isEqualTo(BlockOutcome.DONE);
        BlockClient.onOwner(device, () -> {
            slot.fill(coming);
            return true;
        });
        client.write(99, new byte[1024]);
        BlockClient.onOwner(device, () -> {
            slot.empty("gone again");
            return true;
        });
        assertThat(events).containsExactly(new DeviceEvent.BecameReady(), new DeviceEvent.BecameNotReady("gone again"));
        client.close();
    }

    private static Readiness readiness(BlockDevice device) {
        return BlockClient.onOwner(device, device::readiness);
    }

    /** dm-multipath fails a path that is not ready, and stops what could be served. */
    @Test
    void aVolumeIsNotReadyOnlyWhileNoBlockOfItCanBeServed() {
        Limits limits = new Limits(4096, 0, 0, 0, false, true, false);
        List<FaultyDevice> units = List.of(unit("u0", 100), unit("u1", 100));
        List<SlotDevice> slots = units.stream()
                .map(unit -> new SlotDevice(
                        owner,
                        unit.identity(),
                        unit.geometry(),
                        limits,
                        unit.identity().name() + " is away"))
                .toList();
        ComposedDevice device = new ComposedDevice(
                ComposedContractsTest.identity("volume"), new Layout.Striped(2, 10, 200), slots, 4096);
        assertThat(readiness(device)).isEqualTo(new Readiness.Away("u0 is away"));
        BlockClient.onOwner(device, () -> {
            slots.getFirst().refuse("it is foreign");
            return true;
        });
        assertThat(readiness(device)).as("what comes back").isEqualTo(new Readiness.Away("u1 is away"));
        BlockClient.onOwner(device, () -> {
            slots.getLast().fill(units.getLast());
            return true;
        });
        assertThat(readiness(device)).isEqualTo(Readiness.READY);
        BlockClient.onOwner(device, () -> {
            slots.getLast().refuse("it is lost");
            return true;
        });
        assertThat(readiness(device)).isEqualTo(new Readiness.Unusable("it is foreign"));
        new BlockClient(device).close();
    }

    @Test
    void thatUnflushedWritesWereLostIsNeverDrownedOut() {
        FaultyDevice first = unit("u0", 100);
        FaultyDevice second = unit("u1", 100);
        BlockClient linear = volume(new Layout.Linear(100, 100), first, second);
        first.inject(failing(new BlockFailure.NotReady("away")));
        second.inject(failing(new BlockFailure.UnflushedWritesLost()));
        assertThat(linear.run(new BlockRequest.Flush(0, 0)))
                .isEqualTo(BlockOutcome.failed(new BlockFailure.UnflushedWritesLost()));
        linear.close();
    }

    @Test
    void cancellingReachesAllPartsAndEndsWhenTheLastHasEnded() {
        FaultyDevice first = unit("u0", 100);
        FaultyDevice second = unit("u1", 100);
        BlockClient striped = volume(new Layout.Striped(2, 4, 200), first, second);
        first.inject(_ -> Fault.HOLD);
        second.inject(_ -> Fault.HOLD);
        BlockClient.Started write = striped.start(striped.writeOf(0, new byte[16 * 512], false));
        assertThat(BlockClient.onOwner(first, () -> first.held() + second.held()))
                .isEqualTo(2);
        write.cancel();
        assertThat(write.end()).isEqualTo(BlockOutcome.failed(new BlockFailure.Cancelled()));
        first.inject(_ -> Fault.NONE);
        second.inject(_ -> Fault.NONE);
        assertThat(striped.read(0, 16)).isEqualTo(new byte[16 * 512]);
        striped.close();
    }

    @Test
    void aSmallerDeviceInTheSlotFailsOnlyBeyondItsEnd() {
        Limits limits = new Limits(4096, 0, 0, 0, false, true, false);
        SlotDevice slot = new SlotDevice(
                owner, ComposedContractsTest.identity("u"), unit("u", 100).geometry(), limits, "away");
        BlockClient.onOwner(slot, () -> {
            slot.fill(unit("u", 60));
            return true;
        });
        BlockClient client = new BlockClient(slot);
        assertThat(client.read(0, 60)).hasSize(60 * 512);
        assertThat(client.run(new BlockRequest.Read(59, 2, false))).isInstanceOf(BlockOutcome.Failed.class);
        client.close();
    }
}
