package dev.sanway.volume;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sanway.metadata.VolumeRecord;
import dev.sanway.pool.Partition;
import dev.sanway.pool.PartitionState;
import dev.sanway.pool.PoolState;
import dev.sanway.pool.UnitVolume;
import dev.sanway.pool.VolumeLayout;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.Test;

/** What goes with a unit: each state of a volume with each state of its partition there. */
class LossTest {
    private static final long MIB = 1 << 20;
    private static final UUID LOST = new UUID(0, 1);
    private static final UUID OTHER = new UUID(0, 2);

    private final Map<UUID, VolumeRecord> volumes = new HashMap<>();
    private PoolState pool = PoolState.EMPTY.with(unitVolume(LOST)).with(unitVolume(OTHER));
    private long next = 1;

    private static UnitVolume unitVolume(UUID label) {
        return new UnitVolume(label, "unit" + label.getLeastSignificantBits(), 0, 1000 * MIB, 512, 4096, 0, true);
    }

    private VolumeRecord volume(String name, VolumeRecord.State state, VolumeLayout layout, boolean grows) {
        VolumeRecord volume = new VolumeRecord(
                UUID.randomUUID(),
                name,
                "web1",
                MIB,
                512,
                layout,
                state,
                0,
                grows ? new VolumeRecord.Growth(2 * MIB, 0) : null);
        volumes.put(volume.uuid(), volume);
        return volume;
    }

    private VolumeRecord linear(String name, VolumeRecord.State state) {
        return volume(name, state, new VolumeLayout.Linear(), false);
    }

    private Partition partition(UUID label, UUID owner, PartitionState state) {
        Partition made = new Partition(
                UUID.randomUUID(), label, next++ * MIB, MIB, state, new Partition.PartitionOwner(owner, 0), 1);
        pool = pool.with(List.of(made));
        return made;
    }

    private Loss loss() {
        return Loss.of(pool, List.of(LOST), uuid -> Optional.ofNullable(volumes.get(uuid)));
    }

    @Test
    void nothingThereIsNoLoss() {
        partition(OTHER, linear("web1/a", VolumeRecord.State.ASSIGNED).uuid(), PartitionState.ASSIGNED);
        assertThat(loss()).isEqualTo(new Loss(List.of(), List.of(), List.of(), List.of(), List.of(), List.of()));
        assertThat(loss().bearable()).isTrue();
    }

    @Test
    void whatHostsHaveOrAreToHaveIsInUse() {
        VolumeRecord b = linear("web1/b", VolumeRecord.State.ASSIGNED);
        VolumeRecord a = linear("web1/a", VolumeRecord.State.WIPING);
        partition(LOST, b.uuid(), PartitionState.ASSIGNED);
        partition(LOST, b.uuid(), PartitionState.ASSIGNED);
        partition(LOST, a.uuid(), PartitionState.WIPING);
        assertThat(loss().inUse()).containsExactly(a, b);
        assertThat(loss().partitions()).hasSize(3);
        assertThat(loss().bearable()).isFalse();
    }

    @Test
    void growthAloneIsToldApartFromData() {
        VolumeRecord onlyGrows = volume("web1/a", VolumeRecord.State.ASSIGNED, new VolumeLayout.Linear(), true);
        VolumeRecord both = volume("web1/b", VolumeRecord.State.ASSIGNED, new VolumeLayout.Linear(), true);
        partition(LOST, onlyGrows.uuid(), PartitionState.WIPING);
        partition(LOST, both.uuid(), PartitionState.WIPING);
        partition(LOST, both.uuid(), PartitionState.ASSIGNED);
        assertThat(loss().growing()).containsExactly(onlyGrows);
        assertThat(loss().inUse()).containsExactly(both);
        assertThat(loss().bearable()).isFalse();
    }

    @Test
    void whatIsDeletedIsLostAndWhatIsErasedIsNoLoss() {
        VolumeRecord deleted = linear("web1/a", VolumeRecord.State.DELETED);
        VolumeRecord erasing = linear("web1/b", VolumeRecord.State.ERASING);
        Partition one = partition(LOST, deleted.uuid(), PartitionState.ASSIGNED);
        partition(OTHER, deleted.uuid(), PartitionState.ASSIGNED);
        Partition two = partition(LOST, erasing.uuid(), PartitionState.ASSIGNED);
        Partition three =
                partition(LOST, linear("web1/c", VolumeRecord.State.RELEASED).uuid(), PartitionState.RELEASED);
        Partition four =
                partition(LOST, linear("web1/d", VolumeRecord.State.ASSIGNED).uuid(), PartitionState.RELEASED);
        assertThat(loss().restorable()).containsExactly(deleted);
        assertThat(loss().erasing()).containsExactly(erasing);
        assertThat(loss().partitions()).containsExactly(one, two, three, four);
        assertThat(loss().bearable()).isTrue();
    }

    @Test
    void whatIsUnderWayIsWaitedFor() {
        VolumeRecord thin = volume("web1/thin", VolumeRecord.State.ASSIGNED, new VolumeLayout.Thin(), false);
        partition(LOST, thin.uuid(), PartitionState.WIPING);
        partition(LOST, linear("web1/a", VolumeRecord.State.ASSIGNED).uuid(), PartitionState.COPYING);
        partition(LOST, UUID.randomUUID(), PartitionState.WIPING);
        assertThat(loss().unsettled())
                .containsExactly(
                        "a volume is being made there",
                        "web1/a is being moved there",
                        "web1/thin is being given a slab there");
        assertThat(loss().inUse()).isEmpty();
        assertThat(loss().bearable()).isFalse();
    }
}
