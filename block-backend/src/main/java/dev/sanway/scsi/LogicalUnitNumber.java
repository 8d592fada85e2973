package dev.sanway.scsi;

/**
 * Logical unit numbers on the wire (SAM-5 4.7): eight bytes, here a big-endian long. We give out the simple methods:
 * peripheral device addressing for 0 to 255, flat space addressing for 256 to 16,383.
 */
public final class LogicalUnitNumber {
    /** The highest number that the flat method can carry. */
    public static final int MAX = 0x3FFF;

    /** The REPORT LUNS well known logical unit (SPC-4 8.2). */
    public static final long REPORT_LUNS_WELL_KNOWN = 0xC101_0000_0000_0000L;

    /** What {@link #decode} answers for an address that is none of ours. */
    public static final int NONE = -1;

    private LogicalUnitNumber() {}

    public static long encode(int number) {
        if (number < 0 || number > MAX) {
            throw new IllegalArgumentException("logical unit number " + number);
        }
        return number < 256 ? (long) number << 48 : (0x4000L | number) << 48;
    }

    /**
     * The number of a single-level address of the peripheral (bus 0) or flat method, or {@link #NONE}. The flat form of a
     * number below 256 is taken too.
     */
    public static int decode(long wire) {
        if ((wire & 0x0000_FFFF_FFFF_FFFFL) != 0) {
            return NONE;
        }
        int first = (int) (wire >>> 48);
        return switch (first >>> 14) {
            case 0 -> (first & 0x3F00) == 0 ? first & 0xFF : NONE;
            case 1 -> first & 0x3FFF;
            default -> NONE;
        };
    }
}
