package dev.sanway.volume;

import dev.sanway.metadata.VolumeRecord;
import dev.sanway.pool.Partition;
import dev.sanway.pool.PartitionState;
import dev.sanway.pool.PoolState;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.UUID;
import java.util.function.Function;

/**
 * What goes with unit volumes that nobody will reach again. A value, worked out by a pure function.
 *
 * @param partitions all that lie there
 * @param inUse the volumes with data there that are their hosts': nobody gives those up but who deletes them
 * @param growing the volumes of which nothing lies there but what they are to grow by
 * @param restorable the deleted volumes that can then not be restored any more
 * @param erasing the volumes that are being overwritten; what lies elsewhere of them still is
 * @param unsettled what is under way there, in words, and ends by itself
 */
public record Loss(
        List<Partition> partitions,
        List<VolumeRecord> inUse,
        List<VolumeRecord> growing,
        List<VolumeRecord> restorable,
        List<VolumeRecord> erasing,
        List<String> unsettled) {

    public Loss {
        partitions = List.copyOf(partitions);
        inUse = List.copyOf(inUse);
        growing = List.copyOf(growing);
        restorable = List.copyOf(restorable);
        erasing = List.copyOf(erasing);
        unsettled = List.copyOf(unsettled);
    }

    /** Whether it may be given up. */
    public boolean bearable() {
        return inUse.isEmpty() && growing.isEmpty() && unsettled.isEmpty();
    }

    /** Works it out for unit volumes, by label. */
    public static Loss of(PoolState pool, Collection<UUID> labels, Function<UUID, Optional<VolumeRecord>> volumes) {
        List<Partition> partitions = new ArrayList<>();
        Set<VolumeRecord> inUse = new LinkedHashSet<>();
        Set<VolumeRecord> growing = new LinkedHashSet<>();
        Set<VolumeRecord> restorable = new LinkedHashSet<>();
        Set<VolumeRecord> erasing = new LinkedHashSet<>();
        Set<String> unsettled = new TreeSet<>();
        for (UUID label : new HashSet<>(labels)) {
            for (Partition partition : pool.keptOn(label)) {
                partitions.add(partition);
                if (partition.state() == PartitionState.RELEASED) {
                    continue;
                }
                Optional<VolumeRecord> owner =
                        Optional.ofNullable(partition.owner()).flatMap(it -> volumes.apply(it.volume()));
                if (owner.isEmpty()) {
                    unsettled.add("a volume is being made there");
                    continue;
                }
                VolumeRecord volume = owner.get();
                if (partition.state() == PartitionState.COPYING) {
                    unsettled.add(volume.name() + " is being moved there");
                    continue;
                }
                switch (volume.state()) {
                    case ASSIGNED, WIPING -> {
                        if (partition.state() == PartitionState.WIPING && Slabs.thin(volume)) {
                            unsettled.add(volume.name() + " is being given a slab there");
                        } else if (partition.state() == PartitionState.WIPING && volume.growth() != null) {
                            growing.add(volume);
                        } else {
                            inUse.add(volume);
                        }
                    }
                    case DELETED -> restorable.add(volume);
                    case ERASING -> erasing.add(volume);
                    case RELEASED -> {}
                }
            }
        }
        growing.removeAll(inUse);
        return new Loss(
                partitions,
                byName(inUse),
                byName(growing),
                byName(restorable),
                byName(erasing),
                List.copyOf(unsettled));
    }

    private static List<VolumeRecord> byName(Set<VolumeRecord> volumes) {
        return volumes.stream()
                .sorted(Comparator.comparing(VolumeRecord::name).thenComparing(VolumeRecord::uuid))
                .toList();
    }
}
