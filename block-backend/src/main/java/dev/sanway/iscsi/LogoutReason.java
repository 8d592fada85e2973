package dev.sanway.iscsi;

import org.jspecify.annotations.Nullable;

/** Why an initiator logs out (RFC 7143 section 11.14.1). */
public enum LogoutReason {
    /** Every command of the session ends. */
    CLOSE_SESSION(0),
    /** Every command of the connection ends. */
    CLOSE_CONNECTION(1),
    /** The connection is removed, its tasks kept for reassignment (error recovery level 2). */
    REMOVE_FOR_RECOVERY(2);

    private final int code;

    LogoutReason(int code) {
        this.code = code;
    }

    /** The number on the wire. */
    public int code() {
        return code;
    }

    /** The row of a number; null if nothing stands for it. */
    public static @Nullable LogoutReason of(int code) {
        for (LogoutReason row : values()) {
            if (row.code == code) {
                return row;
            }
        }
        return null;
    }
}
