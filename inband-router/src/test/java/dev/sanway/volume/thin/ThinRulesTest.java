package dev.sanway.volume.thin;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sanway.block.BlockCompletion;
import dev.sanway.block.BlockDevice;
import dev.sanway.block.BlockFailure;
import dev.sanway.block.BlockOperation;
import dev.sanway.block.BlockOutcome;
import dev.sanway.block.BlockRange;
import dev.sanway.block.BlockRequest;
import dev.sanway.block.DeviceEvent;
import dev.sanway.block.DeviceListener;
import dev.sanway.block.DeviceListeners;
import dev.sanway.block.ForwardingDevice;
import dev.sanway.block.Identity;
import dev.sanway.block.Readiness;
import dev.sanway.pool.DeviceFailedException;
import io.netty.buffer.Unpooled;
import io.netty.util.concurrent.DefaultEventExecutor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What thin volumes must do at moments that chance seldom meets; {@link ThinCrashTest} does the others. */
class ThinRulesTest {
    private static final int BLOCK = 512;
    private static final int EXTENT_BLOCKS = SlabFormat.EXTENT_BYTES / BLOCK;
    private static final int MAP_BLOCKS = SlabFormat.MAP_BYTES / BLOCK;

    private final DefaultEventExecutor loop = new DefaultEventExecutor();
    private final UnstableDevice.Kill alive = new UnstableDevice.Kill();
    private final List<Probe> probes = new ArrayList<>();
    private boolean holdNew;

    @AfterEach
    void stop() {
        loop.shutdownGracefully(0, 5, TimeUnit.SECONDS);
    }

    /** A slab's partition, which a test can hold up and have tell of its unit. */
    private static final class Probe extends ForwardingDevice {
        private final DeviceListeners listeners = new DeviceListeners();
        /** Map pages go to the unit's cache only, and nobody hears of it. */
        private boolean halfDone;
        /** Map pages wait. */
        private boolean holding;

        private final List<Runnable> held = new ArrayList<>();
        private boolean closed;

        Probe(BlockDevice inner) {
            super(inner);
        }

        void tell(DeviceEvent event) {
            listeners.tell(event);
        }

        void goOn() {
            holding = false;
            held.forEach(Runnable::run);
            held.clear();
        }

        @Override
        public BlockOperation submit(BlockRequest request, BlockCompletion completion) {
            if (request instanceof BlockRequest.Write write && write.lba() < MAP_BLOCKS) {
                if (halfDone) {
                    inner.submit(new BlockRequest.Write(write.lba(), write.blockCount(), write.data(), false), _ -> {});
                    return BlockOperation.UNCANCELLABLE;
                }
                if (holding) {
                    held.add(() -> inner.submit(request, completion));
                    return BlockOperation.UNCANCELLABLE;
                }
            }
            return inner.submit(request, completion);
        }

        @Override
        public void addListener(DeviceListener listener) {
            listeners.add(listener);
        }

        @Override
        public void removeListener(DeviceListener listener) {
            listeners.remove(listener);
        }

        @Override
        public void close(Runnable whenClosed) {
            assertThat(closed).as("closed twice").isFalse();
            closed = true;
            inner.close(whenClosed);
        }
    }

    private <T> T onLoop(Callable<T> action) throws Exception {
        return loop.submit(action).get(10, TimeUnit.SECONDS);
    }

    private SlabPool pool(int units, int slabsPerUnit) throws Exception {
        return onLoop(() -> new SlabPool(loop, BLOCK, units, slabsPerUnit, 3));
    }

    private ThinDevice open(SlabPool pool, SlabSource source, ThinDevice.Zeroing zeroing) throws Exception {
        return onLoop(() -> new ThinDevice(
                new Identity(SlabPool.VOLUME, "thin"),
                BLOCK,
                20L * EXTENT_BLOCKS,
                4096,
                new ThinDevice.Parts(loop, pool.slabs(this::way), source, zeroing, new Turns(8), 0)));
    }

    private ThinDevice open(SlabPool pool) throws Exception {
        return open(pool, pool.source(this::way, alive), SlabPool::zero);
    }

