package dev.sanway.iscsi;

import org.jspecify.annotations.Nullable;

/** Response of a Logout Response (RFC 7143 section 11.15.1). */
public enum LogoutOutcome {
    /** Closed successfully. */
    CLOSED(0),
    /** The session has no such connection. */
    CID_NOT_FOUND(1),
    /** Connection recovery is not supported. */
    RECOVERY_NOT_SUPPORTED(2),
    /** Cleaning up failed for some reason. */
    CLEANUP_FAILED(3);

    private final int code;

    LogoutOutcome(int code) {
        this.code = code;
    }

    /** The number on the wire. */
    public int code() {
        return code;
    }

    /** The row of a number; null if nothing stands for it. */
    public static @Nullable LogoutOutcome of(int code) {
        for (LogoutOutcome row : values()) {
            if (row.code == code) {
                return row;
            }
        }
        return null;
    }
}
