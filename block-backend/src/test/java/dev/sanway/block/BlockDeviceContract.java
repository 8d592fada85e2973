package dev.sanway.block;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.CompositeByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.util.concurrent.DefaultEventExecutor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What every device must do, as tests: extend it and say how to make a device. A picture in memory of what the blocks must
 * hold goes along with random requests; a failure names its seed ({@code -Dsanway.seed=N} repeats it).
 */
public abstract class BlockDeviceContract {
    private static final long BYTES = 3 << 20;
    private static final int ROUNDS = 300;

    protected final DefaultEventExecutor owner = new DefaultEventExecutor();

    @SuppressWarnings("NullAway.Init") // set by start, with which every test begins
    private CheckedDevice checked;

    private @Nullable BlockClient opened;

    @SuppressWarnings("NullAway.Init")
    private BlockClient client;

    private int blockSize;
    private int blockCount;

    /** A new device that reads as zeroes. Called on the test's thread. */
    protected abstract BlockDevice open(int blockSizeBytes, long blockCount) throws Exception;

    /** Ends what {@link #open} made besides the device. */
    protected void afterClose() throws Exception {}

    private void start(int blockSizeBytes) throws Exception {
        blockSize = blockSizeBytes;
        blockCount = (int) (BYTES / blockSizeBytes);
        checked = new CheckedDevice(open(blockSizeBytes, blockCount));
        client = new BlockClient(checked);
        opened = client;
    }

    @AfterEach
    void end() throws Exception {
        if (opened != null) {
            opened.close();
            assertThat(checked.firstBreach()).isNull();
            assertThat(checked.underWay()).isZero();
        }
        afterClose();
        owner.shutdownGracefully(0, 5, TimeUnit.SECONDS);
    }

    @ParameterizedTest
    @ValueSource(ints = {512, 4096})
    void hasTheGeometryThatWasAskedFor(int size) throws Exception {
        start(size);
        assertThat(checked.geometry().blockSizeBytes()).isEqualTo(size);
        assertThat(checked.geometry().blockCount()).isEqualTo(blockCount);
        assertThat(checked.limits().maxTransferBlocks()).isPositive();
    }

    @ParameterizedTest
    @ValueSource(ints = {512, 4096})
    void randomRequestsAgreeWithAPictureInMemory(int size) throws Exception {
        start(size);
        long seed = Long.getLong("sanway.seed", System.nanoTime());
        Random random = new Random(seed);
        byte[] picture = new byte[blockCount * blockSize];
        for (int round = 0; round < ROUNDS; round++) {
            step(random, picture, "seed " + seed + ", round " + round);
        }
        for (int lba = 0; lba < blockCount; lba += 1 << 20 >> 9) {
            int run = Math.min(Math.min(1 << 20 >> 9, checked.limits().maxTransferBlocks()), blockCount - lba);
            assertThat(client.read(lba, run)).as("seed " + seed).isEqualTo(slice(picture, lba, run));
        }
    }