    private BlockDevice way(BlockDevice part) {
        Probe probe = new Probe(part);
        probe.holding = holdNew;
        probes.add(probe);
        return probe;
    }

    private CompletableFuture<BlockOutcome> submit(BlockDevice device, BlockRequest request) {
        CompletableFuture<BlockOutcome> end = new CompletableFuture<>();
        loop.execute(() -> device.submit(request, end::complete));
        return end;
    }

    private CompletableFuture<BlockOutcome> write(BlockDevice device, int extent, int value, boolean force) {
        byte[] bytes = new byte[BLOCK];
        Arrays.fill(bytes, (byte) value);
        return submit(
                device, new BlockRequest.Write((long) extent * EXTENT_BLOCKS, 1, Unpooled.wrappedBuffer(bytes), force));
    }

    private static BlockOutcome ended(CompletableFuture<BlockOutcome> end) throws Exception {
        return end.get(10, TimeUnit.SECONDS);
    }

    private int read(BlockDevice device, int extent) throws Exception {
        BlockOutcome outcome = ended(submit(device, new BlockRequest.Read((long) extent * EXTENT_BLOCKS, 1, false)));
        assertThat(outcome).isInstanceOf(BlockOutcome.Data.class);
        var bytes = ((BlockOutcome.Data) outcome).bytes();
        try {
            return bytes.getByte(bytes.readerIndex());
        } finally {
            bytes.release();
        }
    }

    private void await(Callable<Boolean> condition) {
        Awaitility.await().atMost(10, TimeUnit.SECONDS).until(() -> onLoop(condition));
    }

    /**
     * A gateway is killed while a unit has a map page in its cache, and no further. The next one reads it there. What it then
     * acknowledges as durable must not hang on an entry that goes with the unit's power.
     */
    @Test
    void aPageThatOnlyAUnitsCacheHoldsIsMadeDurableBeforeItIsBuiltUpon() throws Exception {
        SlabPool pool = pool(1, 1);
        ThinDevice first = open(pool);
        assertThat(ended(write(first, 0, 1, true))).isEqualTo(BlockOutcome.DONE);
        onLoop(() -> probes.getFirst().halfDone = true);
        CompletableFuture<BlockOutcome> killed = write(first, 1, 2, true);
        await(() -> pool.units.getFirst().unflushedBlocks() > 0);
        assertThat(killed).isNotDone();

        ThinDevice second = open(pool);
        assertThat(ended(write(second, 1, 3, true))).isEqualTo(BlockOutcome.DONE);
        onLoop(() -> {
            pool.units.getFirst().losePower(new Random(1), 0);
            pool.units.getFirst().restorePower();
            return null;
        });

        ThinDevice third = open(pool);
        assertThat(read(third, 0)).isEqualTo(1);
        assertThat(read(third, 1)).as("written with FUA, and acknowledged").isEqualTo(3);
    }

    /** Two slabs claim an extent; while that is corrected, a unit goes away. */
    @Test
    void aUnitThatGoesWhileMapsAreCorrectedIsNotWaitedFor() throws Exception {
        SlabPool pool = pool(2, 1);
        ThinDevice first = open(pool);
        for (int extent = 0; extent < 3; extent++) {
            assertThat(ended(write(first, extent, 1, true))).isEqualTo(BlockOutcome.DONE);
        }
        // The entry of extent 0 stays on the medium when it is freed; then the extent gets another place.
        onLoop(() -> probes.getFirst().halfDone = true);
        submit(first, new BlockRequest.Unmap(List.of(new BlockRange(0, EXTENT_BLOCKS))));
        onLoop(() -> {
            pool.units.getFirst().losePower(new Random(1), 0);
            pool.units.getFirst().restorePower();
            return null;
        });
        assertThat(ended(write(first, 0, 2, true))).isEqualTo(BlockOutcome.DONE);

        int before = probes.size();
        holdNew = true;
        ThinDevice second = open(pool);
        Probe corrected = probes.get(before);
        CompletableFuture<BlockOutcome> read = submit(second, new BlockRequest.Read(0, 1, false));
        await(() -> !corrected.held.isEmpty());
        onLoop(() -> {
            corrected.tell(new DeviceEvent.BecameNotReady("test"));
            probes.forEach(Probe::goOn);
            return null;
        });
        BlockOutcome.release(ended(read));
        // There is room there only.
        assertThat(ended(write(second, 5, 3, true)))
                .isInstanceOfSatisfying(
                        BlockOutcome.Failed.class,
                        failed -> assertThat(failed.failure()).isInstanceOf(BlockFailure.NotReady.class));
        onLoop(() -> {
            corrected.tell(new DeviceEvent.BecameReady());
            return null;
        });
        assertThat(ended(write(second, 5, 3, true))).isEqualTo(BlockOutcome.DONE);
        assertThat(read(second, 0)).isEqualTo(2);
    }

