package dev.sanway.target;

/**
 * How much of something bounded each of several may have, when how many there are is not known beforehand: as much as it would
 * leave free. One alone gets half of all, {@code n} that take what they can get {@code 1/(n+1)} each, and one more always
 * finds as much as any of them has (the dynamic thresholds that switches use for their buffers).
 *
 * <pre>
 *   limit  |-----------------------------------------------|
 *          | others            | mine     | free, as mine  |
 * </pre>
 */
final class FairShare {

    private FairShare() {}

    /** What one may have at most while the others together have {@code others}. */
    static long of(long limit, long others) {
        return Math.max(0, limit - others) / 2;
    }
}
