package dev.sanway.volume;

import dev.sanway.block.BlockCompletion;
import dev.sanway.block.BlockDevice;
import dev.sanway.block.BlockOperation;
import dev.sanway.block.BlockRequest;
import dev.sanway.block.DeviceListener;
import dev.sanway.block.Geometry;
import dev.sanway.block.Identity;
import dev.sanway.block.Limits;
import io.netty.util.concurrent.EventExecutor;

/** A device that takes 19 blocks at a time, as a unit with a small maximum transfer length does. */
record ShortTransfers(BlockDevice device) implements BlockDevice {
    @Override
    public EventExecutor owner() {
        return device.owner();
    }

    @Override
    public Geometry geometry() {
        return device.geometry();
    }

    @Override
    public Limits limits() {
        Limits limits = device.limits();
        return new Limits(19, 0, limits.unmapGranularityBlocks(), 0, limits.unmappedReadsZeroes(), false, false);
    }

    @Override
    public Identity identity() {
        return device.identity();
    }

    @Override
    public BlockOperation submit(BlockRequest request, BlockCompletion completion) {
        return device.submit(request, completion);
    }

    @Override
    public void addListener(DeviceListener listener) {
        device.addListener(listener);
    }

    @Override
    public void removeListener(DeviceListener listener) {
        device.removeListener(listener);
    }

    @Override
    public void close(Runnable whenClosed) {
        device.close(whenClosed);
    }
}
