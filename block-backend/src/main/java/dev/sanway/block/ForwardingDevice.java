package dev.sanway.block;

import io.netty.util.concurrent.EventExecutor;

/**
 * A filter before another device: what a subclass does not do otherwise is done by the device within, closing included. Belongs
 * to the owner of that one.
 */
public abstract class ForwardingDevice implements BlockDevice {
    protected final BlockDevice inner;

    protected ForwardingDevice(BlockDevice inner) {
        this.inner = inner;
    }

    @Override
    public EventExecutor owner() {
        return inner.owner();
    }

    @Override
    public Geometry geometry() {
        return inner.geometry();
    }

    @Override
    public Limits limits() {
        return inner.limits();
    }

    @Override
    public Identity identity() {
        return inner.identity();
    }

    @Override
    public Readiness readiness() {
        return inner.readiness();
    }

    @Override
    public BlockOperation submit(BlockRequest request, BlockCompletion completion) {
        return inner.submit(request, completion);
    }

    @Override
    public void addListener(DeviceListener listener) {
        inner.addListener(listener);
    }

    @Override
    public void removeListener(DeviceListener listener) {
        inner.removeListener(listener);
    }

    @Override
    public void close(Runnable whenClosed) {
        inner.close(whenClosed);
    }
}
