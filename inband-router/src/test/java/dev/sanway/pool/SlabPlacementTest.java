package dev.sanway.pool;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.Test;

class SlabPlacementTest {
    private static final UUID VOLUME = new UUID(7, 7);

    private long next;

    private UUID uuid() {
        return new UUID(1, ++next);
    }

    private static UnitVolume unit(String name, long bytes, int blockSize) {
        return new UnitVolume(new UUID(9, name.hashCode()), name, 0, bytes, blockSize, 4096, 0, false);
    }

    private static PoolState pool(UnitVolume... units) {
        PoolState pool = PoolState.EMPTY;
        for (UnitVolume unit : units) {
            pool = pool.with(unit).attached(unit.label(), true);
        }
        return pool;
    }

    private SlabPlacement.Result place(PoolState pool, long volumeBytes) {
        return SlabPlacement.place(pool, VOLUME, volumeBytes, 512, this::uuid);
    }

    @Test
    void aSlabIsASixteenthOfTheVolumeOrASixtyFourthOfThePool() {
        assertThat(SlabPlacement.wishedBytes(100 * Bytes.GIB, 100_000 * Bytes.GIB))
                .isEqualTo(Bytes.GIB);
        assertThat(SlabPlacement.wishedBytes(Bytes.GIB, 100_000 * Bytes.GIB)).isEqualTo(64 * Bytes.MIB);
        assertThat(SlabPlacement.wishedBytes(1024 * Bytes.GIB, 3 * Bytes.GIB)).isEqualTo(32 * Bytes.MIB);
        assertThat(SlabPlacement.wishedBytes(512, 512)).isEqualTo(16 * Bytes.MIB);
    }

    @Test
    void slabsSpreadByFreeSpaceUntilNothingIsLeft() {
        PoolState pool = pool(unit("a", 102 * Bytes.MIB, 512), unit("b", 66 * Bytes.MIB, 512));
        long placed = 0;
        int index = 0;
        while (place(pool, Bytes.GIB) instanceof SlabPlacement.Result.Placed(Partition slab)) {
            assertThat(slab.state()).isEqualTo(PartitionState.WIPING);
            assertThat(slab.owner()).isEqualTo(new Partition.PartitionOwner(VOLUME, index++));
            assertThat(slab.lengthBytes()).isBetween(2 * Bytes.MIB, 16 * Bytes.MIB);
            pool = pool.with(List.of(slab));
            placed += slab.lengthBytes();
        }
        // 100 and 64 MiB, each without its label; pieces too small for a map and an extent would remain.
        assertThat(placed).isEqualTo(164 * Bytes.MIB);
        assertThat(place(pool, Bytes.GIB))
                .isEqualTo(new SlabPlacement.Result.Refused("no space is left in the pool", false));
    }

    @Test
    void anAbsentUnitWithRoomIsNamed() {
        UnitVolume away = unit("b", 66 * Bytes.MIB, 512);
        PoolState pool = pool(unit("a", 4 * Bytes.MIB, 4096), away).attached(away.label(), false);
        assertThat(place(pool, Bytes.GIB))
                .isEqualTo(new SlabPlacement.Result.Refused(
                        "no space is left in the pool; not reachable now: b lun 0", true));
    }
}
