package dev.sanway.pool;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;

/**
 * What the pool consists of: unit volumes, their partitions, and which unit volumes are reachable. A value; changes give a
 * new one. No two partitions overlap and each lies within its unit volume: what would break that is refused.
 */
public final class PoolState {
    public static final PoolState EMPTY = new PoolState(Map.of(), PartitionIndex.EMPTY, Set.of());

    private final Map<UUID, UnitVolume> unitVolumes;
    private final PartitionIndex partitions;
    private final Set<UUID> attached;

    private PoolState(Map<UUID, UnitVolume> unitVolumes, PartitionIndex partitions, Set<UUID> attached) {
        this.unitVolumes = Map.copyOf(unitVolumes);
        this.partitions = partitions;
        this.attached = Set.copyOf(attached);
    }

    /** By label. */
    public Map<UUID, UnitVolume> unitVolumes() {
        return unitVolumes;
    }

    /** Those that are kept, by UUID. */
    public Map<UUID, Partition> partitions() {
        return partitions.byUuid();
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
        for (Partition partition : changed) {
            if (partition.state() == PartitionState.FREE || !unitVolumes.containsKey(partition.unitVolume())) {
                throw new IllegalArgumentException("not to be kept: " + partition);
            }
        }
        return new PoolState(unitVolumes, partitions.with(changed), attached);
    }

    public PoolState without(List<Partition> gone) {
        return new PoolState(unitVolumes, partitions.without(gone), attached);
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
        for (UUID label : labels) {
            if (!keptOn(label).isEmpty()) {
                throw new IllegalArgumentException(
                        "there is still " + keptOn(label).getFirst());
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
        return partitions.ofVolume(volume);
    }

    /** The units on which partitions of a volume lie, as far as they are in this pool. */
    public Set<String> unitsOf(UUID volume) {
        Set<String> units = new HashSet<>();
        for (Partition partition : partitionsOf(volume)) {
            UnitVolume unitVolume = unitVolumes.get(partition.unitVolume());
            if (unitVolume != null) {
                units.add(unitVolume.unit());
            }
        }
        return units;
    }

    /** The partitions of a unit volume that are kept, by offset. */
    public List<Partition> keptOn(UUID label) {
        return partitions.onUnitVolume(label);
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
