package dev.sanway.initiator;

import dev.sanway.block.BlockCompletion;
import dev.sanway.block.Readiness;
import java.util.function.Consumer;

/**
 * Decides, after every login and before anything is written, whether a logical unit is the one it is taken for. Called on
 * the session's loop.
 */
@FunctionalInterface
public interface LunVerifier {

    /** For whom any disk will do. */
    LunVerifier ACCEPT_ALL = (evidence, blocks, verdict) -> verdict.accept(new Verdict.Accepted());

    /**
     * Looks at a logical unit.
     *
     * @param evidence what it says of itself
     * @param blocks reads from it, also before it is accepted
     * @param verdict to be told once, now or later, on the loop; a verdict that takes longer than {@code unitTimeout} is a
     *     refusal, and one that comes after the connection was lost is ignored (it is asked for again)
     */
    void verify(LunEvidence evidence, Blocks blocks, Consumer<Verdict> verdict);

    /** Reads blocks of a logical unit that is not accepted yet. */
    @FunctionalInterface
    interface Blocks {
        /** Reads; answered with data or a failure, on the loop. */
        void read(long lba, int blockCount, BlockCompletion completion);
    }

    /** The decision. */
    sealed interface Verdict {
        /** It is the right one. */
        record Accepted() implements Verdict {}

        /**
         * It is not, or that cannot be told now: no request reaches it until a later verdict accepts it.
         *
         * @param why whether it may be accepted without anybody doing something
         */
        record Refused(Readiness.Unready why) implements Verdict {
            /** It is another one. */
            public Refused(String reason) {
                this(new Readiness.Unusable(reason));
            }
        }
    }
}
