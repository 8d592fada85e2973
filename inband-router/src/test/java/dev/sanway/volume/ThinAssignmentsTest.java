package dev.sanway.volume;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sanway.block.BlockClient;
import dev.sanway.block.BlockFailure;
import dev.sanway.block.BlockOutcome;
import dev.sanway.metadata.VolumeRecord;
import dev.sanway.pool.PartitionState;
import dev.sanway.pool.VolumeLayout;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Thin volumes with the store, labels and units: slabs come, survive kills at every step, and go back. */
class ThinAssignmentsTest {
    private static final VolumeLayout THIN = new VolumeLayout.Thin();
    private static final int MIB_BLOCKS = 2048;

    private static final class Killed extends RuntimeException {
        private static final long serialVersionUID = 1;
    }

    @TempDir
    Path state;

    private static byte[] filled(int value) {
        byte[] bytes = new byte[4096];
        Arrays.fill(bytes, (byte) value);
        return bytes;
    }

    /** Kills the process after each step of giving a slab, with the power failing at the same moment. */
    @Test
    void aProcessKilledAfterWhateverStepOfASlabLosesNothingAndLeaksNothing() throws Exception {
        for (AssignmentStep step : AssignmentStep.values()) {
            if (!step.name().startsWith("SLAB")) {
                continue;
            }
            PoolFixture pool = new PoolFixture(state.resolve(step.name()), 2, 24);
            pool.stop();
            AtomicBoolean dead = new AtomicBoolean();
            AtomicInteger left = new AtomicInteger(2);
            pool.start(reached -> {
                if (reached == step && left.decrementAndGet() == 0) {
                    dead.set(true);
                    // A dead process stores nothing any more.
                    pool.catalog.close();
                }
                if (dead.get()) {
                    throw new Killed();
                }
            });
            pool.attachAll();
            VolumeRecord volume = pool.assigned("web1/thin", 200, THIN);
            BlockClient client = new BlockClient(pool.assemble(volume).device());
            client.writeThrough(5, filled(1));
            // The second slab is the one at which it dies: asked for ahead of its need, or when it is needed.
            for (int mib = 1; mib < 40 && !dead.get(); mib++) {
                BlockClient.Started write = client.start(client.writeOf((long) mib * MIB_BLOCKS, filled(2), true));
                Awaitility.await()
                        .pollDelay(Duration.ZERO)
                        .pollInterval(Duration.ofMillis(2))
                        .until(() -> dead.get() || write.outcome().isDone());
            }
            assertThat(dead.get()).as("died after " + step).isTrue();
            pool.stop();
            pool.losePower(new Random(step.name().length()));

            pool.start(_ -> {});
            pool.attachAll();
            VolumeRecord again = pool.catalog.volume("web1/thin").orElseThrow();
            BlockClient reader = new BlockClient(pool.assemble(again).device());
            assertThat(reader.read(5, 8)).isEqualTo(filled(1));
            assertThat(reader.read(199L * MIB_BLOCKS, 8)).isEqualTo(new byte[4096]);
            Awaitility.await("slabs that nobody got are free again")
                    .atMost(Duration.ofSeconds(20))
                    .until(() -> pool.assignments.pool().partitionsOf(again.uuid()).stream()
                            .allMatch(slab -> slab.state() == PartitionState.ASSIGNED));
            // All of the pool can be written but for the maps, and nothing of it shows what was there before.
            int written = 0;
            BlockOutcome outcome = BlockOutcome.DONE;
            for (int mib = 50; mib < 150; mib++) {
                outcome = reader.run(reader.writeOf((long) mib * MIB_BLOCKS + 7, filled(3), false));
                if (!outcome.equals(BlockOutcome.DONE)) {
                    break;
                }
                byte[] around = reader.read((long) mib * MIB_BLOCKS, 64);
                assertThat(Arrays.copyOf(around, 7 * 512)).isEqualTo(new byte[7 * 512]);
                written++;
            }
            assertThat(outcome).isEqualTo(BlockOutcome.failed(new BlockFailure.OutOfSpace()));
            assertThat(written).as("extents after " + step).isBetween(1, 43);
            // What is given back returns to the pool, and can be written anew.
            reader.unmap(0, 200L * MIB_BLOCKS);
            Awaitility.await("empty slabs go back")
                    .atMost(Duration.ofSeconds(20))
                    .until(() ->
                            pool.assignments.pool().partitionsOf(again.uuid()).isEmpty());
            assertThat(reader.run(reader.writeOf(0, filled(4), true))).isEqualTo(BlockOutcome.DONE);
            assertThat(reader.read(5, 8)).isEqualTo(concat(filled(4), new byte[4096]));
            pool.end();
        }
    }

