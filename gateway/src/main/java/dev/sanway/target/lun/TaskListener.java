package dev.sanway.target.lun;

/**
 * The transport's side of a task. Called on the logical unit's loop, which may or may not be the transport's; at most one
 * {@link #dataOutWanted}, and exactly one {@link #completed} unless the task was aborted or its nexus lost (then
 * {@link #aborted}). May be called before {@link TargetDevice#start} returns.
 */
public interface TaskListener {

    /**
     * The command is valid and takes {@code lengthBytes} of data (never more than the initiator offered, never 0):
     * gather immediate and unsolicited data and solicit the rest, then {@link ScsiTask#dataOut}.
     */
    void dataOutWanted(ScsiTask task, int lengthBytes);

    /** Whether other hosts have commands at work, for whom a long one makes room. Any thread may call. */
    default boolean othersAtWork() {
        return false;
    }

    /** The end: send status, and data if any. Takes the response's buffer over. */
    void completed(ScsiTask task, ScsiResponse response);

    /**
     * The task was aborted: by task management, by a reset, by another nexus's PREEMPT AND ABORT or CLEAR TASK SET, or by the
     * end of its nexus. No response is sent; nothing of it lands any more.
     */
    void aborted(ScsiTask task);
}
