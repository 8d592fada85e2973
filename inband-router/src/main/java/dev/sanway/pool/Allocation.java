package dev.sanway.pool;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.function.Supplier;

/**
 * Finds partitions for a volume (Fig. 6). A pure function of the pool's state and the request: the same state gives the same
 * places. Nothing is assigned by it; it proposes, or explains why it cannot.
 *
 * <p>Only reachable unit volumes are considered whose block size is at most the volume's. A linear volume lies on as few units as
 * possible, for it is gone while any of them is: it grows on those that it has, and otherwise goes into the largest free run if that
 * holds it, else into the largest ones of the units that have most. A striped one takes one run on each of {@code width} different units.
 */
public final class Allocation {
    private Allocation() {}

    /** What is wanted. */
    public record Request(UUID volume, long sizeBytes, VolumeLayout layout, int blockSizeBytes) {
        public Request {
            if (sizeBytes <= 0 || sizeBytes % blockSizeBytes != 0) {
                throw new IllegalArgumentException(
                        "a volume of " + sizeBytes + " bytes in blocks of " + blockSizeBytes);
            }
        }
    }

    /** What came of it. */
    public sealed interface Result {
        /** Partitions in the state {@link PartitionState#WIPING}, by index. */
        record Placed(List<Partition> partitions) implements Result {
            public Placed {
                partitions = List.copyOf(partitions);
            }
        }

        /** Why not, in words for the operator. */
        record Refused(String explanation) implements Result {}
    }

    private record Run(UnitVolume unitVolume, Partition free) {}

    private static final Comparator<Run> LARGEST_FIRST = Comparator.<Run>comparingLong(
                    run -> -run.free().lengthBytes())
            .thenComparing(run -> run.unitVolume().unit())
            .thenComparingLong(run -> run.unitVolume().lun())
            .thenComparingLong(run -> run.free().startBytes());

    /**
     * Proposes partitions.
     *
     * @param uuids gives the new partitions their UUIDs
     */
    public static Result allocate(PoolState pool, Request request, Supplier<UUID> uuids) {
        return place(pool, request, request.sizeBytes(), 0, uuids);
    }

    /**
     * Proposes further partitions for a volume that is to have the request's size; none if those it has suffice. A striped
     * one gets a further partition for each of its {@code width}.
     */
    public static Result grow(PoolState pool, Request request, Supplier<UUID> uuids) {
        if (request.layout() instanceof VolumeLayout.Thin) {
            return new Result.Placed(List.of());
        }
        // What it moved away from, and may still be on the way out, is not its any more.
        List<Partition> has = pool.partitionsOf(request.volume()).stream()
                .filter(partition ->
                        partition.state() != PartitionState.RELEASED && partition.state() != PartitionState.COPYING)
                .toList();
        long missing = request.sizeBytes() - capacityBytes(request.layout(), has);
        return missing <= 0 ? new Result.Placed(List.of()) : place(pool, request, missing, has.size(), uuids);
    }

    /** How large a volume its partitions allow; a thin one any. */
    public static long capacityBytes(VolumeLayout layout, List<Partition> partitions) {
        return switch (layout) {
            case VolumeLayout.Linear _ ->
                partitions.stream().mapToLong(Partition::lengthBytes).sum();
            case VolumeLayout.Striped striped -> {
                long capacity = 0;
                for (int i = 0; i < partitions.size(); i += striped.width()) {
                    capacity += striped.segmentBytes(partitions.get(i).lengthBytes());
                }
                yield capacity;
            }
            case VolumeLayout.Thin _ -> Long.MAX_VALUE;
        };
    }

    private static Result place(
            PoolState pool, Request request, long missingBytes, int firstIndex, Supplier<UUID> uuids) {
        List<Run> runs = new ArrayList<>();
        for (UnitVolume unitVolume : pool.unitVolumes().values()) {
            if (pool.attached().contains(unitVolume.label())
                    && unitVolume.blockSizeBytes() <= request.blockSizeBytes()) {
                pool.freeOn(unitVolume.label()).forEach(free -> runs.add(new Run(unitVolume, free)));
            }
        }
        runs.sort(LARGEST_FIRST);
        return switch (request.layout()) {
            case VolumeLayout.Linear _ -> linear(pool, request, missingBytes, firstIndex, runs, uuids);
            // It takes space when it is written.
            case VolumeLayout.Thin _ -> new Result.Placed(List.of());
            case VolumeLayout.Striped striped -> striped(pool, request, striped, missingBytes, firstIndex, runs, uuids);
        };
    }

    private static long roundUp(long bytes, long to) {
        return Math.ceilDiv(bytes, to) * to;
    }

