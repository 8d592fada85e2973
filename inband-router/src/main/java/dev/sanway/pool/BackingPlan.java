package dev.sanway.pool;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * What units are to be asked for, so that a volume for which the pool has no room gets room. A pure function: it holds the request
 * against the pool as it would be if units gave more, and asks for what of that is used, in whole GiB, labels included. For a linear
 * volume one unit gives all it can, and only if none can alone, as few as possible do. For a striped one all give a GiB each at first,
 * then two, four and so on as far as they can.
 */
public final class BackingPlan {

    private static final long GRAIN_BYTES = 1 << 30;

    private BackingPlan() {}

    /**
     * What a unit can give.
     *
     * @param unit its name in the pool
     * @param unusedBytes of its capacity
     * @param growable the label of a unit volume that was made on request and can be extended; null: a new one is made
     */
    public record Room(
            String unit, long unusedBytes, @Nullable UUID growable) {}

    /** What a unit is asked for. */
    public sealed interface Ask {
        String unit();

        /** A new volume. */
        record Create(String unit, long sizeBytes) implements Ask {}

        /** A new size of the unit volume with that label. */
        record Extend(String unit, UUID label, long toBytes) implements Ask {}
    }

    /**
     * Plans.
     *
     * @param growth the volume has partitions, and is to have the request's size
     * @return nothing if it does not help what they can give; empty if the pool has room as it is
     */
    public static Optional<List<Ask>> plan(
            PoolState pool, List<Room> rooms, Allocation.Request request, boolean growth) {
        if (allocate(pool, request, growth) instanceof Allocation.Result.Placed) {
            return Optional.of(List.of());
        }
        return request.layout() instanceof VolumeLayout.Linear
                ? together(pool, rooms, request, growth)
                : evenly(pool, rooms, request, growth);
    }

    private static Optional<List<Ask>> together(
            PoolState pool, List<Room> rooms, Allocation.Request request, boolean growth) {
        Set<String> has = pool.unitsOf(request.volume());
        List<Room> order = rooms.stream()
                .sorted(Comparator.<Room, Boolean>comparing(room -> !has.contains(room.unit()))
                        .thenComparingLong(room -> -room.unusedBytes())
                        .thenComparing(Room::unit))
                .toList();
        for (Room room : order) {
            Optional<List<Ask>> asks = ask(pool, List.of(room), room.unusedBytes(), request, growth);
            if (asks.isPresent()) {
                return asks;
            }
        }
        // The more of them, the more room: the fewest that do are found by halving.
        int tooFew = Math.min(1, order.size());
        int enough = order.size() + 1;
        Optional<List<Ask>> best = Optional.empty();
        int count = order.size();
        while (enough - tooFew > 1) {
            Optional<List<Ask>> asks = ask(pool, order.subList(0, count), Long.MAX_VALUE, request, growth);
            if (asks.isPresent()) {
                best = asks;
                enough = count;
            } else {
                tooFew = count;
            }
            count = (tooFew + enough) / 2;
        }
        return best;
    }

    private static Optional<List<Ask>> evenly(
            PoolState pool, List<Room> rooms, Allocation.Request request, boolean growth) {
        long most = rooms.stream().mapToLong(Room::unusedBytes).max().orElse(0);
        long each = GRAIN_BYTES;
        do {
            Optional<List<Ask>> asks = ask(pool, rooms, each, request, growth);
            if (asks.isPresent()) {
                return asks;
            }
            each *= 2;
        } while (each / 2 < most);
        return Optional.empty();
    }

    /** What is used of it if each gives so much; nothing if that does not do. */
    private static Optional<List<Ask>> ask(
            PoolState pool, List<Room> rooms, long each, Allocation.Request request, boolean growth) {
        Map<UUID, Room> given = new HashMap<>();
        PoolState richer = richer(pool, rooms, each, given);
        return allocate(richer, request, growth) instanceof Allocation.Result.Placed placed
                ? Optional.of(asks(pool, given, placed.partitions()))
                : Optional.empty();
    }

    private static Allocation.Result allocate(PoolState pool, Allocation.Request request, boolean growth) {
        return growth
                ? Allocation.grow(pool, request, UUID::randomUUID)
                : Allocation.allocate(pool, request, UUID::randomUUID);
    }

    /** The pool if each unit gave so much. */
    private static PoolState richer(PoolState pool, List<Room> rooms, long each, Map<UUID, Room> given) {
        PoolState richer = pool;
        for (Room room : rooms) {
            long bytes = Math.min(each, room.unusedBytes()) / UnitVolume.ALIGNMENT_BYTES * UnitVolume.ALIGNMENT_BYTES;
            UnitVolume before = growable(pool, room);
            UnitVolume after = before == null
                    ? new UnitVolume(label(room), room.unit(), Long.MAX_VALUE, bytes, 512, 512, 0, true)
                    : sized(before, before.sizeBytes() + bytes);
            if (bytes > 0 && after.sizeBytes() >= UnitVolume.MIN_SIZE_BYTES) {
                richer = richer.with(after).attached(after.label(), true);
                given.put(after.label(), room);
            }
        }
        return richer;
    }

    private static @Nullable UnitVolume growable(PoolState pool, Room room) {
        UUID label = room.growable();
        return label != null && pool.attached().contains(label)
                ? pool.unitVolumes().get(label)
                : null;
    }

    private static UUID label(Room room) {
        return UUID.nameUUIDFromBytes(room.unit().getBytes(StandardCharsets.UTF_8));
    }

    private static UnitVolume sized(UnitVolume volume, long sizeBytes) {
        return new UnitVolume(
                volume.label(),
                volume.unit(),
                volume.lun(),
                sizeBytes,
                volume.blockSizeBytes(),
                volume.physicalBlockSizeBytes(),
                volume.unmapGranularityBytes(),
                volume.unmappedReadsZeroes());
    }

    private static List<Ask> asks(PoolState pool, Map<UUID, Room> given, List<Partition> partitions) {
        Map<UUID, Long> ends = new HashMap<>();
        for (Partition partition : partitions) {
            ends.merge(partition.unitVolume(), partition.endBytes(), Math::max);
        }
        List<Ask> asks = new ArrayList<>();
        ends.forEach((label, endBytes) -> {
            Room room = given.get(label);
            if (room == null) {
                return;
            }
            UnitVolume before = growable(pool, room);
            long hasBytes = before == null ? 0 : before.sizeBytes();
            // The last MiB of a unit volume is no partition's.
            long neededBytes = endBytes + UnitVolume.ALIGNMENT_BYTES - hasBytes;
            if (neededBytes > 0) {
                long more = Math.min(
                        Math.ceilDiv(neededBytes, GRAIN_BYTES) * GRAIN_BYTES,
                        room.unusedBytes() / UnitVolume.ALIGNMENT_BYTES * UnitVolume.ALIGNMENT_BYTES);
                asks.add(
                        before == null
                                ? new Ask.Create(room.unit(), more)
                                : new Ask.Extend(room.unit(), label, hasBytes + more));
            }
        });
        asks.sort(Comparator.comparing(Ask::unit));
        return asks;
    }
}
