package dev.sanway.metadata;

import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Work that goes on in the background, or went on.
 *
 * @param id from 1 on
 * @param volume what it is about; of a drained unit the zero UUID
 * @param volumeName for people, who know it also when the volume is gone; of a drained unit empty
 * @param startedAt an ISO 8601 instant
 * @param endedAt null while it is running
 * @param leaving which unit is left by it; null: none is
 * @param detail why it failed; null: it did not
 */
public record TaskRecord(
        long id,
        Kind kind,
        UUID volume,
        String volumeName,
        State state,
        String startedAt,
        @Nullable String endedAt,
        @Nullable Leaving leaving,
        @Nullable String detail) {

    /** What is done. */
    public enum Kind {
        wipe,
        grow,
        delete,
        erase,
        move,
        drain
    }

    /** How it stands. */
    public enum State {
        running,
        done,
        cancelled,
        failed
    }

    /**
     * Partitions leave a unit.
     *
     * @param to the units that they may move to; empty: any
     * @param bytes that were there at the beginning
     */
    public record Leaving(String unit, List<String> to, long bytes) {
        public Leaving {
            to = List.copyOf(to);
        }
    }

    public TaskRecord ended(State how, String at, @Nullable String why) {
        return new TaskRecord(id, kind, volume, volumeName, how, startedAt, at, leaving, why);
    }
}
