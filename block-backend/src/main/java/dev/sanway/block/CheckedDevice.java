package dev.sanway.block;

import io.netty.buffer.ByteBuf;
import org.jspecify.annotations.Nullable;

/**
 * Holds both sides of a device to the duties that {@link BlockDevice} states. A caller's breach throws from
 * {@link #submit}; a callee's throws into the callee and is kept for {@link #firstBreach()}. Costs one object per request.
 */
public final class CheckedDevice extends ForwardingDevice {
    private int underWay;
    private boolean closed;
    private @Nullable String firstBreach;

    public CheckedDevice(BlockDevice inner) {
        super(inner);
    }

    /** The first breach by the callee, or null; requests that never end are seen by {@link #underWay()}. */
    public @Nullable String firstBreach() {
        return firstBreach;
    }

    /** Requests submitted and not yet completed. */
    public int underWay() {
        return underWay;
    }

    @Override
    public BlockOperation submit(BlockRequest request, BlockCompletion completion) {
        try {
            onOwner();
            if (closed) {
                throw new IllegalStateException("a request after close: " + request);
            }
            String breach = callersBreach(request);
            if (breach != null) {
                throw new IllegalArgumentException(breach + ": " + request + " of " + identity());
            }
        } catch (RuntimeException breach) {
            BlockRequest.release(request);
            throw breach;
        }
        underWay++;
        Call call = new Call(request, inner.geometry().blockSizeBytes(), completion);
        call.operation = inner.submit(request, call);
        return call;
    }

    private void onOwner() {
        if (!owner().inEventLoop()) {
            throw new IllegalStateException("not on the owner of " + identity());
        }
    }

    private @Nullable String callersBreach(BlockRequest request) {
        return switch (request) {
            case BlockRequest.Read read -> transferBreach(read.lba(), read.blockCount());
            case BlockRequest.Write write ->
                either(transferBreach(write.lba(), write.blockCount()), lengthBreach(write.data(), write.blockCount()));
            case BlockRequest.CompareAndWrite both ->
                either(
                        transferBreach(both.lba(), both.blockCount()),
                        either(
                                lengthBreach(both.compare(), both.blockCount()),
                                lengthBreach(both.write(), both.blockCount())));
            case BlockRequest.OrWrite or ->
                either(transferBreach(or.lba(), or.blockCount()), lengthBreach(or.data(), or.blockCount()));
            case BlockRequest.Flush flush -> rangeBreach(flush.lba(), flush.blockCount());
            case BlockRequest.WriteZeroes zeroes -> rangeBreach(zeroes.lba(), zeroes.blockCount());
            case BlockRequest.Status status -> rangeBreach(status.lba(), status.blockCount());
            case BlockRequest.Unmap unmap -> {
                String breach = null;
                for (BlockRange range : unmap.ranges()) {
                    breach = either(breach, rangeBreach(range.lba(), range.blockCount()));
                }
                yield breach;
            }
        };
    }

    private static @Nullable String either(@Nullable String one, @Nullable String other) {
        return one != null ? one : other;
    }

    private @Nullable String transferBreach(long lba, int blockCount) {
        return blockCount > limits().maxTransferBlocks()
                ? "longer than the " + limits().maxTransferBlocks() + " blocks of one transfer"
                : rangeBreach(lba, blockCount);
    }

    private @Nullable String rangeBreach(long lba, long blockCount) {
        long size = geometry().blockCount();
        return lba < 0 || blockCount < 0 || lba > size || blockCount > size - lba
                ? "outside the " + size + " blocks"
                : null;
    }

    private @Nullable String lengthBreach(ByteBuf data, int blockCount) {
        return data.readableBytes() != (long) blockCount * geometry().blockSizeBytes()
                ? data.readableBytes() + " bytes for " + blockCount + " blocks"
                : null;
    }

    /** One request on its way, seen from both sides. Keeps of the request only what does not hold buffers. */
    private final class Call implements BlockCompletion, BlockOperation {
        private final Class<? extends BlockRequest> kind;
        private final long lba;
        private final long blockCount;
        private final long expectedBytes;
        private final BlockCompletion completion;
        private BlockOperation operation = BlockOperation.UNCANCELLABLE;
        private boolean completed;

        Call(BlockRequest request, int blockSizeBytes, BlockCompletion completion) {
            this.kind = request.getClass();
            this.completion = completion;
            this.lba = request instanceof BlockRequest.Status status ? status.lba() : 0;
            this.blockCount = request instanceof BlockRequest.Status status ? status.blockCount() : 0;
            this.expectedBytes =
                    request instanceof BlockRequest.Read read ? (long) read.blockCount() * blockSizeBytes : -1;
        }

        @Override
        public void completed(BlockOutcome outcome) {
            String breach = breach(outcome);
            if (breach != null) {
                if (firstBreach == null) {
                    firstBreach = breach;
                }
                BlockOutcome.release(outcome);
                throw new IllegalStateException(breach);
            }
            completed = true;
            underWay--;
            completion.completed(outcome);
        }

        private @Nullable String breach(BlockOutcome outcome) {
            String who = kind.getSimpleName() + " of " + identity() + ": ";
            if (!owner().inEventLoop()) {
                return who + "completed on another thread than the owner's";
            }
            if (completed) {
                return who + "completed twice";
            }
            boolean right = switch (outcome) {
                case BlockOutcome.Done _ -> kind != BlockRequest.Read.class && kind != BlockRequest.Status.class;
                case BlockOutcome.Data data ->
                    kind == BlockRequest.Read.class && data.bytes().readableBytes() == expectedBytes;
                case BlockOutcome.Status status -> kind == BlockRequest.Status.class && follows(status);
                case BlockOutcome.Failed _ -> true;
            };
            return right ? null : who + "not an outcome for it: " + outcome;
        }

        private boolean follows(BlockOutcome.Status status) {
            long next = lba;
            for (BlockOutcome.Status.Extent extent : status.extents()) {
                if (extent.lba() != next || extent.blockCount() <= 0) {
                    return false;
                }
                next += extent.blockCount();
            }
            return next <= lba + blockCount && (next > lba || blockCount == 0);
        }

        @Override
        public void cancel() {
            onOwner();
            if (!completed) {
                operation.cancel();
            }
        }
    }

    @Override
    public void addListener(DeviceListener listener) {
        onOwner();
        inner.addListener(listener);
    }

    @Override
    public void removeListener(DeviceListener listener) {
        onOwner();
        inner.removeListener(listener);
    }

    /** Closes the device within too. */
    @Override
    public void close(Runnable whenClosed) {
        onOwner();
        if (closed) {
            throw new IllegalStateException("closed twice");
        }
        closed = true;
        inner.close(() -> {
            if (underWay != 0 && firstBreach == null) {
                firstBreach = underWay + " requests not completed before the end of " + identity();
            }
            whenClosed.run();
        });
    }
}
