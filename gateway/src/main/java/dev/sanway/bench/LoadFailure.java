package dev.sanway.bench;

/** The load could not be made, or the target did not bear it; the message says it to an operator. */
public final class LoadFailure extends Exception {

    private static final long serialVersionUID = 1L;

    public LoadFailure(String message) {
        super(message);
    }
}
