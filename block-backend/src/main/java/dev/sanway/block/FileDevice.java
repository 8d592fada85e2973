package dev.sanway.block;

import static dev.sanway.block.BlockOutcome.DONE;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.util.concurrent.EventExecutor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * A file or a whole disk as a device. Reads and writes that wait for no disk are carried out at once ({@link UnwaitingFile}),
 * everything else on {@link IoThreads}; requests complete on the owner.
 *
 * <p><b>Durability.</b> A flush is an {@code fdatasync} that began after the flush was submitted; one serves all flushes and
 * writes with {@code forceUnitAccess} that wait for it. The kernel reports a write-back error to one fdatasync only and
 * then believes the pages to be clean, so after a failed fdatasync this device says
 * {@link BlockFailure.UnflushedWritesLost} once and refuses every later write and flush until it is opened anew.
 *
 * <p><b>Exclusive.</b> An opened file is locked; a second opening, by whatever process, is refused.
 *
 * <p><b>Space.</b> Files are sparse unless preallocated; unmapping punches holes. A write that meets a full file system
 * fails with {@link BlockFailure.OutOfSpace}; of a long one, the part before the shortage may have landed.
 *
 * <p>A request that no thread has taken up yet can be cancelled; after that it runs to its end.
 */
public final class FileDevice implements BlockDevice {
    private static final int MAX_TRANSFER_BYTES = 16 << 20;

    private final EventExecutor owner;
    private final Identity identity;
    private final IoThreads threads;
    private final FileBlocks blocks;
    private final @Nullable UnwaitingFile unwaiting;
    private final Sync sync;
    private final Limits limits;
    private final DeviceListeners listeners = new DeviceListeners();
    private final Drain drain = new Drain();
    private volatile Geometry geometry;

    // Used on the owner only.
    private List<Task> awaitingSync = new ArrayList<>();
    private boolean syncing;
    private @Nullable String syncFailure;
    private boolean lossToTell;

    /** Makes durable what was written before; tests put failures in. */
    interface Sync {
        void sync() throws IOException;
    }

    private FileDevice(
            FileBlocks blocks,
            UnaryOperator<Sync> around,
            int blockSizeBytes,
            EventExecutor owner,
            Identity identity,
            IoThreads threads)
            throws IOException {
        this.blocks = blocks;
        this.unwaiting = blocks.unwaiting();
        this.sync = around.apply(blocks::sync);
        this.owner = owner;
        this.identity = identity;
        this.threads = threads;
        this.geometry = new Geometry(
                blockSizeBytes, Math.max(blockSizeBytes, FileBlocks.PAGE_BYTES), blocks.sizeBytes() / blockSizeBytes);
        this.limits = new Limits(
                MAX_TRANSFER_BYTES / blockSizeBytes,
                0,
                blocks.punches() ? FileBlocks.PAGE_BYTES / blockSizeBytes : 0,
                0,
                blocks.punches(),
                true,
                false);
    }

    /** Whether a new file takes its space at once or when it is written to. */
    public enum Allocation {
        SPARSE,
        PREALLOCATED
    }

    /**
     * Makes a new file that reads as zeroes, durably. Blocks: not for event loops.
     *
     * @throws IOException also if the file exists, or the file system has no room for a preallocated one
     */
    public static void create(Path path, long sizeBytes, Allocation allocation) throws IOException {
        FileBlocks.create(path, sizeBytes, allocation);
    }

    /**
     * Opens an existing file or disk. Blocks: not for event loops. A tail shorter than a block is not served.
     *
     * @param identity kept by the caller; a file does not know its own
     * @throws IOException also if another opening of it has the lock
     */
    public static FileDevice open(
            Path path, int blockSizeBytes, Identity identity, EventExecutor owner, IoThreads threads)
            throws IOException {
        return open(path, blockSizeBytes, false, identity, owner, threads, sync -> sync);
    }

    /**
     * As {@link #open(Path, int, Identity, EventExecutor, IoThreads)}, but reads and writes pass the page cache by
     * (O_DIRECT).
     *
     * @param blockSizeBytes a multiple of 4,096
     * @throws IOException also if the file system cannot do that
     */
    public static FileDevice openDirect(
            Path path, int blockSizeBytes, Identity identity, EventExecutor owner, IoThreads threads)
            throws IOException {
        return open(path, blockSizeBytes, true, identity, owner, threads, sync -> sync);
    }

