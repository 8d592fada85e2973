package dev.sanway.block;

import io.netty.buffer.ByteBuf;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Puts requests of overlapping ranges in order, first come first served, and makes compare-and-write and or-write atomic.
 *
 * <pre>
 *                    read    write-like   exclusive          write-like: write, write zeroes, unmap
 *   read              -          -          waits            exclusive:  compare-and-write, or-write
 *   write-like        -        waits        waits
 *   exclusive       waits      waits        waits            flush and status never wait
 * </pre>
 *
 * A request waits for every earlier one that the table names and that shares a block with it, whether that one runs or
 * waits itself; so nobody is overtaken by a request he is in conflict with, and nobody starves. Overlapping writes reach
 * the device, and all copies beneath it, one after the other.
 *
 * <p>Where nothing overlaps a request costs one object and a walk over the requests under way. A request that waits is
 * cancelled at once. Closing ends the device within as well.
 */
public final class OrderedDevice extends ForwardingDevice {
    private final Lane reads = new Lane();
    private final Lane writes = new Lane();
    private final Lane exclusives = new Lane();
    private final ArrayDeque<Node> startable = new ArrayDeque<>();
    private final Drain drain = new Drain();
    private boolean starting;

    public OrderedDevice(BlockDevice inner) {
        super(inner);
    }

    @Override
    public BlockOperation submit(BlockRequest request, BlockCompletion completion) {
        Node node = switch (request) {
            case BlockRequest.Read read -> new Node(reads, request, completion, read.lba(), read.blockCount());
            case BlockRequest.Write write -> new Node(writes, request, completion, write.lba(), write.blockCount());
            case BlockRequest.WriteZeroes zeroes ->
                new Node(writes, request, completion, zeroes.lba(), zeroes.blockCount());
            case BlockRequest.Unmap unmap -> new Node(writes, request, completion, unmap.ranges());
            case BlockRequest.CompareAndWrite both ->
                new Node(exclusives, request, completion, both.lba(), both.blockCount());
            case BlockRequest.OrWrite or -> new Node(exclusives, request, completion, or.lba(), or.blockCount());
            case BlockRequest.Flush _, BlockRequest.Status _ -> null;
        };
        if (node == null) {
            return inner.submit(request, completion);
        }
        drain.begin();
        exclusives.block(node);
        if (node.lane != reads) {
            writes.block(node);
        }
        if (node.lane == exclusives) {
            reads.block(node);
        }
        node.lane.add(node);
        if (node.blockers == 0) {
            node.start();
        }
        return node;
    }

    /** Requests of one row of the table, running and waiting, in order of coming. */
    private static final class Lane {
        private @Nullable Node first;
        private @Nullable Node last;

        void add(Node node) {
            node.previous = last;
            if (last == null) {
                first = node;
            } else {
                last.next = node;
            }
            last = node;
        }

        void remove(Node node) {
            if (node.previous == null) {
                first = node.next;
            } else {
                node.previous.next = node.next;
            }
            if (node.next == null) {
                last = node.previous;
            } else {
                node.next.previous = node.previous;
            }
        }

        /** Makes {@code node} wait for those here that share a block with it. */
        void block(Node node) {
            for (Node earlier = first; earlier != null; earlier = earlier.next) {
                if (earlier.overlaps(node)) {
                    if (earlier.waiters == null) {
                        earlier.waiters = new ArrayList<>(2);
                    }
                    earlier.waiters.add(node);
                    node.blockers++;
                }
            }
        }
    }

    private final class Node implements BlockCompletion, BlockOperation {
        private final Lane lane;
        private final BlockRequest request;
        private final BlockCompletion completion;
        private final long lba;
        private final long end;
        /** An unmap's ranges; null: just {@code lba} to {@code end}. */
        private final @Nullable List<BlockRange> ranges;

        private @Nullable Node previous;
        private @Nullable Node next;
        private int blockers;
        private @Nullable List<Node> waiters;
        private BlockOperation operation = BlockOperation.UNCANCELLABLE;
        /** Steps given to the device; tells a handle that is still good from one whose step ended meanwhile. */
        private int steps;

        private boolean cancelled;
        private boolean ended;

        Node(Lane lane, BlockRequest request, BlockCompletion completion, long lba, long blockCount) {
            this.lane = lane;
            this.request = request;
            this.completion = completion;
            this.lba = lba;
            this.end = lba + blockCount;
            this.ranges = null;
        }

