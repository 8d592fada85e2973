package dev.sanway.bench;

import io.netty.buffer.ByteBuf;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * Blocks that say what they are. The first 32 bytes of each logical block are
 *
 * <pre>
 *   0 magic (8)   8 seed (8)   16 lba (8)   24 generation (4)   28 CRC32C of the block with this field as 0 (4)
 * </pre>
 *
 * all big-endian. A generation counts the writes of a place; 0 means that it was not written.
 */
final class BlockStamp {

    static final int LENGTH_BYTES = 32;

    private static final long MAGIC = 0x73616e7761793a42L; // "sanway:B"
    private static final int CRC_AT = 28;

    private final long seed;
    private final int blockSizeBytes;
    private final CRC32C crc = new CRC32C();

    BlockStamp(long seed, int blockSizeBytes) {
        this.seed = seed;
        this.blockSizeBytes = blockSizeBytes;
    }

    /** Stamps the blocks of a request; {@code data} is borrowed and holds whole blocks from index 0 on. */
    void stamp(ByteBuf data, int lengthBytes, long lba, int generation) {
        for (int at = 0; at < lengthBytes; at += blockSizeBytes) {
            data.setLong(at, MAGIC);
            data.setLong(at + 8, seed);
            data.setLong(at + 16, lba + at / blockSizeBytes);
            data.setInt(at + 24, generation);
            data.setInt(at + CRC_AT, 0);
            data.setInt(at + CRC_AT, crc(data, at));
        }
    }

    private int crc(ByteBuf data, int at) {
        crc.reset();
        crc.update(data.internalNioBuffer(at, blockSizeBytes));
        return (int) crc.getValue();
    }

    /**
     * What is wrong with the blocks that were read; null if nothing.
     *
     * @param data borrowed; the CRC fields in it are overwritten
     * @param generation which one is expected; 0: any, but one of this seed
     */
    @Nullable
    String check(ByteBuf data, int lengthBytes, long lba, int generation) {
        for (int at = 0; at < lengthBytes; at += blockSizeBytes) {
            String wrong = checkBlock(data, at, lba + at / blockSizeBytes, generation);
            if (wrong != null) {
                return "block " + (lba + at / blockSizeBytes) + " " + wrong;
            }
        }
        return null;
    }

    private @Nullable String checkBlock(ByteBuf data, int at, long lba, int generation) {
        if (data.getLong(at) != MAGIC) {
            return "does not hold what was written: it bears no stamp";
        }
        if (data.getLong(at + 8) != seed) {
            return "was written with seed " + data.getLong(at + 8) + " instead of " + seed;
        }
        if (data.getLong(at + 16) != lba) {
            return "holds what was written to block " + data.getLong(at + 16);
        }
        int found = data.getInt(at + 24);
        if (generation != 0 && found != generation) {
            return "holds write " + found + " of that place instead of write " + generation;
        }
        int written = data.getInt(at + CRC_AT);
        data.setInt(at + CRC_AT, 0);
        if (crc(data, at) != written) {
            return "is damaged: its CRC does not match (write " + found + " of that place)";
        }
        return null;
    }
}
