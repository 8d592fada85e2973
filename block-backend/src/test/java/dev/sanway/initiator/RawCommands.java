package dev.sanway.initiator;

import dev.sanway.iscsi.TaskAttribute;
import dev.sanway.scsi.LogicalUnitNumber;
import dev.sanway.scsi.SenseData;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/** SCSI commands as they are, to a logical unit of our initiator; unit attentions are answers like others. Any thread. */
public final class RawCommands {
    private RawCommands() {}

    /** {@code status} -1: no answer, and {@code why}. */
    public record Answer(
            int status, byte[] dataIn, @Nullable SenseData sense, String why) {
        @Override
        public String toString() {
            return "status " + status + " " + sense + " " + why;
        }
    }

    /** Sends a command through the logical unit's queue, so that it survives the loss of a connection as requests do. */
    public static CompletableFuture<Answer> send(RemoteLogicalUnit unit, byte[] cdb, byte[] dataOut, int dataInBytes) {
        CompletableFuture<Answer> answer = new CompletableFuture<>();
        UnitSession session = unit.session();
        session.loop()
                .execute(() -> session.submit(new ScsiTask(
                        unit.queue(),
                        LogicalUnitNumber.encode(unit.lun()),
                        cdb,
                        TaskAttribute.SIMPLE.code(),
                        Unpooled.wrappedBuffer(dataOut),
                        dataInBytes,
                        session.deadline(),
                        result -> answer.complete(answer(result)))));
        return answer;
    }

    private static Answer answer(ScsiResult result) {
        return switch (result) {
            case ScsiResult.Answered answered -> {
                byte[] bytes = ByteBufUtil.getBytes(answered.dataIn());
                answered.dataIn().release();
                yield new Answer(answered.status(), bytes, answered.sense(), "");
            }
            case ScsiResult.Unanswered unanswered -> new Answer(-1, new byte[0], null, unanswered.reason());
            case ScsiResult.Refused refused -> new Answer(-1, new byte[0], null, refused.reason());
            case ScsiResult.Aborted _ -> new Answer(-1, new byte[0], null, "aborted");
        };
    }
}
