package dev.sanway.autoconfig;

/** Which sequences of one boot of one sender were seen: all up to the window's beginning count as seen. One owner. */
final class ReplayWindow {
    static final int WIDTH = 1024;

    private final long[] seen = new long[WIDTH / Long.SIZE];
    private long highest;

    /** Marks a sequence as seen; false if it was, or is too old to say. */
    boolean accept(long sequence) {
        if (sequence > highest) {
            if (sequence - highest >= WIDTH) {
                java.util.Arrays.fill(seen, 0);
            } else {
                for (long between = highest + 1; between < sequence; between++) {
                    seen[word(between)] &= ~bit(between);
                }
            }
            highest = sequence;
        } else if (sequence <= highest - WIDTH || (seen[word(sequence)] & bit(sequence)) != 0) {
            return false;
        }
        seen[word(sequence)] |= bit(sequence);
        return true;
    }

    private static int word(long sequence) {
        return (int) (sequence % WIDTH / Long.SIZE);
    }

    private static long bit(long sequence) {
        return 1L << sequence % Long.SIZE;
    }
}
