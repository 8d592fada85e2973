package dev.sanway.scsi;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HexFormat;

/**
 * One designation descriptor of VPD page 83h (SPC-4 7.8.5.1).
 *
 * @param association what is named
 * @param type DESIGNATOR TYPE
 * @param codeSet 1 binary, 2 ASCII, 3 UTF-8
 * @param value the designator; not to be changed
 */
public record Designator(Association association, int type, int codeSet, byte[] value) {
    public static final int TYPE_T10_VENDOR = 1;
    public static final int TYPE_NAA = 3;
    public static final int TYPE_RELATIVE_PORT = 4;
    public static final int TYPE_TARGET_PORT_GROUP = 5;
    public static final int TYPE_SCSI_NAME = 8;

    public static final int BINARY = 1;
    public static final int ASCII = 2;
    public static final int UTF_8 = 3;

    private static final int PROTOCOL_ISCSI = 5;

    /** ASSOCIATION. */
    public enum Association {
        LOGICAL_UNIT(0),
        TARGET_PORT(1),
        TARGET_DEVICE(2),
        RESERVED(3);

        private final int code;

        Association(int code) {
            this.code = code;
        }

        static Association of(int code) {
            return switch (code & 0x03) {
                case 0 -> LOGICAL_UNIT;
                case 1 -> TARGET_PORT;
                case 2 -> TARGET_DEVICE;
                default -> RESERVED;
            };
        }
    }

    /** The eight bytes of vendor, then what the vendor likes (SPC-4 7.8.5.4). */
    public static Designator t10Vendor(String vendor, String vendorSpecific) {
        byte[] value = new byte[8 + vendorSpecific.length()];
        InquiryData.putText(value, 0, 8, vendor);
        InquiryData.putText(value, 8, vendorSpecific.length(), vendorSpecific);
        return new Designator(Association.LOGICAL_UNIT, TYPE_T10_VENDOR, ASCII, value);
    }

    /** An NAA identifier of 8 or 16 bytes (SPC-4 7.8.5.6). */
    public static Designator naa(byte[] value) {
        return new Designator(Association.LOGICAL_UNIT, TYPE_NAA, BINARY, value);
    }

    /** The relative target port identifier (SPC-4 7.8.5.7). */
    public static Designator relativePort(int identifier) {
        byte[] value = new byte[4];
        BigEndian.put16(value, 2, identifier);
        return new Designator(Association.TARGET_PORT, TYPE_RELATIVE_PORT, BINARY, value);
    }

    /** The target port group (SPC-4 7.8.5.8). */
    public static Designator targetPortGroup(int group) {
        byte[] value = new byte[4];
        BigEndian.put16(value, 2, group);
        return new Designator(Association.TARGET_PORT, TYPE_TARGET_PORT_GROUP, BINARY, value);
    }

    /** A SCSI name string (SPC-4 7.8.5.11), padded with null bytes to a multiple of four. */
    public static Designator scsiName(Association association, String name) {
        byte[] utf8 = name.getBytes(StandardCharsets.UTF_8);
        return new Designator(association, TYPE_SCSI_NAME, UTF_8, Arrays.copyOf(utf8, (utf8.length + 1 + 3) & ~3));
    }

    byte[] encode() {
        byte[] bytes = new byte[4 + value.length];
        boolean port = association == Association.TARGET_PORT || association == Association.TARGET_DEVICE;
        bytes[0] = (byte) ((port ? PROTOCOL_ISCSI << 4 : 0) | codeSet);
        bytes[1] = (byte) ((port ? 0x80 : 0) | association.code << 4 | type);
        bytes[3] = (byte) value.length;
        System.arraycopy(value, 0, bytes, 4, value.length);
        return bytes;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Designator that
                && association == that.association
                && type == that.type
                && codeSet == that.codeSet
                && Arrays.equals(value, that.value);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(value) * 31 + type;
    }

    @Override
    public String toString() {
        String text = codeSet == BINARY
                ? HexFormat.of().formatHex(value)
                : Printable.text(value, 0, value.length, StandardCharsets.UTF_8);
        return association + " type " + type + " " + text;
    }
}
