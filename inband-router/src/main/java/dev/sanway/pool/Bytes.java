package dev.sanway.pool;

import java.util.Locale;

/** Byte quantities as operators read them. */
public final class Bytes {
    public static final long KIB = 1L << 10;
    public static final long MIB = 1L << 20;
    public static final long GIB = 1L << 30;

    private static final String[] UNITS = {"bytes", "KiB", "MiB", "GiB", "TiB", "PiB"};

    private Bytes() {}

    /** Such as {@code 10 GiB}, {@code 1.5 TiB}, {@code 513 bytes}. */
    public static String text(long bytes) {
        int unit = 0;
        double value = bytes;
        while (value >= 1024 && unit < UNITS.length - 1) {
            value /= 1024;
            unit++;
        }
        // Rounded down: what is free must not seem more.
        return value == Math.rint(value)
                ? (long) value + " " + UNITS[unit]
                : String.format(Locale.ROOT, "%.1f %s", Math.floor(value * 10) / 10, UNITS[unit]);
    }
}
