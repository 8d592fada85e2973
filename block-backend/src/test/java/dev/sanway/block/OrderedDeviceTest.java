package dev.sanway.block;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sanway.block.FaultyDevice.Fault;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.util.concurrent.DefaultEventExecutor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class OrderedDeviceTest {
    private static final BlockOutcome CANCELLED = BlockOutcome.failed(new BlockFailure.Cancelled());

    private final DefaultEventExecutor owner = new DefaultEventExecutor();
    private final List<BlockRequest> seen = new ArrayList<>();
    private final FaultyDevice faulty = new FaultyDevice(
            new MemoryDevice(owner, new Identity(UUID.randomUUID(), "memory"), new Geometry(512, 4096, 10_000)));
    private final BlockClient client = new BlockClient(new CheckedDevice(new OrderedDevice(new CheckedDevice(faulty))));

    @AfterEach
    void close() {
        client.close();
        owner.shutdownGracefully();
    }

    private void holdEverything() {
        faulty.inject(request -> {
            seen.add(request);
            return Fault.HOLD;
        });
    }

    private int held() {
        return BlockClient.onOwner(faulty, faulty::held);
    }

    private void letGo() {
        BlockClient.onOwner(faulty, () -> {
            faulty.letGo();
            return true;
        });
    }

    private BlockClient.Started write(long lba, int blocks, int fill) {
        return client.start(client.writeOf(lba, filled(blocks, fill), false));
    }

    private static byte[] filled(int blocks, int fill) {
        byte[] bytes = new byte[blocks * 512];
        Arrays.fill(bytes, (byte) fill);
        return bytes;
    }

    private static ByteBuf buffer(int blocks, int fill) {
        return Unpooled.copiedBuffer(filled(blocks, fill));
    }

    @Test
    void overlappingWritesGoOneAfterTheOtherAndOthersDoNotWait() {
        holdEverything();
        BlockClient.Started first = write(10, 5, 1);
        BlockClient.Started second = write(14, 5, 2);
        BlockClient.Started third = write(18, 5, 3);
        BlockClient.Started apart = write(100, 5, 4);
        assertThat(held()).as("first and the one apart").isEqualTo(2);
        faulty.inject(request -> {
            seen.add(request);
            return Fault.NONE;
        });
        letGo();
        for (BlockClient.Started each : List.of(first, second, third, apart)) {
            assertThat(each.end()).isEqualTo(BlockOutcome.DONE);
        }
        assertThat(seen.stream().map(request -> ((BlockRequest.Write) request).lba()))
                .containsExactly(10L, 100L, 14L, 18L);
        assertThat(client.read(14, 1)).isEqualTo(filled(1, 2));
        assertThat(client.read(18, 1)).isEqualTo(filled(1, 3));
    }

    @Test
    void aWaitingWriteIsNotOvertakenByALaterOne() {
        holdEverything();
        BlockClient.Started first = write(0, 10, 1);
        BlockClient.Started wide = write(5, 20, 2);
        BlockClient.Started late = write(20, 2, 3);
        assertThat(held()).as("late waits for the waiting one").isEqualTo(1);
        faulty.inject(_ -> Fault.NONE);
        letGo();
        assertThat(List.of(first.end(), wide.end(), late.end())).containsOnly(BlockOutcome.DONE);
        assertThat(client.read(20, 2)).isEqualTo(filled(2, 3));
    }

    @Test
    void readsDoNotWaitForWritesButForExclusiveRequests() {
        holdEverything();
        BlockClient.Started write = write(0, 4, 1);
        BlockClient.Started read = client.start(new BlockRequest.Read(0, 4, false));
        assertThat(held()).isEqualTo(2);
        BlockClient.Started exclusive =
                client.start(new BlockRequest.CompareAndWrite(0, 1, buffer(1, 1), buffer(1, 7), false));
        BlockClient.Started readAfter = client.start(new BlockRequest.Read(0, 1, false));
        assertThat(held()).as("exclusive waits for both, the later read for it").isEqualTo(2);
        faulty.inject(_ -> Fault.NONE);
        letGo();
        assertThat(write.end()).isEqualTo(BlockOutcome.DONE);
        BlockOutcome.release(read.end());
        assertThat(exclusive.end()).isEqualTo(BlockOutcome.DONE);
        BlockOutcome after = readAfter.end();
        assertThat(((BlockOutcome.Data) after).bytes().getByte(0)).isEqualTo((byte) 7);
        BlockOutcome.release(after);
    }

    @Test
    void aWaitingRequestIsCancelledAtOnceAndItsWaitersGoOn() {
        holdEverything();
        BlockClient.Started first = write(0, 4, 1);
        BlockClient.Started waiting = write(2, 4, 2);
        BlockClient.Started behind = write(5, 4, 3);
        assertThat(held()).isEqualTo(1);
        waiting.cancel();
        assertThat(waiting.end()).isEqualTo(CANCELLED);
        assertThat(held()).as("the one behind has started").isEqualTo(2);
        faulty.inject(_ -> Fault.NONE);
        letGo();
        assertThat(List.of(first.end(), behind.end())).containsOnly(BlockOutcome.DONE);
        assertThat(client.read(4, 1)).isEqualTo(new byte[512]);
    }

    @Test
    void aRunningRequestIsCancelledInTheDevice() {
        holdEverything();
        BlockClient.Started first = write(0, 4, 1);
        first.cancel();
        assertThat(first.end()).isEqualTo(CANCELLED);
        faulty.inject(_ -> Fault.NONE);
        assertThat(client.read(0, 4)).isEqualTo(new byte[2048]);
    }

    @Test
    void compareAndWriteSaysWhereTheFirstDifferenceIs() {
        byte[] there = filled(2, 3);
        there[700] = 9;
        client.write(8, there);
        assertThat(client.run(new BlockRequest.CompareAndWrite(8, 2, buffer(2, 3), buffer(2, 5), false)))
                .isEqualTo(BlockOutcome.failed(new BlockFailure.Miscompare(700)));
        assertThat(client.read(8, 2)).isEqualTo(there);
        assertThat(client.run(new BlockRequest.CompareAndWrite(8, 1, buffer(1, 3), buffer(1, 5), false)))
                .isEqualTo(BlockOutcome.DONE);
        assertThat(client.read(8, 1)).isEqualTo(filled(1, 5));
    }

    @Test
    void orWriteOrs() {
        client.write(8, filled(2, 0b0011));
        assertThat(client.run(new BlockRequest.OrWrite(8, 2, buffer(2, 0b0101), true)))
                .isEqualTo(BlockOutcome.DONE);
        assertThat(client.read(8, 2)).isEqualTo(filled(2, 0b0111));
    }

    @Test
    void aFailedReadEndsACompareAndWriteWithItsFailure() {
        BlockFailure unreadable = new BlockFailure.Unreadable(8);
        faulty.inject(request -> request instanceof BlockRequest.Read ? new Fault.Fail(unreadable) : Fault.NONE);
        assertThat(client.run(new BlockRequest.CompareAndWrite(8, 1, buffer(1, 0), buffer(1, 5), false)))
                .isEqualTo(BlockOutcome.failed(unreadable));
        assertThat(client.run(new BlockRequest.OrWrite(8, 1, buffer(1, 0), false)))
                .isEqualTo(BlockOutcome.failed(unreadable));
        faulty.inject(_ -> Fault.NONE);
    }

    @Test
    void aCounterThatManyIncrementLosesNothing() {
        // Each round every competitor bids for the same step by compare-and-write; exactly one may win it.
        for (int value = 0; value < 100; value++) {
            List<BlockClient.Started> bids = new ArrayList<>();
            for (int competitor = 0; competitor < 8; competitor++) {
                bids.add(client.start(
                        new BlockRequest.CompareAndWrite(3, 1, buffer(1, value), buffer(1, value + 1), false)));
            }
            assertThat(bids.stream().filter(bid -> bid.end() instanceof BlockOutcome.Done))
                    .hasSize(1);
        }
        assertThat(client.read(3, 1)).isEqualTo(filled(1, 100));
    }

    @Test
    void aLongChainOfWaitersNeedsNoDeepStack() {
        holdEverything();
        List<BlockClient.Started> all = new ArrayList<>();
        AtomicInteger ended = new AtomicInteger();
        for (int i = 0; i < 5000; i++) {
            BlockClient.Started each = write(0, 1, i);
            each.outcome().thenAccept(_ -> ended.incrementAndGet());
            all.add(each);
        }
        faulty.inject(_ -> Fault.NONE);
        letGo();
        all.forEach(each -> assertThat(each.end()).isEqualTo(BlockOutcome.DONE));
        assertThat(ended).hasValue(5000);
        assertThat(client.read(0, 1)).isEqualTo(filled(1, 4999));
    }

    @Test
    void anUnmapWaitsOnlyForItsOwnRanges() {
        holdEverything();
        BlockClient.Started between = write(50, 1, 1);
        BlockClient.Started unmap =
                client.start(new BlockRequest.Unmap(List.of(new BlockRange(0, 10), new BlockRange(100, 10))));
        BlockClient.Started inside = write(105, 1, 1);
        BlockClient.Started alsoBetween = write(60, 1, 1);
        assertThat(held()).as("all but the write inside").isEqualTo(3);
        faulty.inject(_ -> Fault.NONE);
        letGo();
        for (BlockClient.Started each : List.of(between, unmap, inside, alsoBetween)) {
            assertThat(each.end()).isEqualTo(BlockOutcome.DONE);
        }
        assertThat(client.read(105, 1)).isEqualTo(filled(1, 1));
    }

    @Test
    void randomCancellationsLeaveNothingBehind() {
        long seed = ThreadLocalRandom.current().nextLong();
        java.util.Random random = new java.util.Random(seed);
        faulty.inject(_ -> random.nextInt(3) == 0 ? Fault.HOLD : Fault.NONE);
        for (int round = 0; round < 200; round++) {
            List<BlockClient.Started> all = new ArrayList<>();
            for (int i = 0; i < 10; i++) {
                int lba = random.nextInt(30);
                all.add(
                        random.nextBoolean()
                                ? write(lba, 1 + random.nextInt(10), 1)
                                : client.start(new BlockRequest.OrWrite(lba, 2, buffer(2, 4), false)));
            }
            all.forEach(each -> {
                if (random.nextInt(3) == 0) {
                    each.cancel();
                }
            });
            // A held request may free others that are held in turn.
            while (held() > 0) {
                letGo();
            }
            all.forEach(each -> assertThat(each.end()).as("seed " + seed).isIn(BlockOutcome.DONE, CANCELLED));
        }
        faulty.inject(_ -> Fault.NONE);
    }
}