    /** Blocks 5 to 13 of a volume of which blocks 0 to 8 were written. */
    private static byte[] concat(byte[] first, byte[] second) {
        byte[] all = Arrays.copyOf(first, first.length + second.length);
        System.arraycopy(second, 0, all, first.length, second.length);
        return Arrays.copyOfRange(all, 5 * 512, 13 * 512);
    }

    /** The store is full before a slab is intended, or after it is labelled and before it is given. */
    @Test
    void aStoreThatWasFullLeaksNoSlab() throws Exception {
        for (AssignmentStep full : List.of(AssignmentStep.SLAB_INTENDED, AssignmentStep.SLAB_LABELLED)) {
            PoolFixture pool = new PoolFixture(state.resolve(full.name()), 2, 24);
            pool.stop();
            AtomicBoolean once = new AtomicBoolean(full != AssignmentStep.SLAB_INTENDED);
            pool.start(reached -> {
                if (reached == full && once.getAndSet(false)) {
                    pool.store.full(true);
                }
            });
            pool.attachAll();
            VolumeRecord volume = pool.assigned("web1/thin", 200, THIN);
            BlockClient client = new BlockClient(pool.assemble(volume).device());
            pool.store.full(full == AssignmentStep.SLAB_INTENDED);
            AtomicInteger tries = new AtomicInteger();
            // The device asks for a slab again after 200 ms.
            Awaitility.await().pollInterval(Duration.ofMillis(210)).until(() -> {
                assertThat(client.run(client.writeOf(0, filled(1), true)))
                        .isInstanceOf(BlockOutcome.Failed.class)
                        .isNotEqualTo(BlockOutcome.failed(new BlockFailure.OutOfSpace()));
                return tries.incrementAndGet() == 8;
            });
            pool.store.full(false);
            Awaitility.await("the volume serves again")
                    .atMost(Duration.ofSeconds(20))
                    .until(() -> client.run(client.writeOf(0, filled(2), true)).equals(BlockOutcome.DONE));
            Awaitility.await("nothing is held that nobody has")
                    .atMost(Duration.ofSeconds(20))
                    .until(() -> pool.assignments.pool().partitionsOf(volume.uuid()).stream()
                            .allMatch(slab -> slab.state() == PartitionState.ASSIGNED));
            assertThat(pool.catalog.partitions()).allMatch(slab -> slab.state() == PartitionState.ASSIGNED);
            pool.end();
        }
    }

    @Test
    void aThinVolumeGrowsAtOnceAndIsDeletedWithItsSlabs() throws Exception {
        PoolFixture pool = new PoolFixture(state, 2, 24);
        pool.attachAll();
        VolumeRecord volume = pool.assigned("web1/thin", 100, THIN);
        VolumeAssembler.Assembled served = pool.assemble(volume);
        BlockClient client = new BlockClient(served.device());
        client.write(0, filled(1));
        assertThat(BlockClient.await(pool.assignments.grow(volume.uuid(), 500 * PoolFixture.MIB)))
                .isInstanceOf(Assignments.GrowthAnswer.Accepted.class);
        VolumeRecord grown = pool.catalog.volume("web1/thin").orElseThrow();
        assertThat(grown.sizeBytes()).isEqualTo(500 * PoolFixture.MIB);
        BlockClient.onOwner(served.device(), () -> {
            served.update(grown, pool.assignments.pool(), 0);
            return true;
        });
        assertThat(served.device().geometry().sizeBytes()).isEqualTo(500 * PoolFixture.MIB);
        client.write(499L * MIB_BLOCKS, filled(2));
        assertThat(client.read(499L * MIB_BLOCKS, 8)).isEqualTo(filled(2));
        assertThat(served.thin().orElseThrow().usedBytes()).isEqualTo(2 * PoolFixture.MIB);
        client.close();
        assertThat(BlockClient.await(pool.assignments.release(volume.uuid()))).isTrue();
        Awaitility.await("its slabs are free")
                .atMost(Duration.ofSeconds(20))
                .until(() -> pool.assignments.pool().partitions().isEmpty());
        pool.end();
    }
}
