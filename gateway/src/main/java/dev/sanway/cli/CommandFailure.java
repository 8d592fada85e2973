package dev.sanway.cli;

/** A command that failed: what to print, and the exit status (1 refused or failed, 3 cannot reach the gateway). */
final class CommandFailure extends Exception {

    private static final long serialVersionUID = 1L;

    private final int exitStatus;

    CommandFailure(int exitStatus, String message) {
        super(message);
        this.exitStatus = exitStatus;
    }

    int exitStatus() {
        return exitStatus;
    }
}
