package dev.sanway.pool;

import java.util.UUID;

/**
 * A unit's volume (Fig. 5): a LUN that carries our label. What it is known by is the label's UUID; unit and LUN say where it
 * was last seen.
 *
 * @param label the UUID in its label
 * @param unit the unit's name
 * @param lun the LUN at that unit
 * @param sizeBytes of the whole LUN, labels included
 * @param unmapGranularityBytes 0: unmapping gives nothing back
 * @param unmappedReadsZeroes blocks given back are guaranteed to read as zeroes
 */
public record UnitVolume(
        UUID label,
        String unit,
        long lun,
        long sizeBytes,
        int blockSizeBytes,
        int physicalBlockSizeBytes,
        int unmapGranularityBytes,
        boolean unmappedReadsZeroes) {

    /** What is kept at the beginning for the label; partitions start here, and at multiples of {@link #ALIGNMENT_BYTES}. */
    public static final long LABEL_BYTES = Bytes.MIB;

    public static final long ALIGNMENT_BYTES = Bytes.MIB;

    /** Below this nothing useful remains beside the label. */
    public static final long MIN_SIZE_BYTES = 3 * Bytes.MIB;

    /** The first byte after the last partition that could be. The last MiB stays free: other labels live at the end. */
    public long usableEndBytes() {
        return Math.max(LABEL_BYTES, sizeBytes / ALIGNMENT_BYTES * ALIGNMENT_BYTES - ALIGNMENT_BYTES);
    }

    public String where() {
        return unit + " lun " + lun;
    }
}
