package dev.sanway.recovery;

import dev.sanway.metadata.VolumeRecord;
import dev.sanway.pool.Partition;
import dev.sanway.pool.PartitionState;
import dev.sanway.pool.PoolState;
import dev.sanway.pool.Replacement;
import dev.sanway.pool.VolumeLayout;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * What has to leave a unit, in which order, and what stands in the way. A pure function: looked at anew whenever something changed, it
 * says what to begin next, so that nothing of it has to be kept.
 */
public final class Evacuation {
    /** So many places are looked for at a time: looking for one takes a walk over the pool. */
    private static final int MAX_TRIED = 200;

    private Evacuation() {}

    /**
     * What is wanted.
     *
     * @param unit that is to be left
     * @param volume of which the partitions leave; null: everything does
     * @param toUnits the units that may be moved to; empty: any
     */
    public record Wish(String unit, @Nullable UUID volume, Set<String> toUnits) {
        public Wish {
            toUnits = Set.copyOf(toUnits);
        }
    }

    /**
     * How things are.
     *
     * @param pool all of it
     * @param open the part of it where something that leaves its unit may go
     * @param moving the partitions that are on their way already
     */
    public record Situation(PoolState pool, PoolState open, Map<UUID, VolumeRecord> volumes, Set<UUID> moving) {
        public Situation {
            volumes = Map.copyOf(volumes);
            moving = Set.copyOf(moving);
        }
    }

    /** Why a partition does not move; {@code why} is for the operator. {@code space}: for want of a place. */
    public record Obstacle(Partition partition, String volume, String why, boolean space) {
        @Override
        public String toString() {
            return volume + ": " + why;
        }
    }

    /**
     * What follows.
     *
     * @param begin the partitions that can begin to move now
     * @param arriving what others move to the unit: not to go on
     * @param leftBytes what still lies there and is to leave
     * @param done nothing of what is wanted lies there
     */
    public record Plan(
            List<Partition> begin, List<Partition> arriving, List<Obstacle> obstacles, long leftBytes, boolean done) {}

    /** Plans; begins at most {@code most}, and looks for obstacles no further than to find those. */
    public static Plan plan(Situation situation, Wish wish, int most) {
        PoolState pool = situation.pool();
        PoolState open = situation.open();
        List<Partition> begin = new ArrayList<>();
        List<Partition> arriving = new ArrayList<>();
        List<Obstacle> obstacles = new ArrayList<>();
        long left = 0;
        int tried = 0;
        boolean done = true;
        for (Partition partition : on(situation, wish)) {
            VolumeRecord volume = volume(situation, partition);
            if (partition.state() == PartitionState.COPYING || partition.state() == PartitionState.RELEASED) {
                // On their way out, or soon.
                done &= wish.volume() != null;
                if (partition.state() == PartitionState.COPYING && wish.volume() == null) {
                    arriving.add(partition);
                }
                continue;
            }
            done = false;
            left += partition.lengthBytes();
            if (situation.moving().contains(partition.uuid()) || isBeingMade(volume, partition)) {
                continue;
            }
            String why = hindrance(volume, partition);
            if (why != null) {
                obstacles.add(new Obstacle(partition, name(volume), why, false));
                continue;
            }
            if (begin.size() >= most || tried++ >= MAX_TRIED) {
                continue;
            }
            VolumeRecord of = Objects.requireNonNull(volume);
            Replacement.Request request =
                    new Replacement.Request(partition, of.layout(), of.blockSizeBytes(), wish.toUnits());
            switch (Replacement.place(open, pool, request, UUID::randomUUID)) {
                case Replacement.Result.Refused(String refusal) ->
                    obstacles.add(new Obstacle(partition, name(volume), refusal, true));
                case Replacement.Result.Placed(Partition target) -> {
                    begin.add(partition);
                    pool = pool.with(List.of(target));
                    open = open.with(List.of(target));
                }
            }
        }
        return new Plan(List.copyOf(begin), List.copyOf(arriving), List.copyOf(obstacles), left, done);
    }

    /** Volumes that are served first, each in the order of its parts. */
    private static List<Partition> on(Situation situation, Wish wish) {
        return situation.pool().unitVolumes().values().stream()
                .filter(unitVolume -> unitVolume.unit().equals(wish.unit()))
                .flatMap(unitVolume -> situation.pool().keptOn(unitVolume.label()).stream())
                .filter(partition -> wish.volume() == null
                        || (partition.owner() != null
                                && partition.owner().volume().equals(wish.volume())))
                .sorted(Comparator.<Partition, Boolean>comparing(partition -> !served(volume(situation, partition)))
                        .thenComparing(partition -> name(volume(situation, partition)))
                        .thenComparingInt(partition ->
                                Objects.requireNonNull(partition.owner()).index()))
                .toList();
    }

    private static boolean served(@Nullable VolumeRecord volume) {
        return volume != null && volume.state().isLive();
    }

    private static @Nullable VolumeRecord volume(Situation situation, Partition partition) {
        Partition.PartitionOwner owner = partition.owner();
        return owner == null ? null : situation.volumes().get(owner.volume());
    }

    private static String name(@Nullable VolumeRecord volume) {
        return volume == null ? "a volume that is gone" : volume.name();
    }

    /** A slab that a thin volume is about to get: it is there in a moment, or gone again. */
    private static boolean isBeingMade(@Nullable VolumeRecord volume, Partition partition) {
        return volume != null
                && volume.layout() instanceof VolumeLayout.Thin
                && volume.state() == VolumeRecord.State.ASSIGNED
                && partition.state() == PartitionState.WIPING;
    }

    private static @Nullable String hindrance(@Nullable VolumeRecord volume, Partition partition) {
        if (volume == null) {
            return "it is being deleted";
        }
        return switch (volume.state()) {
            case WIPING -> "it is being set up";
            case ERASING, RELEASED -> "it is being deleted";
            case ASSIGNED, DELETED ->
                volume.growth() != null || partition.state() != PartitionState.ASSIGNED ? "it is growing" : null;
        };
    }
}
