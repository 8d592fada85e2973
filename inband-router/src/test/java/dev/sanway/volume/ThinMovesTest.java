package dev.sanway.volume;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sanway.block.BlockClient;
import dev.sanway.block.BlockOutcome;
import dev.sanway.block.CheckedDevice;
import dev.sanway.metadata.Catalog;
import dev.sanway.metadata.PartitionMove;
import dev.sanway.metadata.VolumeRecord;
import dev.sanway.pool.Partition;
import dev.sanway.pool.PartitionState;
import dev.sanway.pool.VolumeLayout;
import dev.sanway.volume.PartitionMoves.Answer;
import dev.sanway.volume.PartitionMoves.End;
import dev.sanway.volume.PartitionMoves.Place;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Slabs of thin volumes that change their place, with the store, labels and units, and processes that are killed meanwhile. */
class ThinMovesTest {
    private static final int MIB_BLOCKS = 2048;
    /** Each unit has room for one slab of 16 MiB, and not for two. */
    private static final int UNIT_MIB = 24;

    @TempDir
    Path state;

    @SuppressWarnings("NullAway.Init")
    private PoolFixture pool;

    /** What was written, and is durable, by block. */
    private final Map<Long, Integer> written = new TreeMap<>();

    private final Map<Long, Integer> unsure = new TreeMap<>();
    private int value;

    @BeforeEach
    void start() throws Exception {
        pool = new PoolFixture(state, 2, UNIT_MIB);
        pool.attachAll();
    }

    @AfterEach
    void end() {
        pool.end();
    }

