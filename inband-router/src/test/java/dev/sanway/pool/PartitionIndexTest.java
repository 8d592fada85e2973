package dev.sanway.pool;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.UUID;
import org.junit.jupiter.api.Test;

/** What it finds quickly is what looking through all of them finds. */
class PartitionIndexTest {
    private static final int PLACES = 40;

    private final List<UUID> labels = List.of(new UUID(1, 1), new UUID(1, 2), new UUID(1, 3));
    private final List<UUID> volumes = List.of(new UUID(2, 1), new UUID(2, 2), new UUID(2, 3), new UUID(2, 4));

    private static Partition partition(UUID uuid, UUID label, int place, UUID volume, int index) {
        return new Partition(
                uuid,
                label,
                UnitVolume.LABEL_BYTES + place * Bytes.MIB,
                Bytes.MIB,
                PartitionState.ASSIGNED,
                new Partition.PartitionOwner(volume, index),
                1);
    }

    private void check(PartitionIndex index, Map<UUID, Partition> all) {
        assertThat(index.byUuid()).isEqualTo(all);
        for (UUID label : labels) {
            assertThat(index.onUnitVolume(label))
                    .isEqualTo(all.values().stream()
                            .filter(each -> each.unitVolume().equals(label))
                            .sorted(Comparator.comparingLong(Partition::startBytes))
                            .toList());
        }
        for (UUID volume : volumes) {
            assertThat(index.ofVolume(volume))
                    .containsExactlyInAnyOrderElementsOf(all.values().stream()
                            .filter(each -> each.owner() != null
                                    && each.owner().volume().equals(volume))
                            .toList())
                    .isSortedAccordingTo(Comparator.comparingInt(
                            each -> each.owner() == null ? 0 : each.owner().index()));
        }
    }

    @Test
    void afterAnyChangesItFindsWhatIsThereAndEarlierOnesFindWhatWasThere() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        PartitionIndex index = PartitionIndex.EMPTY;
        Map<UUID, Partition> all = new HashMap<>();
        for (int step = 0; step < 500; step++) {
            PartitionIndex before = index;
            Map<UUID, Partition> allBefore = Map.copyOf(all);
            List<Partition> some = new ArrayList<>();
            List<UUID> there = new ArrayList<>(all.keySet());
            there.sort(null);
            for (int i = random.nextInt(4); i >= 0; i--) {
                UUID uuid = !there.isEmpty() && random.nextInt(3) > 0
                        ? there.get(random.nextInt(there.size()))
                        : new UUID(3, random.nextLong());
                some.add(partition(
                        uuid,
                        labels.get(random.nextInt(labels.size())),
                        random.nextInt(PLACES),
                        volumes.get(random.nextInt(volumes.size())),
                        random.nextInt(3)));
            }
            if (random.nextInt(3) == 0) {
                some.forEach(each -> all.remove(each.uuid()));
                index = index.without(some);
            } else {
                some.forEach(each -> all.put(each.uuid(), each));
                boolean overlap = all.values().stream()
                                .map(each -> each.unitVolume() + " " + each.startBytes())
                                .distinct()
                                .count()
                        < all.size();
                if (overlap) {
                    all.clear();
                    all.putAll(allBefore);
                    assertThatThrownBy(() -> before.with(some))
                            .as("seed " + seed)
                            .isInstanceOf(IllegalArgumentException.class)
                            .hasMessageContaining("overlaps");
                } else {
                    index = index.with(some);
                }
            }
            check(index, all);
            check(before, allBefore);
        }
    }

    @Test
    void onePartOfAnotherOverlapsItThoughOthersAreInBetween() {
        UUID label = labels.getFirst();
        UUID volume = volumes.getFirst();
        Partition large = new Partition(
                new UUID(3, 1),
                label,
                UnitVolume.LABEL_BYTES,
                10 * Bytes.MIB,
                PartitionState.ASSIGNED,
                new Partition.PartitionOwner(volume, 0),
                1);
        PartitionIndex index =
                PartitionIndex.EMPTY.with(List.of(large, partition(new UUID(3, 2), label, 10, volume, 1)));
        assertThatThrownBy(() -> index.with(List.of(partition(new UUID(3, 3), label, 9, volume, 2))))
                .hasMessageContaining("overlaps");
        assertThat(index.with(List.of(partition(new UUID(3, 3), labels.getLast(), 9, volume, 2)))
                        .ofVolume(volume))
                .hasSize(3);
    }
}
