package dev.sanway.scsi;

import java.nio.charset.Charset;

/** Text out of a device's data, as it may stand in logs and on consoles: control characters could forge lines there. */
final class Printable {
    private Printable() {}

    /** Trimmed; what is not to be printed is a question mark. */
    static String text(byte[] bytes, int at, int length, Charset charset) {
        String text = new String(bytes, at, length, charset).trim();
        return text.chars().noneMatch(Printable::control)
                ? text
                : text.codePoints()
                        .map(c -> control(c) ? '?' : c)
                        .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
                        .toString();
    }

    private static boolean control(int c) {
        return Character.isISOControl(c) || Character.getType(c) == Character.FORMAT || c == 0x2028 || c == 0x2029;
    }
}
