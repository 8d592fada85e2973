package dev.sanway.block;

import io.netty.buffer.ByteBuf;
import java.util.List;

/** What can be asked of a {@link BlockDevice}. LBAs and counts are in the device's logical blocks. */
public sealed interface BlockRequest {

    /** Reads; answered with {@link BlockOutcome.Data}. {@code forceUnitAccess}: from the medium, not from a volatile cache. */
    record Read(long lba, int blockCount, boolean forceUnitAccess) implements BlockRequest {}

    /** Writes {@code data}; answered with {@link BlockOutcome.Done}. {@code forceUnitAccess}: durable before done. */
    record Write(long lba, int blockCount, ByteBuf data, boolean forceUnitAccess) implements BlockRequest {}

    /** Makes every write completed before durable; {@code blockCount} 0 means to the end. {@link BlockOutcome.Done}. */
    record Flush(long lba, long blockCount) implements BlockRequest {}

    /**
     * Gives blocks back where whole granules can be; a hint, but blocks given back read as zeroes if
     * {@link Limits#unmappedReadsZeroes()}. {@link BlockOutcome.Done}.
     */
    record Unmap(List<BlockRange> ranges) implements BlockRequest {
        public Unmap {
            ranges = List.copyOf(ranges);
        }
    }

    /** Makes blocks read as zeroes, by unmapping where {@code mayUnmap} and that guarantees it. {@link BlockOutcome.Done}. */
    record WriteZeroes(long lba, long blockCount, boolean mayUnmap, boolean forceUnitAccess) implements BlockRequest {}

    /**
     * Compares, and only if all bytes are equal writes, atomically towards every other request of the same device.
     * {@link BlockOutcome.Done} or {@link BlockFailure.Miscompare}. Only {@code OrderedDevice} implements it.
     */
    record CompareAndWrite(long lba, int blockCount, ByteBuf compare, ByteBuf write, boolean forceUnitAccess)
            implements BlockRequest {}

    /** Ors {@code data} into the blocks, atomically as {@link CompareAndWrite}. Only {@code OrderedDevice} implements it. */
    record OrWrite(long lba, int blockCount, ByteBuf data, boolean forceUnitAccess) implements BlockRequest {}

    /** Asks which blocks are backed; answered with {@link BlockOutcome.Status}, which may cover less than asked. */
    record Status(long lba, long blockCount) implements BlockRequest {}

    /** Releases the buffers that the request carries, if any: for whoever does not pass it on. */
    static void release(BlockRequest request) {
        switch (request) {
            case Write write -> write.data().release();
            case CompareAndWrite both -> {
                both.compare().release();
                both.write().release();
            }
            case OrWrite or -> or.data().release();
            case Read _, Flush _, Unmap _, WriteZeroes _, Status _ -> {}
        }
    }
}
