package dev.sanway.iscsi;

import java.nio.charset.StandardCharsets;
import java.text.Normalizer;
import java.util.Locale;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Name of an iSCSI node (RFC 7143 section 4.2.7). It is compared in normal form: lower case, Unicode NFKC, as far as the
 * stringprep profile of RFC 3722 matters. The underscore, which RFC 3722 leaves out, is accepted because hosts with it exist. It is
 * said to others as it was written, for there are targets (tgtd) that compare byte by byte.
 *
 * @param value in normal form
 * @param written as it was written; not compared
 */
public record IscsiName(String value, String written) {
    /** The longest name in bytes of UTF-8 (section 4.2.7.1). */
    public static final int MAX_LENGTH_BYTES = 223;

    private static final Pattern IQN = Pattern.compile(
            "iqn\\.[0-9]{4}-(0[1-9]|1[0-2])\\.[a-z0-9]([a-z0-9._-]*[a-z0-9])?(:[\\p{L}\\p{N}\\p{M}._:-]*)?");
    private static final Pattern EUI = Pattern.compile("eui\\.[0-9a-f]{16}");
    private static final Pattern NAA = Pattern.compile("naa\\.([0-9a-f]{16}|[0-9a-f]{32})");

    /** A name of which both forms are known; see {@link #parse} for text from outside. */
    public IscsiName {
        String fault = fault(value);
        if (fault != null || !normal(written).equals(value)) {
            throw new IllegalArgumentException(fault == null ? written + " is another name than " + value : fault);
        }
    }

    /** @param value a name that is written in normal form */
    public IscsiName(String value) {
        this(value, value);
    }

    /** The name that a text writes; null if it is no iSCSI name ({@link #whyNot} says why). */
    public static @Nullable IscsiName parse(String text) {
        String normal = normal(text);
        return fault(normal) == null ? new IscsiName(normal, text) : null;
    }

    /** What keeps a text from being an iSCSI name; null if nothing does. */
    public static @Nullable String whyNot(String text) {
        return fault(normal(text));
    }

    private static String normal(String text) {
        return Normalizer.normalize(text, Normalizer.Form.NFKC).toLowerCase(Locale.ROOT);
    }

    private static @Nullable String fault(String name) {
        if (name.getBytes(StandardCharsets.UTF_8).length > MAX_LENGTH_BYTES) {
            return "an iSCSI name has at most " + MAX_LENGTH_BYTES + " bytes";
        }
        Pattern pattern;
        String form;
        if (name.startsWith("iqn.")) {
            pattern = IQN;
            form = "iqn.YYYY-MM.reversed.domain[:text of letters, digits, '.', '-', ':']";
        } else if (name.startsWith("eui.")) {
            pattern = EUI;
            form = "eui. and 16 hexadecimal digits";
        } else if (name.startsWith("naa.")) {
            pattern = NAA;
            form = "naa. and 16 or 32 hexadecimal digits";
        } else {
            return "an iSCSI name starts with iqn., eui. or naa.";
        }
        return pattern.matcher(name).matches() ? null : "not of the form " + form;
    }

    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof IscsiName that && value.equals(that.value);
    }

    @Override
    public int hashCode() {
        return value.hashCode();
    }

    /** As it was written. */
    @Override
    public String toString() {
        return written;
    }
}