        Node(Lane lane, BlockRequest request, BlockCompletion completion, List<BlockRange> ranges) {
            this.lane = lane;
            this.request = request;
            this.completion = completion;
            long lowest = Long.MAX_VALUE;
            long highest = 0;
            for (BlockRange range : ranges) {
                lowest = Math.min(lowest, range.lba());
                highest = Math.max(highest, range.end());
            }
            this.lba = lowest;
            this.end = highest;
            this.ranges = ranges;
        }

        boolean overlaps(Node other) {
            if (lba >= other.end || other.lba >= end) {
                return false;
            }
            if (ranges != null) {
                for (BlockRange range : ranges) {
                    if (range.lba() < other.end && other.lba < range.end() && other.shares(range)) {
                        return true;
                    }
                }
                return false;
            }
            return other.ranges == null || other.overlaps(this);
        }

        private boolean shares(BlockRange range) {
            return ranges == null || ranges.stream().anyMatch(range::overlaps);
        }

        void start() {
            switch (request) {
                case BlockRequest.CompareAndWrite both ->
                    step(new BlockRequest.Read(lba, both.blockCount(), false), outcome -> compared(both, outcome));
                case BlockRequest.OrWrite or ->
                    step(new BlockRequest.Read(lba, or.blockCount(), false), outcome -> ored(or, outcome));
                case BlockRequest.Read _,
                        BlockRequest.Write _,
                        BlockRequest.WriteZeroes _,
                        BlockRequest.Unmap _,
                        BlockRequest.Flush _,
                        BlockRequest.Status _ -> step(request, this);
            }
        }

        private void step(BlockRequest stepRequest, BlockCompletion then) {
            int step = ++steps;
            BlockOperation handle = inner.submit(stepRequest, then);
            if (step == steps && !ended) {
                operation = handle;
            }
        }

        private void compared(BlockRequest.CompareAndWrite both, BlockOutcome outcome) {
            int difference = -1;
            if (outcome instanceof BlockOutcome.Data data) {
                difference = firstDifference(data.bytes(), both.compare());
                data.bytes().release();
            }
            both.compare().release();
            if (!(outcome instanceof BlockOutcome.Data)) {
                both.write().release();
                end(outcome);
            } else if (difference >= 0) {
                both.write().release();
                end(BlockOutcome.failed(new BlockFailure.Miscompare(difference)));
            } else {
                write(both.write(), both.blockCount(), both.forceUnitAccess());
            }
        }

        private void ored(BlockRequest.OrWrite or, BlockOutcome outcome) {
            if (!(outcome instanceof BlockOutcome.Data data)) {
                or.data().release();
                end(outcome);
                return;
            }
            ByteBuf result = data.bytes().alloc().directBuffer(or.data().readableBytes());
            while (or.data().readableBytes() >= Long.BYTES) {
                result.writeLong(or.data().readLong() | data.bytes().readLong());
            }
            or.data().release();
            data.bytes().release();
            write(result, or.blockCount(), or.forceUnitAccess());
        }

        private void write(ByteBuf bytes, int blockCount, boolean forceUnitAccess) {
            if (cancelled) {
                bytes.release();
                end(BlockOutcome.failed(new BlockFailure.Cancelled()));
            } else {
                step(new BlockRequest.Write(lba, blockCount, bytes, forceUnitAccess), this);
            }
        }

        @Override
        public void completed(BlockOutcome outcome) {
            end(outcome);
        }

        @Override
        public void cancel() {
            if (ended || cancelled) {
                return;
            }
            cancelled = true;
            if (blockers > 0) {
                BlockRequest.release(request);
                end(BlockOutcome.failed(new BlockFailure.Cancelled()));
            } else {
                operation.cancel();
            }
        }

        private void end(BlockOutcome outcome) {
            ended = true;
            lane.remove(this);
            List<Node> freed = waiters;
            waiters = null;
            try {
                completion.completed(outcome);
            } finally {
                if (freed != null) {
                    free(freed);
                }
                drain.end();
            }
        }
    }

    /** Starts whom nothing blocks any longer; a chain of requests that end at once is walked, not recursed into. */
    private void free(List<Node> waiters) {
        for (Node waiter : waiters) {
            if (--waiter.blockers == 0 && !waiter.ended) {
                startable.add(waiter);
            }
        }
        if (starting) {
            return;
        }
        starting = true;
        try {
            for (Node node = startable.poll(); node != null; node = startable.poll()) {
                if (!node.ended) {
                    node.start();
                }
            }
        } finally {
            starting = false;
        }
    }

    private static int firstDifference(ByteBuf left, ByteBuf right) {
        return Mismatch.find(left, left.readerIndex(), right, right.readerIndex(), left.readableBytes());
    }

    @Override
    public void close(Runnable whenClosed) {
        drain.close(() -> inner.close(whenClosed));
    }
}
