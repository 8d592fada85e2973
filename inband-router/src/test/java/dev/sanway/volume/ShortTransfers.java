package dev.sanway.volume;

import dev.sanway.block.BlockDevice;
import dev.sanway.block.ForwardingDevice;
import dev.sanway.block.Limits;

/** A device that takes 19 blocks at a time, as a unit with a small maximum transfer length does. */
final class ShortTransfers extends ForwardingDevice {
    ShortTransfers(BlockDevice device) {
        super(device);
    }

    @Override
    public Limits limits() {
        Limits limits = inner.limits();
        return new Limits(19, 0, limits.unmapGranularityBlocks(), 0, limits.unmappedReadsZeroes(), false, false);
    }
}
