package dev.sanway.volume;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sanway.block.BlockClient;
import dev.sanway.metadata.Catalog;
import dev.sanway.metadata.DeletedVolume;
import dev.sanway.metadata.VolumeRecord;
import dev.sanway.pool.Partition;
import dev.sanway.pool.PartitionState;
import dev.sanway.pool.PoolState;
import dev.sanway.pool.UnitVolume;
import dev.sanway.pool.VolumeLayout;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.UUID;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Deleted volumes: they come back with their data until their place is needed, and never show it to another. */
class DeletionsTest {

    private static final VolumeLayout LINEAR = new VolumeLayout.Linear();
    private static final long MIB = PoolFixture.MIB;

    @TempDir
    Path state;

    @SuppressWarnings("NullAway.Init")
    private PoolFixture pool;

    private int deletions;

    @BeforeEach
    void start() throws Exception {
        pool = new PoolFixture(state, 2, 24);
        pool.attachAll();
    }

    @AfterEach
    void end() {
        pool.end();
    }

    private static byte[] filled(int with) {
        byte[] block = new byte[(int) MIB];
        Arrays.fill(block, (byte) with);
        return block;
    }

    private BlockClient client(VolumeRecord volume) {
        return new BlockClient(pool.assemble(volume).device());
    }

    private void delete(VolumeRecord volume) {
        DeletedVolume remembered =
                new DeletedVolume(volume.uuid(), volume.name(), null, "2026-11-24T12:00:0" + deletions++ + "Z");
        BlockClient.await(pool.catalog.commit(
                new Catalog.Batch().put(DeletedVolume.KIND, volume.uuid().toString(), remembered)));
        assertThat(BlockClient.await(pool.assignments.deletions().delete(volume.uuid())))
                .isTrue();
    }

    private boolean restore(VolumeRecord volume, String name) {
        return BlockClient.await(pool.assignments.deletions().restore(volume.uuid(), name, new Catalog.Batch()));
    }

    private void awaitForgotten(VolumeRecord volume) {
        Awaitility.await("forgotten: " + volume.name())
                .atMost(Duration.ofSeconds(20))
                .until(() -> pool.catalog.volume(volume.uuid()).isEmpty()
                        && pool.assignments.pool().partitionsOf(volume.uuid()).isEmpty());
    }

    @Test
    void aDeletedVolumeComesBackWithItsDataAlsoAfterARestart() throws Exception {
        VolumeRecord volume = pool.assigned("web1/a", 8, LINEAR);
        client(volume).write(2048, filled(7));
        delete(volume);
        assertThat(pool.catalog.volume("web1/a")).isEmpty();
        VolumeRecord second = pool.assigned("web1/a", 4, LINEAR);
        assertThat(second.uuid()).isNotEqualTo(volume.uuid());
        assertThat(client(second).read(0, 8192)).isEqualTo(new byte[8192 * 512]);
        pool.stop();
        pool.start(_ -> {});
        pool.attachAll();
        assertThat(pool.assignments.deletions().deleted())
                .extracting(VolumeRecord::uuid)
                .containsExactly(volume.uuid());
        assertThat(restore(volume, "web1/b")).isTrue();
        VolumeRecord back = pool.catalog.volume("web1/b").orElseThrow();
        assertThat(back.uuid()).isEqualTo(volume.uuid());
        assertThat(back.state()).isEqualTo(VolumeRecord.State.ASSIGNED);
        assertThat(client(back).read(2048, 2048)).isEqualTo(filled(7));
        assertThat(pool.catalog.all(DeletedVolume.KIND)).isEmpty();
        assertThat(restore(volume, "web1/c")).as("it is there").isFalse();
    }

    @Test
    void whoeverNeedsThePlaceGetsItWipedFromTheOneThatWasDeletedFirst() {
        VolumeRecord first = pool.assigned("web1/a", 20, LINEAR);
        VolumeRecord second = pool.assigned("web1/b", 20, LINEAR);
        client(first).write(0, filled(1));
        client(second).write(0, filled(2));
        delete(second);
        delete(first);
        VolumeRecord taker = pool.assigned("web2/x", 21, LINEAR);
        awaitForgotten(second);
        assertThat(restore(second, "web1/b")).as("its place is another's").isFalse();
        assertThat(pool.catalog.one(DeletedVolume.KIND, second.uuid().toString()))
                .isEmpty();
        assertThat(client(taker).read(0, 21 * 2048)).isEqualTo(new byte[(int) (21 * MIB)]);
        assertThat(restore(first, "web1/a")).isTrue();
        assertThat(client(pool.catalog.volume("web1/a").orElseThrow()).read(0, 2048))
                .isEqualTo(filled(1));
    }

    @Test
    void aVolumeThatGrowsGetsThePlaceOfADeletedOne() {
        VolumeRecord stays = pool.assigned("web1/a", 20, LINEAR);
        VolumeRecord goes = pool.assigned("web1/b", 20, LINEAR);
        assertThat(BlockClient.await(pool.assignments.grow(stays.uuid(), 30 * MIB)))
                .isInstanceOf(Assignments.GrowthAnswer.Refused.class);
        delete(goes);
        assertThat(BlockClient.await(pool.assignments.grow(stays.uuid(), 30 * MIB)))
                .isInstanceOf(Assignments.GrowthAnswer.Accepted.class);
        Awaitility.await()
                .until(() -> pool.catalog.volume(stays.uuid()).orElseThrow().sizeBytes() == 30 * MIB);
        awaitForgotten(goes);
        assertThat(BlockClient.await(pool.assignments.grow(stays.uuid(), 30 * MIB + 1)))
                .isInstanceOf(Assignments.GrowthAnswer.Refused.class);
    }

