package dev.sanway.pool;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

class AllocationTest {
    private final Random random = new Random(42);

    private UUID uuid() {
        return new UUID(random.nextLong(), random.nextLong());
    }

    private PoolState withUnit(PoolState pool, String unit, long lun, long sizeBytes, int blockSize) {
        UUID label = uuid();
        return pool.with(new UnitVolume(label, unit, lun, sizeBytes, blockSize, 4096, 4096, true))
                .attached(label, true);
    }

    private PoolState threeUnits() {
        PoolState pool = PoolState.EMPTY;
        for (String unit : List.of("unit1", "unit2", "unit3")) {
            pool = withUnit(pool, unit, 0, Bytes.GIB, 512);
        }
        return pool;
    }

    private Allocation.Result allocate(PoolState pool, long bytes, VolumeLayout layout) {
        return Allocation.allocate(pool, new Allocation.Request(uuid(), bytes, layout, 512), this::uuid);
    }

    private static List<Partition> placed(Allocation.Result result) {
        assertThat(result).isInstanceOf(Allocation.Result.Placed.class);
        return ((Allocation.Result.Placed) result).partitions();
    }

    private static String refused(Allocation.Result result) {
        assertThat(result).isInstanceOf(Allocation.Result.Refused.class);
        return ((Allocation.Result.Refused) result).explanation();
    }

    private static Set<String> units(PoolState pool, List<Partition> partitions) {
        return partitions.stream()
                .map(each -> java.util.Objects.requireNonNull(pool.unitVolumes().get(each.unitVolume()))
                        .unit())
                .collect(Collectors.toSet());
    }

    @Test
    void aLinearVolumeStaysTogetherWhereItCan() {
        List<Partition> partitions = placed(allocate(threeUnits(), 700 * Bytes.MIB, new VolumeLayout.Linear()));
        assertThat(partitions).hasSize(1);
        assertThat(partitions.getFirst().startBytes()).isEqualTo(UnitVolume.LABEL_BYTES);
        assertThat(partitions.getFirst().state()).isEqualTo(PartitionState.WIPING);
    }

    @Test
    void aLinearVolumeGoesOnAtTheNextUnit() {
        PoolState pool = threeUnits();
        List<Partition> partitions = placed(allocate(pool, 2 * Bytes.GIB, new VolumeLayout.Linear()));
        assertThat(units(pool, partitions)).hasSize(3);
        assertThat(partitions.stream().mapToLong(Partition::lengthBytes).sum()).isEqualTo(2 * Bytes.GIB);
    }

    @Test
    void aLinearVolumeLiesOnAsFewUnitsAsPossible() {
        PoolState pool = PoolState.EMPTY;
        for (int lun = 0; lun < 3; lun++) {
            pool = withUnit(pool, "unit1", lun, Bytes.GIB, 512);
            pool = withUnit(pool, "unit" + (lun + 2), 0, Bytes.GIB + Bytes.GIB / 4, 512);
        }
        List<Partition> partitions = placed(allocate(pool, 5 * Bytes.GIB / 2, new VolumeLayout.Linear()));
        assertThat(units(pool, partitions)).containsExactly("unit1");
        List<Partition> more = placed(allocate(pool, 4 * Bytes.GIB, new VolumeLayout.Linear()));
        assertThat(units(pool, more)).hasSize(2).contains("unit1");
    }

    @Test
    void aLinearVolumeGrowsOnTheUnitThatItHas() {
        UUID volume = uuid();
        PoolState pool = threeUnits();
        List<Partition> first = placed(Allocation.allocate(
                pool, new Allocation.Request(volume, Bytes.GIB / 2, new VolumeLayout.Linear(), 512), this::uuid));
        PoolState taken = pool.with(first);
        List<Partition> more = placed(Allocation.grow(
                taken, new Allocation.Request(volume, 3 * Bytes.GIB / 4, new VolumeLayout.Linear(), 512), this::uuid));
        assertThat(units(taken, more)).isEqualTo(units(taken, first));
        List<Partition> beyond = placed(Allocation.grow(
                taken, new Allocation.Request(volume, 5 * Bytes.GIB / 4, new VolumeLayout.Linear(), 512), this::uuid));
        assertThat(units(taken, beyond))
                .as("one more is enough")
                .hasSize(1)
                .doesNotContainAnyElementsOf(units(taken, first));
    }

