package dev.sanway.volume;

import dev.sanway.block.BlockCompletion;
import dev.sanway.block.BlockDevice;
import dev.sanway.block.BlockFailure;
import dev.sanway.block.BlockOperation;
import dev.sanway.block.BlockOutcome;
import dev.sanway.block.BlockRange;
import dev.sanway.block.BlockRequest;
import dev.sanway.block.DeviceEvent;
import dev.sanway.block.DeviceListener;
import dev.sanway.block.DeviceListeners;
import dev.sanway.block.Drain;
import dev.sanway.block.Geometry;
import dev.sanway.block.Identity;
import dev.sanway.block.Limits;
import dev.sanway.block.Readiness;
import io.netty.util.concurrent.EventExecutor;

/**
 * A window on a device: block 0 of the window is block {@code firstBlock} of the device. Failures name the window's blocks.
 * Does not close the device; several windows share one.
 *
 * <pre>
 *   device   0 ......... firstBlock ............... firstBlock + blockCount ......
 *   window                   0 ........................... blockCount
 * </pre>
 */
public final class PartitionDevice implements BlockDevice {
    private final BlockDevice device;
    private final Identity identity;
    private final long firstBlock;
    private final Geometry geometry;
    private final DeviceListeners listeners = new DeviceListeners();
    private final DeviceListener forward = this::forward;
    private final Drain drain = new Drain();

    /** Made on the device's owner. The window lies within the device, or fails where it does not. */
    public PartitionDevice(BlockDevice device, Identity identity, long firstBlock, long blockCount) {
        this.device = device;
        this.identity = identity;
        this.firstBlock = firstBlock;
        this.geometry = device.geometry().withBlockCount(blockCount);
        device.addListener(forward);
    }

    @Override
    public EventExecutor owner() {
        return device.owner();
    }

    @Override
    public Geometry geometry() {
        return geometry;
    }

    @Override
    public Limits limits() {
        Limits limits = device.limits();
        int granule = limits.unmapGranularityBlocks();
        int alignment =
                granule == 0 ? 0 : (int) Math.floorMod(limits.unmapAlignmentBlocks() - firstBlock, (long) granule);
        return new Limits(
                limits.maxTransferBlocks(),
                limits.optimalTransferBlocks(),
                granule,
                alignment,
                limits.unmappedReadsZeroes(),
                limits.volatileCache(),
                limits.readOnly());
    }

    @Override
    public Identity identity() {
        return identity;
    }

    @Override
    public Readiness readiness() {
        return device.readiness();
    }

    @Override
    public BlockOperation submit(BlockRequest request, BlockCompletion completion) {
        drain.begin();
        return device.submit(onDevice(request), outcome -> {
            try {
                completion.completed(inWindow(outcome));
            } finally {
                drain.end();
            }
        });
    }

    private BlockRequest onDevice(BlockRequest request) {
        return switch (request) {
            case BlockRequest.Read read ->
                new BlockRequest.Read(firstBlock + read.lba(), read.blockCount(), read.forceUnitAccess());
            case BlockRequest.Write write ->
                new BlockRequest.Write(
                        firstBlock + write.lba(), write.blockCount(), write.data(), write.forceUnitAccess());
            case BlockRequest.Flush flush -> {
                // "To the end" means the window's end; of a flush of nothing there is nothing left to say but 1 block.
                long count = flush.blockCount() == 0 ? geometry.blockCount() - flush.lba() : flush.blockCount();
                yield count == 0
                        ? new BlockRequest.Flush(firstBlock + flush.lba() - 1, 1)
                        : new BlockRequest.Flush(firstBlock + flush.lba(), count);
            }
            case BlockRequest.Unmap unmap ->
                new BlockRequest.Unmap(unmap.ranges().stream()
                        .map(range -> new BlockRange(firstBlock + range.lba(), range.blockCount()))
                        .toList());
            case BlockRequest.WriteZeroes zeroes ->
                new BlockRequest.WriteZeroes(
                        firstBlock + zeroes.lba(), zeroes.blockCount(), zeroes.mayUnmap(), zeroes.forceUnitAccess());
            case BlockRequest.CompareAndWrite both ->
                new BlockRequest.CompareAndWrite(
                        firstBlock + both.lba(),
                        both.blockCount(),
                        both.compare(),
                        both.write(),
                        both.forceUnitAccess());
            case BlockRequest.OrWrite or ->
                new BlockRequest.OrWrite(firstBlock + or.lba(), or.blockCount(), or.data(), or.forceUnitAccess());
            case BlockRequest.Status status -> new BlockRequest.Status(firstBlock + status.lba(), status.blockCount());
        };
    }

    private BlockOutcome inWindow(BlockOutcome outcome) {
        return switch (outcome) {
            case BlockOutcome.Failed failed -> BlockOutcome.failed(BlockFailure.shifted(failed.failure(), -firstBlock));
            case BlockOutcome.Status status ->
                new BlockOutcome.Status(status.extents().stream()
                        .map(extent -> new BlockOutcome.Status.Extent(
                                extent.lba() - firstBlock, extent.blockCount(), extent.mapped()))
                        .toList());
            case BlockOutcome.Done _, BlockOutcome.Data _ -> outcome;
        };
    }

    private void forward(DeviceEvent event) {
        switch (event) {
            // The window stays as it is, whatever happens to what lies around it.
            case DeviceEvent.CapacityChanged _ -> {}
            case DeviceEvent.BecameNotReady _, DeviceEvent.BecameReady _, DeviceEvent.SpaceLow _ ->
                listeners.tell(event);
        }
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
            device.removeListener(forward);
            whenClosed.run();
        });
    }
}