    @Test
    void nothingIsGivenUpForWhatWouldNotFitAnyway() {
        VolumeRecord volume = pool.assigned("web1/a", 20, LINEAR);
        delete(volume);
        assertThat(pool.assign("web2/x", 1000, LINEAR)).isInstanceOf(Assignments.Assignment.Refused.class);
        assertThat(restore(volume, "web1/a")).isTrue();
    }

    @Test
    void anErasedVolumeIsZeroesOnItsUnitsAndGone() throws Exception {
        for (boolean deletedBefore : new boolean[] {false, true}) {
            VolumeRecord volume = pool.assigned("web1/a", 8, LINEAR);
            client(volume).write(0, filled(7));
            Partition partition =
                    pool.assignments.pool().partitionsOf(volume.uuid()).getFirst();
            if (deletedBefore) {
                delete(volume);
            }
            assertThat(BlockClient.await(pool.assignments.deletions().erase(volume.uuid())))
                    .isTrue();
            awaitForgotten(volume);
            boolean onFirst = Objects.requireNonNull(
                            pool.assignments.pool().unitVolumes().get(partition.unitVolume()))
                    .unit()
                    .equals("unit0");
            assertThat(new BlockClient(pool.units.get(onFirst ? 0 : 1)).read(partition.startBytes() / 512, 8 * 2048))
                    .isEqualTo(new byte[(int) (8 * MIB)]);
            assertThat(restore(volume, "web1/a")).isFalse();
        }
    }

    @Test
    void anErasureThatWasInterruptedGoesOn() throws Exception {
        VolumeRecord volume = pool.assigned("web1/a", 8, LINEAR);
        client(volume).write(0, filled(7));
        pool.stop();
        pool.start(step -> {
            if (step == AssignmentStep.STRETCH_WIPED) {
                throw new IllegalStateException("killed here");
            }
        });
        pool.attachAll();
        assertThat(BlockClient.await(pool.assignments.deletions().erase(volume.uuid())))
                .isTrue();
        pool.stop();
        pool.start(_ -> {});
        assertThat(pool.catalog.volume(volume.uuid()).orElseThrow().state()).isEqualTo(VolumeRecord.State.ERASING);
        pool.attachAll();
        awaitForgotten(volume);
    }

    @Test
    void aRenamedVolumeIsTheSameUnderAnotherName() {
        VolumeRecord volume = pool.assigned("web1/a", 8, LINEAR);
        assertThat(BlockClient.await(pool.assignments.deletions().rename(volume.uuid(), "web1/b", new Catalog.Batch())))
                .isTrue();
        assertThat(pool.catalog.volume("web1/b").orElseThrow()).isEqualTo(volume.named("web1/b"));
        assertThat(BlockClient.await(pool.assignments.grow(volume.uuid(), 9 * MIB)))
                .isInstanceOf(Assignments.GrowthAnswer.Accepted.class);
        Awaitility.await()
                .until(() -> pool.catalog.volume("web1/b").orElseThrow().sizeBytes() == 9 * MIB);
        assertThat(pool.catalog.volume("web1/a")).isEmpty();
    }

    @Test
    void onlyWhatHelpsIsGivenUp() {
        UUID small = UUID.randomUUID();
        UUID large = UUID.randomUUID();
        UnitVolume unit = new UnitVolume(UUID.randomUUID(), "unit1", 0, 100 * MIB, 512, 4096, 0, false);
        PoolState full = PoolState.EMPTY
                .with(unit)
                .attached(unit.label(), true)
                .with(List.of(partition(unit, small, MIB, 10 * MIB), partition(unit, large, 11 * MIB, 80 * MIB)));
        VolumeRecord smallRecord = record(small);
        VolumeRecord largeRecord = record(large);
        assertThat(Deletions.toGiveUp(
                        full,
                        List.of(smallRecord, largeRecord),
                        pool -> pool.partitionsOf(large).isEmpty()))
                .containsExactly(largeRecord);
        assertThat(Deletions.toGiveUp(
                        full,
                        List.of(smallRecord, largeRecord),
                        pool -> pool.keptOn(unit.label()).isEmpty()))
                .containsExactly(smallRecord, largeRecord);
        assertThat(Deletions.toGiveUp(full, List.of(smallRecord, largeRecord), _ -> false))
                .isEmpty();
        assertThat(Deletions.toGiveUp(full, List.of(smallRecord, largeRecord), _ -> true))
                .as("it fits as it is")
                .isEmpty();
    }

    private static Partition partition(UnitVolume unit, UUID volume, long start, long length) {
        return new Partition(
                UUID.randomUUID(),
                unit.label(),
                start,
                length,
                PartitionState.ASSIGNED,
                new Partition.PartitionOwner(volume, 0),
                1);
    }

    private static VolumeRecord record(UUID uuid) {
        return new VolumeRecord(uuid, "v" + uuid, "", MIB, 512, LINEAR, VolumeRecord.State.DELETED, 0);
    }
}
