package dev.sanway.integration.jmh;

import dev.sanway.block.BlockDevice;
import dev.sanway.block.BlockOutcome;
import dev.sanway.block.BlockRequest;
import dev.sanway.block.Geometry;
import dev.sanway.block.Identity;
import dev.sanway.block.MemoryDevice;
import dev.sanway.block.OrderedDevice;
import dev.sanway.volume.ComposedDevice;
import dev.sanway.volume.Layout;
import dev.sanway.volume.PartitionDevice;
import dev.sanway.volume.SlotDevice;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.util.concurrent.ImmediateEventExecutor;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
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
 * bottom alone, {@code one} a linear volume of one partition, {@code striped} one over four units in chunks of 64 KiB. What
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
    private static final int MAX_TRANSFER_BLOCKS = 32768;

    @Param({"memory", "one", "striped"})
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
        return new OrderedDevice(
                gate(new ComposedDevice(identity(), layout, parts, new BitSet(), MAX_TRANSFER_BLOCKS)));
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

    @Benchmark
    public long write() {
        device.submit(new BlockRequest.Write(next(), blocks, data.retainedSlice(), false), this::done);
        return answered;
    }
}
