package dev.sanway.volume;

import static dev.sanway.block.BlockOutcome.DONE;

import dev.sanway.block.BlockCompletion;
import dev.sanway.block.BlockDevice;
import dev.sanway.block.BlockFailure;
import dev.sanway.block.BlockOperation;
import dev.sanway.block.BlockOutcome;
import dev.sanway.block.BlockRange;
import dev.sanway.block.BlockRequest;
import dev.sanway.block.DeviceListener;
import dev.sanway.block.DeviceListeners;
import dev.sanway.block.Geometry;
import dev.sanway.block.Identity;
import dev.sanway.block.Limits;
import dev.sanway.block.Readiness;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.util.concurrent.EventExecutor;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.TimeUnit;

/**
 * A disk with a volatile cache of which a seed decides what happens when: each block of a request lands at some moment between its
 * submission and its answer, requests overtake each other, are cancelled halfway, fail or hang. A block holds one number.
 */
final class SimulatedDisk implements BlockDevice {
    static final int BLOCK_BYTES = 4096;

    private final EventExecutor loop;
    private final Random random;
    private final Identity identity;
    private final Geometry geometry;
    private final DeviceListeners listeners = new DeviceListeners();
    final long[] now;
    final long[] durable;
    private final BitSet mapped = new BitSet();
    private final List<Operation> hung = new ArrayList<>();
    private boolean lossToTell;

    double failureChance;
    boolean hangs;
    boolean dead;
    int underWay;

    SimulatedDisk(EventExecutor loop, Random random, String name, int blocks, long content) {
        this.loop = loop;
        this.random = random;
        this.identity = new Identity(UUID.randomUUID(), name);
        this.geometry = new Geometry(BLOCK_BYTES, BLOCK_BYTES, blocks);
        this.now = new long[blocks];
        this.durable = new long[blocks];
        java.util.Arrays.fill(now, content);
        java.util.Arrays.fill(durable, content);
        mapped.set(0, blocks, content != 0);
    }

    /** Forgets what was not flushed; tells how many blocks that were. */
    int losePower() {
        int lost = 0;
        for (int i = 0; i < now.length; i++) {
            if (now[i] != durable[i]) {
                now[i] = durable[i];
                mapped.set(i);
                lost++;
            }
        }
        lossToTell |= lost > 0;
        return lost;
    }

    /** Answers what hung. */
    void wake() {
        hangs = false;
        List<Operation> all = List.copyOf(hung);
        hung.clear();
        all.forEach(Operation::step);
    }

    @Override
    public Readiness readiness() {
        return Readiness.READY;
    }

    @Override
    public BlockOperation submit(BlockRequest request, BlockCompletion completion) {
        underWay++;
        Operation operation = new Operation(request, completion);
        operation.later();
        return operation;
    }

    private final class Operation implements BlockOperation {
        private final BlockRequest request;
        private final BlockCompletion completion;
        private final List<Runnable> effects = new ArrayList<>();
        private final BlockOutcome fate;
        private boolean cancelled;
        private boolean ended;

        Operation(BlockRequest request, BlockCompletion completion) {
            this.request = request;
            this.completion = completion;
            boolean fails = random.nextDouble() < failureChance;
            this.fate = !fails
                    ? DONE
                    : BlockOutcome.failed(
                            random.nextInt(3) == 0 ? new BlockFailure.Busy() : new BlockFailure.NotReady("by chance"));
            boolean nothing = fate instanceof BlockOutcome.Failed(BlockFailure.Busy _);
            if (!nothing) {
                gather();
                java.util.Collections.shuffle(effects, random);
            }
        }

