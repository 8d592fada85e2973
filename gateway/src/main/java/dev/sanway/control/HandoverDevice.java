package dev.sanway.control;

import dev.sanway.block.BlockCompletion;
import dev.sanway.block.BlockDevice;
import dev.sanway.block.BlockOperation;
import dev.sanway.block.BlockRequest;
import dev.sanway.block.DeviceListener;
import dev.sanway.block.ForwardingDevice;
import io.netty.util.concurrent.EventExecutor;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A device of another loop, used from this one by message: for units that allow fewer sessions than there are loops. Does not
 * own the device within.
 */
final class HandoverDevice extends ForwardingDevice {
    private final EventExecutor loop;
    private final Map<DeviceListener, DeviceListener> listeners = new HashMap<>();

    HandoverDevice(BlockDevice inner, EventExecutor loop) {
        super(inner);
        this.loop = loop;
    }

    @Override
    public EventExecutor owner() {
        return loop;
    }

    @Override
    public BlockOperation submit(BlockRequest request, BlockCompletion completion) {
        Operation operation = new Operation();
        inner.owner()
                .execute(() -> operation.started(
                        inner.submit(request, outcome -> loop.execute(() -> completion.completed(outcome)))));
        return operation;
    }

    /** Its field belongs to the inner device's loop. */
    private final class Operation implements BlockOperation {
        private @Nullable BlockOperation started;

        void started(BlockOperation operation) {
            started = operation;
        }

        @Override
        public void cancel() {
            // Messages keep their order, so the request was submitted before.
            inner.owner().execute(() -> {
                if (started != null) {
                    started.cancel();
                }
            });
        }
    }

    @Override
    public void addListener(DeviceListener listener) {
        DeviceListener hop =
                listeners.computeIfAbsent(listener, wanted -> event -> loop.execute(() -> wanted.on(event)));
        inner.owner().execute(() -> inner.addListener(hop));
    }

    @Override
    public void removeListener(DeviceListener listener) {
        DeviceListener hop = listeners.remove(listener);
        if (hop != null) {
            inner.owner().execute(() -> inner.removeListener(hop));
        }
    }

    @Override
    public void close(Runnable whenClosed) {
        whenClosed.run();
    }
}
