package dev.sanway.volume;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sanway.block.BlockClient;
import dev.sanway.block.BlockOutcome;
import dev.sanway.block.BlockRequest;
import dev.sanway.block.CheckedDevice;
import dev.sanway.metadata.PartitionMove;
import dev.sanway.metadata.VolumeRecord;
import dev.sanway.pool.Label;
import dev.sanway.pool.LabelStore;
import dev.sanway.pool.Partition;
import dev.sanway.pool.PartitionState;
import dev.sanway.pool.VolumeLayout;
import dev.sanway.volume.PartitionMoves.Answer;
import dev.sanway.volume.PartitionMoves.End;
import dev.sanway.volume.PartitionMoves.Place;
import io.netty.buffer.Unpooled;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.Statement;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Partitions that change their place while their volume is used, and processes that are killed meanwhile. */
class PartitionMovesTest {
    private static final VolumeLayout LINEAR = new VolumeLayout.Linear();
    private static final VolumeLayout STRIPED = new VolumeLayout.Striped(2, 65536);

    @TempDir
    Path state;

    @SuppressWarnings("NullAway.Init")
    private PoolFixture pool;

    @BeforeEach
    void start() throws Exception {
        pool = new PoolFixture(state, 3, 12);
    }

    @AfterEach
    void end() {
        pool.end();
    }

    private <T> T onControl(java.util.function.Supplier<T> action) {
        return BlockClient.await(CompletableFuture.supplyAsync(action, pool.control));
    }

    private VolumeAssembler.Assembled serve(VolumeRecord volume) {
        VolumeAssembler.Assembled assembled = pool.assemble(volume);
        LunDirectory directory = pool.directory;
        onControl(() -> {
            pool.assignments.moves().servedAt(_ -> new Place.Served(assembled, directory));
            return true;
        });
        return assembled;
    }

    private Partition only(VolumeRecord volume) {
        List<Partition> assigned = pool.assignments.pool().partitionsOf(volume.uuid()).stream()
                .filter(partition -> partition.state() == PartitionState.ASSIGNED)
                .toList();
        assertThat(assigned).hasSize(1);
        return assigned.getFirst();
    }

    private String unitOf(Partition partition) {
        return java.util.Objects.requireNonNull(
                        pool.assignments.pool().unitVolumes().get(partition.unitVolume()))
                .unit();
    }

    private Answer begin(Partition partition) {
        return BlockClient.await(CompletableFuture.supplyAsync(
                        () -> pool.assignments.moves().begin(partition.uuid(), Set.of()), pool.control)
                .thenCompose(answer -> answer));
    }

    private End moved(Partition partition) {
        Answer answer = begin(partition);
        if (!(answer instanceof Answer.Begun it)) {
            throw new AssertionError(answer);
        }
        return BlockClient.await(it.end());
    }

    private static byte[] pattern(int seed, int bytes) {
        byte[] pattern = new byte[bytes];
        new Random(seed).nextBytes(pattern);
        return pattern;
    }

    private Set<UUID> tables() {
        return new HashSet<>(onControl(() -> pool.tables.partitions().keySet()));
    }

    private Label label(int unit) {
        Label.Reading reading = BlockClient.await(LabelStore.read(pool.units.get(unit)));
        return ((Label.Reading.Labelled) reading).label();
    }

    /** Store, labels and units' tables know the volume's partition and nothing else. */
    private void awaitSettled(String which, VolumeRecord volume) {
        Awaitility.await(which).atMost(Duration.ofSeconds(20)).untilAsserted(() -> {
            assertThat(pool.catalog.partitions()).hasSize(1);
            assertThat(pool.catalog.all(PartitionMove.KIND)).isEmpty();
            Partition there = pool.catalog.partitions().getFirst();
            assertThat(there.state()).isEqualTo(PartitionState.ASSIGNED);
            assertThat(tables()).containsExactly(there.uuid());
            int known = 0;
            for (int unit = 0; unit < 3; unit++) {
                for (Partition partition : label(unit).partitions()) {
                    assertThat(partition.uuid()).isEqualTo(there.uuid());
                    assertThat(partition.state()).isEqualTo(PartitionState.ASSIGNED);
                    known++;
                }
            }
            assertThat(known).isEqualTo(1);
            assertThat(pool.assignments.pool().partitionsOf(volume.uuid())).containsExactly(there);
        });
    }

