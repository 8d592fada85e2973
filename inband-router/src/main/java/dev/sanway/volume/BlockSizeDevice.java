package dev.sanway.volume;

import dev.sanway.block.BlockCompletion;
import dev.sanway.block.BlockDevice;
import dev.sanway.block.BlockFailure;
import dev.sanway.block.BlockOperation;
import dev.sanway.block.BlockOutcome;
import dev.sanway.block.BlockRange;
import dev.sanway.block.BlockRequest;
import dev.sanway.block.DeviceListener;
import dev.sanway.block.Drain;
import dev.sanway.block.Geometry;
import dev.sanway.block.Identity;
import dev.sanway.block.Limits;
import dev.sanway.block.Readiness;
import io.netty.util.concurrent.EventExecutor;
import java.util.ArrayList;
import java.util.List;

/**
 * Shows a device of 512-byte blocks as one of 4,096-byte blocks. The other way round would need reading before writing,
 * so a volume is never laid on units whose blocks are larger than its own. Closes the device.
 */
public final class BlockSizeDevice implements BlockDevice {
    private final BlockDevice device;
    private final int blockSizeBytes;
    private final int factor;
    private final Drain drain = new Drain();

    public BlockSizeDevice(BlockDevice device, int blockSizeBytes) {
        if (blockSizeBytes % device.geometry().blockSizeBytes() != 0) {
            throw new IllegalArgumentException(blockSizeBytes + "-byte blocks on "
                    + device.geometry().blockSizeBytes() + "-byte blocks of " + device.identity());
        }
        this.device = device;
        this.blockSizeBytes = blockSizeBytes;
        this.factor = blockSizeBytes / device.geometry().blockSizeBytes();
    }

    @Override
    public EventExecutor owner() {
        return device.owner();
    }

    @Override
    public Geometry geometry() {
        Geometry geometry = device.geometry();
        return new Geometry(
                blockSizeBytes,
                Math.max(blockSizeBytes, geometry.physicalBlockSizeBytes()),
                geometry.blockCount() / factor);
    }

    @Override
    public Limits limits() {
        Limits limits = device.limits();
        int granule = limits.unmapGranularityBlocks();
        return new Limits(
                Math.max(1, limits.maxTransferBlocks() / factor),
                limits.optimalTransferBlocks() / factor,
                granule == 0 ? 0 : Math.max(1, granule / factor),
                limits.unmapAlignmentBlocks() / factor,
                limits.unmappedReadsZeroes(),
                limits.volatileCache(),
                limits.readOnly());
    }

    @Override
    public Identity identity() {
        return device.identity();
    }

    @Override
    public Readiness readiness() {
        return device.readiness();
    }

    @Override
    public BlockOperation submit(BlockRequest request, BlockCompletion completion) {
        drain.begin();
        return device.submit(below(request), outcome -> {
            try {
                completion.completed(above(outcome));
            } finally {
                drain.end();
            }
        });
    }

    private BlockRequest below(BlockRequest request) {
        return switch (request) {
            case BlockRequest.Read read ->
                new BlockRequest.Read(read.lba() * factor, read.blockCount() * factor, read.forceUnitAccess());
            case BlockRequest.Write write ->
                new BlockRequest.Write(
                        write.lba() * factor, write.blockCount() * factor, write.data(), write.forceUnitAccess());
            case BlockRequest.Flush flush -> new BlockRequest.Flush(flush.lba() * factor, flush.blockCount() * factor);
            case BlockRequest.Unmap unmap ->
                new BlockRequest.Unmap(unmap.ranges().stream()
                        .map(range -> new BlockRange(range.lba() * factor, range.blockCount() * factor))
                        .toList());
            case BlockRequest.WriteZeroes zeroes ->
                new BlockRequest.WriteZeroes(
                        zeroes.lba() * factor,
                        zeroes.blockCount() * factor,
                        zeroes.mayUnmap(),
                        zeroes.forceUnitAccess());
            case BlockRequest.CompareAndWrite both ->
                new BlockRequest.CompareAndWrite(
                        both.lba() * factor,
                        both.blockCount() * factor,
                        both.compare(),
                        both.write(),
                        both.forceUnitAccess());
            case BlockRequest.OrWrite or ->
                new BlockRequest.OrWrite(or.lba() * factor, or.blockCount() * factor, or.data(), or.forceUnitAccess());
            case BlockRequest.Status status ->
                new BlockRequest.Status(status.lba() * factor, status.blockCount() * factor);
        };
    }

    private BlockOutcome above(BlockOutcome outcome) {
        return switch (outcome) {
            case BlockOutcome.Failed failed -> BlockOutcome.failed(above(failed.failure()));
            case BlockOutcome.Status status -> above(status);
            case BlockOutcome.Done _, BlockOutcome.Data _ -> outcome;
        };
    }

    private BlockFailure above(BlockFailure failure) {
        return switch (failure) {
            case BlockFailure.Unreadable unreadable -> new BlockFailure.Unreadable(unreadable.lba() / factor);
            case BlockFailure.Unwritable unwritable -> new BlockFailure.Unwritable(unwritable.lba() / factor);
            case BlockFailure.Miscompare _,
                    BlockFailure.NotReady _,
                    BlockFailure.OutOfSpace _,
                    BlockFailure.WriteProtected _,
                    BlockFailure.Busy _,
                    BlockFailure.ReservationConflict _,
                    BlockFailure.UnflushedWritesLost _,
                    BlockFailure.Cancelled _,
                    BlockFailure.Unsupported _,
                    BlockFailure.Broken _ -> failure;
        };
    }

    /** A large block is mapped if any of its small ones is; what of it was not told of counts as mapped. */
    private BlockOutcome.Status above(BlockOutcome.Status status) {
        List<BlockOutcome.Status.Extent> below = status.extents();
        if (below.isEmpty()) {
            return status;
        }
        long next = below.getFirst().lba() / factor;
        long end = (below.getLast().lba() + below.getLast().blockCount()) / factor;
        if (end <= next) {
            return new BlockOutcome.Status(List.of(new BlockOutcome.Status.Extent(next, 1, true)));
        }
        List<BlockOutcome.Status.Extent> extents = new ArrayList<>();
        for (BlockOutcome.Status.Extent extent : below) {
            // A mapped extent takes the block that it ends in, an unmapped one leaves it to the mapped one that
            // follows.
            long after = extent.lba() + extent.blockCount();
            long stop = Math.min(end, extent.mapped() ? Math.ceilDiv(after, factor) : after / factor);
            if (stop > next) {
                extents.add(new BlockOutcome.Status.Extent(next, stop - next, extent.mapped()));
                next = stop;
            }
        }
        return new BlockOutcome.Status(extents);
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
        drain.close(() -> device.close(whenClosed));
    }
}
