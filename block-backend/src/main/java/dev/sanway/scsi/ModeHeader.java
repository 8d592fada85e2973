package dev.sanway.scsi;

import org.jspecify.annotations.Nullable;

/**
 * What an initiator learns from MODE SENSE(6) data (SPC-4 7.5.4): the write-protect bit and, if the caching page (08h, SBC-3
 * 6.5.5) was returned, whether the write cache is on.
 *
 * @param writeProtected WP
 * @param forceUnitAccessSupported DPOFUA
 * @param writeCacheEnabled WCE; null if no caching page was there
 */
public record ModeHeader(
        boolean writeProtected,
        boolean forceUnitAccessSupported,
        @Nullable Boolean writeCacheEnabled) {
    private static final int CACHING_PAGE = 0x08;

    /** Null if shorter than its header of four bytes. */
    public static @Nullable ModeHeader parse6(byte[] bytes) {
        if (bytes.length < 4) {
            return null;
        }
        Boolean cache = null;
        int at = 4 + BigEndian.u8(bytes, 3);
        while (at + 4 <= bytes.length) {
            boolean subpage = (bytes[at] & 0x40) != 0;
            if ((bytes[at] & 0x3F) == CACHING_PAGE && !subpage) {
                cache = (bytes[at + 2] & 0x04) != 0;
            }
            at += subpage ? 4 + BigEndian.u16(bytes, at + 2) : 2 + BigEndian.u8(bytes, at + 1);
        }
        return new ModeHeader((bytes[2] & 0x80) != 0, (bytes[2] & 0x10) != 0, cache);
    }
}
