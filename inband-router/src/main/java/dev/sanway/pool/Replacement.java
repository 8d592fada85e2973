package dev.sanway.pool;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.UUID;
import java.util.function.Supplier;

/**
 * Finds the place that a partition of a volume moves to. A pure function, as {@link Allocation}: it proposes, or explains why it
 * cannot.
 *
 * <p>The place is one run, as long as the partition, on another unit than the partition's, in the largest run that is free. What lies
 * in one stripe stays on different units. A slab stays the slab that it is.
 */
public final class Replacement {
    private Replacement() {}

    /**
     * What is to move.
     *
     * @param partition assigned to the volume
     * @param blockSizeBytes of the volume
     * @param toUnits the units that it may move to; empty: any
     */
    public record Request(Partition partition, VolumeLayout layout, int blockSizeBytes, Set<String> toUnits) {
        public Request {
            toUnits = Set.copyOf(toUnits);
        }
    }

    /** What came of it. */
    public sealed interface Result {
        /** In the state {@link PartitionState#COPYING}, with the owner of the one that it is to replace. */
        record Placed(Partition partition) implements Result {}

        /** Why not, in words for the operator. */
        record Refused(String explanation) implements Result {}
    }

    /**
     * Proposes a place.
     *
     * @param pool as far as new partitions may lie there
     * @param all the whole pool, with the volume's partitions
     * @param uuids gives the new partition its UUID
     */
    public static Result place(PoolState pool, PoolState all, Request request, Supplier<UUID> uuids) {
        Partition partition = request.partition();
        String from = unit(all, partition);
        Set<String> others = stripedWith(all, request);
        List<UnitVolume> suitable = new ArrayList<>();
        Set<String> notes = new TreeSet<>();
        for (UnitVolume unitVolume : pool.unitVolumes().values()) {
            if (unitVolume.unit().equals(from)
                    || (!request.toUnits().isEmpty() && !request.toUnits().contains(unitVolume.unit()))) {
                continue;
            }
            if (others.contains(unitVolume.unit())) {
                notes.add(unitVolume.unit() + " has another part of the same stripe");
            } else if (unitVolume.blockSizeBytes() > request.blockSizeBytes()) {
                notes.add(unitVolume.where() + " has blocks larger than the volume's " + request.blockSizeBytes()
                        + " bytes");
            } else if (!pool.attached().contains(unitVolume.label())) {
                notes.add(unitVolume.where() + " is not reachable now");
            } else if (pool.keptOn(unitVolume.label()).size() >= Label.MAX_PARTITIONS) {
                notes.add(unitVolume.where() + " is cut into too many partitions");
            } else {
                suitable.add(unitVolume);
            }
        }
        return suitable.stream()
                .flatMap(unitVolume -> pool.freeOn(unitVolume.label()).stream())
                .filter(run -> run.lengthBytes() >= partition.lengthBytes())
                .min(Comparator.<Partition>comparingLong(run -> -run.lengthBytes())
                        .thenComparing(run -> unit(all, run))
                        .thenComparing(Partition::unitVolume)
                        .thenComparingLong(Partition::startBytes))
                .<Result>map(run -> new Result.Placed(target(request, run, uuids.get())))
                .orElseGet(() ->
                        new Result.Refused("needs 1 unit" + (request.toUnits().isEmpty() ? "" : " of those named")
                                + " with " + Bytes.text(partition.lengthBytes()) + " free in one piece, "
                                + largest(pool, suitable)
                                + (notes.isEmpty() ? "" : "; " + String.join("; ", notes))));
    }

    private static Partition target(Request request, Partition run, UUID uuid) {
        Partition source = request.partition();
        return new Partition(
                uuid,
                run.unitVolume(),
                run.startBytes(),
                source.lengthBytes(),
                PartitionState.COPYING,
                source.owner(),
                1,
                // The pages of its map are copied as they are.
                request.layout() instanceof VolumeLayout.Thin ? source.slab() : uuid);
    }

    /** The units where it cannot go, however much room they have. */
    public static Set<String> excluded(PoolState all, Request request) {
        Set<String> units = stripedWith(all, request);
        units.add(unit(all, request.partition()));
        if (!request.toUnits().isEmpty()) {
            all.unitVolumes().values().stream()
                    .map(UnitVolume::unit)
                    .filter(unit -> !request.toUnits().contains(unit))
                    .forEach(units::add);
        }
        return units;
    }

    private static String largest(PoolState pool, List<UnitVolume> suitable) {
        List<String> have = suitable.stream()
                .map(unitVolume -> unitVolume.where() + " has "
                        + Bytes.text(pool.freeOn(unitVolume.label()).stream()
                                .mapToLong(Partition::lengthBytes)
                                .max()
                                .orElse(0)))
                .sorted()
                .toList();
        return have.isEmpty() ? "have none" : String.join(", ", have);
    }

    private static String unit(PoolState pool, Partition partition) {
        return Objects.requireNonNull(pool.unitVolumes().get(partition.unitVolume()), "no unit volume of a partition")
                .unit();
    }

    /** The units that must not hold two parts: those of the other parts of the same stripe, also of those that are moving there. */
    private static Set<String> stripedWith(PoolState all, Request request) {
        Set<String> units = new HashSet<>();
        Partition.PartitionOwner owner =
                Objects.requireNonNull(request.partition().owner());
        if (request.layout() instanceof VolumeLayout.Striped striped) {
            for (Partition other : all.partitionsOf(owner.volume())) {
                int index = Objects.requireNonNull(other.owner()).index();
                boolean there = other.state() == PartitionState.ASSIGNED || other.state() == PartitionState.COPYING;
                if (there && index != owner.index() && index / striped.width() == owner.index() / striped.width()) {
                    units.add(unit(all, other));
                }
            }
        }
        return units;
    }
}
