package dev.sanway.pool;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Partitions by UUID, by volume and by unit volume. A value; a change gives a new one, which shares with the old one the order of all
 * that is not concerned: with ten thousand volumes looking through all partitions for each takes seconds.
 */
final class PartitionIndex {
    static final PartitionIndex EMPTY = new PartitionIndex(Map.of(), Map.of(), Map.of());

    private static final Comparator<Partition> BY_OFFSET = Comparator.comparingLong(Partition::startBytes);
    private static final Comparator<Partition> BY_INDEX = Comparator.comparingInt(
            partition -> partition.owner() == null ? 0 : partition.owner().index());

    private final Map<UUID, Partition> byUuid;
    private final Map<UUID, List<Partition>> byVolume;
    private final Map<UUID, List<Partition>> byUnitVolume;

    private PartitionIndex(
            Map<UUID, Partition> byUuid, Map<UUID, List<Partition>> byVolume, Map<UUID, List<Partition>> byUnitVolume) {
        this.byUuid = byUuid;
        this.byVolume = byVolume;
        this.byUnitVolume = byUnitVolume;
    }

    Map<UUID, Partition> byUuid() {
        return Collections.unmodifiableMap(byUuid);
    }

    /** By index. */
    List<Partition> ofVolume(UUID volume) {
        return byVolume.getOrDefault(volume, List.of());
    }

    /** By offset. */
    List<Partition> onUnitVolume(UUID label) {
        return byUnitVolume.getOrDefault(label, List.of());
    }

    /**
     * Adds or replaces partitions, all or none.
     *
     * @throws IllegalArgumentException if one overlaps another
     */
    PartitionIndex with(Collection<Partition> changed) {
        Change change = new Change();
        changed.forEach(partition -> change.put(partition.uuid(), partition));
        return change.done();
    }

    PartitionIndex without(Collection<Partition> gone) {
        Change change = new Change();
        gone.forEach(partition -> change.put(partition.uuid(), null));
        return change.done();
    }

    private final class Change {
        private final Map<UUID, Partition> all = new HashMap<>(byUuid);
        private final Map<UUID, List<Partition>> volumes = new HashMap<>();
        private final Map<UUID, List<Partition>> unitVolumes = new HashMap<>();

        /** @param now null: it is gone */
        private void put(UUID uuid, @Nullable Partition now) {
            Partition before = now == null ? all.remove(uuid) : all.put(uuid, now);
            if (before != null) {
                onSame(before).removeIf(each -> each.uuid().equals(uuid));
                if (before.owner() != null) {
                    ofSame(before.owner()).removeIf(each -> each.uuid().equals(uuid));
                }
            }
            if (now != null) {
                onSame(now).add(now);
                if (now.owner() != null) {
                    ofSame(now.owner()).add(now);
                }
            }
        }

        private List<Partition> onSame(Partition partition) {
            return unitVolumes.computeIfAbsent(partition.unitVolume(), label -> new ArrayList<>(onUnitVolume(label)));
        }

        private List<Partition> ofSame(Partition.PartitionOwner owner) {
            return volumes.computeIfAbsent(owner.volume(), volume -> new ArrayList<>(ofVolume(volume)));
        }

        private PartitionIndex done() {
            Map<UUID, List<Partition>> ofAll = merged(byVolume, volumes, BY_INDEX);
            Map<UUID, List<Partition>> onAll = merged(byUnitVolume, unitVolumes, BY_OFFSET);
            for (UUID label : unitVolumes.keySet()) {
                checkOverlaps(onAll.getOrDefault(label, List.of()));
            }
            return new PartitionIndex(all, ofAll, onAll);
        }
    }

    private static Map<UUID, List<Partition>> merged(
            Map<UUID, List<Partition>> before, Map<UUID, List<Partition>> changed, Comparator<Partition> order) {
        Map<UUID, List<Partition>> merged = new HashMap<>(before);
        changed.forEach((key, partitions) -> {
            if (partitions.isEmpty()) {
                merged.remove(key);
            } else {
                partitions.sort(order);
                merged.put(key, Collections.unmodifiableList(partitions));
            }
        });
        return merged;
    }

    /** Of a unit volume, by offset: if any two overlap, two neighbours do. */
    private static void checkOverlaps(List<Partition> sorted) {
        for (int i = 1; i < sorted.size(); i++) {
            Partition one = sorted.get(i - 1);
            Partition other = sorted.get(i);
            if (one.overlaps(other)) {
                throw new IllegalArgumentException(one + " overlaps " + other);
            }
        }
    }
}