    static FileDevice open(
            Path path,
            int blockSizeBytes,
            boolean directIo,
            Identity identity,
            EventExecutor owner,
            IoThreads threads,
            UnaryOperator<Sync> around)
            throws IOException {
        FileBlocks blocks = FileBlocks.open(path, blockSizeBytes, directIo);
        try {
            return new FileDevice(blocks, around, blockSizeBytes, owner, identity, threads);
        } catch (IOException | RuntimeException failure) {
            blocks.close();
            throw failure;
        }
    }

    @Override
    public EventExecutor owner() {
        return owner;
    }

    @Override
    public Geometry geometry() {
        return geometry;
    }

    @Override
    public Limits limits() {
        return limits;
    }

    @Override
    public Identity identity() {
        return identity;
    }

    /** The file that is served. */
    public Path path() {
        return blocks.path();
    }

    @Override
    public Readiness readiness() {
        return Readiness.READY;
    }

    @Override
    public BlockOperation submit(BlockRequest request, BlockCompletion completion) {
        drain.begin();
        Task task = new Task(request, completion);
        BlockFailure refusal = refusal(request);
        if (refusal != null) {
            task.end(BlockOutcome.failed(refusal));
            return BlockOperation.UNCANCELLABLE;
        }
        if (request instanceof BlockRequest.Flush) {
            joinSync(task);
            return BlockOperation.UNCANCELLABLE;
        }
        if (request instanceof BlockRequest.Read read) {
            int length = read.blockCount() * geometry.blockSizeBytes();
            task.into = ByteBufAllocator.DEFAULT.directBuffer(length, Math.max(length, 1));
        }
        if (doneAtOnce(task)) {
            return BlockOperation.UNCANCELLABLE;
        }
        try {
            threads.execute(task);
        } catch (RejectedExecutionException _) {
            task.end(BlockOutcome.failed(new BlockFailure.Busy()));
            return BlockOperation.UNCANCELLABLE;
        }
        return task;
    }

    /** Whether the request was carried out without waiting, and so has gone on or ended. */
    private boolean doneAtOnce(Task task) {
        UnwaitingFile file = unwaiting;
        if (file == null) {
            return false;
        }
        BlockOutcome outcome = switch (task.request) {
            case BlockRequest.Read read -> {
                ByteBuf into = Objects.requireNonNull(task.into);
                int length = read.blockCount() * geometry.blockSizeBytes();
                yield length > 0 && file.read(into, length, read.lba() * geometry.blockSizeBytes())
                        ? new BlockOutcome.Data(into.writerIndex(length))
                        : null;
            }
            case BlockRequest.Write write ->
                file.write(write.data(), write.lba() * geometry.blockSizeBytes()) ? DONE : null;
            case BlockRequest.WriteZeroes _,
                    BlockRequest.Unmap _,
                    BlockRequest.Status _,
                    BlockRequest.Flush _,
                    BlockRequest.CompareAndWrite _,
                    BlockRequest.OrWrite _ -> null;
        };
        if (outcome != null) {
            task.carriedOut(outcome);
        }
        return outcome != null;
    }

    private @Nullable BlockFailure refusal(BlockRequest request) {
        return switch (request) {
            case BlockRequest.Read _, BlockRequest.Status _ -> null;
            case BlockRequest.Flush _ -> {
                if (syncFailure == null) {
                    yield null;
                }
                if (lossToTell) {
                    lossToTell = false;
                    yield new BlockFailure.UnflushedWritesLost();
                }
                yield new BlockFailure.Broken(syncFailure);
            }
            case BlockRequest.Write _, BlockRequest.Unmap _, BlockRequest.WriteZeroes _ ->
                syncFailure == null ? null : new BlockFailure.WriteProtected(syncFailure);
            case BlockRequest.CompareAndWrite _, BlockRequest.OrWrite _ -> new BlockFailure.Unsupported();
        };
    }

    // ---- fdatasync, on the owner but for the call itself

    private void joinSync(Task task) {
        awaitingSync.add(task);
        if (!syncing) {
            startSync();
        }
    }

    private void startSync() {
        List<Task> group = awaitingSync;
        awaitingSync = new ArrayList<>();
        syncing = true;
        try {
            threads.execute(() -> {
                String failure = null;
                try {
                    sync.sync();
                } catch (IOException thrown) {
                    failure = "fdatasync of " + path() + " failed: " + thrown.getMessage();
                }
                String found = failure;
                owner.execute(() -> synced(group, found));
            });
        } catch (RejectedExecutionException _) {
            syncing = false;
            // Their data are written but not known to be durable: nothing but failure is true.
            group.forEach(task -> task.end(BlockOutcome.failed(new BlockFailure.Busy())));
        }
    }

