package dev.sanway.pool;

import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.UUID;

/**
 * Whether a label that was found may be believed, given what the store says. The label of a LUN that was restored from an old
 * snapshot, or that another gateway has written since, is not: its data are not the data that hosts have been told of.
 */
public final class LabelCheck {
    private LabelCheck() {}

    /**
     * Why the LUN must not be used, or nothing.
     *
     * @param recordedSequence the sequence that the store has for this label; 0 if it has none
     * @param stored the store's partitions of this label
     */
    public static Optional<String> objection(Label found, UUID pool, long recordedSequence, List<Partition> stored) {
        if (!found.pool().equals(pool)) {
            return Optional.of("its label is of another pool, " + found.pool());
        }
        if (found.sequence() < recordedSequence) {
            return Optional.of("its label is older (" + found.sequence() + ") than the one written last ("
                    + recordedSequence + "): the LUN was set back, or is a copy");
        }
        for (Partition partition : stored) {
            if (partition.state() == PartitionState.ASSIGNED && !claims(found, partition)) {
                return Optional.of("its label does not know partition " + partition.uuid() + ", which is in use");
            }
        }
        for (Partition claimed : found.partitions()) {
            boolean known = stored.stream().anyMatch(partition -> samePlace(partition, claimed));
            if (claimed.state() == PartitionState.ASSIGNED && !known) {
                return Optional.of("its label has partition " + claimed.uuid()
                        + ", of which this gateway's store knows nothing: the store is older than the label");
            }
        }
        return Optional.empty();
    }

    private static boolean claims(Label label, Partition partition) {
        return label.partitions().stream().anyMatch(claimed -> samePlace(claimed, partition));
    }

    private static boolean samePlace(Partition one, Partition other) {
        return one.uuid().equals(other.uuid())
                && one.startBytes() == other.startBytes()
                && one.lengthBytes() == other.lengthBytes()
                && Objects.equals(one.owner(), other.owner());
    }
}
