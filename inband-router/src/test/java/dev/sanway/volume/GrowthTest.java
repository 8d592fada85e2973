package dev.sanway.volume;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sanway.block.BlockClient;
import dev.sanway.block.CheckedDevice;
import dev.sanway.block.DeviceEvent;
import dev.sanway.metadata.VolumeRecord;
import dev.sanway.pool.Partition;
import dev.sanway.pool.PartitionState;
import dev.sanway.pool.VolumeLayout;
import dev.sanway.volume.Assignments.GrowthAnswer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Volumes that become larger while they are used. */
class GrowthTest {
    private static final VolumeLayout LINEAR = new VolumeLayout.Linear();
    private static final VolumeLayout STRIPED = new VolumeLayout.Striped(2, 12 << 10);
    private static final long MIB = PoolFixture.MIB;

    @TempDir
    Path state;

    @SuppressWarnings("NullAway.Init")
    private PoolFixture pool;

    @BeforeEach
    void start() throws Exception {
        pool = new PoolFixture(state, 3, 24);
    }

    @AfterEach
    void end() {
        pool.end();
    }

    private GrowthAnswer grow(VolumeRecord volume, long mib) {
        return BlockClient.await(pool.assignments.grow(volume.uuid(), mib * MIB));
    }

    private VolumeRecord awaitSize(VolumeRecord volume, long mib) {
        Awaitility.await("grown")
                .atMost(Duration.ofSeconds(30))
                .until(() -> pool.catalog.volume(volume.uuid()).orElseThrow().sizeBytes() == mib * MIB);
        BlockClient.await(CompletableFuture.supplyAsync(() -> true, pool.control));
        return pool.catalog.volume(volume.uuid()).orElseThrow();
    }

    private void update(VolumeAssembler.Assembled assembled, VolumeRecord volume) {
        BlockClient.onOwner(assembled.device(), () -> {
            assembled.update(volume, pool.assignments.pool(), 0);
            return true;
        });
    }

    private static byte[] pattern(long block, int generation) {
        byte[] pattern = new byte[512];
        new Random(block * 31 + generation).nextBytes(pattern);
        return pattern;
    }

