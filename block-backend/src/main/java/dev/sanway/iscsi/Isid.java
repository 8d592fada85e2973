package dev.sanway.iscsi;

import java.util.HexFormat;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** The initiator's half of a session's identity: six bytes (RFC 7143 section 11.12.5), here the low 48 bits. */
public record Isid(long value) {
    public Isid {
        if (value >>> 48 != 0) {
            throw new IllegalArgumentException("an ISID has 48 bits: " + Long.toHexString(value));
        }
    }

    /** An ISID of type "random" (T field 10b): 24 random bits and a 16-bit qualifier. */
    public static Isid random(int randomBits24, int qualifier16) {
        return new Isid((0x80L << 40) | ((randomBits24 & 0xffffffL) << 16) | (qualifier16 & 0xffffL));
    }

    /** Reads twelve hexadecimal digits; null if the text is no such thing. */
    public static @Nullable Isid parse(String text) {
        if (text.length() != 12 || !text.chars().allMatch(HexFormat::isHexDigit)) {
            return null;
        }
        return new Isid(HexFormat.fromHexDigitsToLong(text));
    }

    /** Twelve hexadecimal digits, lower case. */
    @Override
    public String toString() {
        return String.format(Locale.ROOT, "%012x", value);
    }
}
