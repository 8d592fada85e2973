package dev.sanway.bench;

import dev.sanway.scsi.SenseData;
import dev.sanway.scsi.StatusCode;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** What a SCSI status means, for people. */
final class Answers {

    private Answers() {}

    static String meaning(int status, @Nullable SenseData sense) {
        if (sense != null) {
            return "answers " + sense;
        }
        return switch (status) {
            case StatusCode.BUSY -> "is busy";
            case StatusCode.TASK_SET_FULL -> "takes no more commands at once (TASK SET FULL)";
            case StatusCode.RESERVATION_CONFLICT -> "is reserved by another host (RESERVATION CONFLICT)";
            case StatusCode.TASK_ABORTED -> "had the command aborted by another host";
            default -> String.format(Locale.ROOT, "answers with status %02xh", status);
        };
    }
}
