package dev.sanway.pool;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.UUID;
import java.util.function.Supplier;

/**
 * Finds the place for a slab of a thin volume. Pure, as {@link Allocation}: it proposes, or explains why it cannot.
 *
 * <p>The slab goes to the unit volume with most free space, so that slabs spread. Its length is 1/16 of the volume, or 1/64 of
 * the pool if that is less, as a power of two from 16 MiB to 1 GiB; if no run is that long, the longest there is.
 */
public final class SlabPlacement {
    private static final long LEAST_WISHED = 16 * Bytes.MIB;
    private static final long LARGEST = Bytes.GIB;
    /** The map and one extent. */
    private static final long LEAST = 2 * Bytes.MIB;

    private static final int PARTS_OF_VOLUME = 16;
    private static final int PARTS_OF_POOL = 64;

    private SlabPlacement() {}

    /** What came of it. */
    public sealed interface Result {
        /** In the state {@link PartitionState#WIPING}. */
        record Placed(Partition slab) implements Result {}

        /**
         * Why not, in words for the operator.
         *
         * @param unitsAway a unit volume that cannot be reached now has room
         */
        record Refused(String explanation, boolean unitsAway) implements Result {}
    }

    private record Candidate(UnitVolume unitVolume, long freeBytes, List<Partition> runs) {}

    /** How long a slab of such a volume is to be. */
    public static long wishedBytes(long volumeBytes, long poolBytes) {
        long wished = Math.min(volumeBytes / PARTS_OF_VOLUME, poolBytes / PARTS_OF_POOL);
        return Math.clamp(Long.highestOneBit(Math.max(1, wished)), LEAST_WISHED, LARGEST);
    }

    /**
     * Proposes a place.
     *
     * @param uuids gives the slab its UUID
     */
    public static Result place(
            PoolState pool, UUID volume, long volumeBytes, int blockSizeBytes, Supplier<UUID> uuids) {
        List<Candidate> candidates = new ArrayList<>();
        List<String> full = new ArrayList<>();
        List<String> away = new ArrayList<>();
        long poolBytes = 0;
        for (UnitVolume unitVolume : pool.unitVolumes().values()) {
            poolBytes += unitVolume.usableEndBytes() - UnitVolume.LABEL_BYTES;
            List<Partition> runs = pool.freeOn(unitVolume.label()).stream()
                    .filter(run -> run.lengthBytes() >= LEAST)
                    .toList();
            if (unitVolume.blockSizeBytes() > blockSizeBytes || runs.isEmpty()) {
                continue;
            }
            if (!pool.attached().contains(unitVolume.label())) {
                away.add(unitVolume.where());
            } else if (pool.keptOn(unitVolume.label()).size() >= Label.MAX_PARTITIONS) {
                full.add(unitVolume.where());
            } else {
                long free = runs.stream().mapToLong(Partition::lengthBytes).sum();
                candidates.add(new Candidate(unitVolume, free, runs));
            }
        }
        if (candidates.isEmpty()) {
            away.sort(null);
            full.sort(null);
            return new Result.Refused(
                    "no space is left in the pool"
                            + (away.isEmpty() ? "" : "; not reachable now: " + String.join(", ", away))
                            + (full.isEmpty() ? "" : "; cut into too many partitions: " + String.join(", ", full)),
                    !away.isEmpty());
        }
        candidates.sort(Comparator.<Candidate>comparingLong(candidate -> -candidate.freeBytes())
                .thenComparing(candidate -> candidate.unitVolume().unit())
                .thenComparingLong(candidate -> candidate.unitVolume().lun()));
        long wished = wishedBytes(volumeBytes, poolBytes);
        for (Candidate candidate : candidates) {
            for (Partition run : candidate.runs()) {
                if (run.lengthBytes() >= wished) {
                    return new Result.Placed(slab(pool, volume, run, wished, uuids));
                }
            }
        }
        Partition longest = candidates.stream()
                .flatMap(candidate -> candidate.runs().stream())
                .max(Comparator.comparingLong(Partition::lengthBytes))
                .orElseThrow();
        return new Result.Placed(slab(pool, volume, longest, longest.lengthBytes(), uuids));
    }

    private static Partition slab(PoolState pool, UUID volume, Partition run, long length, Supplier<UUID> uuids) {
        int index = pool.partitionsOf(volume).stream()
                .mapToInt(partition ->
                        partition.owner() == null ? 0 : partition.owner().index() + 1)
                .max()
                .orElse(0);
        return new Partition(
                uuids.get(),
                run.unitVolume(),
                run.startBytes(),
                length,
                PartitionState.WIPING,
                new Partition.PartitionOwner(volume, index),
                1);
    }
}
