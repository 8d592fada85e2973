package dev.sanway.target.lun;

/** Task management functions of SAM-5 7 as the transport asks for them (RFC 7143 11.5). */
public sealed interface TaskManagement {

    /** ABORT TASK: the task with this tag on this nexus and logical unit. */
    record AbortTask(long lun, int referencedTag) implements TaskManagement {}

    /** ABORT TASK SET: this nexus's tasks in the logical unit. */
    record AbortTaskSet(long lun) implements TaskManagement {}

    /** CLEAR TASK SET: every nexus's tasks in the logical unit. */
    record ClearTaskSet(long lun) implements TaskManagement {}

    /** CLEAR ACA. */
    record ClearAca(long lun) implements TaskManagement {}

    /** LOGICAL UNIT RESET. */
    record LogicalUnitReset(long lun) implements TaskManagement {}

    /** TARGET WARM or COLD RESET: every logical unit that the nexus sees. */
    record TargetReset(boolean cold) implements TaskManagement {}

    /** What the initiator is told; the codes are those of RFC 7143 11.6.1. */
    enum Result {
        COMPLETE(0),
        TASK_DOES_NOT_EXIST(1),
        LUN_DOES_NOT_EXIST(2),
        NOT_SUPPORTED(5),
        REJECTED(255);

        private final int code;

        Result(int code) {
            this.code = code;
        }

        public int code() {
            return code;
        }
    }
}