    @Test
    void stripesLieOnDifferentUnits() {
        PoolState pool = withUnit(threeUnits(), "unit1", 1, 10 * Bytes.GIB, 512);
        List<Partition> partitions =
                placed(allocate(pool, 100 * Bytes.MIB + 512, new VolumeLayout.Striped(3, 64 << 10)));
        assertThat(units(pool, partitions)).containsExactlyInAnyOrder("unit1", "unit2", "unit3");
        assertThat(partitions).allMatch(each -> each.lengthBytes() == 34 * Bytes.MIB);
    }

    @Test
    void anUnusualChunkStillFitsIntoItsParts() {
        List<Partition> partitions =
                placed(allocate(threeUnits(), 9 * Bytes.MIB, new VolumeLayout.Striped(2, 3 << 20)));
        // Three chunks of 3 MiB on two parts: one part holds two of them.
        assertThat(partitions).allMatch(each -> each.lengthBytes() == 6 * Bytes.MIB);
    }

    @Test
    void explainsWhyNot() {
        PoolState pool = withUnit(threeUnits(), "unit4", 0, 100 * Bytes.GIB, 4096);
        UUID away = pool.unitVolumes().values().stream()
                .filter(each -> each.unit().equals("unit2"))
                .findFirst()
                .orElseThrow()
                .label();
        pool = pool.attached(away, false);
        assertThat(refused(allocate(pool, 3 * Bytes.GIB, new VolumeLayout.Linear())))
                .isEqualTo("needs 3 GiB, but 1.9 GiB are free; not reachable now: unit2 lun 0;"
                        + " blocks larger than the volume's 512 bytes: unit4 lun 0");
        assertThat(refused(allocate(pool, Bytes.GIB, new VolumeLayout.Striped(3, 65536))))
                .startsWith("needs 3 units with 342 MiB free in one piece, have 2: unit1, unit3; not reachable now");
    }

    @Test
    void aVolumeOfLargerBlocksMayUseUnitsOfSmallerOnes() {
        Allocation.Request request = new Allocation.Request(uuid(), Bytes.GIB / 2, new VolumeLayout.Linear(), 4096);
        placed(Allocation.allocate(threeUnits(), request, this::uuid));
    }

    @Test
    void whateverIsTakenAndGivenBackNothingOverlaps() {
        long seed = Long.getLong("sanway.seed", System.nanoTime());
        Random rounds = new Random(seed);
        PoolState pool = threeUnits();
        List<List<Partition>> volumes = new ArrayList<>();
        for (int round = 0; round < 500; round++) {
            if (rounds.nextInt(3) == 0 && !volumes.isEmpty()) {
                pool = pool.without(volumes.remove(rounds.nextInt(volumes.size())));
                continue;
            }
            VolumeLayout layout = rounds.nextBoolean()
                    ? new VolumeLayout.Linear()
                    : new VolumeLayout.Striped(1 + rounds.nextInt(3), 4096 << rounds.nextInt(6));
            long bytes = 512L * (1 + rounds.nextInt(1 << 19));
            if (allocate(pool, bytes, layout) instanceof Allocation.Result.Placed(List<Partition> partitions)) {
                pool = pool.with(partitions); // throws on an overlap
                volumes.add(partitions);
                assertThat(partitions.stream().mapToLong(Partition::lengthBytes).sum())
                        .as("seed " + seed)
                        .isGreaterThanOrEqualTo(bytes);
            } else {
                assertThat(layout.describe() + refused(allocate(pool, bytes, layout)))
                        .contains("needs");
            }
            checkPictures(pool, "seed " + seed + ", round " + round);
        }
    }

    /** The picture of each unit volume covers what can be used, without gap or overlap, in whole MiB. */
    private static void checkPictures(PoolState pool, String which) {
        for (UnitVolume unitVolume : pool.unitVolumes().values()) {
            long at = UnitVolume.LABEL_BYTES;
            for (Partition partition : pool.picture(unitVolume.label())) {
                assertThat(partition.startBytes()).as(which).isEqualTo(at);
                assertThat(partition.lengthBytes() % Bytes.MIB).as(which).isZero();
                at = partition.endBytes();
            }
            assertThat(at).as(which).isEqualTo(unitVolume.usableEndBytes());
        }
    }

    @Test
    void aPoolRefusesOverlaps() {
        PoolState pool = threeUnits();
        List<Partition> one = placed(allocate(pool, 100 * Bytes.MIB, new VolumeLayout.Linear()));
        PoolState taken = pool.with(one);
        Partition same = new Partition(
                uuid(),
                one.getFirst().unitVolume(),
                one.getFirst().startBytes() + 512,
                512,
                PartitionState.WIPING,
                new Partition.PartitionOwner(uuid(), 0),
                1);
        assertThatThrownBy(() -> taken.with(List.of(same))).isInstanceOf(IllegalArgumentException.class);
    }
}
