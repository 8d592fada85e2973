package dev.sanway.pool;

import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * A run of a unit volume's bytes (Fig. 5).
 *
 * @param uuid of the partition; of a free one the zero UUID
 * @param unitVolume the label of the unit volume
 * @param startBytes offset in the unit volume
 * @param owner whose it is; null of a free one. One that is COPYING has the index of the one that it is to replace
 * @param generation grows with every change of the partition
 * @param slab of a thin volume's slab, what the pages of its map bear: it outlives the partition, for the one that takes its place
 *     has it, too. Of any other partition its UUID. Labels do not have it
 */
public record Partition(
        UUID uuid,
        UUID unitVolume,
        long startBytes,
        long lengthBytes,
        PartitionState state,
        @Nullable PartitionOwner owner,
        long generation,
        UUID slab) {

    public static final UUID NO_UUID = new UUID(0, 0);

    /** The volume that a partition is part of, and which part. */
    public record PartitionOwner(UUID volume, int index) {}

    public Partition {
        if (startBytes < UnitVolume.LABEL_BYTES || lengthBytes <= 0) {
            throw new IllegalArgumentException("a partition at " + startBytes + " of " + lengthBytes + " bytes");
        }
        if ((owner == null) != (state == PartitionState.FREE)) {
            throw new IllegalArgumentException("a partition that is " + state + " with owner " + owner);
        }
    }

    /** One that takes the place of no other. */
    public Partition(
            UUID uuid,
            UUID unitVolume,
            long startBytes,
            long lengthBytes,
            PartitionState state,
            @Nullable PartitionOwner owner,
            long generation) {
        this(uuid, unitVolume, startBytes, lengthBytes, state, owner, generation, uuid);
    }

    public long endBytes() {
        return startBytes + lengthBytes;
    }

    public boolean overlaps(Partition other) {
        return unitVolume.equals(other.unitVolume) && startBytes < other.endBytes() && other.startBytes < endBytes();
    }

    public Partition in(PartitionState newState) {
        return new Partition(uuid, unitVolume, startBytes, lengthBytes, newState, owner, generation + 1, slab);
    }
}