    private void step(Random random, byte[] picture, String which) {
        int lba = random.nextInt(blockCount);
        int most = Math.min(blockCount - lba, checked.limits().maxTransferBlocks());
        int run = Math.min(most, 1 + random.nextInt(random.nextInt(10) == 0 ? most : Math.min(most, 40)));
        int from = lba * blockSize;
        int to = from + run * blockSize;
        switch (random.nextInt(9)) {
            case 0, 1, 2 -> {
                byte[] bytes = new byte[run * blockSize];
                random.nextBytes(bytes);
                boolean force = random.nextInt(20) == 0;
                BlockRequest write = new BlockRequest.Write(lba, run, inPieces(bytes, random), force);
                assertThat(client.run(write)).as(which).isEqualTo(BlockOutcome.DONE);
                System.arraycopy(bytes, 0, picture, from, bytes.length);
            }
            case 3, 4 -> assertThat(client.read(lba, run)).as(which).isEqualTo(slice(picture, lba, run));
            case 5 -> {
                boolean mayUnmap = random.nextBoolean();
                BlockRequest zeroes = new BlockRequest.WriteZeroes(lba, run, mayUnmap, random.nextInt(10) == 0);
                assertThat(client.run(zeroes)).as(which).isEqualTo(BlockOutcome.DONE);
                Arrays.fill(picture, from, to, (byte) 0);
            }
            case 6 -> {
                if (checked.limits().unmappedReadsZeroes() && checked.limits().unmapGranularityBlocks() > 0) {
                    unmapWholeGranules(lba, run, picture, which);
                }
            }
            case 7 -> checkStatus(lba, run, picture, which);
            default -> {
                if (random.nextInt(5) == 0) {
                    assertThat(client.run(new BlockRequest.Flush(lba, random.nextBoolean() ? run : 0)))
                            .as(which)
                            .isEqualTo(BlockOutcome.DONE);
                }
            }
        }
    }

    /** Of parts of granules it is not said whether they are given back, so the picture would not know. */
    private void unmapWholeGranules(int lba, int run, byte[] picture, String which) {
        int granule = checked.limits().unmapGranularityBlocks();
        int alignment = checked.limits().unmapAlignmentBlocks();
        int first = Math.max(alignment, (lba - alignment + granule - 1) / granule * granule + alignment);
        int count = (lba + run - first) / granule * granule;
        if (count <= 0) {
            return;
        }
        int half = count / 2;
        List<BlockRange> ranges = List.of(new BlockRange(first + half, count - half), new BlockRange(first, half));
        assertThat(client.run(new BlockRequest.Unmap(ranges))).as(which).isEqualTo(BlockOutcome.DONE);
        byte[] now = client.read(first, Math.min(count, checked.limits().maxTransferBlocks()));
        // Given back or not, each block is as it was or zero; where all is zero the picture follows.
        if (half % granule == 0) {
            assertThat(now).as(which).isEqualTo(new byte[now.length]);
        }
        for (int i = 0; i < count; i++) {
            byte[] block = client.read(first + i, 1);
            if (!Arrays.equals(block, new byte[blockSize])) {
                assertThat(block).as(which).isEqualTo(slice(picture, first + i, 1));
            } else {
                Arrays.fill(picture, (first + i) * blockSize, (first + i + 1) * blockSize, (byte) 0);
            }
        }
    }

    private void checkStatus(int lba, int run, byte[] picture, String which) {
        BlockOutcome outcome = client.run(new BlockRequest.Status(lba, run));
        assertThat(outcome).as(which).isInstanceOf(BlockOutcome.Status.class);
        for (BlockOutcome.Status.Extent extent : ((BlockOutcome.Status) outcome).extents()) {
            if (!extent.mapped()) {
                byte[] there = slice(picture, (int) extent.lba(), (int) extent.blockCount());
                assertThat(there).as(which + " " + extent).isEqualTo(new byte[there.length]);
            }
        }
    }

    private byte[] slice(byte[] picture, int lba, int run) {
        return Arrays.copyOfRange(picture, lba * blockSize, (lba + run) * blockSize);
    }

    /** The bytes as data of several packets would come: slices that know no block bounds. */
    private static ByteBuf inPieces(byte[] bytes, Random random) {
        if (random.nextBoolean()) {
            return Unpooled.copiedBuffer(bytes);
        }
        CompositeByteBuf whole = Unpooled.compositeBuffer(1024);
        for (int at = 0; at < bytes.length; ) {
            int run = Math.min(bytes.length - at, 1 + random.nextInt(9000));
            whole.addComponent(true, Unpooled.directBuffer(run).writeBytes(bytes, at, run));
            at += run;
        }
        return whole;
    }

