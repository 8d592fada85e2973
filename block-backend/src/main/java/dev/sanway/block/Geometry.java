package dev.sanway.block;

/** Sizes of a device: logical block in bytes (512 or 4,096), physical block in bytes, and number of logical blocks. */
public record Geometry(int blockSizeBytes, int physicalBlockSizeBytes, long blockCount) {
    public Geometry {
        if (blockSizeBytes != 512 && blockSizeBytes != 4096) {
            throw new IllegalArgumentException("block size " + blockSizeBytes + ": 512 or 4096 is served");
        }
        if (physicalBlockSizeBytes < blockSizeBytes || Integer.bitCount(physicalBlockSizeBytes) != 1) {
            throw new IllegalArgumentException("physical block size " + physicalBlockSizeBytes);
        }
        if (blockCount < 0 || blockCount > Long.MAX_VALUE / blockSizeBytes) {
            throw new IllegalArgumentException("block count " + blockCount);
        }
    }

    public long sizeBytes() {
        return blockCount * blockSizeBytes;
    }

    public Geometry withBlockCount(long count) {
        return new Geometry(blockSizeBytes, physicalBlockSizeBytes, count);
    }
}
