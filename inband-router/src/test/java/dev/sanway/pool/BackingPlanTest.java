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
}
