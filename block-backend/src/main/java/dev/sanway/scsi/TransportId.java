package dev.sanway.scsi;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * An iSCSI TransportID (SPC-4 7.6.4.6).
 *
 * @param initiatorName the iSCSI name
 * @param isid 12 lower-case hex digits of the initiator port's ISID; null for the form that names the device only
 */
public record TransportId(String initiatorName, @Nullable String isid) {
    private static final int PROTOCOL_ISCSI = 0x05;
    private static final String SEPARATOR = ",i,0x";
    private static final int MAX_NAME_BYTES = 223 + SEPARATOR.length() + 12;

    /** The shortest that SPC-4 allows, and what its length is a multiple of 4 from. */
    private static final int MIN_ADDITIONAL_LENGTH = 20;

    public byte[] encode() {
        byte[] name =
                (isid == null ? initiatorName : initiatorName + SEPARATOR + isid).getBytes(StandardCharsets.UTF_8);
        int additional = Math.max(MIN_ADDITIONAL_LENGTH, (name.length + 1 + 3) & ~3);
        byte[] bytes = new byte[4 + additional];
        bytes[0] = (byte) (PROTOCOL_ISCSI | (isid == null ? 0 : 0x40));
        BigEndian.put16(bytes, 2, additional);
        System.arraycopy(name, 0, bytes, 4, name.length);
        return bytes;
    }

    /** Bytes that the TransportID at {@code at} takes in all, or -1 if it does not fit or is not iSCSI's. */
    public static int lengthBytes(byte[] bytes, int at) {
        if (at + 4 > bytes.length || (bytes[at] & 0x0F) != PROTOCOL_ISCSI) {
            return -1;
        }
        int additional = BigEndian.u16(bytes, at + 2);
        return additional < MIN_ADDITIONAL_LENGTH || additional % 4 != 0 || at + 4 + additional > bytes.length
                ? -1
                : 4 + additional;
    }

    /** Reads the TransportID at {@code at}; null if malformed. */
    public static @Nullable TransportId parse(byte[] bytes, int at) {
        int length = lengthBytes(bytes, at);
        if (length < 0) {
            return null;
        }
        int format = BigEndian.u8(bytes, at) >> 6;
        byte[] field = Arrays.copyOfRange(bytes, at + 4, at + length);
        int end = 0;
        while (end < field.length && field[end] != 0) {
            end++;
        }
        if (end == 0 || end == field.length || end > MAX_NAME_BYTES) {
            return null;
        }
        String text = text(field, end);
        if (text == null) {
            return null;
        }
        if (format == 0) {
            return new TransportId(text, null);
        }
        int separator = text.indexOf(SEPARATOR);
        if (format != 1 || separator <= 0) {
            return null;
        }
        String isid = text.substring(separator + SEPARATOR.length());
        return isid.matches("[0-9a-f]{12}") ? new TransportId(text.substring(0, separator), isid) : null;
    }

    /**
     * The first bytes as text in lower case, for so names compare (RFC 7143 4.2.7.2), and so does the hexadecimal ISID. Null if
     * they are not UTF-8, lest different names be taken for one, or if lower case makes them longer than a name may be.
     */
    private static @Nullable String text(byte[] field, int length) {
        String text;
        try {
            text = StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(field, 0, length))
                    .toString()
                    .toLowerCase(Locale.ROOT);
        } catch (CharacterCodingException malformed) {
            return null;
        }
        return text.getBytes(StandardCharsets.UTF_8).length > MAX_NAME_BYTES ? null : text;
    }
}
