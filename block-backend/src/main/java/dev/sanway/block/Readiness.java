package dev.sanway.block;

/**
 * Whether a device, or the part of it that a request touches, can be served; and if not, what whoever asked may hope for. How an
 * initiator hears of each is decided in one place ({@code FailureSense}).
 *
 * <pre>
 *   Away       comes back by itself          the same request again, after a while
 *   Preparing  being made ready, so far      again, after a while; progress is told
 *   Unusable   somebody has to do something  waiting is of no use
 * </pre>
 */
public sealed interface Readiness {

    /** The one {@link Ready}. */
    Ready READY = new Ready();

    /** At least one block can be served. */
    record Ready() implements Readiness {}

    /** No block can be served. */
    sealed interface Unready extends Readiness {
        /** For people. */
        String reason();
    }

    /** It comes back by itself: a unit that is away, a start that is not over. */
    record Away(String reason) implements Unready {}

    /**
     * It is being made ready.
     *
     * @param progressOf65536 how far that is, in 65,536ths, as sense data tell it (SPC-4 4.5.2.4.4)
     */
    record Preparing(String reason, int progressOf65536) implements Unready {}

    /** Refused, foreign, lost or deleted: it does not come back unless somebody does something. */
    record Unusable(String reason) implements Unready {}

    /** Of a whole that consists of parts like these: ready if one is, else what leaves most to hope for. */
    static Readiness better(Readiness one, Readiness other) {
        return hope(other) > hope(one) ? other : one;
    }

    private static int hope(Readiness readiness) {
        return switch (readiness) {
            case Ready _ -> 3;
            case Away _ -> 2;
            case Preparing _ -> 1;
            case Unusable _ -> 0;
        };
    }
}