    @Test
    void aVolumeThatMovesKeepsItsDataAndLeavesNothingBehind() {
        pool.attachAll();
        VolumeRecord volume = pool.assigned("web1/a", 6, LINEAR);
        BlockClient client = new BlockClient(new CheckedDevice(serve(volume).device()));
        client.write(100, pattern(1, 1 << 20));
        client.write(6 * 2048 - 8, pattern(2, 4096));
        Partition before = only(volume);
        assertThat(moved(before)).isEqualTo(new End.Moved());
        assertThat(client.read(100, 2048)).isEqualTo(pattern(1, 1 << 20));
        client.write(2000, pattern(3, 4096));
        assertThat(client.read(2000, 8)).isEqualTo(pattern(3, 4096));
        assertThat(client.read(6 * 2048 - 8, 8)).isEqualTo(pattern(2, 4096));
        assertThat(client.read(0, 100)).isEqualTo(new byte[100 * 512]);
        assertThat(unitOf(only(volume))).isNotEqualTo(unitOf(before));
        awaitSettled("moved", volume);
        // And once more, by the same device.
        assertThat(moved(only(volume))).isEqualTo(new End.Moved());
        assertThat(client.read(2000, 8)).isEqualTo(pattern(3, 4096));
        awaitSettled("moved twice", volume);
        // What was left is nobody's; the next volume sees nothing of it.
        VolumeRecord next = pool.assigned("web1/b", 20, LINEAR);
        BlockClient other = new BlockClient(pool.assemble(next).device());
        for (int mib = 0; mib < 20; mib++) {
            assertThat(other.read(mib * 2048L, 2048)).isEqualTo(new byte[1 << 20]);
        }
    }

    @Test
    void aVolumeThatNobodyUsesMovesToo() {
        pool.attachAll();
        VolumeRecord volume = pool.assigned("web1/a", 4, LINEAR);
        new BlockClient(pool.assemble(volume).device()).write(5, pattern(4, 1 << 20));
        BlockClient.await(pool.assignments.deletions().delete(volume.uuid()));
        LunDirectory directory = pool.directory;
        onControl(() -> {
            pool.assignments.moves().servedAt(_ -> new Place.Unserved(directory));
            return true;
        });
        Partition before = only(volume);
        assertThat(moved(before)).isEqualTo(new End.Moved());
        awaitSettled("moved", volume);
        assertThat(BlockClient.await(pool.assignments
                        .deletions()
                        .restore(volume.uuid(), "web1/a", new dev.sanway.metadata.Catalog.Batch())))
                .isTrue();
        VolumeRecord again = pool.catalog.volume(volume.uuid()).orElseThrow();
        assertThat(new BlockClient(pool.assemble(again).device()).read(5, 2048)).isEqualTo(pattern(4, 1 << 20));
    }

    @Test
    void whatCannotMoveIsRefusedWithTheReason() {
        pool.attachAll();
        VolumeRecord striped = pool.assigned("web1/b", 8, STRIPED);
        serve(striped);
        Partition part = pool.assignments.pool().partitionsOf(striped.uuid()).getFirst();
        VolumeRecord third = pool.assigned("web1/c", 8, LINEAR);
        assertThat(third.state()).isEqualTo(VolumeRecord.State.ASSIGNED);
        assertThat(begin(part))
                .isInstanceOfSatisfying(
                        Answer.Refused.class,
                        refused -> assertThat(refused.why())
                                .startsWith("web1/b: needs 1 unit with 4 MiB free in one piece, ")
                                .contains("lun 0 has 2 MiB")
                                .contains("has another part of the same stripe"));
    }

    @Test
    void aCancelledMoveAndADeletedVolumeLeaveNothingBehind() {
        pool.attachAll();
        VolumeRecord volume = pool.assigned("web1/a", 6, LINEAR);
        BlockClient client = new BlockClient(new CheckedDevice(serve(volume).device()));
        client.write(0, pattern(5, 1 << 20));
        Partition before = only(volume);
        pool.assignments.moves().pace().limitTo(1 << 20);
        Answer.Begun it = (Answer.Begun) begin(before);
        assertThat(BlockClient.await(pool.assignments.grow(volume.uuid(), 8 << 20)))
                .isInstanceOfSatisfying(
                        Assignments.GrowthAnswer.Refused.class,
                        refused -> assertThat(refused.why()).contains("it is being moved"));
        assertThat(onControl(() -> pool.assignments.moves().cancel(it.move().target())))
                .isTrue();
        assertThat(BlockClient.await(it.end())).isEqualTo(new End.Cancelled());
        awaitSettled("cancelled", volume);
        assertThat(only(volume)).isEqualTo(before);
        assertThat(client.read(0, 2048)).isEqualTo(pattern(5, 1 << 20));

        Answer.Begun second = (Answer.Begun) begin(before);
        BlockClient.await(pool.assignments.release(volume.uuid()));
        assertThat(BlockClient.await(second.end())).isEqualTo(new End.Cancelled());
        Awaitility.await()
                .until(() -> pool.catalog.partitions().isEmpty()
                        && pool.catalog.volumes().isEmpty()
                        && tables().isEmpty());
    }