    /** A slab that was given back says nothing any more of the volume, whose next slab has its number. */
    @Test
    void aSlabThatWasGivenBackIsHeardNoMore() throws Exception {
        SlabPool pool = pool(1, 2);
        ThinDevice device = open(pool);
        assertThat(ended(write(device, 0, 1, true))).isEqualTo(BlockOutcome.DONE);
        assertThat(ended(submit(device, new BlockRequest.Unmap(List.of(new BlockRange(0, EXTENT_BLOCKS))))))
                .isEqualTo(BlockOutcome.DONE);
        await(() -> pool.givenBack > 0);
        // The pool was full a moment ago, and is not asked again at once.
        Awaitility.await().until(() -> ended(write(device, 0, 2, true)).equals(BlockOutcome.DONE));
        onLoop(() -> {
            probes.stream()
                    .filter(probe -> probe.closed)
                    .forEach(probe -> probe.tell(new DeviceEvent.BecameNotReady("test")));
            return null;
        });
        assertThat(onLoop(device::readiness)).isEqualTo(Readiness.READY);
        assertThat(ended(write(device, 0, 3, true))).isEqualTo(BlockOutcome.DONE);
    }

    @Test
    void aVolumeThatIsClosedWhileAWriteWaitsForSpaceClosesOnce() throws Exception {
        SlabPool pool = pool(1, 2);
        assertThat(ended(write(open(pool), 0, 1, true))).isEqualTo(BlockOutcome.DONE);
        CompletableFuture<Void> never = new CompletableFuture<>();
        List<CompletableFuture<Void>> zeroing = new ArrayList<>();
        ThinDevice device = open(pool, pool.source(this::way, alive), (_, _, _) -> {
            CompletableFuture<Void> one = never.copy();
            zeroing.add(one);
            return one;
        });
        assertThat(read(device, 0)).isEqualTo(1);
        CompletableFuture<BlockOutcome> waits = write(device, 1, 2, false);
        await(() -> !zeroing.isEmpty());
        int[] closed = new int[1];
        onLoop(() -> {
            device.close(() -> closed[0]++);
            return null;
        });
        assertThat(ended(waits)).isInstanceOf(BlockOutcome.Failed.class);
        never.complete(null);
        await(() -> closed[0] > 0);
        assertThat(onLoop(() -> closed[0])).isEqualTo(1);
    }

    /**
     * What a unit says once, that it lost what was not flushed, may concern the former tenant of an extent. It is no reason to refuse
     * who gets the extent now.
     */
    @Test
    void zeroingThatHearsOfAnothersLossIsDoneAgain() throws Exception {
        SlabPool pool = pool(1, 1);
        int[] told = new int[1];
        ThinDevice device = open(
                pool,
                pool.source(this::way, alive),
                (part, start, length) -> told[0]++ < 2
                        ? CompletableFuture.failedFuture(
                                new DeviceFailedException("zeroing", new BlockFailure.UnflushedWritesLost()))
                        : SlabPool.zero(part, start, length));
        assertThat(ended(write(device, 0, 1, true))).isEqualTo(BlockOutcome.DONE);
        assertThat(told[0]).isGreaterThan(2);
    }
}
