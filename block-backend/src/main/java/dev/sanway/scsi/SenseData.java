package dev.sanway.scsi;

import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Sense data (SPC-4 4.5), in either format.
 *
 * @param key the sense key
 * @param asc additional sense code
 * @param ascq additional sense code qualifier
 * @param deferred whether it speaks of an earlier command (response codes 71h and 73h)
 * @param information the INFORMATION field, null if not valid
 * @param keySpecific what the sense-key specific bytes say, null if not valid
 */
public record SenseData(
        SenseKey key,
        int asc,
        int ascq,
        boolean deferred,
        @Nullable Long information,
        @Nullable KeySpecific keySpecific) {

    /** Bytes of fixed-format sense data as we build it. */
    public static final int FIXED_LENGTH_BYTES = 18;

    private static final int INFORMATION_DESCRIPTOR = 0x00; // SPC-4 4.5.2.2
    private static final int KEY_SPECIFIC_DESCRIPTOR = 0x02; // SPC-4 4.5.2.4

    /** The sense-key specific information (SPC-4 4.5.2.4). */
    public sealed interface KeySpecific {}

    /**
     * Which field was wrong (SPC-4 4.5.2.4.2).
     *
     * @param inCdb in the CDB, or else in the parameter list
     * @param byteOffset the field's first byte
     * @param bit the field's leftmost bit, -1 if the whole byte
     */
    public record FieldPointer(boolean inCdb, int byteOffset, int bit) implements KeySpecific {}

    /** How far an operation is, in 65,536ths (SPC-4 4.5.2.4.4). */
    public record Progress(int of65536) implements KeySpecific {}

    /** Sense data with neither information nor key specific bytes. */
    public static SenseData of(SenseKey key, AdditionalSense sense) {
        return new SenseData(key, sense.asc(), sense.ascq(), false, null, null);
    }

    /** Nothing to tell. */
    public static SenseData none() {
        return of(SenseKey.NO_SENSE, AdditionalSense.NONE);
    }

    /** INVALID FIELD IN CDB at a byte and its leftmost wrong bit (-1: the whole byte). */
    public static SenseData invalidCdbField(int byteOffset, int bit) {
        return of(SenseKey.ILLEGAL_REQUEST, AdditionalSense.INVALID_FIELD_IN_CDB)
                .withKeySpecific(new FieldPointer(true, byteOffset, bit));
    }

    /** INVALID FIELD IN PARAMETER LIST at a byte and its leftmost wrong bit (-1: the whole byte). */
    public static SenseData invalidParameter(int byteOffset, int bit) {
        return of(SenseKey.ILLEGAL_REQUEST, AdditionalSense.INVALID_FIELD_IN_PARAMETER_LIST)
                .withKeySpecific(new FieldPointer(false, byteOffset, bit));
    }

    public SenseData withInformation(long value) {
        return new SenseData(key, asc, ascq, deferred, value, keySpecific);
    }

    public SenseData withKeySpecific(KeySpecific value) {
        return new SenseData(key, asc, ascq, deferred, information, value);
    }

    /** Whether it is this key with this code and qualifier. */
    public boolean is(SenseKey otherKey, AdditionalSense sense) {
        return key == otherKey && asc == sense.asc() && ascq == sense.ascq();
    }

    /** In descriptor format if {@code descriptorFormat} (D_SENSE of the control mode page), else in fixed format. */
    public byte[] encode(boolean descriptorFormat) {
        return descriptorFormat ? encodeDescriptor() : encodeFixed();
    }

    /** Fixed format (SPC-4 4.5.3); information that needs more than 32 bits is left out, VALID is then zero. */
    private byte[] encodeFixed() {
        byte[] bytes = new byte[FIXED_LENGTH_BYTES];
        bytes[0] = (byte) (deferred ? 0x71 : 0x70);
        bytes[2] = (byte) key.code();
        if (information != null && information >>> 32 == 0) {
            bytes[0] |= (byte) 0x80;
            BigEndian.put32(bytes, 3, information);
        }
        bytes[7] = FIXED_LENGTH_BYTES - 8;
        bytes[12] = (byte) asc;
        bytes[13] = (byte) ascq;
        if (keySpecific != null) {
            putKeySpecific(bytes, 15, keySpecific);
        }
        return bytes;
    }

    private byte[] encodeDescriptor() {
        int length = 8 + (information == null ? 0 : 12) + (keySpecific == null ? 0 : 8);
        byte[] bytes = new byte[length];
        bytes[0] = (byte) (deferred ? 0x73 : 0x72);
        bytes[1] = (byte) key.code();
        bytes[2] = (byte) asc;
        bytes[3] = (byte) ascq;
        bytes[7] = (byte) (length - 8);
        int at = 8;
        if (information != null) {
            bytes[at] = INFORMATION_DESCRIPTOR;
            bytes[at + 1] = 10;
            bytes[at + 2] = (byte) 0x80;
            BigEndian.put64(bytes, at + 4, information);
            at += 12;
        }
        if (keySpecific != null) {
            bytes[at] = KEY_SPECIFIC_DESCRIPTOR;
            bytes[at + 1] = 6;
            putKeySpecific(bytes, at + 4, keySpecific);
        }
        return bytes;
    }

    private static void putKeySpecific(byte[] bytes, int at, KeySpecific specific) {
        switch (specific) {
            case FieldPointer pointer -> {
                bytes[at] =
                        (byte) (0x80 | (pointer.inCdb() ? 0x40 : 0) | (pointer.bit() >= 0 ? 0x08 | pointer.bit() : 0));
                BigEndian.put16(bytes, at + 1, pointer.byteOffset());
            }
            case Progress progress -> {
                bytes[at] = (byte) 0x80;
                BigEndian.put16(bytes, at + 1, progress.of65536());
            }
        }
    }

    /**
     * Reads sense data of either format, however short; fields that are missing count as zero. Null if it is empty or of an
     * unknown format.
     */
    public static @Nullable SenseData parse(byte[] bytes) {
        if (bytes.length == 0) {
            return null;
        }
        int responseCode = bytes[0] & 0x7F;
        return switch (responseCode) {
            case 0x70, 0x71 -> parseFixed(bytes, responseCode == 0x71);
            case 0x72, 0x73 -> parseDescriptor(bytes, responseCode == 0x73);
            default -> null;
        };
    }

    private static SenseData parseFixed(byte[] bytes, boolean deferred) {
        SenseKey key = SenseKey.of(at(bytes, 2));
        Long information = (bytes[0] & 0x80) != 0 && bytes.length >= 7 ? BigEndian.u32(bytes, 3) : null;
        KeySpecific specific = bytes.length >= 18 ? readKeySpecific(bytes, 15, key) : null;
        return new SenseData(key, at(bytes, 12), at(bytes, 13), deferred, information, specific);
    }

    private static SenseData parseDescriptor(byte[] bytes, boolean deferred) {
        SenseKey key = SenseKey.of(at(bytes, 1));
        Long information = null;
        KeySpecific specific = null;
        int end = Math.min(bytes.length, 8 + at(bytes, 7));
        for (int at = 8; at + 2 <= end; at += 2 + BigEndian.u8(bytes, at + 1)) {
            int type = BigEndian.u8(bytes, at);
            if (type == INFORMATION_DESCRIPTOR && at + 12 <= end && (bytes[at + 2] & 0x80) != 0) {
                information = BigEndian.i64(bytes, at + 4);
            } else if (type == KEY_SPECIFIC_DESCRIPTOR && at + 7 <= end) {
                specific = readKeySpecific(bytes, at + 4, key);
            }
        }
        return new SenseData(key, at(bytes, 2), at(bytes, 3), deferred, information, specific);
    }

    private static @Nullable KeySpecific readKeySpecific(byte[] bytes, int at, SenseKey key) {
        int first = BigEndian.u8(bytes, at);
        if ((first & 0x80) == 0) {
            return null;
        }
        int value = BigEndian.u16(bytes, at + 1);
        return switch (key) {
            case ILLEGAL_REQUEST ->
                new FieldPointer((first & 0x40) != 0, value, (first & 0x08) != 0 ? first & 0x07 : -1);
            case NO_SENSE, NOT_READY -> new Progress(value);
            case RECOVERED_ERROR,
                    MEDIUM_ERROR,
                    HARDWARE_ERROR,
                    UNIT_ATTENTION,
                    DATA_PROTECT,
                    BLANK_CHECK,
                    VENDOR_SPECIFIC,
                    COPY_ABORTED,
                    ABORTED_COMMAND,
                    RESERVED_C,
                    VOLUME_OVERFLOW,
                    MISCOMPARE,
                    COMPLETED -> null;
        };
    }

    private static int at(byte[] bytes, int index) {
        return index < bytes.length ? bytes[index] & 0xFF : 0;
    }

    /** Key, codes in hexadecimal and the standard's wording, for logs. */
    @Override
    public String toString() {
        String codes = String.format(Locale.ROOT, "%Xh/%02Xh/%02Xh", key.code(), asc, ascq);
        String text = AdditionalSense.of(asc, ascq).map(AdditionalSense::text).orElse("");
        String where = information == null ? "" : " information " + Long.toUnsignedString(information);
        return key + " " + codes + (text.isEmpty() ? "" : " " + text) + where
                + (keySpecific == null ? "" : " " + keySpecific);
    }
}
