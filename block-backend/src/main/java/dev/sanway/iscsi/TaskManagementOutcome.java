package dev.sanway.iscsi;

import org.jspecify.annotations.Nullable;

/** Response of a Task Management Function Response (RFC 7143 section 11.6.1; FUNCTION_SUCCEEDED RFC 7144 section 9). */
public enum TaskManagementOutcome {
    /** Done; for an abort: nothing of the task happens any more. */
    FUNCTION_COMPLETE(0),
    /** No such task. */
    TASK_DOES_NOT_EXIST(1),
    /** No such logical unit. */
    LUN_DOES_NOT_EXIST(2),
    /** The connection that the task belongs to was not logged out. */
    TASK_STILL_ALLEGIANT(3),
    /** Task reassignment is not supported. */
    REASSIGNMENT_NOT_SUPPORTED(4),
    /** The function is not supported. */
    FUNCTION_NOT_SUPPORTED(5),
    /** This initiator may not. */
    AUTHORIZATION_FAILED(6),
    /** Done, and what was asked about exists. */
    FUNCTION_SUCCEEDED(7),
    /** Refused, for example because the effect could not be guaranteed. */
    FUNCTION_REJECTED(255);

    private final int code;

    TaskManagementOutcome(int code) {
        this.code = code;
    }

    /** The number on the wire. */
    public int code() {
        return code;
    }

    /** The row of a number; null if nothing stands for it. */
    public static @Nullable TaskManagementOutcome of(int code) {
        for (TaskManagementOutcome row : values()) {
            if (row.code == code) {
                return row;
            }
        }
        return null;
    }
}
