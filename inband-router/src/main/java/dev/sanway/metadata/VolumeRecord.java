package dev.sanway.metadata;

import dev.sanway.pool.VolumeLayout;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * A volume as it was assigned.
 *
 * @param uuid its identity for ever; serial number and NAA derive from it
 * @param name {@code host/volume}, or {@code volume} of a shared one
 * @param host whose it is; empty of a shared one
 * @param wipedBytes how much of its first partitions, taken one after the other, is known to be wiped durably
 * @param growth what it is to become; null if it stays as it is
 */
public record VolumeRecord(
        UUID uuid,
        String name,
        String host,
        long sizeBytes,
        int blockSizeBytes,
        VolumeLayout layout,
        State state,
        long wipedBytes,
        @Nullable Growth growth) {

    /**
     * <pre>
     *   WIPING → ASSIGNED ⇄ DELETED → RELEASED → (gone)
     *      │        └────┬──────┘          ↑ ↑
     *      │             └──▶ ERASING ─────┘ │
     *      └─────────────────────────────────┘
     * </pre>
     */
    public enum State {
        /** Has its partitions; they are being wiped and labelled. Not served yet. */
        WIPING,
        ASSIGNED,
        /** Shown to nobody; keeps its partitions and data until they are needed, and can be restored until then. */
        DELETED,
        /** Being overwritten with zeroes before it is given up. */
        ERASING,
        /** Given up; its partitions are being taken out of the labels. */
        RELEASED;

        /** Whether it is there for its hosts, or will be. */
        public boolean isLive() {
            return this == WIPING || this == ASSIGNED;
        }
    }

    /**
     * A volume that is served gets more partitions, which are being wiped and labelled; then it has the new size.
     *
     * @param wipedBytes how much of the new partitions, taken one after the other, is known to be wiped durably
     */
    public record Growth(long toBytes, long wipedBytes) {}

    public VolumeRecord {
        if (growth != null && (state != State.ASSIGNED || growth.toBytes() <= sizeBytes)) {
            throw new IllegalArgumentException("a volume " + state + " of " + sizeBytes + " bytes with " + growth);
        }
    }

    /** One that does not grow. */
    public VolumeRecord(
            UUID uuid,
            String name,
            String host,
            long sizeBytes,
            int blockSizeBytes,
            VolumeLayout layout,
            State state,
            long wipedBytes) {
        this(uuid, name, host, sizeBytes, blockSizeBytes, layout, state, wipedBytes, null);
    }

    private VolumeRecord with(long newSizeBytes, State newState, long newWipedBytes, @Nullable Growth newGrowth) {
        return new VolumeRecord(
                uuid, name, host, newSizeBytes, blockSizeBytes, layout, newState, newWipedBytes, newGrowth);
    }

    /** In another state; growth ends with that. */
    public VolumeRecord in(State newState) {
        return with(sizeBytes, newState, wipedBytes, null);
    }

    /** To be overwritten from the beginning. */
    public VolumeRecord erasing() {
        return with(sizeBytes, State.ERASING, 0, null);
    }

    /** Under another name. */
    public VolumeRecord named(String newName) {
        return new VolumeRecord(uuid, newName, host, sizeBytes, blockSizeBytes, layout, state, wipedBytes, growth);
    }

    /** So much of what is being wiped is done. */
    public VolumeRecord wiped(long bytes) {
        return growth == null
                ? with(sizeBytes, state, bytes, null)
                : with(sizeBytes, state, wipedBytes, new Growth(growth.toBytes(), bytes));
    }

    public VolumeRecord growing(long toBytes) {
        return with(sizeBytes, state, wipedBytes, new Growth(toBytes, 0));
    }

    public VolumeRecord grown() {
        return growth == null ? this : with(growth.toBytes(), state, wipedBytes, null);
    }

    /** Whether partitions of it are being wiped: at first, because it grows, or because it is to be erased. */
    public boolean wipes() {
        return state == State.WIPING || state == State.ERASING || growth != null;
    }

    /** How much of what is being wiped is done, in bytes. */
    public long progressBytes() {
        return growth == null ? wipedBytes : growth.wipedBytes();
    }
}
