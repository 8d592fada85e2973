package dev.sanway.iscsi;

import java.util.Base64;
import java.util.HexFormat;
import org.jspecify.annotations.Nullable;

/** Values that encode bytes or large numbers (RFC 7143 section 6.1: hex-constant, base64-constant). */
public final class BinaryValue {
    private BinaryValue() {}

    /** The bytes of {@code 0x…} or {@code 0b…}; null if the text is neither. An odd hex digit stands alone in front. */
    public static byte @Nullable [] decode(String text) {
        if (text.length() < 3 || text.charAt(0) != '0') {
            return null;
        }
        char kind = text.charAt(1);
        String digits = text.substring(2);
        try {
            if (kind == 'x' || kind == 'X') {
                return HexFormat.of().parseHex(digits.length() % 2 == 0 ? digits : "0" + digits);
            }
            if (kind == 'b' || kind == 'B') {
                return Base64.getDecoder().decode(digits);
            }
        } catch (IllegalArgumentException notInThatAlphabet) {
            return null;
        }
        return null;
    }

    /** {@code 0x} and lower-case hexadecimal digits. */
    public static String hex(byte[] bytes) {
        return "0x" + HexFormat.of().formatHex(bytes);
    }

    /** A decimal or hexadecimal number of at most 63 bits; -1 if the text is none. */
    public static long number(String text) {
        boolean hex = text.startsWith("0x") || text.startsWith("0X");
        String digits = hex ? text.substring(2) : text;
        if (digits.isEmpty()
                || digits.length() > 18
                || !digits.chars().allMatch(c -> Character.digit(c, hex ? 16 : 10) >= 0 && c < 128)) {
            return -1;
        }
        try {
            return Long.parseLong(digits, hex ? 16 : 10);
        } catch (NumberFormatException tooLarge) {
            return -1;
        }
    }
}
