package dev.sanway.block;

/** A request under way, as returned by {@link BlockDevice#submit}. Used on the device's owner only. */
@FunctionalInterface
public interface BlockOperation {

    /** For requests that end soon by themselves or cannot be stopped. */
    BlockOperation UNCANCELLABLE = () -> {};

    /**
     * Asks to end the request early. The completion still arrives exactly once: with {@link BlockFailure.Cancelled} if the
     * request was stopped (what had landed stays, nothing more lands), or with its ordinary outcome if it was too late.
     * While it is not known whether more may land, no completion arrives. Calling it again, or after completion, does
     * nothing.
     */
    void cancel();
}
