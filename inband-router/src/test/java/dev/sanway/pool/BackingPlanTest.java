package dev.sanway.pool;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sanway.pool.BackingPlan.Ask;
import dev.sanway.pool.BackingPlan.Room;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.Test;

class BackingPlanTest {

    private static final VolumeLayout LINEAR = new VolumeLayout.Linear();

    private static Optional<List<Ask>> plan(PoolState pool, long wantedMib, VolumeLayout layout, Room... rooms) {
        Allocation.Request request = new Allocation.Request(UUID.randomUUID(), wantedMib * Bytes.MIB, layout, 512);
        return BackingPlan.plan(pool, List.of(rooms), request, false);
    }

    private static Room room(String unit, long mib) {
        return new Room(unit, mib * Bytes.MIB, null);
    }

    @Test
    void aSmallUnitGivesWhatItHas() {
        assertThat(plan(PoolState.EMPTY, 64, LINEAR, room("unit1", 300)))
                .contains(List.of(new Ask.Create("unit1", 300 * Bytes.MIB)));
    }

    @Test
    void aLargeUnitIsAskedForWholeGibibytes() {
        assertThat(plan(PoolState.EMPTY, 64, LINEAR, room("unit1", 100_000)))
                .contains(List.of(new Ask.Create("unit1", Bytes.GIB)));
        assertThat(plan(PoolState.EMPTY, 2500, LINEAR, room("unit1", 100_000)))
                .contains(List.of(new Ask.Create("unit1", 3 * Bytes.GIB)));
    }

    @Test
    void aStripeAsksAsManyUnitsAsItIsWide() {
        assertThat(plan(
                                PoolState.EMPTY,
                                200,
                                new VolumeLayout.Striped(2, 65_536),
                                room("unit1", 300),
                                room("unit2", 300),
                                room("unit3", 10))
                        .orElseThrow())
                .extracting(Ask::unit)
                .containsExactly("unit1", "unit2");
    }

    @Test
    void nobodyIsAskedForWhatTheyCannotGiveTogether() {
        assertThat(plan(PoolState.EMPTY, 301, LINEAR, room("unit1", 300))).isEmpty();
        assertThat(plan(PoolState.EMPTY, 1, LINEAR)).isEmpty();
    }

    @Test
    void aUnitVolumeThatCanGrowGrows() {
        UUID label = UUID.randomUUID();
        UnitVolume small = new UnitVolume(label, "unit1", 0, 64 * Bytes.MIB, 512, 512, 0, true);
        PoolState pool = PoolState.EMPTY.with(small).attached(label, true);
        assertThat(plan(pool, 100, LINEAR, new Room("unit1", 200 * Bytes.MIB, label)))
                .contains(List.of(new Ask.Extend("unit1", label, 264 * Bytes.MIB)));
        assertThat(plan(pool, 10, LINEAR, new Room("unit1", 200 * Bytes.MIB, label)))
                .as("it has room")
                .contains(List.of());
    }

    @Test
    void oneUnitIsAskedForSizeAndLabelTogether() {
        assertThat(plan(PoolState.EMPTY, 2048, LINEAR, room("unit1", 40_960), room("unit2", 40_960)))
                .contains(List.of(new Ask.Create("unit1", 3 * Bytes.GIB)));
        assertThat(plan(PoolState.EMPTY, 2048, LINEAR, room("unit1", 2048), room("unit2", 2050)))
                .as("the one that has room for the label, too")
                .contains(List.of(new Ask.Create("unit2", 2050 * Bytes.MIB)));
    }

    @Test
    void asFewUnitsAreAskedAsItTakes() {
        assertThat(plan(
                                PoolState.EMPTY,
                                1800,
                                LINEAR,
                                room("unit1", 500),
                                room("unit2", 1000),
                                room("unit3", 900),
                                room("unit4", 500))
                        .orElseThrow())
                .extracting(Ask::unit)
                .containsExactly("unit2", "unit3");
    }

    @Test
    void aVolumeGrowsOnTheUnitThatItHas() {
        UUID label = UUID.randomUUID();
        UUID volume = UUID.randomUUID();
        Allocation.Request small = new Allocation.Request(volume, 900 * Bytes.MIB, LINEAR, 512);
        PoolState pool = PoolState.EMPTY
                .with(new UnitVolume(label, "unit2", 0, Bytes.GIB, 512, 512, 0, true))
                .attached(label, true);
        PoolState taken =
                pool.with(((Allocation.Result.Placed) Allocation.allocate(pool, small, UUID::randomUUID)).partitions());
        Allocation.Request large = new Allocation.Request(volume, 2500 * Bytes.MIB, LINEAR, 512);
        List<Room> rooms = List.of(room("unit1", 40_960), new Room("unit2", 20_480 * Bytes.MIB, label));
        assertThat(BackingPlan.plan(taken, rooms, large, true))
                .contains(List.of(new Ask.Extend("unit2", label, 3 * Bytes.GIB)));
    }
}