    /** The commit that decides fails: nobody's write is answered before another one says that nothing has moved. */
    @Test
    void aStoreThatCannotBeWrittenDecidesForTheOldPlace() throws Exception {
        pool.attachAll();
        VolumeRecord volume = pool.assigned("web1/a", 4, LINEAR);
        BlockClient client = new BlockClient(new CheckedDevice(serve(volume).device()));
        client.write(0, pattern(6, 1 << 20));
        Partition before = only(volume);
        try (Connection connection = DriverManager.getConnection("jdbc:sqlite:" + state.resolve("metadata.db"));
                Statement statement = connection.createStatement()) {
            statement.execute("CREATE TRIGGER full BEFORE DELETE ON record WHEN old.kind = 'move'"
                    + " BEGIN SELECT RAISE(ABORT, 'the disk is full'); END");
            Answer.Begun it = (Answer.Begun) begin(before);
            BlockClient.Started write = null;
            for (int i = 0; write == null; i++) {
                BlockClient.Started next = client.start(client.writeOf(8L * (i % 1000), pattern(7, 4096), false));
                try {
                    next.outcome().get(1, TimeUnit.SECONDS);
                } catch (TimeoutException _) {
                    write = next;
                }
            }
            assertThat(it.end()).isNotDone();
            assertThat(client.read(8100, 1)).as("reads go on").isEqualTo(new byte[512]);
            statement.execute("DROP TRIGGER full");
            assertThat(write.end()).isEqualTo(BlockOutcome.DONE);
            assertThat(BlockClient.await(it.end())).isInstanceOf(End.Failed.class);
        }
        awaitSettled("not moved", volume);
        assertThat(only(volume).uuid()).isEqualTo(before.uuid());
        assertThat(moved(only(volume))).isEqualTo(new End.Moved());
    }

    // ---- kills

    @Test
    void aProcessKilledAfterWhateverStepLosesNoWriteAndItsMoveGoesOn() throws Exception {
        pool.end();
        int killedAfter = 1;
        for (boolean finished = false; !finished; killedAfter++) {
            finished = scenario(killedAfter);
        }
        assertThat(killedAfter).as("steps that were tried").isGreaterThan(8);
        pool = new PoolFixture(state.resolve("last"), 1, 4);
    }

    /** Writes of one block each, durable when they are done; which of them are. */
    private static final class Writer {
        final Map<Long, Integer> done = new TreeMap<>();
        final Map<Long, Integer> unsure = new TreeMap<>();
        private final BlockClient client;
        private final Random random;
        private int seed;

        Writer(BlockClient client, Random random) {
            this.client = client;
            this.random = random;
        }

        /** Whether it was answered. */
        boolean write() throws Exception {
            long lba = random.nextInt(6 * 2048);
            seed++;
            BlockClient.Started write =
                    client.start(new BlockRequest.Write(lba, 1, Unpooled.wrappedBuffer(pattern(seed, 512)), true));
            unsure.put(lba, seed);
            try {
                BlockOutcome outcome = write.outcome().get(1, TimeUnit.SECONDS);
                if (outcome.equals(BlockOutcome.DONE)) {
                    done.put(lba, seed);
                    unsure.remove(lba);
                }
                return true;
            } catch (TimeoutException _) {
                return false;
            }
        }

        void verify(String which, BlockClient now) {
            done.forEach((lba, seed) -> {
                byte[] read = now.read(lba, 1);
                Integer perhaps = unsure.get(lba);
                if (perhaps == null || !java.util.Arrays.equals(read, pattern(perhaps, 512))) {
                    assertThat(read).as(which + ", block " + lba).isEqualTo(pattern(seed, 512));
                }
            });
        }
    }

    private boolean scenario(int killedAfter) throws Exception {
        String which = "killed after step " + killedAfter;
        pool = new PoolFixture(state.resolve("run" + killedAfter), 3, 12);
        pool.attachAll();
        VolumeRecord volume = pool.assigned("web1/a", 6, LINEAR);
        pool.stop();
        CompletableFuture<AssignmentStep> killed = pool.startKilledAfter(killedAfter);
        pool.attachAll();
        Partition first = only(volume);
        Writer writer = new Writer(new BlockClient(serve(volume).device()), new Random(killedAfter));
        CompletableFuture<Answer> answer = CompletableFuture.supplyAsync(
                        () -> pool.assignments.moves().begin(first.uuid(), Set.of()), pool.control)
                .thenCompose(it -> it);
        long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
        while (!killed.isDone() && System.nanoTime() < until && writer.write()) {
            boolean left = answer.isDone()
                    && !answer.isCompletedExceptionally()
                    && pool.catalog.partitions().size() == 1
                    && !pool.catalog.partitions().getFirst().uuid().equals(first.uuid());
            if (left) {
                break;
            }
        }
        cut();
        pool.stop();
        pool.losePower(new Random(killedAfter));

        pool.start(_ -> {});
        pool.attachAll();
        BlockClient client = new BlockClient(serve(volume).device());
        writer.verify(which, client);
        onControl(() -> {
            pool.assignments.moves().resumeStored();
            return true;
        });
        awaitSettled(which, volume);
        writer.verify(which + ", settled", client);
        boolean finished = !killed.isDone();
        assertThat(only(volume).uuid()).as(which).isNotEqualTo(first.uuid());
        pool.end();
        return finished;
    }

    /** What the process that ended has on its way reaches no unit any more, as its sessions have ended. */
    private void cut() {
        BlockClient.onOwner(pool.units.getFirst(), () -> {
            pool.assignments.pool().unitVolumes().keySet().forEach(label -> pool.directory.detach(label, "killed"));
            return true;
        });
    }
}