    private <T> T onControl(Supplier<T> action) {
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

    private VolumeRecord thin() {
        return pool.assigned("web1/thin", 200, new VolumeLayout.Thin());
    }

    private VolumeRecord known() {
        assertThat(pool.catalog.volumes()).hasSize(1);
        return pool.catalog.volumes().getFirst();
    }

    private static byte[] filled(int value) {
        byte[] bytes = new byte[512];
        Arrays.fill(bytes, (byte) value);
        return bytes;
    }

    private void write(BlockClient client, int mib, int block) {
        long lba = (long) mib * MIB_BLOCKS + block;
        value = value % 100 + 1;
        client.writeThrough(lba, filled(value));
        written.put(lba, value);
    }

    private void unmap(BlockClient client, int mib) {
        client.unmap((long) mib * MIB_BLOCKS, MIB_BLOCKS);
        written.replaceAll((lba, was) -> lba / MIB_BLOCKS == mib ? 0 : was);
    }

    /** Each block that was written, and the one after it, which was not. */
    private void verify(String which, BlockClient client) {
        written.forEach((lba, expected) -> {
            byte[] read = client.read(lba, 2);
            int found = read[0];
            if (!unsure.containsKey(lba) || unsure.get(lba) != found) {
                assertThat(found).as(which + ", block " + lba).isEqualTo(expected.byteValue());
            }
            assertThat(Arrays.copyOf(read, 512)).as(which + ", block " + lba).isEqualTo(filled(found));
            if (!written.containsKey(lba + 1) && !unsure.containsKey(lba + 1)) {
                assertThat(Arrays.copyOfRange(read, 512, 1024))
                        .as(which + ", never written: block " + (lba + 1))
                        .isEqualTo(new byte[512]);
            }
        });
        assertThat(client.read(199L * MIB_BLOCKS, 8)).isEqualTo(new byte[4096]);
    }

    private List<Partition> slabs() {
        return pool.assignments.pool().partitionsOf(known().uuid()).stream()
                .filter(partition -> partition.state() == PartitionState.ASSIGNED)
                .toList();
    }

    private Partition onlySlab() {
        assertThat(slabs()).hasSize(1);
        return slabs().getFirst();
    }

    private Answer begin(Partition partition) {
        return BlockClient.await(CompletableFuture.supplyAsync(
                        () -> pool.assignments.moves().begin(partition.uuid(), Set.of()), pool.control)
                .thenCompose(answer -> answer));
    }

    private Answer.Begun begun(Partition partition) {
        // A place that was left is free a moment after that is durable.
        Answer answer = Awaitility.await("begun")
                .atMost(Duration.ofSeconds(20))
                .until(() -> begin(partition), Answer.Begun.class::isInstance);
        return (Answer.Begun) answer;
    }

    /** Moves the only slab to the other unit, and waits until nothing is left where it was. */
    private Partition moved() {
        Partition before = onlySlab();
        assertThat(BlockClient.await(begun(before).end())).isEqualTo(new End.Moved());
        awaitSettled("moved");
        Partition after = onlySlab();
        assertThat(after.uuid()).isNotEqualTo(before.uuid());
        assertThat(after.unitVolume()).isNotEqualTo(before.unitVolume());
        assertThat(after.slab()).isEqualTo(before.slab());
        return after;
    }

    private void awaitSettled(String which) {
        Awaitility.await(which).atMost(Duration.ofSeconds(20)).untilAsserted(() -> {
            assertThat(pool.catalog.all(PartitionMove.KIND)).isEmpty();
            assertThat(pool.catalog.partitions())
                    .allMatch(partition -> partition.state() == PartitionState.ASSIGNED)
                    .containsExactlyInAnyOrderElementsOf(
                            pool.assignments.pool().partitions().values());
            assertThat(onControl(() -> pool.tables.partitions().keySet()))
                    .isEqualTo(pool.assignments.pool().partitions().keySet());
        });
    }

    /** What the process that ended has on its way reaches no unit any more, as its sessions have ended. */
    private void cut() {
        BlockClient.onOwner(pool.units.getFirst(), () -> {
            pool.assignments.pool().unitVolumes().keySet().forEach(label -> pool.directory.detach(label, "killed"));
            return true;
        });
    }

    private static void close(VolumeAssembler.Assembled served) {
        CompletableFuture<Boolean> closed = new CompletableFuture<>();
        served.device().owner().execute(() -> served.close(() -> closed.complete(true)));
        BlockClient.await(closed);
    }

    private void restart() throws Exception {
        cut();
        pool.stop();
        pool.losePower(new Random(1));
        pool.start(_ -> {});
        pool.attachAll();
    }

    @Test
    void aSlabMovesToAndFroBetweenTheSameTwoPlacesAndIsOpenedAtEither() throws Exception {
        VolumeRecord volume = thin();
        BlockClient client = new BlockClient(new CheckedDevice(serve(volume).device()));
        write(client, 0, 5);
        write(client, 7, 5);
        Partition first = onlySlab();
        assertThat(first.slab()).isEqualTo(first.uuid());
        for (int round = 0; round < 4; round++) {
            Partition now = moved();
            if (round % 2 == 1) {
                assertThat(now.unitVolume()).isEqualTo(first.unitVolume());
                assertThat(now.startBytes()).as("the same place again").isEqualTo(first.startBytes());
            }
            verify("moved " + round, client);
            // The map changes here: what the place before still has of it is old.
            write(client, 20 + round, 9);
            unmap(client, 7);
            write(client, 7, 6 + round);
            verify("written " + round, client);
            restart();
            client = new BlockClient(new CheckedDevice(serve(known()).device()));
            assertThat(onlySlab()).isEqualTo(now);
            verify("opened " + round, client);
        }
    }

    /** The place that a slab moves back to has whole pages of its map, from before, with a valid checksum. */
    @Test
    void aMoveBackThatIsGivenUpHalfWayLeavesTheMapOfTheOtherPlace() throws Exception {
        VolumeRecord volume = thin();
        BlockClient client = new BlockClient(serve(volume).device());
        write(client, 0, 5);
        moved();
        for (int mib = 1; mib < 5; mib++) {
            write(client, mib, 3);
        }
        unmap(client, 0);
        pool.assignments.moves().pace().limitTo(4 << 20);
        Answer.Begun back = begun(onlySlab());
        Awaitility.await()
                .until(() -> onControl(() ->
                                pool.assignments.moves().copiedBytes(back.move().target()))
                        > 0);
        write(client, 12, 3);
        assertThat(onControl(() -> pool.assignments.moves().cancel(back.move().target())))
                .isTrue();
        assertThat(BlockClient.await(back.end())).isEqualTo(new End.Cancelled());
        awaitSettled("given up");
        write(client, 13, 3);
        verify("given up", client);
        restart();
        client = new BlockClient(serve(known()).device());
        verify("opened", client);
        moved();
        verify("moved back after all", client);
        restart();
        verify("opened there", new BlockClient(serve(known()).device()));
    }

    @Test
    void aSlabThatIsGivenBackMovesNoMoreAndNothingOfTheMoveIsLeft() throws Exception {
        VolumeRecord volume = thin();
        BlockClient client = new BlockClient(new CheckedDevice(serve(volume).device()));
        write(client, 0, 5);
        moved();
        // The map, then nothing for longer than an empty slab is kept.
        pool.assignments.moves().pace().limitTo(1 << 16);
        Answer.Begun move = begun(onlySlab());
        Awaitility.await()
                .until(() -> onControl(() ->
                                pool.assignments.moves().copiedBytes(move.move().target()))
                        > 0);
        client.unmap(0, MIB_BLOCKS);
        assertThat(BlockClient.await(move.end())).isEqualTo(new End.Cancelled());
        Awaitility.await("both places are free").atMost(Duration.ofSeconds(20)).untilAsserted(() -> {
            assertThat(pool.assignments.pool().partitions()).isEmpty();
            assertThat(pool.catalog.partitions()).isEmpty();
            assertThat(onControl(() -> pool.tables.partitions())).isEmpty();
        });
        // Another comes, and can move.
        written.clear();
        pool.assignments.moves().pace().limitTo(Long.MAX_VALUE);
        write(client, 3, 1);
        moved();
        verify("the next one", client);
    }

    @Test
    void aThinVolumeGrowsAndGetsSlabsWhileOneMovesAndIsDeletedMeanwhile() {
        VolumeRecord volume = thin();
        VolumeAssembler.Assembled served = serve(volume);
        BlockClient client = new BlockClient(served.device());
        write(client, 0, 5);
        Partition first = onlySlab();
        pool.assignments.moves().pace().limitTo(1 << 20);
        Answer.Begun move = begun(first);
        assertThat(begin(first))
                .isInstanceOfSatisfying(
                        Answer.Refused.class,
                        refused -> assertThat(refused.why()).isEqualTo("web1/thin: it is being moved already"));
        assertThat(BlockClient.await(pool.assignments.grow(volume.uuid(), 300 * PoolFixture.MIB)))
                .isInstanceOf(Assignments.GrowthAnswer.Accepted.class);
        for (int mib = 1; mib < 9; mib++) {
            write(client, mib, 5);
        }
        // What is left of a unit beside the place that is moved from, or to.
        Awaitility.await("another slab").until(() -> slabs().size() == 2);
        assertThat(move.end()).isNotDone();
        pool.assignments.moves().pace().limitTo(Long.MAX_VALUE);
        assertThat(BlockClient.await(move.end())).isEqualTo(new End.Moved());
        verify("moved", client);
        Partition there = slabs().stream()
                .filter(slab -> slab.slab().equals(first.slab()))
                .findFirst()
                .orElseThrow();
        pool.assignments.moves().pace().limitTo(1 << 20);
        Awaitility.await().until(() -> begin(there) instanceof Answer.Begun);
        close(served);
        BlockClient.await(pool.assignments.release(volume.uuid()));
        Awaitility.await("nothing is left")
                .atMost(Duration.ofSeconds(20))
                .until(() -> pool.catalog.partitions().isEmpty()
                        && pool.catalog.volumes().isEmpty()
                        && pool.catalog.all(PartitionMove.KIND).isEmpty()
                        && onControl(() -> pool.tables.partitions().isEmpty()));
    }

    @Test
    void aDeletedThinVolumeMovesToo() {
        VolumeRecord volume = thin();
        VolumeAssembler.Assembled served = serve(volume);
        BlockClient client = new BlockClient(served.device());
        write(client, 0, 5);
        write(client, 3, 5);
        close(served);
        BlockClient.await(pool.assignments.deletions().delete(volume.uuid()));
        LunDirectory directory = pool.directory;
        onControl(() -> {
            pool.assignments.moves().servedAt(_ -> new Place.Unserved(directory));
            return true;
        });
        moved();
        assertThat(BlockClient.await(
                        pool.assignments.deletions().restore(volume.uuid(), "web1/thin", new Catalog.Batch())))
                .isTrue();
        verify("restored", new BlockClient(pool.assemble(known()).device()));
    }

    /** The store has decided, and before the part is taken over the volume is closed. */
    @Test
    void aVolumeThatIsClosedWhileTheStoreDecidesHasTheNewPlaceAndNothingIsStuck() throws Exception {
        pool.stop();
        VolumeAssembler.Assembled[] served = new VolumeAssembler.Assembled[1];
        pool.start(step -> {
            if (step == AssignmentStep.MOVED) {
                close(served[0]);
            }
        });
        pool.attachAll();
        served[0] = serve(thin());
        write(new BlockClient(served[0].device()), 0, 5);
        moved();
        served[0] = serve(known());
        verify("opened anew", new BlockClient(served[0].device()));
        moved();
    }

    // ---- kills

    @Test
    void aProcessKilledAfterWhateverStepLosesNothingAndTheMoveGoesOn() throws Exception {
        pool.end();
        int killedAfter = 1;
        for (boolean finished = false; !finished; killedAfter++) {
            finished = scenario(killedAfter);
        }
        assertThat(killedAfter).as("steps that were tried").isGreaterThan(8);
        pool = new PoolFixture(state.resolve("last"), 1, 4);
    }

    /** Whether the move came to its end before so many steps. */
    private boolean scenario(int killedAfter) throws Exception {
        String which = "killed after step " + killedAfter;
        written.clear();
        unsure.clear();
        pool = new PoolFixture(state.resolve("run" + killedAfter), 2, UNIT_MIB);
        pool.attachAll();
        VolumeRecord volume = thin();
        // It was at the other place before, so that its old map is there.
        VolumeAssembler.Assembled before = serve(volume);
        write(new BlockClient(before.device()), 0, 5);
        Partition first = moved();
        close(before);
        pool.stop();
        CompletableFuture<AssignmentStep> killed = pool.startKilledAfter(killedAfter);
        pool.attachAll();
        BlockClient client = new BlockClient(serve(known()).device());
        verify(which, client);
        CompletableFuture<Answer> answer = CompletableFuture.supplyAsync(
                        () -> pool.assignments.moves().begin(first.uuid(), Set.of()), pool.control)
                .thenCompose(it -> it);
        Random random = new Random(killedAfter);
        long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
        while (!killed.isDone() && System.nanoTime() < until && writes(client, random)) {
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
        pool.losePower(random);

        pool.start(_ -> {});
        pool.attachAll();
        BlockClient again = new BlockClient(serve(known()).device());
        verify(which, again);
        onControl(() -> {
            pool.assignments.moves().resumeStored();
            return true;
        });
        awaitSettled(which);
        verify(which + ", settled", again);
        assertThat(onlySlab().uuid()).as(which).isNotEqualTo(first.uuid());
        assertThat(onlySlab().slab()).as(which).isEqualTo(first.slab());
        boolean finished = !killed.isDone();
        pool.end();
        return finished;
    }

    /** First writes and others, with FUA; whether it was answered. */
    private boolean writes(BlockClient client, Random random) throws Exception {
        long lba = (long) random.nextInt(6) * MIB_BLOCKS + 2L * random.nextInt(40);
        value = value % 100 + 1;
        BlockClient.Started write = client.start(client.writeOf(lba, filled(value), true));
        unsure.put(lba, value);
        try {
            if (write.outcome().get(1, TimeUnit.SECONDS).equals(BlockOutcome.DONE)) {
                written.put(lba, value);
                unsure.remove(lba);
            }
            return true;
        } catch (TimeoutException _) {
            return false;
        }
    }
}
