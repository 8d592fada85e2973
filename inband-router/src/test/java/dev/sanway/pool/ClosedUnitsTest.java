package dev.sanway.pool;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sanway.pool.ClosedUnits.Reason;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

class ClosedUnitsTest {

    private static PoolState pool(String... units) {
        PoolState pool = PoolState.EMPTY;
        for (String unit : units) {
            UUID label = UUID.nameUUIDFromBytes(unit.getBytes(java.nio.charset.StandardCharsets.UTF_8));
            pool = pool.with(new UnitVolume(label, unit, 0, Bytes.GIB, 512, 4096, 4096, true))
                    .attached(label, true);
        }
        return pool;
    }

    private static Set<String> units(PoolState pool) {
        return pool.unitVolumes().values().stream().map(UnitVolume::unit).collect(Collectors.toSet());
    }

    @Test
    void whatIsClosedIsGivenNothingAndASpareOnlyWhatHasToLeaveAnotherUnit() {
        PoolState pool = pool("a", "b", "c", "d", "e");
        ClosedUnits closed = new ClosedUnits(
                Map.of("b", Reason.MAINTENANCE, "c", Reason.DRAINING, "e", Reason.SILENT), Set.of("d", "e"));
        assertThat(units(closed.open(pool))).containsExactly("a");
        assertThat(units(closed.openWithSpares(pool))).containsExactlyInAnyOrder("a", "d");
        assertThat(units(closed.openLater(pool))).containsExactlyInAnyOrder("a", "b");
        assertThat(List.of("a", "b", "c", "d", "e").stream().filter(closed::open))
                .containsExactly("a");
        assertThat(closed.note())
                .isEqualTo(
                        "; given nothing new: b is in maintenance, c is being drained, d is a spare, " + "e is silent");
        assertThat(ClosedUnits.NONE.note()).isEmpty();
        assertThat(units(ClosedUnits.NONE.open(pool))).hasSize(5);
    }
}
