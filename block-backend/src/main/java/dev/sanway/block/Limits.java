package dev.sanway.block;

/**
 * What a device can do. Block quantities are logical blocks.
 *
 * @param maxTransferBlocks the longest read, write, compare-and-write
 * @param optimalTransferBlocks a transfer of this length or a multiple suits the device; 0: no matter
 * @param unmapGranularityBlocks what is really given back; 0: unmap is accepted but gives nothing back
 * @param unmapAlignmentBlocks LBA of the first granule's start, below the granularity
 * @param unmappedReadsZeroes blocks given back read as zeroes, guaranteed
 * @param volatileCache writes without {@code forceUnitAccess} may be lost with power until flushed
 * @param readOnly every change is refused with {@link BlockFailure.WriteProtected}
 */
public record Limits(
        int maxTransferBlocks,
        int optimalTransferBlocks,
        int unmapGranularityBlocks,
        int unmapAlignmentBlocks,
        boolean unmappedReadsZeroes,
        boolean volatileCache,
        boolean readOnly) {

    /** The same, but for the longest transfer. */
    public Limits transferring(int newMaxTransferBlocks) {
        return newMaxTransferBlocks == maxTransferBlocks
                ? this
                : new Limits(
                        newMaxTransferBlocks,
                        optimalTransferBlocks,
                        unmapGranularityBlocks,
                        unmapAlignmentBlocks,
                        unmappedReadsZeroes,
                        volatileCache,
                        readOnly);
    }
}
