package dev.sanway.recovery;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sanway.metadata.VolumeRecord;
import dev.sanway.pool.ClosedUnits;
import dev.sanway.pool.Partition;
import dev.sanway.pool.PartitionState;
import dev.sanway.pool.PoolState;
import dev.sanway.pool.UnitVolume;
import dev.sanway.pool.VolumeLayout;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import org.junit.jupiter.api.Test;

class EvacuationTest {
    private static final long MIB = 1 << 20;
    private static final Evacuation.Wish DRAIN = new Evacuation.Wish("unit1", null, Set.of());

    private final Map<UUID, VolumeRecord> volumes = new HashMap<>();
    private PoolState pool = PoolState.EMPTY;

    private static UUID label(int unit) {
        return new UUID(0, unit);
    }

    private void unit(int number, long mib) {
        pool = pool.with(new UnitVolume(label(number), "unit" + number, 0, mib * MIB, 512, 4096, 4096, true))
                .attached(label(number), true);
    }

    private VolumeRecord volume(String name, VolumeLayout layout, VolumeRecord.State state) {
        VolumeRecord volume =
                new VolumeRecord(new UUID(1, volumes.size()), name, "web1", 4 * MIB, 512, layout, state, 0);
        volumes.put(volume.uuid(), volume);
        return volume;
    }

    private Partition partition(
            VolumeRecord volume, int index, int unit, long startMib, long mib, PartitionState state) {
        Partition partition = new Partition(
                UUID.randomUUID(),
                label(unit),
                startMib * MIB,
                mib * MIB,
                state,
                new Partition.PartitionOwner(volume.uuid(), index),
                1);
        pool = pool.with(List.of(partition));
        return partition;
    }

    private VolumeRecord linear(String name, int unit, long startMib, long mib) {
        VolumeRecord volume = volume(name, new VolumeLayout.Linear(), VolumeRecord.State.ASSIGNED);
        partition(volume, 0, unit, startMib, mib, PartitionState.ASSIGNED);
        return volume;
    }

    private Evacuation.Plan plan(Evacuation.Wish wish, int most, Set<UUID> moving) {
        PoolState open = new ClosedUnits(Map.of("unit1", ClosedUnits.Reason.DRAINING), Set.of()).open(pool);
        return Evacuation.plan(new Evacuation.Situation(pool, open, volumes, moving), wish, most);
    }

    @Test
    void oneAfterTheOtherMovesAsLongAsThereIsRoomForBoth() {
        unit(1, 40);
        unit(2, 14);
        linear("web1/a", 1, 1, 10);
        linear("web1/b", 1, 11, 10);
        Evacuation.Plan plan = plan(DRAIN, 2, Set.of());
        assertThat(plan.begin()).hasSize(1);
        assertThat(plan.leftBytes()).isEqualTo(20 * MIB);
        assertThat(plan.done()).isFalse();
        assertThat(plan.obstacles())
                .extracting(Evacuation.Obstacle::toString)
                .containsExactly("web1/b: needs 1 unit with 10 MiB free in one piece, unit2 lun 0 has 2 MiB");
        assertThat(plan(DRAIN, 0, Set.of()).begin()).isEmpty();
        assertThat(plan(DRAIN, 2, Set.of(plan.begin().getFirst().uuid())).begin())
                .as("the other one")
                .extracting(Partition::startBytes)
                .containsExactly(11 * MIB);
    }

    @Test
    void whatLiesInOneStripeStaysOnDifferentUnits() {
        unit(1, 40);
        unit(2, 40);
        unit(3, 20);
        VolumeRecord striped = volume("web1/s", new VolumeLayout.Striped(2, 65536), VolumeRecord.State.ASSIGNED);
        partition(striped, 0, 1, 1, 4, PartitionState.ASSIGNED);
        partition(striped, 1, 2, 1, 4, PartitionState.ASSIGNED);
        assertThat(plan(DRAIN, 1, Set.of()).begin()).hasSize(1);
        assertThat(plan(new Evacuation.Wish("unit1", striped.uuid(), Set.of("unit2")), 1, Set.of())
                        .obstacles())
                .extracting(Evacuation.Obstacle::toString)
                .containsExactly(
                        "web1/s: needs 1 unit of those named with 4 MiB free in one piece, have none; unit2 has "
                                + "another part of the same stripe");
        // One that is on its way there counts as well.
        partition(striped, 1, 3, 1, 4, PartitionState.COPYING);
        assertThat(plan(DRAIN, 1, Set.of()).begin()).isEmpty();
    }

    @Test
    void whatCannotMoveSaysWhy() {
        unit(1, 40);
        unit(2, 40);
        partition(
                volume("web1/new", new VolumeLayout.Linear(), VolumeRecord.State.WIPING),
                0,
                1,
                3,
                2,
                PartitionState.WIPING);
        partition(
                volume("web1/old", new VolumeLayout.Linear(), VolumeRecord.State.DELETED),
                0,
                1,
                5,
                2,
                PartitionState.ASSIGNED);
        Evacuation.Plan plan = plan(DRAIN, 5, Set.of());
        assertThat(plan.begin()).as("a deleted one moves").hasSize(1);
        assertThat(plan.obstacles())
                .extracting(Evacuation.Obstacle::toString)
                .containsExactly("web1/new: it is being set up");
    }

    @Test
    void slabsOfAThinVolumeLeaveOneAfterTheOtherAndOneThatIsBeingMadeIsWaitedFor() {
        unit(1, 40);
        unit(2, 40);
        VolumeRecord thin = volume("web1/thin", new VolumeLayout.Thin(), VolumeRecord.State.ASSIGNED);
        Partition slab = partition(thin, 0, 1, 1, 4, PartitionState.ASSIGNED);
        partition(thin, 1, 1, 5, 4, PartitionState.WIPING);
        partition(thin, 2, 2, 1, 4, PartitionState.ASSIGNED);
        Evacuation.Plan plan = plan(DRAIN, 5, Set.of());
        assertThat(plan.begin()).containsExactly(slab);
        assertThat(plan.obstacles()).isEmpty();
        assertThat(plan.leftBytes()).isEqualTo(8 * MIB);
        assertThat(plan.done()).isFalse();
    }

    @Test
    void itIsDoneWhenNothingIsLeft() {
        unit(1, 40);
        unit(2, 40);
        VolumeRecord volume = linear("web1/a", 2, 1, 4);
        assertThat(plan(DRAIN, 1, Set.of()).done()).isTrue();
        Partition arriving = partition(volume, 0, 1, 1, 4, PartitionState.COPYING);
        assertThat(plan(DRAIN, 1, Set.of()).arriving()).containsExactly(arriving);
        assertThat(plan(DRAIN, 1, Set.of()).done()).isFalse();
        pool = pool.with(List.of(arriving.in(PartitionState.RELEASED)));
        assertThat(plan(DRAIN, 1, Set.of()).done())
                .as("not out of the label yet")
                .isFalse();
        assertThat(plan(new Evacuation.Wish("unit1", volume.uuid(), Set.of()), 1, Set.of())
                        .done())
                .as("the volume has left")
                .isTrue();
    }
}
