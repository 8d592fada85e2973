package dev.sanway.block;

/** Told of the end of a request, exactly once, on the device's owner; takes over the outcome's buffers. */
@FunctionalInterface
public interface BlockCompletion {
    void completed(BlockOutcome outcome);
}
