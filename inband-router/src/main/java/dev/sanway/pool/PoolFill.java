package dev.sanway.pool;

import java.util.Optional;
import java.util.Set;
import java.util.UUID;

/**
 * How full a pool is, and which warning was given last. Pure: a warning is given once when a level is reached, and again only
 * after it was left behind by {@link #HYSTERESIS_PERCENT}.
 *
 * @param warnedAt the level of the last warning that still holds; 0: none
 */
public record PoolFill(int warnedAt) {
    public static final PoolFill START = new PoolFill(0);

    private static final int[] LEVELS = {80, 90, 95};
    private static final int HYSTERESIS_PERCENT = 3;

    /**
     * Bytes that partitions can take, and those that they have.
     *
     * @param restorableBytes those that deleted volumes have, which are given to whoever needs them
     */
    public record Usage(long usedBytes, long restorableBytes, long totalBytes) {
        /**
         * Of a pool as it is; what is on its way out still counts as used.
         *
         * @param deleted the volumes that can be restored
         */
        public static Usage of(PoolState pool, Set<UUID> deleted) {
            long total = pool.unitVolumes().values().stream()
                    .mapToLong(unit -> unit.usableEndBytes() - UnitVolume.LABEL_BYTES)
                    .sum();
            long used = 0;
            long restorable = 0;
            for (Partition partition : pool.partitions().values()) {
                if (!pool.unitVolumes().containsKey(partition.unitVolume())) {
                    continue;
                }
                if (partition.owner() != null
                        && deleted.contains(partition.owner().volume())) {
                    restorable += partition.lengthBytes();
                } else {
                    used += partition.lengthBytes();
                }
            }
            return new Usage(used, restorable, total);
        }

        public int percent() {
            return totalBytes == 0 ? 0 : (int) (100.0 * usedBytes / totalBytes);
        }
    }

    /** What is to be said. */
    public sealed interface News {
        /** A level was reached that had not been, or not lately. */
        record Warning(int level) implements News {}

        /** No level is reached any more. */
        record Relieved() implements News {}
    }

    /** What follows from a percentage. */
    public record Step(PoolFill next, Optional<News> news) {}

    public Step at(int percent) {
        int reached = level(percent);
        if (reached > warnedAt) {
            return new Step(new PoolFill(reached), Optional.of(new News.Warning(reached)));
        }
        int left = level(percent + HYSTERESIS_PERCENT);
        if (left < warnedAt) {
            return new Step(new PoolFill(left), left == 0 ? Optional.of(new News.Relieved()) : Optional.empty());
        }
        return new Step(this, Optional.empty());
    }

    private static int level(int percent) {
        int reached = 0;
        for (int level : LEVELS) {
            reached = percent >= level ? level : reached;
        }
        return reached;
    }
}
