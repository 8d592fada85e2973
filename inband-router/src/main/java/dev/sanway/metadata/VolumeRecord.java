package dev.sanway.metadata;

import dev.sanway.pool.VolumeLayout;
import java.util.UUID;

/**
 * A volume as it was assigned.
 *
 * @param uuid its identity for ever; serial number and NAA derive from it
 * @param name {@code host/volume}, or {@code volume} of a shared one
 * @param host whose it is; empty of a shared one
 * @param wipedBytes how much of its partitions, taken one after the other, is known to be wiped durably
 */
public record VolumeRecord(
        UUID uuid,
        String name,
        String host,
        long sizeBytes,
        int blockSizeBytes,
        VolumeLayout layout,
        State state,
        long wipedBytes) {

    /**
     * <pre>
     *   WIPING → ASSIGNED → RELEASED → (gone)
     *       └──────────────────┘
     * </pre>
     */
    public enum State {
        /** Has its partitions; they are being wiped and labelled. Not served yet. */
        WIPING,
        ASSIGNED,
        /** Given up; its partitions are being taken out of the labels. */
        RELEASED
    }

    public VolumeRecord in(State newState) {
        return new VolumeRecord(uuid, name, host, sizeBytes, blockSizeBytes, layout, newState, wipedBytes);
    }

    public VolumeRecord wiped(long bytes) {
        return new VolumeRecord(uuid, name, host, sizeBytes, blockSizeBytes, layout, state, bytes);
    }
}
