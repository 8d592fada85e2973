package dev.sanway.pool;

import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

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
        Set<Place> claims = places(found.partitions());
        for (Partition partition : stored) {
            if (partition.state() == PartitionState.ASSIGNED && !claims.contains(Place.of(partition))) {
                return Optional.of("its label does not know partition " + partition.uuid() + ", which is in use");
            }
        }
        Set<Place> known = places(stored);
        for (Partition claimed : found.partitions()) {
            if (claimed.state() == PartitionState.ASSIGNED && !known.contains(Place.of(claimed))) {
                return Optional.of("its label has partition " + claimed.uuid()
                        + ", of which this gateway's store knows nothing: the store is older than the label");
            }
        }
        return Optional.empty();
    }

    /** What must be the same of a partition in the label and in the store. */
    private record Place(UUID uuid, long startBytes, long lengthBytes, Partition.@Nullable PartitionOwner owner) {
        static Place of(Partition partition) {
            return new Place(partition.uuid(), partition.startBytes(), partition.lengthBytes(), partition.owner());
        }
    }

    /** With thousands of partitions on a unit volume holding each against each takes a tenth of a second. */
    private static Set<Place> places(List<Partition> partitions) {
        Set<Place> places = new HashSet<>();
        partitions.forEach(partition -> places.add(Place.of(partition)));
        return places;
    }
}
