package dev.sanway.integration.jmh;

import dev.sanway.block.BlockDevice;
import dev.sanway.block.BlockOutcome;
import dev.sanway.block.BlockRange;
import dev.sanway.block.BlockRequest;
import dev.sanway.block.Geometry;
import dev.sanway.block.Identity;
import dev.sanway.block.MemoryDevice;
import dev.sanway.block.OrderedDevice;
import dev.sanway.volume.ComposedDevice;
import dev.sanway.volume.Layout;
import dev.sanway.volume.PartitionDevice;
import dev.sanway.volume.SlotDevice;
import dev.sanway.volume.thin.SlabFormat;
import dev.sanway.volume.thin.SlabSource;
import dev.sanway.volume.thin.ThinDevice;
import dev.sanway.volume.thin.Turns;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.Unpooled;
import io.netty.util.concurrent.ImmediateEventExecutor;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * A request's way through the router, on one thread as in the gateway, down to memory: {@code memory} is the device at the
 * bottom alone, {@code one} a linear volume of one partition, {@code striped} one over four units in chunks of 64 KiB, {@code
 * thin} a thin one that is written already; {@code unmapAndWrite} gives an extent back and writes to it for the first time. What
 * the router costs is the difference to {@code memory}.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(value = 1, jvmArgsAppend = "-Dio.netty.allocator.useCachedMagazinesForNonEventLoopThreads=true")
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class RoutingBenchmark {

    private static final int BLOCK_SIZE = 512;
    private static final long BLOCKS = 65536;
    private static final int WIDTH = 4;
    private static final int CHUNK_BLOCKS = 128;
    private static final int EXTENT_BLOCKS = SlabFormat.EXTENT_BYTES / BLOCK_SIZE;
    private static final int MAX_TRANSFER_BLOCKS = 32768;

    @Param({"memory", "one", "striped", "thin"})
    public String volume = "";

    @Param({"4096", "262144"})
    public int requestBytes;

    private BlockDevice device = memory();
    private ByteBuf data = ByteBufAllocator.DEFAULT.directBuffer();
    private int blocks;
    private long lba;
    private long answered;

    @Setup(Level.Trial)
    public void assemble() {
        device = switch (volume) {
            case "memory" -> memory();
            case "one" -> volume(new Layout.Linear(BLOCKS));
            case "striped" -> volume(new Layout.Striped(WIDTH, CHUNK_BLOCKS, BLOCKS));
            case "thin" -> thin();
            default -> throw new IllegalArgumentException(volume);
        };
        blocks = requestBytes / BLOCK_SIZE;
        data.writeZero(requestBytes);
        for (lba = 0; lba < BLOCKS; lba += blocks) {
            device.submit(new BlockRequest.Write(lba, blocks, data.retainedSlice(), false), this::done);
        }
    }

    @TearDown(Level.Trial)
    public void release() {
        data.release();
    }

    private static Identity identity() {
        return new Identity(UUID.randomUUID(), "benchmark");
    }

    private static MemoryDevice memory() {
        return new MemoryDevice(ImmediateEventExecutor.INSTANCE, identity(), new Geometry(BLOCK_SIZE, 4096, BLOCKS));
    }

    /** As {@code VolumeAssembler} does it. */
    private static BlockDevice volume(Layout layout) {
        List<BlockDevice> parts = new ArrayList<>();
        for (int part = 0; part < layout.partCount(); part++) {
            parts.add(new PartitionDevice(gate(memory()), identity(), 0, layout.usedBlocks(part)));
        }
        return new OrderedDevice(gate(new ComposedDevice(identity(), layout, parts, MAX_TRANSFER_BLOCKS)));
    }

    private static BlockDevice thin() {
        UUID slab = UUID.randomUUID();
        Identity identity = identity();
        long slabBlocks = BLOCKS + 16 * EXTENT_BLOCKS;
        MemoryDevice memory = new MemoryDevice(
                ImmediateEventExecutor.INSTANCE, identity(), new Geometry(BLOCK_SIZE, 4096, slabBlocks));
        ByteBuf map = Unpooled.wrappedBuffer(SlabFormat.newMap(slab, identity.uuid(), slabBlocks * BLOCK_SIZE));
        memory.submit(new BlockRequest.Write(0, map.readableBytes() / BLOCK_SIZE, map, true), _ -> {});
        SlabSource none = new SlabSource() {
            @Override
            public void request(Consumer<Answer> answer) {
                answer.accept(new Answer.NoSpace("there is one slab"));
            }

            @Override
            public void giveBack(UUID gone, BlockDevice part, Runnable closed) {}
        };
        ThinDevice.Zeroing zeroing = (device, startBytes, lengthBytes) -> {
            device.submit(
                    new BlockRequest.WriteZeroes(startBytes / BLOCK_SIZE, lengthBytes / BLOCK_SIZE, true, true),
                    _ -> {});
            return CompletableFuture.completedFuture(null);
        };
        BlockDevice part = new PartitionDevice(gate(memory), identity(), 0, slabBlocks);
        return new OrderedDevice(gate(new ThinDevice(
                identity,
                BLOCK_SIZE,
                BLOCKS,
                MAX_TRANSFER_BLOCKS,
                new ThinDevice.Parts(
                        ImmediateEventExecutor.INSTANCE,
                        List.of(new SlabSource.SlabPart(slab, part, true)),
                        none,
                        zeroing,
                        new Turns(1),
                        -1))));
    }

    private static SlotDevice gate(BlockDevice behind) {
        SlotDevice slot = new SlotDevice(
                ImmediateEventExecutor.INSTANCE, identity(), behind.geometry(), behind.limits(), "being set up");
        slot.fill(behind);
        return slot;
    }

    private void done(BlockOutcome outcome) {
        if (outcome instanceof BlockOutcome.Failed failed) {
            throw new IllegalStateException(failed.toString());
        }
        BlockOutcome.release(outcome);
        answered++;
    }

    private long next() {
        lba = lba + 2L * blocks > BLOCKS ? 0 : lba + blocks;
        return lba;
    }

    @Benchmark
    public long read() {
        device.submit(new BlockRequest.Read(next(), blocks, false), this::done);
        return answered;
    }

    /** Of a thin volume: what an extent costs to give back and to take again. */
    @Benchmark
    public long unmapAndWrite() {
        long at = next() / EXTENT_BLOCKS * EXTENT_BLOCKS;
        device.submit(new BlockRequest.Unmap(List.of(new BlockRange(at, EXTENT_BLOCKS))), this::done);
        device.submit(new BlockRequest.Write(at, blocks, data.retainedSlice(), false), this::done);
        return answered;
    }

    @Benchmark
    public long write() {
        device.submit(new BlockRequest.Write(next(), blocks, data.retainedSlice(), false), this::done);
        return answered;
    }
}
