package dev.sanway.block;

import static dev.sanway.block.BlockOutcome.DONE;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * A disk with a volatile write cache above a real device: a write without {@code forceUnitAccess} stays in memory until a
 * flush, and {@link #losePower} forgets it, wholly or by chance block by block as real disks do.
 *
 * <p>What reaches the real device does so one request after the other, so that an old block never lands on a newer one.
 * Unmap and write zeroes go straight through.
 */
public final class VolatileCacheDevice extends ForwardingDevice {
    private final TreeMap<Long, byte[]> cache = new TreeMap<>();
    private final ArrayDeque<Runnable> awaiting = new ArrayDeque<>();
    /** Ranges of unmaps and write zeroes that are on their way to the real device. */
    private final List<BlockRange> passing = new ArrayList<>();

    private boolean busy;
    private boolean powered = true;
    private int powerCycles;
    /** Blocks that were lucky and are not on the real device yet; nobody may see it without them. */
    private int surviving;

    public VolatileCacheDevice(BlockDevice inner) {
        super(inner);
    }

    /** Blocks that a loss of power would forget. On the owner. */
    public int unflushedBlocks() {
        return cache.size();
    }

    /**
     * Forgets what was not flushed, but for a block here and there: each is kept with {@code chanceToSurvive}. Requests under
     * way fail, later ones too until {@link #restorePower}. On the owner.
     */
    public void losePower(Random random, double chanceToSurvive) {
        powered = false;
        powerCycles++;
        Map<Long, byte[]> lucky = new TreeMap<>();
        cache.forEach((lba, bytes) -> {
            if (random.nextDouble() < chanceToSurvive) {
                lucky.put(lba, bytes);
            }
        });
        cache.clear();
        lucky.forEach((lba, bytes) -> {
            surviving++;
            BlockRequest write = new BlockRequest.Write(lba, 1, Unpooled.wrappedBuffer(bytes), false);
            inOrder(done -> inner.submit(write, _ -> {
                surviving--;
                done.run();
            }));
        });
    }

    /** Serves again. On the owner. */
    public void restorePower() {
        powered = true;
    }

    @Override
    public Limits limits() {
        Limits limits = inner.limits();
        return new Limits(
                limits.maxTransferBlocks(),
                limits.optimalTransferBlocks(),
                limits.unmapGranularityBlocks(),
                limits.unmapAlignmentBlocks(),
                limits.unmappedReadsZeroes(),
                true,
                limits.readOnly());
    }

    @Override
    public BlockOperation submit(BlockRequest request, BlockCompletion completion) {
        if (!powered) {
            BlockRequest.release(request);
            completion.completed(BlockOutcome.failed(new BlockFailure.NotReady("no power")));
            return BlockOperation.UNCANCELLABLE;
        }
        if (surviving > 0) {
            inOrder(done -> {
                submit(request, completion);
                done.run();
            });
            return BlockOperation.UNCANCELLABLE;
        }
        BlockCompletion end = unlessPowerIsLost(completion);
        switch (request) {
            case BlockRequest.Read read -> {
                BlockRange range = new BlockRange(read.lba(), read.blockCount());
                if (passing.stream().anyMatch(range::overlaps)) {
                    // What is beneath is older than what was in the cache: nobody may see that.
                    inOrder(done -> {
                        read(read, end);
                        done.run();
                    });
                } else {
                    read(read, end);
                }
            }
            case BlockRequest.Write write -> write(write, end);
            case BlockRequest.Flush _ -> flush(end);
            case BlockRequest.Unmap unmap -> through(request, unmap.ranges(), end);
            case BlockRequest.WriteZeroes zeroes ->
                through(request, List.of(new BlockRange(zeroes.lba(), zeroes.blockCount())), end);
            case BlockRequest.Status status -> {
                if (cached(status.lba(), status.lba() + status.blockCount()).isEmpty()) {
                    inner.submit(request, end);
                } else {
                    end.completed(new BlockOutcome.Status(
                            List.of(new BlockOutcome.Status.Extent(status.lba(), status.blockCount(), true))));
                }
            }
            case BlockRequest.CompareAndWrite _, BlockRequest.OrWrite _ -> {
                BlockRequest.release(request);
                end.completed(BlockOutcome.failed(new BlockFailure.Unsupported()));
            }
        }
        return BlockOperation.UNCANCELLABLE;
    }

    private BlockCompletion unlessPowerIsLost(BlockCompletion completion) {
        int cycle = powerCycles;
        return outcome -> {
            if (cycle == powerCycles) {
                completion.completed(outcome);
            } else {
                BlockOutcome.release(outcome);
                completion.completed(BlockOutcome.failed(new BlockFailure.Broken("power was lost")));
            }
        };
    }

    private Map<Long, byte[]> cached(long lba, long end) {
        return cache.subMap(lba, end);
    }

    private void read(BlockRequest.Read read, BlockCompletion end) {
        Map<Long, byte[]> newer = new TreeMap<>(cached(read.lba(), read.lba() + read.blockCount()));
        if (newer.isEmpty()) {
            inner.submit(read, end);
            return;
        }
        inner.submit(read, outcome -> {
            if (!(outcome instanceof BlockOutcome.Data(ByteBuf below))) {
                end.completed(outcome);
                return;
            }
            ByteBuf patched = Unpooled.buffer(below.readableBytes()).writeBytes(below);
            below.release();
            newer.forEach((lba, bytes) -> patched.setBytes(Math.toIntExact((lba - read.lba()) * bytes.length), bytes));
            end.completed(new BlockOutcome.Data(patched));
        });
    }

    private void write(BlockRequest.Write write, BlockCompletion end) {
        int blockSize = geometry().blockSizeBytes();
        Map<Long, byte[]> blocks = new TreeMap<>();
        for (int i = 0; i < write.blockCount(); i++) {
            blocks.put(
                    write.lba() + i,
                    ByteBufUtil.getBytes(write.data(), write.data().readerIndex() + i * blockSize, blockSize));
        }
        cache.putAll(blocks);
        if (!write.forceUnitAccess()) {
            write.data().release();
            end.completed(DONE);
            return;
        }
        inOrder(done -> inner.submit(write, outcome -> {
            forget(blocks);
            end.completed(outcome);
            done.run();
        }));
    }

    private void flush(BlockCompletion end) {
        Map<Long, byte[]> blocks = new TreeMap<>(cache);
        BlockFailure[] failure = new BlockFailure[1];
        blocks.forEach((lba, bytes) -> inOrder(done ->
                inner.submit(new BlockRequest.Write(lba, 1, Unpooled.wrappedBuffer(bytes), false), outcome -> {
                    if (outcome instanceof BlockOutcome.Failed failed) {
                        failure[0] = failed.failure();
                    }
                    done.run();
                })));
        inOrder(done -> inner.submit(new BlockRequest.Flush(0, 0), outcome -> {
            @Nullable BlockFailure found = failure[0];
            if (found == null && outcome instanceof BlockOutcome.Done) {
                forget(blocks);
            }
            end.completed(found == null ? outcome : BlockOutcome.failed(found));
            done.run();
        }));
    }

    @SuppressWarnings("ReferenceEquality") // the array's identity is what tells one write from the next
    private void forget(Map<Long, byte[]> written) {
        written.forEach((lba, bytes) -> cache.computeIfPresent(lba, (_, now) -> now == bytes ? null : now));
    }

    private void through(BlockRequest request, List<BlockRange> ranges, BlockCompletion end) {
        ranges.forEach(range -> cached(range.lba(), range.end()).clear());
        passing.addAll(ranges);
        inOrder(done -> inner.submit(request, outcome -> {
            ranges.forEach(passing::remove);
            end.completed(outcome);
            done.run();
        }));
    }

    private interface Step {
        void start(Runnable done);
    }

    private void inOrder(Step step) {
        awaiting.add(() -> step.start(() -> {
            busy = false;
            next();
        }));
        next();
    }

    private void next() {
        if (!busy) {
            Runnable step = awaiting.poll();
            if (step != null) {
                busy = true;
                // By way of the queue: a long flush over a device that answers at once must not recurse.
                owner().execute(step);
            }
        }
    }

    /** Ends without flushing: that is the point. Closes the device within, after what is on its way to it. */
    @Override
    public void close(Runnable whenClosed) {
        inOrder(_ -> inner.close(whenClosed));
    }
}
