package dev.sanway.initiator;

import dev.sanway.block.Readiness;
import dev.sanway.scsi.SenseData;
import io.netty.buffer.ByteBuf;
import org.jspecify.annotations.Nullable;

/** How a SCSI command ended. */
sealed interface ScsiResult {
    /**
     * The unit answered.
     *
     * @param dataIn owned by the receiver
     * @param notTakenBytes of the command's data that the unit says it did not take, or never asked for
     */
    record Answered(int status, ByteBuf dataIn, @Nullable SenseData sense, long notTakenBytes) implements ScsiResult {}

    /** No answer within the time it had; nothing of it lands after a later command that is sent. */
    record Unanswered(Readiness.Unready why) implements ScsiResult {
        /** It may be answered later. */
        Unanswered(String reason) {
            this(new Readiness.Away(reason));
        }

        String reason() {
            return why.reason();
        }
    }

    /** Aborted on request; nothing of it lands any more. */
    record Aborted() implements ScsiResult {}

    /** The unit refuses the command as such (Reject, or a response that is no SCSI status). */
    record Refused(String reason) implements ScsiResult {}
}