        private void gather() {
            switch (request) {
                case BlockRequest.Write write -> {
                    for (int i = 0; i < write.blockCount(); i++) {
                        int block = (int) write.lba() + i;
                        long value = write.data().getLong(write.data().readerIndex() + i * BLOCK_BYTES);
                        effects.add(() -> set(block, value, write.forceUnitAccess()));
                    }
                }
                case BlockRequest.WriteZeroes zeroes -> {
                    for (int i = 0; i < zeroes.blockCount(); i++) {
                        int block = (int) zeroes.lba() + i;
                        effects.add(() -> clear(block, zeroes.forceUnitAccess(), zeroes.mayUnmap()));
                    }
                }
                case BlockRequest.Unmap unmap -> {
                    for (BlockRange range : unmap.ranges()) {
                        for (long block = range.lba(); block < range.end(); block++) {
                            int number = (int) block;
                            if (random.nextBoolean()) {
                                effects.add(() -> clear(number, false, true));
                            }
                        }
                    }
                }
                case BlockRequest.Flush _,
                        BlockRequest.Read _,
                        BlockRequest.Status _,
                        BlockRequest.CompareAndWrite _,
                        BlockRequest.OrWrite _ -> {}
            }
        }

        void later() {
            if (hangs) {
                hung.add(this);
            } else {
                var _ = loop.schedule(this::step, random.nextInt(400), TimeUnit.MICROSECONDS);
            }
        }

        void step() {
            if (ended) {
                return;
            }
            if (cancelled && random.nextBoolean()) {
                end(BlockOutcome.failed(new BlockFailure.Cancelled()));
                return;
            }
            if (dead) {
                end(BlockOutcome.failed(new BlockFailure.NotReady("dead")));
                return;
            }
            boolean breaks = fate instanceof BlockOutcome.Failed && random.nextBoolean();
            int some = breaks ? random.nextInt(effects.size() + 1) : Math.min(effects.size(), 1 + random.nextInt(64));
            for (int i = 0; i < some && !effects.isEmpty(); i++) {
                effects.removeLast().run();
            }
            if (!effects.isEmpty() && !breaks) {
                later();
            } else {
                end(fate.equals(DONE) ? done() : fate);
            }
        }

        private BlockOutcome done() {
            return switch (request) {
                case BlockRequest.Read read -> {
                    ByteBuf bytes = Unpooled.buffer(read.blockCount() * BLOCK_BYTES);
                    for (int i = 0; i < read.blockCount(); i++) {
                        bytes.setLong(i * BLOCK_BYTES, now[(int) read.lba() + i]);
                    }
                    yield new BlockOutcome.Data(bytes.writerIndex(read.blockCount() * BLOCK_BYTES));
                }
                case BlockRequest.Flush _ -> {
                    if (lossToTell) {
                        lossToTell = false;
                        yield BlockOutcome.failed(new BlockFailure.UnflushedWritesLost());
                    }
                    System.arraycopy(now, 0, durable, 0, now.length);
                    yield DONE;
                }
                case BlockRequest.Status status -> {
                    List<BlockOutcome.Status.Extent> extents = new ArrayList<>();
                    int at = (int) status.lba();
                    int end = (int) (status.lba() + status.blockCount());
                    while (at < end) {
                        boolean is = mapped.get(at);
                        int until = is ? mapped.nextClearBit(at) : mapped.nextSetBit(at);
                        until = until < 0 ? end : Math.min(end, until);
                        extents.add(new BlockOutcome.Status.Extent(at, until - at, is));
                        at = until;
                    }
                    yield new BlockOutcome.Status(extents);
                }
                case BlockRequest.Write _, BlockRequest.WriteZeroes _, BlockRequest.Unmap _ -> DONE;
                case BlockRequest.CompareAndWrite _, BlockRequest.OrWrite _ ->
                    throw new IllegalStateException("not for a disk");
            };
        }

        private void end(BlockOutcome outcome) {
            ended = true;
            underWay--;
            BlockRequest.release(request);
            completion.completed(outcome);
        }

        @Override
        public void cancel() {
            cancelled = true;
        }
    }

    private void set(int block, long value, boolean through) {
        now[block] = value;
        mapped.set(block);
        if (through) {
            durable[block] = value;
        }
    }

    private void clear(int block, boolean through, boolean unmaps) {
        now[block] = 0;
        mapped.set(block, !unmaps);
        if (through) {
            durable[block] = 0;
        }
    }

    @Override
    public EventExecutor owner() {
        return loop;
    }

    @Override
    public Geometry geometry() {
        return geometry;
    }

    @Override
    public Limits limits() {
        return new Limits(2048, 0, 1, 0, true, true, false);
    }

    @Override
    public Identity identity() {
        return identity;
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
        whenClosed.run();
    }
}
