package dev.sanway.pool;

import dev.sanway.block.BlockFailure;

/** A device's failure as the end of a chain of control steps. Never in the data path, where failures are outcomes. */
public final class DeviceFailedException extends Exception {
    private final transient BlockFailure failure;

    public DeviceFailedException(String what, BlockFailure failure) {
        super(what + ": " + failure);
        this.failure = failure;
    }

    public BlockFailure failure() {
        return failure;
    }
}
