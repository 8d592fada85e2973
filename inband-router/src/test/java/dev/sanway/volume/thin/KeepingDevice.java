package dev.sanway.volume.thin;

import static dev.sanway.block.BlockOutcome.DONE;

import dev.sanway.block.BlockCompletion;
import dev.sanway.block.BlockDevice;
import dev.sanway.block.BlockOperation;
import dev.sanway.block.BlockRequest;
import dev.sanway.block.ForwardingDevice;
import dev.sanway.block.Limits;

/** A unit that takes an unmap for the hint that it is: it gives nothing back, and guarantees no zeroes. */
final class KeepingDevice extends ForwardingDevice {
    KeepingDevice(BlockDevice inner) {
        super(inner);
    }

    @Override
    public Limits limits() {
        Limits limits = inner.limits();
        return new Limits(limits.maxTransferBlocks(), 0, 0, 0, false, limits.volatileCache(), limits.readOnly());
    }

    @Override
    public BlockOperation submit(BlockRequest request, BlockCompletion completion) {
        if (request instanceof BlockRequest.Unmap) {
            completion.completed(DONE);
            return BlockOperation.UNCANCELLABLE;
        }
        return inner.submit(request, completion);
    }
}