    @Test
    void manyRequestsUnderWayAtOnceDoNotMix() throws Exception {
        start(512);
        List<BlockClient.Started> writes = new ArrayList<>();
        for (int i = 0; i < 200; i++) {
            byte[] bytes = new byte[7 * blockSize];
            Arrays.fill(bytes, (byte) (i + 1));
            writes.add(client.start(client.writeOf(i * 7L, bytes, i % 50 == 0)));
        }
        writes.forEach(write -> assertThat(write.end()).isEqualTo(BlockOutcome.DONE));
        for (int i = 0; i < 200; i++) {
            byte[] expected = new byte[7 * blockSize];
            Arrays.fill(expected, (byte) (i + 1));
            assertThat(client.read(i * 7L, 7)).isEqualTo(expected);
        }
    }

    @Test
    void readsAndWritesTheLongestTransferAndTheLastBlock() throws Exception {
        start(512);
        int run = Math.min(blockCount, checked.limits().maxTransferBlocks());
        byte[] bytes = new byte[run * blockSize];
        new Random(7).nextBytes(bytes);
        client.write(blockCount - run, bytes);
        assertThat(client.read(blockCount - run, run)).isEqualTo(bytes);
        assertThat(client.read(blockCount - 1, 1))
                .isEqualTo(Arrays.copyOfRange(bytes, bytes.length - 512, bytes.length));
    }

    @Test
    void requestsForNoBlocksDoNothing() throws Exception {
        start(512);
        assertThat(client.read(0, 0)).isEmpty();
        assertThat(client.read(blockCount, 0)).isEmpty();
        client.write(5, new byte[0]);
        client.unmap(5, 0);
        assertThat(client.run(new BlockRequest.Unmap(List.of()))).isEqualTo(BlockOutcome.DONE);
        assertThat(client.run(new BlockRequest.WriteZeroes(3, 0, true, false))).isEqualTo(BlockOutcome.DONE);
        assertThat(client.run(new BlockRequest.Status(3, 0))).isEqualTo(new BlockOutcome.Status(List.of()));
    }

    @Test
    void zeroesTheWholeDeviceInOneRequest() throws Exception {
        start(512);
        byte[] bytes = new byte[64 * blockSize];
        new Random(8).nextBytes(bytes);
        client.write(100, bytes);
        client.write(blockCount - 64, bytes);
        assertThat(client.run(new BlockRequest.WriteZeroes(0, blockCount, true, true)))
                .isEqualTo(BlockOutcome.DONE);
        assertThat(client.read(100, 64)).isEqualTo(new byte[bytes.length]);
        assertThat(client.read(blockCount - 64, 64)).isEqualTo(new byte[bytes.length]);
    }

    @Test
    void aCancelledRequestEndsOnceWithItsOutcomeOrAsCancelled() throws Exception {
        start(512);
        for (int i = 0; i < 50; i++) {
            BlockClient.Started write = client.start(client.writeOf(i, new byte[512], false));
            write.cancel();
            write.cancel();
            assertThat(write.end()).isIn(BlockOutcome.DONE, BlockOutcome.failed(new BlockFailure.Cancelled()));
        }
    }

    @Test
    void anUnimplementedRequestIsRefusedAndItsBuffersAreReleased() throws Exception {
        start(512);
        ByteBuf compare = Unpooled.buffer(512).writeZero(512);
        ByteBuf write = Unpooled.buffer(512).writeZero(512);
        ByteBuf or = Unpooled.buffer(512).writeZero(512);
        assertThat(client.run(new BlockRequest.CompareAndWrite(0, 1, compare, write, false)))
                .isIn(BlockOutcome.DONE, BlockOutcome.failed(new BlockFailure.Unsupported()));
        assertThat(client.run(new BlockRequest.OrWrite(0, 1, or, false)))
                .isIn(BlockOutcome.DONE, BlockOutcome.failed(new BlockFailure.Unsupported()));
        assertThat(List.of(compare.refCnt(), write.refCnt(), or.refCnt())).containsOnly(0);
    }
}
