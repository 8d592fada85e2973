package dev.sanway.block;

/** A run of logical blocks. */
public record BlockRange(long lba, long blockCount) {
    public BlockRange {
        if (lba < 0 || blockCount < 0 || lba > Long.MAX_VALUE - blockCount) {
            throw new IllegalArgumentException("not a range: lba " + lba + ", " + blockCount + " blocks");
        }
    }

    /** The first block after the range. */
    public long end() {
        return lba + blockCount;
    }

    /** Whether the two share a block. */
    public boolean overlaps(BlockRange other) {
        return lba < other.end() && other.lba < end();
    }
}
