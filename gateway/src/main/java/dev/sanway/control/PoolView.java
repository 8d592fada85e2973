package dev.sanway.control;

import dev.sanway.pool.Partition;
import dev.sanway.pool.PoolState;
import dev.sanway.pool.UnitVolume;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.UUID;

/**
 * The pool: what all units' LUNs together can hold, and what of it volumes hold.
 *
 * @param restorableBytes what deleted volumes hold that can be restored; given to others when nothing else is free
 */
record PoolView(long sizeBytes, long usedBytes, long restorableBytes, long freeBytes, List<PoolUnitView> units) {

    /** What a unit's LUN contributes; {@code reachable} now. */
    record PoolUnitView(
            String unit,
            int lun,
            boolean reachable,
            long sizeBytes,
            long usedBytes,
            long restorableBytes,
            long freeBytes) {}

    static PoolView of(PoolState pool, Set<UUID> deleted) {
        List<PoolUnitView> units = new ArrayList<>();
        for (UnitVolume unitVolume : pool.unitVolumes().values()) {
            long free = bytes(pool.freeOn(unitVolume.label()));
            List<Partition> kept = pool.keptOn(unitVolume.label());
            long restorable = bytes(kept.stream()
                    .filter(partition -> partition.owner() != null
                            && deleted.contains(partition.owner().volume()))
                    .toList());
            long used = bytes(kept) - restorable;
            units.add(new PoolUnitView(
                    unitVolume.unit(),
                    (int) unitVolume.lun(),
                    pool.attached().contains(unitVolume.label()),
                    used + restorable + free,
                    used,
                    restorable,
                    free));
        }
        units.sort(Comparator.comparing(PoolUnitView::unit).thenComparingInt(PoolUnitView::lun));
        return new PoolView(
                units.stream().mapToLong(PoolUnitView::sizeBytes).sum(),
                units.stream().mapToLong(PoolUnitView::usedBytes).sum(),
                units.stream().mapToLong(PoolUnitView::restorableBytes).sum(),
                units.stream().mapToLong(PoolUnitView::freeBytes).sum(),
                units);
    }

    private static long bytes(List<Partition> partitions) {
        return partitions.stream().mapToLong(Partition::lengthBytes).sum();
    }
}
