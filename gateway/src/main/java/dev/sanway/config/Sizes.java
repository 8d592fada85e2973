package dev.sanway.config;

import java.math.BigInteger;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Sizes as people write them: {@code 80GiB}, {@code 500MiB}, or a bare number of bytes. */
public final class Sizes {

    private static final Pattern SIZE = Pattern.compile("([0-9]+) ?([A-Za-z]*)");

    private static final Map<String, Long> UNITS = Map.ofEntries(
            Map.entry("", 1L),
            Map.entry("B", 1L),
            Map.entry("KiB", 1L << 10),
            Map.entry("MiB", 1L << 20),
            Map.entry("GiB", 1L << 30),
            Map.entry("TiB", 1L << 40),
            Map.entry("PiB", 1L << 50),
            Map.entry("KB", 1_000L),
            Map.entry("MB", 1_000_000L),
            Map.entry("GB", 1_000_000_000L),
            Map.entry("TB", 1_000_000_000_000L),
            Map.entry("PB", 1_000_000_000_000_000L));

    private Sizes() {}

    /** The size in bytes, or empty if the text is none or is over 2^63 - 1. */
    public static OptionalLong parse(String text) {
        Matcher matcher = SIZE.matcher(text.strip());
        if (!matcher.matches()) {
            return OptionalLong.empty();
        }
        Long unit = UNITS.get(matcher.group(2));
        if (unit == null) {
            return OptionalLong.empty();
        }
        BigInteger bytes = new BigInteger(matcher.group(1)).multiply(BigInteger.valueOf(unit));
        return bytes.bitLength() < 64 ? OptionalLong.of(bytes.longValue()) : OptionalLong.empty();
    }

    /** For people: exact where a binary unit fits, else rounded to a tenth, as in {@code 1.5 GiB}. */
    public static String show(long bytes) {
        List<String> names = List.of("B", "KiB", "MiB", "GiB", "TiB", "PiB");
        int unit = 0;
        double value = bytes;
        while (value >= 1024 && unit < names.size() - 1) {
            value /= 1024;
            unit++;
        }
        String number =
                value == Math.rint(value) ? Long.toString((long) value) : String.format(Locale.ROOT, "%.1f", value);
        return number + " " + names.get(unit);
    }
}
