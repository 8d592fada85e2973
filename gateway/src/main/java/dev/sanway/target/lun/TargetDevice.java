package dev.sanway.target.lun;

import java.util.function.Consumer;

/**
 * A SCSI target device: the logical units that one iSCSI target shows. The transport talks to it and to nothing else of the
 * SCSI layer. Any thread may call; answers come on a logical unit's loop.
 */
public interface TargetDevice {

    /**
     * A nexus came into being (full feature phase was reached): establishes its unit attentions (power on or nexus loss, 29h).
     * A nexus that is known already is lost first.
     */
    void nexusEstablished(Nexus nexus);

    /**
     * The nexus ended (log-out, connection lost, session reinstatement): its tasks are aborted, its RESERVE/RELEASE reservation
     * is released; persistent reservations stay.
     *
     * @param done runs when nothing of the nexus's tasks can land any more, or when {@code deadlineMillis} have passed ({@code
     *     false}: then what is under way stays fenced in the logical units)
     */
    void nexusLost(Nexus nexus, long deadlineMillis, Consumer<Boolean> done);

    /**
     * How many bytes the device holds for a command at most, from its start to its end: the data that the CDB asks for or takes,
     * whatever lengths the initiator expects, and what the work needs besides, such as one piece of a long command.
     */
    default long workingBytes(ScsiCommand command) {
        return Math.max(command.readLengthBytes(), command.writeLengthBytes());
    }

    /** Starts a command. Ends with exactly one of the listener's end calls. */
    ScsiTask start(ScsiCommand command, TaskListener listener);

    /**
     * Carries out a task management function.
     *
     * @param deadlineMillis {@code done} runs by then: tasks whose fate is unknown give {@link
     *     TaskManagement.Result#REJECTED} and stay fenced
     */
    void manage(Nexus nexus, TaskManagement function, long deadlineMillis, Consumer<TaskManagement.Result> done);
}
