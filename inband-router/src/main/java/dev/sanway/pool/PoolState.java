package dev.sanway.pool;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * What the pool consists of: unit volumes, their partitions, and which unit volumes are reachable. A value; changes give a
 * new one. No two partitions overlap and each lies within its unit volume: what would break that is refused.
 */
public final class PoolState {
    private static final int FEW = 16;

    public static final PoolState EMPTY = new PoolState(Map.of(), Map.of(), Set.of());

    private final Map<UUID, UnitVolume> unitVolumes;
    private final Map<UUID, Partition> partitions;
    private final Set<UUID> attached;

    /** Made when it is first asked for: with ten thousand volumes looking through all partitions for each takes seconds. */
    private volatile @Nullable Map<UUID, List<Partition>> byVolume;

    public PoolState(Map<UUID, UnitVolume> unitVolumes, Map<UUID, Partition> partitions, Set<UUID> attached) {
        this.unitVolumes = Map.copyOf(unitVolumes);
        this.partitions = Map.copyOf(partitions);
        this.attached = Set.copyOf(attached);
    }

    /** By label. */
    public Map<UUID, UnitVolume> unitVolumes() {
        return unitVolumes;
    }

    /** Those that are kept, by UUID. */
    public Map<UUID, Partition> partitions() {
        return partitions;
    }

    /** The labels of the unit volumes that can be reached. */
    public Set<UUID> attached() {
        return attached;
    }

    public PoolState with(UnitVolume unitVolume) {
        Map<UUID, UnitVolume> more = new HashMap<>(unitVolumes);
        more.put(unitVolume.label(), unitVolume);
        return new PoolState(more, partitions, attached);
    }

    public PoolState attached(UUID label, boolean now) {
        Set<UUID> changed = new HashSet<>(attached);
        if (now) {
            changed.add(label);
        } else {
            changed.remove(label);
        }
        return new PoolState(unitVolumes, partitions, changed);
    }

    /**
     * Adds or replaces partitions, all or none.
     *
     * @throws IllegalArgumentException if one overlaps another, is free, or has no unit volume
     */
    public PoolState with(List<Partition> changed) {
        Map<UUID, Partition> more = new HashMap<>(partitions);
        for (Partition partition : changed) {
            if (partition.state() == PartitionState.FREE || !unitVolumes.containsKey(partition.unitVolume())) {
                throw new IllegalArgumentException("not to be kept: " + partition);
            }
            more.put(partition.uuid(), partition);
        }
        checkOverlaps(changed, more);
        return new PoolState(unitVolumes, more, attached);
    }

    /** A few are held against all; many, as at a start, are sorted with all, so that only neighbours can overlap. */
    private static void checkOverlaps(List<Partition> changed, Map<UUID, Partition> all) {
        if (changed.size() > FEW) {
            List<Partition> sorted = new ArrayList<>(all.values());
            sorted.sort(Comparator.comparing(Partition::unitVolume).thenComparingLong(Partition::startBytes));
            for (int i = 1; i < sorted.size(); i++) {
                checkOverlap(sorted.get(i - 1), sorted.get(i));
            }
            return;
        }
        for (Partition partition : changed) {
            for (Partition other : all.values()) {
                if (!other.uuid().equals(partition.uuid())) {
                    checkOverlap(partition, other);
                }
            }
        }
    }

    private static void checkOverlap(Partition one, Partition other) {
        if (one.overlaps(other)) {
            throw new IllegalArgumentException(one + " overlaps " + other);
        }
    }

    public PoolState without(List<Partition> gone) {
        Map<UUID, Partition> fewer = new HashMap<>(partitions);
        gone.forEach(partition -> fewer.remove(partition.uuid()));
        return new PoolState(unitVolumes, fewer, attached);
    }

    /** Without the unit volumes of some units; what lies on them stays known. */
    public PoolState without(Set<String> units) {
        if (units.isEmpty()) {
            return this;
        }
        Map<UUID, UnitVolume> fewer = new HashMap<>(unitVolumes);
        fewer.values().removeIf(unitVolume -> units.contains(unitVolume.unit()));
        return new PoolState(fewer, partitions, attached);
    }

    /**
     * Without some unit volumes, by label, for good.
     *
     * @throws IllegalArgumentException if a partition is on one of them
     */
    public PoolState withoutUnitVolumes(Set<UUID> labels) {
        for (Partition partition : partitions.values()) {
            if (labels.contains(partition.unitVolume())) {
                throw new IllegalArgumentException("there is still " + partition);
            }
        }
        Map<UUID, UnitVolume> fewer = new HashMap<>(unitVolumes);
        fewer.keySet().removeAll(labels);
        Set<UUID> reached = new HashSet<>(attached);
        reached.removeAll(labels);
        return new PoolState(fewer, partitions, reached);
    }

    /** The partitions of a volume, by index. */
    public List<Partition> partitionsOf(UUID volume) {
        Map<UUID, List<Partition>> index = byVolume;
        if (index == null) {
            index = index(partitions.values());
            byVolume = index;
        }
        return index.getOrDefault(volume, List.of());
    }

    private static Map<UUID, List<Partition>> index(Collection<Partition> partitions) {
        Map<UUID, List<Partition>> index = new HashMap<>();
        for (Partition partition : partitions) {
            Partition.PartitionOwner owner = partition.owner();
            if (owner != null) {
                index.computeIfAbsent(owner.volume(), _ -> new ArrayList<>()).add(partition);
            }
        }
        index.replaceAll((_, owned) -> owned.stream()
                .sorted(Comparator.comparingInt(partition ->
                        partition.owner() == null ? 0 : partition.owner().index()))
                .toList());
        return index;
    }

    /** The partitions of a unit volume that are kept, by offset. */
    public List<Partition> keptOn(UUID label) {
        return partitions.values().stream()
                .filter(partition -> partition.unitVolume().equals(label))
                .sorted(Comparator.comparingLong(Partition::startBytes))
                .toList();
    }

    /** What lies between them, by offset. */
    public List<Partition> freeOn(UUID label) {
        UnitVolume unitVolume = unitVolumes.get(label);
        if (unitVolume == null) {
            return List.of();
        }
        List<Partition> free = new ArrayList<>();
        long at = UnitVolume.LABEL_BYTES;
        for (Partition partition : keptOn(label)) {
            addFree(free, label, at, partition.startBytes());
            at = Math.max(at, partition.endBytes());
        }
        addFree(free, label, at, unitVolume.usableEndBytes());
        return free;
    }

    private static void addFree(List<Partition> free, UUID label, long from, long to) {
        if (to > from) {
            free.add(new Partition(Partition.NO_UUID, label, from, to - from, PartitionState.FREE, null, 0));
        }
    }

    /** All partitions of a unit volume, kept and free, by offset: the picture of Fig. 5. */
    public List<Partition> picture(UUID label) {
        List<Partition> all = new ArrayList<>(keptOn(label));
        all.addAll(freeOn(label));
        all.sort(Comparator.comparingLong(Partition::startBytes));
        return all;
    }
}
