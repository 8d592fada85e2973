package dev.sanway.initiator;

import dev.sanway.block.Geometry;
import dev.sanway.scsi.CapacityData;
import org.jspecify.annotations.Nullable;

/** What a logical unit says of its size, as far as it can be true. Pure. */
sealed interface LunCapacity {
    /**
     * The most that is believed, 8 PiB: sizes and sums of sizes of many such LUNs stay exact everywhere, in JSON too. No disk has
     * as much by far.
     */
    long MAX_BYTES = 1L << 53;

    /** Physical blocks are shown up to this many logical blocks, a power of 2. */
    int MAX_PHYSICAL_EXPONENT = 12;

    /** To be worked with. */
    record Sound(Geometry geometry) implements LunCapacity {}

    /** Not to be worked with; {@code reason} says to an operator why. */
    record Impossible(String reason) implements LunCapacity {}

    /** Judges READ CAPACITY data; null: the logical unit gave none. */
    static LunCapacity of(@Nullable CapacityData data) {
        if (data == null) {
            return new Impossible("does not tell its capacity");
        }
        int blockSize = data.blockSizeBytes();
        if (blockSize != 512 && blockSize != 4096) {
            return new Impossible(
                    "has blocks of " + Integer.toUnsignedString(blockSize) + " bytes; 512 and 4096 are served");
        }
        // As unsigned: the last block of nothing at all is 2^64 - 1.
        if (Long.compareUnsigned(data.lastLba(), MAX_BYTES / blockSize) >= 0) {
            return new Impossible("says that its last block is " + Long.toUnsignedString(data.lastLba())
                    + ", which cannot be: up to 8 PiB are served");
        }
        int exponent = Math.min(data.physicalBlockExponent(), MAX_PHYSICAL_EXPONENT);
        return new Sound(new Geometry(blockSize, blockSize << exponent, data.lastLba() + 1));
    }
}
