package dev.sanway.pool;

import dev.sanway.block.BlockDevice;
import dev.sanway.block.BlockOutcome;
import dev.sanway.block.BlockRequest;
import java.util.concurrent.CompletableFuture;

/** Single requests of the control's own, as futures that complete on the device's owner. Not for the data path. */
public final class ControlIo {
    private ControlIo() {}

    /**
     * Submits on the device's owner, from whatever thread.
     *
     * @return the outcome, never a failure: that ends the future with {@link DeviceFailedException}
     */
    public static CompletableFuture<BlockOutcome> submit(BlockDevice device, BlockRequest request, String what) {
        CompletableFuture<BlockOutcome> future = new CompletableFuture<>();
        Runnable start = () -> {
            try {
                device.submit(request, outcome -> {
                    if (outcome instanceof BlockOutcome.Failed failed) {
                        future.completeExceptionally(new DeviceFailedException(
                                what + " of " + device.identity().name(), failed.failure()));
                    } else if (!future.complete(outcome)) {
                        BlockOutcome.release(outcome);
                    }
                });
            } catch (RuntimeException bug) {
                future.completeExceptionally(bug);
            }
        };
        if (device.owner().inEventLoop()) {
            start.run();
        } else {
            device.owner().execute(start);
        }
        return future;
    }
}