    private void synced(List<Task> group, @Nullable String failure) {
        syncing = false;
        if (failure != null) {
            syncFailure = failure;
            lossToTell = true;
        }
        if (!awaitingSync.isEmpty()) {
            startSync();
        }
        for (Task task : group) {
            if (failure == null) {
                task.end(DONE);
            } else if (task.request instanceof BlockRequest.Flush) {
                lossToTell = false;
                task.end(BlockOutcome.failed(new BlockFailure.UnflushedWritesLost()));
            } else {
                task.end(BlockOutcome.failed(new BlockFailure.Broken(failure)));
            }
        }
    }

    private enum Stage {
        QUEUED,
        TAKEN_UP,
        CANCELLED
    }

    /** A request on its way through the threads. Which of thread and canceller comes first is settled by one exchange. */
    private final class Task implements Runnable, BlockOperation {
        private final BlockRequest request;
        private final BlockCompletion completion;
        private final AtomicReference<Stage> stage = new AtomicReference<>(Stage.QUEUED);
        private @Nullable ByteBuf into;

        Task(BlockRequest request, BlockCompletion completion) {
            this.request = request;
            this.completion = completion;
        }

        @Override
        public void run() {
            if (stage.compareAndSet(Stage.QUEUED, Stage.TAKEN_UP)) {
                BlockOutcome outcome;
                try {
                    outcome = blocks.carryOut(request, into);
                } catch (RuntimeException bug) {
                    outcome = BlockOutcome.failed(new BlockFailure.Broken(bug.toString()));
                }
                BlockOutcome found = outcome;
                owner.execute(() -> carriedOut(found));
            }
        }

        private void carriedOut(BlockOutcome outcome) {
            if (outcome instanceof BlockOutcome.Done && forcesUnitAccess(request)) {
                if (syncFailure == null) {
                    joinSync(this);
                } else {
                    end(BlockOutcome.failed(new BlockFailure.Broken(syncFailure)));
                }
            } else {
                end(outcome);
            }
        }

        @Override
        public void cancel() {
            if (stage.compareAndSet(Stage.QUEUED, Stage.CANCELLED)) {
                end(BlockOutcome.failed(new BlockFailure.Cancelled()));
            }
        }

        /** On the owner, once. */
        void end(BlockOutcome outcome) {
            BlockRequest.release(request);
            if (into != null && !(outcome instanceof BlockOutcome.Data)) {
                into.release();
            }
            try {
                completion.completed(outcome);
            } finally {
                drain.end();
            }
        }
    }

    private static boolean forcesUnitAccess(BlockRequest request) {
        return switch (request) {
            case BlockRequest.Write write -> write.forceUnitAccess();
            case BlockRequest.WriteZeroes zeroes -> zeroes.forceUnitAccess();
            case BlockRequest.Read _,
                    BlockRequest.Flush _,
                    BlockRequest.Unmap _,
                    BlockRequest.CompareAndWrite _,
                    BlockRequest.OrWrite _,
                    BlockRequest.Status _ -> false;
        };
    }

    /**
     * Makes the device larger: a file is extended, a disk must have grown by itself. Listeners hear
     * {@link DeviceEvent.CapacityChanged} on success. On the owner.
     *
     * @param whenDone told null, or what went wrong, on the owner
     */
    public void grow(long blockCount, Allocation allocation, Consumer<@Nullable String> whenDone) {
        Geometry before = geometry;
        if (blockCount < before.blockCount()) {
            whenDone.accept("a device is not made smaller: it has " + before.blockCount() + " blocks");
            return;
        }
        drain.begin();
        threads.execute(() -> {
            String failure = null;
            try {
                blocks.grow(blockCount * before.blockSizeBytes(), allocation);
            } catch (IOException thrown) {
                failure = String.valueOf(thrown.getMessage());
            }
            String found = failure;
            owner.execute(() -> {
                if (found == null && blockCount > before.blockCount()) {
                    geometry = before.withBlockCount(blockCount);
                    listeners.tell(new DeviceEvent.CapacityChanged(before, geometry));
                }
                whenDone.accept(found);
                drain.end();
            });
        });
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
        drain.close(() -> {
            Runnable closing = () -> {
                try {
                    blocks.close();
                } catch (IOException _) {
                    // Nothing hangs on it: flushes were answered by their own fdatasync.
                }
                owner.execute(whenClosed);
            };
            try {
                threads.execute(closing);
            } catch (RejectedExecutionException _) {
                closing.run();
            }
        });
    }
}
