package dev.sanway.iscsi;

import org.jspecify.annotations.Nullable;

/** What an Asynchronous Message tells of (RFC 7143 section 11.9.1). */
public enum AsyncEvent {
    /** A SCSI asynchronous event, with sense data. */
    SCSI_EVENT(0),
    /** The target wants this connection logged out within Parameter3 seconds. */
    LOGOUT_REQUESTED(1),
    /** The target drops or will drop the connection whose CID is Parameter1. */
    CONNECTION_DROPPED(2),
    /** The target drops or will drop all connections of the session. */
    ALL_CONNECTIONS_DROPPED(3),
    /** The target wants parameters negotiated on this connection. */
    NEGOTIATION_REQUESTED(4),
    /** All active tasks of the logical unit are being terminated. */
    TASKS_TERMINATED(5),
    /** Known to its vendor. */
    VENDOR_SPECIFIC(255);

    private final int code;

    AsyncEvent(int code) {
        this.code = code;
    }

    /** The number on the wire. */
    public int code() {
        return code;
    }

    /** The row of a number; null if nothing stands for it. */
    public static @Nullable AsyncEvent of(int code) {
        for (AsyncEvent row : values()) {
            if (row.code == code) {
                return row;
            }
        }
        return null;
    }
}
