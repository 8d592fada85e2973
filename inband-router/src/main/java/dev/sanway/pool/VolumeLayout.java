package dev.sanway.pool;

/** How a volume is laid over partitions, as asked for and as kept. */
public sealed interface VolumeLayout {

    /** One partition after the other. */
    record Linear() implements VolumeLayout {}

    /** Chunks of {@code chunkBytes} dealt in turn to {@code width} partitions on different units. */
    record Striped(int width, int chunkBytes) implements VolumeLayout {
        public Striped {
            if (width < 1) {
                throw new IllegalArgumentException("a striped volume needs a width of 1 or more, not " + width);
            }
            if (chunkBytes < 512 || chunkBytes % 512 != 0) {
                throw new IllegalArgumentException("a chunk is a multiple of 512 bytes, not " + chunkBytes);
            }
        }

        /** What {@code width} partitions of a length hold: whole chunks only. */
        public long segmentBytes(long partitionBytes) {
            return partitionBytes / chunkBytes * chunkBytes * width;
        }
    }

    /** Slabs, taken when something is written. */
    record Thin() implements VolumeLayout {}

    /** What operators read. */
    default String describe() {
        return switch (this) {
            case Linear _ -> "linear";
            case Thin _ -> "linear, thin";
            case Striped striped -> "striped, width " + striped.width() + ", chunk " + Bytes.text(striped.chunkBytes());
        };
    }
}
