package dev.sanway.block;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;

/** Uses a device from a test's thread, waiting for its owner. */
public final class BlockClient {
    private static final int WAIT_SECONDS = 30;

    private final BlockDevice device;

    public BlockClient(BlockDevice device) {
        this.device = device;
    }

    /** Runs something on a device's owner and gives its value. */
    public static <T> T onOwner(BlockDevice device, Supplier<T> action) {
        return await(CompletableFuture.supplyAsync(action, device.owner()));
    }

    public static <T> T await(CompletableFuture<T> future) {
        try {
            return future.get(WAIT_SECONDS, TimeUnit.SECONDS);
        } catch (InterruptedException | TimeoutException failure) {
            throw new AssertionError("not completed", failure);
        } catch (ExecutionException failure) {
            throw new AssertionError(failure.getCause());
        }
    }

    /** A request under way, and the handle to cancel it with. */
    public record Started(BlockDevice device, BlockOperation operation, CompletableFuture<BlockOutcome> outcome) {
        public void cancel() {
            device.owner().execute(operation::cancel);
        }

        public BlockOutcome end() {
            return await(outcome);
        }
    }

    public Started start(BlockRequest request) {
        CompletableFuture<BlockOutcome> outcome = new CompletableFuture<>();
        CompletableFuture<BlockOperation> operation = new CompletableFuture<>();
        device.owner().execute(() -> {
            try {
                operation.complete(device.submit(request, result -> {
                    if (!outcome.complete(result)) {
                        throw new IllegalStateException("completed twice: " + request);
                    }
                }));
            } catch (RuntimeException failure) {
                operation.completeExceptionally(failure);
            }
        });
        return new Started(device, await(operation), outcome);
    }

    public BlockOutcome run(BlockRequest request) {
        return start(request).end();
    }

    public byte[] read(long lba, int blockCount) {
        BlockOutcome outcome = run(new BlockRequest.Read(lba, blockCount, false));
        if (!(outcome instanceof BlockOutcome.Data(ByteBuf bytes))) {
            throw new AssertionError("read of " + lba + ": " + outcome);
        }
        byte[] array = ByteBufUtil.getBytes(bytes);
        bytes.release();
        return array;
    }

    public void write(long lba, byte[] bytes) {
        expectDone(run(writeOf(lba, bytes, false)));
    }

    public void writeThrough(long lba, byte[] bytes) {
        expectDone(run(writeOf(lba, bytes, true)));
    }

    public void flush() {
        expectDone(run(new BlockRequest.Flush(0, 0)));
    }

    public void unmap(long lba, long blockCount) {
        expectDone(run(new BlockRequest.Unmap(List.of(new BlockRange(lba, blockCount)))));
    }

    public BlockRequest.Write writeOf(long lba, byte[] bytes, boolean forceUnitAccess) {
        int blockSize = device.geometry().blockSizeBytes();
        return new BlockRequest.Write(lba, bytes.length / blockSize, Unpooled.copiedBuffer(bytes), forceUnitAccess);
    }

    private static void expectDone(BlockOutcome outcome) {
        if (!(outcome instanceof BlockOutcome.Done)) {
            BlockOutcome.release(outcome);
            throw new AssertionError("not done: " + outcome);
        }
    }

    /** Closes the device and waits for that. */
    public void close() {
        CompletableFuture<Boolean> closed = new CompletableFuture<>();
        device.owner().execute(() -> device.close(() -> closed.complete(true)));
        await(closed);
    }
}