    /** Writes go on all over the volume, from before it grows until after, in the new part too. */
    private void growsUnderWrites(VolumeLayout layout, long... sizesMib) {
        pool.attachAll();
        VolumeRecord volume = pool.assigned("web1/a", sizesMib[0], layout);
        VolumeAssembler.Assembled assembled = pool.assemble(volume);
        BlockClient client = new BlockClient(new CheckedDevice(assembled.device()));
        List<DeviceEvent> events = new ArrayList<>();
        BlockClient.onOwner(assembled.device(), () -> {
            assembled.device().addListener(events::add);
            return true;
        });
        int[] written = new int[(int) (sizesMib[sizesMib.length - 1] * 2048)];
        Random random = new Random(7);
        AtomicBoolean ended = new AtomicBoolean();
        AtomicInteger generation = new AtomicInteger();
        Thread writer = Thread.ofVirtual().start(() -> {
            while (!ended.get()) {
                int block = random.nextInt((int) assembled.device().geometry().blockCount());
                int now = generation.incrementAndGet();
                client.write(block, pattern(block, now));
                written[block] = now;
            }
        });
        for (int i = 1; i < sizesMib.length; i++) {
            int before = generation.get();
            Awaitility.await().until(() -> generation.get() > before + 200);
            assertThat(grow(volume, sizesMib[i])).isInstanceOf(GrowthAnswer.Accepted.class);
            update(assembled, awaitSize(volume, sizesMib[i]));
        }
        int before = generation.get();
        Awaitility.await().until(() -> generation.get() > before + 2000);
        ended.set(true);
        try {
            writer.join();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
        assertThat(events.stream().filter(DeviceEvent.CapacityChanged.class::isInstance))
                .hasSize(sizesMib.length - 1);
        assertThat(assembled.device().geometry().sizeBytes()).isEqualTo(sizesMib[sizesMib.length - 1] * MIB);
        verify(client, written);
        VolumeAssembler.Assembled again =
                pool.assemble(pool.catalog.volume("web1/a").orElseThrow());
        verify(new BlockClient(new CheckedDevice(again.device())), written);
        client.close();
    }

    private static void verify(BlockClient client, int[] written) {
        for (int block = 0; block < written.length; block += 512) {
            byte[] found = client.read(block, 512);
            for (int i = 0; i < 512; i++) {
                int generation = written[block + i];
                assertThat(java.util.Arrays.copyOfRange(found, i * 512, i * 512 + 512))
                        .as("block %d", block + i)
                        .isEqualTo(generation == 0 ? new byte[512] : pattern(block + i, generation));
            }
        }
    }

    @Test
    void aLinearVolumeGrowsUnderWrites() {
        growsUnderWrites(LINEAR, 5, 20, 21, 40);
    }

    @Test
    void aStripedVolumeGrowsByFurtherSegmentsUnderWrites() {
        growsUnderWrites(STRIPED, 5, 8, 9, 20);
    }

    @Test
    void whatCannotBeIsRefusedAndChangesNothing() {
        pool.attachAll();
        VolumeRecord volume = pool.assigned("web1/a", 10, STRIPED);
        List<Partition> before = pool.assignments.pool().partitionsOf(volume.uuid());
        assertThat(grow(volume, 9))
                .isInstanceOfSatisfying(
                        GrowthAnswer.Refused.class,
                        refused -> assertThat(refused.why()).contains("cannot shrink"));
        assertThat(grow(volume, 400))
                .isInstanceOfSatisfying(
                        GrowthAnswer.Refused.class,
                        refused -> assertThat(refused.why()).contains("needs 2 units with"));
        assertThat(BlockClient.await(pool.assignments.grow(volume.uuid(), 10 * MIB + 100)))
                .isInstanceOf(GrowthAnswer.Refused.class);
        assertThat(grow(volume, 10)).isInstanceOf(GrowthAnswer.Accepted.class);
        assertThat(pool.assignments.pool().partitionsOf(volume.uuid())).isEqualTo(before);
        assertThat(pool.catalog.volume(volume.uuid())).contains(volume);
    }

    @Test
    void aVolumeThatGrowsIsServedAsItWasUntilItHas() throws Exception {
        pool.attachAll();
        VolumeRecord volume = pool.assigned("web1/a", 20, LINEAR);
        pool.stop();
        // Killed as soon as the growth is intended.
        CompletableFuture<Boolean> killed = new CompletableFuture<>();
        pool.start(step -> {
            if (step == AssignmentStep.INTENT_STORED) {
                killed.complete(true);
                throw new IllegalStateException("killed");
            }
        });
        pool.attachAll();
        var unused = pool.assignments.grow(volume.uuid(), 30 * MIB);
        killed.get(10, TimeUnit.SECONDS);
        pool.stop();
        pool.start(_ -> {});
        VolumeRecord growing = pool.catalog.volume(volume.uuid()).orElseThrow();
        assertThat(growing.growth()).isEqualTo(new VolumeRecord.Growth(30 * MIB, 0));
        VolumeAssembler.Assembled assembled = pool.assemble(growing);
        assertThat(assembled.device().geometry().sizeBytes()).isEqualTo(20 * MIB);
        assertThat(BlockClient.await(pool.assignments.grow(volume.uuid(), 40 * MIB)))
                .isInstanceOfSatisfying(
                        GrowthAnswer.Refused.class,
                        refused -> assertThat(refused.why()).contains("growing to 30 MiB already"));
        pool.attachAll();
        awaitSize(volume, 30);
        assertThat(unused.isDone() && !unused.isCompletedExceptionally()).isFalse();
    }

    @Test
    void aGrowthThatIsCancelledGivesItsPlaceBack() throws Exception {
        pool.attachAll();
        VolumeRecord volume = pool.assigned("web1/a", 20, LINEAR);
        pool.stop();
        pool.start(_ -> {});
        // Without its unit the growth cannot end, so that there is something to cancel.
        pool.attach(0);
        pool.attach(1);
        assertThat(grow(volume, 40)).isInstanceOf(GrowthAnswer.Accepted.class);
        boolean cancelled = BlockClient.await(pool.assignments.cancelGrowth(volume.uuid()));
        pool.attach(2);
        if (cancelled) {
            Awaitility.await()
                    .until(() -> pool.assignments.pool().partitionsOf(volume.uuid()).stream()
                            .allMatch(each -> each.state() == PartitionState.ASSIGNED));
            assertThat(pool.catalog.volume(volume.uuid()).orElseThrow().sizeBytes())
                    .isEqualTo(20 * MIB);
        }
        Awaitility.await().until(() -> grow(volume, 42) instanceof GrowthAnswer.Accepted);
        awaitSize(volume, 42);
    }

    /** Kills the process after every durable step of a growth, with the power failing at the same moment. */
    @Test
    void aProcessKilledAfterWhateverStepLeavesTheOldSizeOrTheNew() throws Exception {
        pool.end();
        int killedAfter = 1;
        for (boolean finished = false; !finished; killedAfter++) {
            finished = scenario(killedAfter);
        }
        assertThat(killedAfter).as("steps that were tried").isGreaterThan(5);
        pool = new PoolFixture(state.resolve("last"), 1, 4);
    }

    private boolean scenario(int killedAfter) throws Exception {
        String which = "killed after step " + killedAfter;
        pool = new PoolFixture(state.resolve("run" + killedAfter), 3, 10);
        pool.attachAll();
        VolumeRecord volume = pool.assigned("web1/a", 4, STRIPED);
        byte[] data = new byte[1 << 20];
        new Random(killedAfter).nextBytes(data);
        new BlockClient(pool.assemble(volume).device()).writeThrough(5000, data);
        pool.stop();
        AtomicInteger count = new AtomicInteger();
        CompletableFuture<Boolean> killed = new CompletableFuture<>();
        pool.start(step -> {
            if (killed.isDone() || count.incrementAndGet() == killedAfter) {
                killed.complete(true);
                throw new IllegalStateException("killed after " + step);
            }
        });
        CompletableFuture<?> life = CompletableFuture.runAsync(() -> {
            pool.attachAll();
            grow(volume, 8);
            awaitSize(volume, 8);
        });
        CompletableFuture.anyOf(killed, life.exceptionally(_ -> null)).get(30, TimeUnit.SECONDS);
        pool.stop();
        pool.losePower(new Random(killedAfter));

        pool.start(_ -> {});
        VolumeRecord found = pool.catalog.volume(volume.uuid()).orElseThrow();
        assertThat(found.sizeBytes()).as(which).isIn(4 * MIB, 8 * MIB);
        pool.attachAll();
        assertThat(grow(volume, 8)).as(which).isInstanceOf(GrowthAnswer.Accepted.class);
        VolumeRecord grown = awaitSize(volume, 8);
        BlockClient client =
                new BlockClient(new CheckedDevice(pool.assemble(grown).device()));
        assertThat(client.read(5000, 2048)).as(which).isEqualTo(data);
        for (long lba = 8192; lba < 16384; lba += 2048) {
            assertThat(client.read(lba, 2048)).as(which + ": the new part").isEqualTo(new byte[1 << 20]);
        }
        assertThat(pool.assignments.pool().partitionsOf(volume.uuid()))
                .as(which)
                .hasSize(4)
                .allMatch(each -> each.state() == PartitionState.ASSIGNED);
        client.close();
        boolean finished = !killed.isDone();
        pool.end();
        return finished;
    }
}