    private static Result linear(
            PoolState pool, Request request, long missingBytes, int firstIndex, List<Run> runs, Supplier<UUID> uuids) {
        long missing = roundUp(missingBytes, UnitVolume.ALIGNMENT_BYTES);
        List<Partition> partitions = new ArrayList<>();
        for (Run run : onFewestUnits(runs, pool.unitsOf(request.volume()), missing)) {
            if (missing == 0) {
                break;
            }
            long length = Math.min(missing, run.free().lengthBytes());
            partitions.add(partition(request, run, length, firstIndex + partitions.size(), uuids));
            missing -= length;
        }
        if (missing > 0) {
            long free = runs.stream().mapToLong(run -> run.free().lengthBytes()).sum();
            return new Result.Refused("needs " + Bytes.text(missingBytes) + (firstIndex == 0 ? "" : " more") + ", but "
                    + Bytes.text(free) + " are free" + whatElse(pool, request));
        }
        return new Result.Placed(partitions);
    }

    /**
     * Of all runs those to be filled, in that order.
     *
     * @param has the units on which the volume lies: each of them is no further one
     */
    private static List<Run> onFewestUnits(List<Run> runs, Set<String> has, long missingBytes) {
        Map<String, Long> freeBytes = new HashMap<>();
        runs.forEach(run -> freeBytes.merge(run.unitVolume().unit(), run.free().lengthBytes(), Long::sum));
        Set<String> chosen = new HashSet<>(has);
        long found = 0;
        for (String unit : has) {
            found += freeBytes.getOrDefault(unit, 0L);
        }
        if (found < missingBytes && !runs.isEmpty() && runs.getFirst().free().lengthBytes() >= missingBytes) {
            return List.of(runs.getFirst());
        }
        List<String> others = freeBytes.keySet().stream()
                .filter(unit -> !has.contains(unit))
                .sorted(Comparator.<String>comparingLong(unit -> -freeBytes.getOrDefault(unit, 0L))
                        .thenComparing(Comparator.naturalOrder()))
                .toList();
        for (String unit : others) {
            if (found >= missingBytes) {
                break;
            }
            chosen.add(unit);
            found += freeBytes.getOrDefault(unit, 0L);
        }
        return runs.stream()
                .filter(run -> chosen.contains(run.unitVolume().unit()))
                .toList();
    }

    private static Result striped(
            PoolState pool,
            Request request,
            VolumeLayout.Striped layout,
            long missingBytes,
            int firstIndex,
            List<Run> runs,
            Supplier<UUID> uuids) {
        long chunks = Math.ceilDiv(missingBytes, layout.chunkBytes());
        long perPart = Math.ceilDiv(chunks, layout.width()) * layout.chunkBytes();
        long length = roundUp(perPart, UnitVolume.ALIGNMENT_BYTES);
        List<Partition> partitions = new ArrayList<>();
        Set<String> units = new HashSet<>();
        for (Run run : runs) {
            if (partitions.size() < layout.width()
                    && run.free().lengthBytes() >= length
                    && units.add(run.unitVolume().unit())) {
                partitions.add(partition(request, run, length, firstIndex + partitions.size(), uuids));
            }
        }
        if (partitions.size() < layout.width()) {
            List<String> suitable = units.stream().sorted().toList();
            return new Result.Refused("needs " + layout.width() + " units with " + Bytes.text(length)
                    + " free in one piece, have " + suitable.size()
                    + (suitable.isEmpty() ? "" : ": " + String.join(", ", suitable))
                    + whatElse(pool, request));
        }
        return new Result.Placed(partitions);
    }

    private static Partition partition(Request request, Run run, long length, int index, Supplier<UUID> uuids) {
        return new Partition(
                uuids.get(),
                run.unitVolume().label(),
                run.free().startBytes(),
                length,
                PartitionState.WIPING,
                new Partition.PartitionOwner(request.volume(), index),
                1);
    }

    /** What was left out of account, so that nobody wonders. */
    private static String whatElse(PoolState pool, Request request) {
        List<String> away = new ArrayList<>();
        List<String> largeBlocks = new ArrayList<>();
        for (UnitVolume unitVolume : pool.unitVolumes().values()) {
            if (unitVolume.blockSizeBytes() > request.blockSizeBytes()) {
                largeBlocks.add(unitVolume.where());
            } else if (!pool.attached().contains(unitVolume.label())) {
                away.add(unitVolume.where());
            }
        }
        away.sort(null);
        largeBlocks.sort(null);
        return (away.isEmpty() ? "" : "; not reachable now: " + String.join(", ", away))
                + (largeBlocks.isEmpty()
                        ? ""
                        : "; blocks larger than the volume's " + request.blockSizeBytes() + " bytes: "
                                + String.join(", ", largeBlocks));
    }
}
