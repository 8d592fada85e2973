package dev.sanway.volume.thin;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.UUID;
import java.util.zip.CRC32C;

/**
 * A page of a slab's map, numbers big-endian:
 *
 * <pre>
 *   offset  bytes
 *        0      8  "sanwaymp"
 *        8      4  format version: 1
 *       12      4  CRC-32C of the page, with zeroes here
 *       16     16  slab UUID: of the partition that it was made in, also after it has moved to another
 *       32     16  volume UUID
 *       48      8  sequence; of two valid copies the higher one counts
 *       56      4  number of the page
 *       60      4  bytes of an extent
 *       64     16  per extent of the slab, 252 times: extent of the volume 8 (-1: none), generation 8
 * </pre>
 *
 * @param logical of each of the page's extents, the extent of the volume that it holds, or {@link #NONE}
 * @param generations of each
 */
record MapPage(UUID slab, UUID volume, int number, long sequence, long[] logical, long[] generations) {
    static final int FORMAT_VERSION = 1;
    static final int ENTRIES = 252;
    static final long NONE = -1;

    private static final long MAGIC =
            ByteBuffer.wrap("sanwaymp".getBytes(StandardCharsets.US_ASCII)).getLong();
    private static final int CRC_OFFSET = 12;
    private static final int HEADER_BYTES = 64;

    MapPage {
        if (logical.length != ENTRIES || generations.length != ENTRIES || sequence < 1 || number < 0) {
            throw new IllegalArgumentException("not a map page: number " + number + ", sequence " + sequence);
        }
    }

    /** A page on which nothing is mapped. */
    static MapPage empty(UUID slab, UUID volume, int number, long sequence) {
        long[] none = new long[ENTRIES];
        Arrays.fill(none, NONE);
        return new MapPage(slab, volume, number, sequence, none, new long[ENTRIES]);
    }

    byte[] encode() {
        ByteBuffer out = ByteBuffer.allocate(SlabFormat.PAGE_BYTES);
        out.putLong(MAGIC).putInt(FORMAT_VERSION).putInt(0);
        out.putLong(slab.getMostSignificantBits()).putLong(slab.getLeastSignificantBits());
        out.putLong(volume.getMostSignificantBits()).putLong(volume.getLeastSignificantBits());
        out.putLong(sequence).putInt(number).putInt(SlabFormat.EXTENT_BYTES);
        for (int i = 0; i < ENTRIES; i++) {
            out.putLong(logical[i]).putLong(generations[i]);
        }
        return out.putInt(CRC_OFFSET, checksum(out.array())).array();
    }

    private static int checksum(byte[] page) {
        CRC32C crc = new CRC32C();
        crc.update(page, 0, CRC_OFFSET);
        crc.update(new byte[4], 0, 4);
        crc.update(page, CRC_OFFSET + 4, page.length - CRC_OFFSET - 4);
        return (int) crc.getValue();
    }

    /** What is found in a copy's place. */
    sealed interface Found {
        record Valid(MapPage page) implements Found {}

        /** Whole, but of a later version of this program. */
        record Newer(int version) implements Found {}

        /** Never written for this slab, torn, or damaged. */
        record Nothing() implements Found {}
    }

    /** Reads a copy of the page that must have this number in this slab of this volume. */
    static Found decode(byte[] copy, UUID slab, UUID volume, int number) {
        ByteBuffer in = ByteBuffer.wrap(copy);
        if (in.getLong() != MAGIC) {
            return new Found.Nothing();
        }
        int version = in.getInt();
        int crc = in.getInt();
        if (crc != checksum(copy)) {
            return new Found.Nothing();
        }
        UUID ofSlab = new UUID(in.getLong(), in.getLong());
        if (!ofSlab.equals(slab)) {
            return new Found.Nothing();
        }
        if (version > FORMAT_VERSION) {
            return new Found.Newer(version);
        }
        UUID ofVolume = new UUID(in.getLong(), in.getLong());
        long sequence = in.getLong();
        int ofNumber = in.getInt();
        int extentBytes = in.getInt();
        if (version != FORMAT_VERSION
                || !ofVolume.equals(volume)
                || sequence < 1
                || ofNumber != number
                || extentBytes != SlabFormat.EXTENT_BYTES) {
            return new Found.Nothing();
        }
        in.position(HEADER_BYTES);
        long[] logical = new long[ENTRIES];
        long[] generations = new long[ENTRIES];
        for (int i = 0; i < ENTRIES; i++) {
            logical[i] = in.getLong();
            generations[i] = in.getLong();
        }
        return new Found.Valid(new MapPage(slab, volume, number, sequence, logical, generations));
    }
}
