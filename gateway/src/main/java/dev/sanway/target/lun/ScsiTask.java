package dev.sanway.target.lun;

import io.netty.buffer.ByteBuf;

/**
 * A command under way in a {@link TargetDevice}, as returned by {@link TargetDevice#start}. Any thread may call; the device
 * hops to its logical unit's loop itself.
 */
public interface ScsiTask {

    ScsiCommand command();

    /**
     * Delivers all the data that {@link TaskListener#dataOutWanted} asked for, once. Takes {@code data} over, also when the
     * task has ended meanwhile.
     */
    void dataOut(ByteBuf data);

    /**
     * The transport will not deliver the data (it was told of a protocol error, or the connection ended): the task ends with
     * ABORTED COMMAND and the given additional sense code, nothing is written.
     */
    void dataOutFailed(int additionalSenseCode, int additionalSenseCodeQualifier);
}
