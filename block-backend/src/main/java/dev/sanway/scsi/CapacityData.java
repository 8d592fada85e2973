package dev.sanway.scsi;

import org.jspecify.annotations.Nullable;

/**
 * READ CAPACITY data (SBC-3 5.15.2, 5.16.2).
 *
 * @param lastLba the highest LBA; FFFFFFFFh in the 10-byte form means: ask with READ CAPACITY(16)
 * @param blockSizeBytes bytes of a logical block
 * @param protectionEnabled PROT_EN
 * @param physicalBlockExponent a physical block is 2 to the power of this many logical blocks; 0 in the 10-byte form
 * @param lowestAlignedLba LBA of the first logical block at a physical block's start
 * @param provisioningManaged LBPME: the unit is thin or resource provisioned
 * @param unmappedReadsZeroes LBPRZ
 */
public record CapacityData(
        long lastLba,
        int blockSizeBytes,
        boolean protectionEnabled,
        int physicalBlockExponent,
        int lowestAlignedLba,
        boolean provisioningManaged,
        boolean unmappedReadsZeroes) {

    /** What the 10-byte form says when its field is too short. */
    public static final long ASK_16 = 0xFFFF_FFFFL;

    /** Reads the 10-byte form's 8 bytes; null if there are fewer. */
    public static @Nullable CapacityData parse10(byte[] bytes) {
        if (bytes.length < 8) {
            return null;
        }
        return new CapacityData(BigEndian.u32(bytes, 0), BigEndian.i32(bytes, 4), false, 0, 0, false, false);
    }

    /** Reads the 16-byte form's 32 bytes; null if there are fewer than the first 12; flags that are missing count as zero. */
    public static @Nullable CapacityData parse16(byte[] bytes) {
        if (bytes.length < 12) {
            return null;
        }
        int aligned = bytes.length >= 16 ? BigEndian.u16(bytes, 14) : 0;
        return new CapacityData(
                BigEndian.i64(bytes, 0),
                BigEndian.i32(bytes, 8),
                bytes.length > 12 && (bytes[12] & 1) != 0,
                bytes.length > 13 ? bytes[13] & 0x0F : 0,
                aligned & 0x3FFF,
                (aligned & 0x8000) != 0,
                (aligned & 0x4000) != 0);
    }

    public byte[] encode10() {
        byte[] bytes = new byte[8];
        BigEndian.put32(bytes, 0, Math.min(lastLba, ASK_16));
        BigEndian.put32(bytes, 4, blockSizeBytes);
        return bytes;
    }

    public byte[] encode16() {
        byte[] bytes = new byte[32];
        BigEndian.put64(bytes, 0, lastLba);
        BigEndian.put32(bytes, 8, blockSizeBytes);
        bytes[12] = (byte) (protectionEnabled ? 1 : 0);
        bytes[13] = (byte) physicalBlockExponent;
        BigEndian.put16(
                bytes, 14, (provisioningManaged ? 0x8000 : 0) | (unmappedReadsZeroes ? 0x4000 : 0) | lowestAlignedLba);
        return bytes;
    }
}
