package dev.sanway.scsi;

import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * Standard INQUIRY data (SPC-4 6.6.2), as much of it as either side looks at.
 *
 * @param qualifier peripheral qualifier: 0 a device is there, 1 none is connected but could be, 3 none can be
 * @param deviceType peripheral device type: 0 direct access block device, 1Fh none
 * @param vendor T10 vendor identification, trimmed
 * @param product product identification, trimmed
 * @param revision product revision, trimmed
 */
public record InquiryData(int qualifier, int deviceType, String vendor, String product, String revision) {

    public static final int DIRECT_ACCESS = 0x00;
    public static final int NO_DEVICE = 0x1F;

    /** Bytes of standard INQUIRY data as our target gives it. */
    public static final int LENGTH_BYTES = 96;

    // Version descriptors (SPC-4 6.6.2, table 143): SAM-5, SPC-4, SBC-3, iSCSI, each without a claimed revision.
    private static final int[] VERSION_DESCRIPTORS = {0x00A0, 0x0460, 0x04C0, 0x0960};

    /** Whether it is a disk that is there. */
    public boolean isConnectedDisk() {
        return qualifier == 0 && deviceType == DIRECT_ACCESS;
    }

    /** Reads it; null if shorter than the 36 bytes that every device gives. */
    public static @Nullable InquiryData parse(byte[] bytes) {
        if (bytes.length < 36) {
            return null;
        }
        return new InquiryData(
                BigEndian.u8(bytes, 0) >> 5,
                bytes[0] & 0x1F,
                text(bytes, 8, 8),
                text(bytes, 16, 16),
                text(bytes, 32, 4));
    }

    /** Builds it as a SPC-4 device with command queueing and implicit asymmetric access. */
    public byte[] encode() {
        byte[] bytes = new byte[LENGTH_BYTES];
        bytes[0] = (byte) (qualifier << 5 | deviceType);
        bytes[2] = 0x06; // SPC-4
        bytes[3] = 0x12; // HISUP, response data format 2
        bytes[4] = LENGTH_BYTES - 5;
        bytes[5] = 0x10; // TPGS 01b: implicit asymmetric access
        bytes[7] = 0x02; // CMDQUE
        putText(bytes, 8, 8, vendor);
        putText(bytes, 16, 16, product);
        putText(bytes, 32, 4, revision);
        int at = 58;
        for (int descriptor : VERSION_DESCRIPTORS) {
            BigEndian.put16(bytes, at, descriptor);
            at += 2;
        }
        return bytes;
    }

    /** Left-aligned ASCII, padded with spaces or cut to {@code length}. */
    static void putText(byte[] bytes, int at, int length, String text) {
        byte[] ascii = text.getBytes(StandardCharsets.US_ASCII);
        for (int i = 0; i < length; i++) {
            bytes[at + i] = i < ascii.length ? ascii[i] : (byte) ' ';
        }
    }

    private static String text(byte[] bytes, int at, int length) {
        return Printable.text(bytes, at, length, StandardCharsets.US_ASCII);
    }
}
