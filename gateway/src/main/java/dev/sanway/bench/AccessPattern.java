package dev.sanway.bench;

import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * What the requests do, and where.
 *
 * @param sequential one after the other, else at random places
 * @param readPercent how many of 100 requests read; the others write
 */
public record AccessPattern(boolean sequential, int readPercent) {

    /** The reads of 100 requests in a mixture that names no number. */
    private static final int MIXED_READ_PERCENT = 70;

    private static final Pattern FORM = Pattern.compile("(seq-)?(?:(read)|(write)|mixed(?::(\\d{1,3}))?)");

    public AccessPattern {
        if (readPercent < 0 || readPercent > 100) {
            throw new IllegalArgumentException(readPercent + " of 100");
        }
    }

    /** {@code read}, {@code write}, {@code mixed}, {@code mixed:70}, each also with {@code seq-} before it; else null. */
    public static @Nullable AccessPattern parse(String text) {
        Matcher matcher = FORM.matcher(text);
        if (!matcher.matches()) {
            return null;
        }
        boolean sequential = matcher.group(1) != null;
        if (matcher.group(2) != null) {
            return new AccessPattern(sequential, 100);
        }
        if (matcher.group(3) != null) {
            return new AccessPattern(sequential, 0);
        }
        int reads = matcher.group(4) == null ? MIXED_READ_PERCENT : Integer.parseInt(matcher.group(4));
        return reads <= 100 ? new AccessPattern(sequential, reads) : null;
    }

    public boolean writes() {
        return readPercent < 100;
    }

    /** As people say it: {@code random read}. */
    @Override
    public String toString() {
        String what = readPercent == 100
                ? "read"
                : readPercent == 0 ? "write" : readPercent + ":" + (100 - readPercent) + " read and write";
        return (sequential ? "sequential " : "random ") + what;
    }
}
