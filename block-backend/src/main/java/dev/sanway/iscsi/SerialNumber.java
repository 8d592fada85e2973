package dev.sanway.iscsi;

/** Arithmetic on 32-bit sequence numbers that wrap around (RFC 1982 with SERIAL_BITS 32; RFC 7143 section 4.2.2.1). */
public final class SerialNumber {
    private SerialNumber() {}

    /** Whether {@code a} comes before {@code b}. Two numbers exactly 2^31 apart are in no order: false both ways. */
    public static boolean lessThan(int a, int b) {
        int distance = b - a;
        return distance > 0;
    }

    /** Whether {@code a} comes before {@code b} or is it. */
    public static boolean lessOrEqual(int a, int b) {
        return a == b || lessThan(a, b);
    }

    /** Whether {@code sn} lies within {@code first..last}, both included; an empty window has {@code last} = first - 1. */
    public static boolean within(int sn, int first, int last) {
        return lessOrEqual(first, sn) && lessOrEqual(sn, last);
    }

    /** The later of two. */
    public static int max(int a, int b) {
        return lessThan(a, b) ? b : a;
    }
}
