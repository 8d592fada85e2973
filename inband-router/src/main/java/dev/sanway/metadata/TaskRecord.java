package dev.sanway.metadata;

import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Work that goes on in the background, or went on.
 *
 * @param id from 1 on
 * @param volume what it is about
 * @param volumeName for people, who know it also when the volume is gone
 * @param startedAt an ISO 8601 instant
 * @param endedAt null while it is running
 */
public record TaskRecord(
        long id,
        Kind kind,
        UUID volume,
        String volumeName,
        State state,
        String startedAt,
        @Nullable String endedAt) {

    /** What is done. */
    public enum Kind {
        wipe,
        grow,
        delete,
        erase
    }

    /** How it stands. */
    public enum State {
        running,
        done,
        cancelled
    }

    public TaskRecord ended(State how, String at) {
        return new TaskRecord(id, kind, volume, volumeName, how, startedAt, at);
    }
}
