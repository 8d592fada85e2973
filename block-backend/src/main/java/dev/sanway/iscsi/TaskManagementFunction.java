package dev.sanway.iscsi;

import org.jspecify.annotations.Nullable;

/** Function of a Task Management Function Request (RFC 7143 section 11.5.1; from QUERY_TASK on RFC 7144 section 9). */
public enum TaskManagementFunction {
    /** Aborts the task that Referenced Task Tag names. */
    ABORT_TASK(1),
    /** Aborts all tasks of this session on the logical unit. */
    ABORT_TASK_SET(2),
    /** Clears the Auto Contingent Allegiance condition. */
    CLEAR_ACA(3),
    /** Aborts all tasks of all sessions on the logical unit, as the task set type says. */
    CLEAR_TASK_SET(4),
    /** Resets the logical unit. */
    LOGICAL_UNIT_RESET(5),
    /** Resets every logical unit of the target. */
    TARGET_WARM_RESET(6),
    /** As the warm reset, and drops all connections. */
    TARGET_COLD_RESET(7),
    /** Moves a task to this connection (error recovery level 2). */
    TASK_REASSIGN(8),
    /** Whether a task exists. */
    QUERY_TASK(9),
    /** Whether any task of this session exists on the logical unit. */
    QUERY_TASK_SET(10),
    /** Ends all tasks of this session on every logical unit. */
    I_T_NEXUS_RESET(11),
    /** Whether a unit attention is pending. */
    QUERY_ASYNCHRONOUS_EVENT(12);

    private final int code;

    TaskManagementFunction(int code) {
        this.code = code;
    }

    /** The number on the wire. */
    public int code() {
        return code;
    }

    /** The row of a number; null if nothing stands for it. */
    public static @Nullable TaskManagementFunction of(int code) {
        for (TaskManagementFunction row : values()) {
            if (row.code == code) {
                return row;
            }
        }
        return null;
    }
}
