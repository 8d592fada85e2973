package dev.sanway.volume;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sanway.block.BlockClient;
import dev.sanway.metadata.Catalog;
import dev.sanway.metadata.FailingStore;
import dev.sanway.metadata.LostLabel;
import dev.sanway.metadata.PartitionMove;
import dev.sanway.metadata.VolumeRecord;
import dev.sanway.pool.Label;
import dev.sanway.pool.LabelStore;
import dev.sanway.pool.Partition;
import dev.sanway.pool.UnitVolume;
import dev.sanway.pool.VolumeLayout;
import dev.sanway.volume.Assignments.Admission;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Unit volumes that are given up with what lies on them, and processes that are killed meanwhile. */
class LossesTest {
    private static final VolumeLayout LINEAR = new VolumeLayout.Linear();
    private static final VolumeLayout STRIPED = new VolumeLayout.Striped(2, 65536);

    @TempDir
    Path state;

    @SuppressWarnings("NullAway.Init")
    private PoolFixture pool;

    /** The unit that is lost, and the label of its LUN. */
    private int lost;

    @SuppressWarnings("NullAway.Init")
    private UUID label;

    @BeforeEach
    void start() throws Exception {
        pool = new PoolFixture(state, 2, 24);
        pool.attachAll();
        label = labelOf("unit0");
    }

    @AfterEach
    void end() {
        pool.end();
    }

    private UUID labelOf(String unit) {
        return pool.assignments.withdrawals().labelsOf(unit).getFirst();
    }

    private <T> T onControl(Supplier<CompletableFuture<T>> what) {
        return BlockClient.await(
                CompletableFuture.supplyAsync(what, pool.control).thenCompose(done -> done));
    }

    private CompletableFuture<Void> giveUp() {
        return pool.assignments
                .losses()
                .leave(List.of(label))
                .thenComposeAsync(
                        _ -> pool.assignments.losses().giveUp("unit" + lost, List.of(label), new Catalog.Batch()),
                        pool.control);
    }

    private VolumeRecord deleted(String name, long mib, VolumeLayout layout) {
        VolumeRecord volume = pool.assigned(name, mib, layout);
        assertThat(BlockClient.await(pool.assignments.deletions().delete(volume.uuid())))
                .isTrue();
        return volume;
    }

    private void filled(VolumeRecord volume, long mib) {
        BlockClient client = new BlockClient(pool.assemble(volume).device());
        byte[] data = new byte[1 << 20];
        Arrays.fill(data, (byte) 0x5a);
        for (long at = 0; at < mib; at++) {
            client.writeThrough(at * 2048, data);
        }
    }

    private Label.Reading reading(int unit) {
        return BlockClient.await(LabelStore.read(pool.units.get(unit)));
    }

    private List<Partition> labelled(int unit) {
        return ((Label.Reading.Labelled) reading(unit)).label().partitions();
    }

    private Set<UUID> tables() {
        return onControl(
                () -> CompletableFuture.completedFuture(pool.tables.partitions().keySet()));
    }

    /** Store, pool and the other unit know nothing any more of the lost one and of the volume. */
    private void awaitGone(String which, VolumeRecord volume) {
        Awaitility.await(which).atMost(Duration.ofSeconds(20)).untilAsserted(() -> {
            assertThat(pool.catalog.volume(volume.uuid())).isEmpty();
            assertThat(pool.catalog.partitions()).isEmpty();
            assertThat(pool.catalog.unitVolume(label)).isEmpty();
            assertThat(pool.assignments.pool().unitVolumes()).hasSize(1).doesNotContainKey(label);
            assertThat(pool.assignments.pool().partitions()).isEmpty();
            assertThat(labelled(1 - lost)).isEmpty();
        });
        assertThat(pool.catalog.one(LostLabel.KIND, label.toString())).isPresent();
    }

    @Test
    void aDeletedVolumeIsGivenUpWithAUnitOfItAndTheOtherUnitHasItsSpaceBack() throws Exception {
        VolumeRecord volume = deleted("web1/a", 20, STRIPED);
        List<Partition> onLost = labelled(0);
        assertThat(onLost).isNotEmpty();
        Set<UUID> told = tables();
        onControl(this::giveUp);
        awaitGone("given up", volume);
        assertThat(BlockClient.await(
                        pool.assignments.deletions().restore(volume.uuid(), "web1/a", new Catalog.Batch())))
                .isFalse();
        assertThat(labelled(0)).as("the lost unit is not touched").isEqualTo(onLost);
        assertThat(told)
                .as("nor what its agent keeps")
                .hasSize(2)
                .containsAll(tables())
                .contains(onLost.getFirst().uuid());
        assertThat(tables()).hasSize(1);
        pool.stop();
        pool.start(_ -> {});
        pool.attach(1);
        awaitGone("after a restart", volume);
        assertThat(pool.assigned("web1/b", 20, LINEAR).state()).isEqualTo(VolumeRecord.State.ASSIGNED);
    }

    @Test
    void aUnitThatComesBackIsRefusedUntilItIsErasedAndThenIsANewOne() throws Exception {
        VolumeRecord volume = deleted("web1/a", 40, LINEAR);
        onControl(this::giveUp);
        awaitGone("given up", volume);
        byte[] before = new BlockClient(pool.units.get(0)).read(0, 2048);
        for (int attempt = 0; attempt < 2; attempt++) {
            assertThat(pool.admit(0))
                    .isInstanceOfSatisfying(
                            Admission.Refused.class,
                            refused -> assertThat(refused.why()).contains("given up as lost with unit unit0"));
            pool.stop();
            pool.start(_ -> {});
            pool.attach(1);
        }
        assertThat(new BlockClient(pool.units.get(0)).read(0, 2048))
                .as("not touched")
                .isEqualTo(before);
        Admission adopted = BlockClient.await(pool.assignments.adoptErasing("unit0", 0, pool.units.get(0)));
        assertThat(adopted)
                .isInstanceOfSatisfying(
                        Admission.Admitted.class,
                        admitted -> assertThat(admitted.unitVolume().label()).isNotEqualTo(label));
        assertThat(labelled(0)).isEmpty();
        UnitVolume now = ((Admission.Admitted) adopted).unitVolume();
        VolumeRecord fresh = pool.assigned("web1/b", 40, LINEAR);
        assertThat(pool.assignments.pool().partitionsOf(fresh.uuid()))
                .anyMatch(partition -> partition.unitVolume().equals(now.label()));
    }

    @Test
    void anEmptyUnitThatWasLostIsRefusedToo() {
        onControl(this::giveUp);
        assertThat(pool.catalog.unitVolume(label)).isEmpty();
        assertThat(pool.admit(0)).isInstanceOf(Admission.Refused.class);
    }

    @Test
    void eraseThatIsInterruptedIsAskedForAgainOrFindsABlankLun() throws Exception {
        onControl(this::giveUp);
        boolean blank = false;
        for (int writes = 0; !blank; writes++) {
            WithdrawalsTest.EndsAfter dying = new WithdrawalsTest.EndsAfter(pool.units.get(0), writes);
            CompletableFuture<Admission> erasing = pool.assignments.adoptErasing("unit0", 0, dying);
            Awaitility.await().atMost(Duration.ofSeconds(10)).until(erasing::isDone);
            pool.losePower(new Random(writes));
            blank = reading(0) instanceof Label.Reading.Blank;
            if (!blank) {
                assertThat(((Label.Reading.Labelled) reading(0)).label().uuid())
                        .as("after " + writes + " writes")
                        .isEqualTo(label);
                assertThat(pool.admit(0)).isInstanceOf(Admission.Refused.class);
            }
        }
        assertThat(pool.admit(0)).isInstanceOf(Admission.Admitted.class);
    }

    @Test
    void whatIsInUseIsNotGivenUpAndTheUnitStaysInUse() {
        VolumeRecord volume = pool.assigned("web1/a", 40, LINEAR);
        assertThat(onControl(() -> CompletableFuture.completedFuture(
                                pool.assignments.losses().of(List.of(label))))
                        .inUse())
                .containsExactly(volume);
        assertThatThrownBy(() -> CompletableFuture.supplyAsync(this::giveUp, pool.control)
                        .thenCompose(done -> done)
                        .join())
                .hasMessageContaining("something is under way");
        assertThat(pool.assignments.pool().attached()).contains(label);
        assertThat(pool.catalog.one(LostLabel.KIND, label.toString())).isEmpty();
        assertThat(BlockClient.await(pool.assignments.release(volume.uuid()))).isTrue();
        Awaitility.await("taken back from the unit that stayed")
                .atMost(Duration.ofSeconds(10))
                .until(() -> labelled(0).isEmpty() && pool.catalog.partitions().isEmpty());
    }

    /** Its first partition is erased already, and lost; the second one is not. */
    @Test
    void whatIsBeingErasedIsErasedWhereItCan() throws Exception {
        VolumeRecord volume = pool.assigned("web1/a", 40, LINEAR);
        filled(volume, 40);
        List<Partition> partitions = pool.assignments.pool().partitionsOf(volume.uuid());
        assertThat(partitions).hasSize(2);
        Partition elsewhere = partitions.getLast();
        label = partitions.getFirst().unitVolume();
        lost = label.equals(labelOf("unit0")) ? 0 : 1;
        pool.stop();
        CompletableFuture<Boolean> half = new CompletableFuture<>();
        Assignments[] life = new Assignments[1];
        pool.start(step -> {
            if (step == AssignmentStep.PROGRESS_STORED) {
                life[0].ledger.closed = true;
                half.complete(true);
                throw new IllegalStateException("killed");
            }
        });
        life[0] = pool.assignments;
        pool.attachAll();
        assertThat(BlockClient.await(pool.assignments.deletions().erase(volume.uuid())))
                .isTrue();
        assertThat(half.get(20, TimeUnit.SECONDS)).isTrue();
        pool.stop();

        pool.start(_ -> {});
        pool.attach(1 - lost);
        VolumeRecord before = pool.catalog.volume(volume.uuid()).orElseThrow();
        assertThat(before.state()).isEqualTo(VolumeRecord.State.ERASING);
        assertThat(before.wipedBytes()).isEqualTo(partitions.getFirst().lengthBytes());
        onControl(this::giveUp);
        awaitGone("erased", volume);
        for (long at = 0; at < elsewhere.lengthBytes() / 512; at += 2048) {
            assertThat(new BlockClient(pool.units.get(1 - lost)).read(elsewhere.startBytes() / 512 + at, 2048))
                    .as("at block " + at)
                    .isEqualTo(new byte[1 << 20]);
        }
    }

    @Test
    void nobodyRestoresMeanwhile() {
        VolumeRecord volume = deleted("web1/a", 20, STRIPED);
        CompletableFuture<Void> done = new CompletableFuture<>();
        boolean restored = onControl(() -> {
            var _ = giveUp().whenComplete((_, _) -> done.complete(null));
            return CompletableFuture.supplyAsync(
                            () -> pool.assignments.deletions().restore(volume.uuid(), "web1/a", new Catalog.Batch()),
                            pool.control)
                    .thenCompose(answer -> answer);
        });
        BlockClient.await(done);
        assertThat(restored).isFalse();
        awaitGone("given up", volume);
    }

    @Test
    void aCommitThatFailsLeavesEverythingAsItIs() {
        VolumeRecord volume = deleted("web1/a", 20, STRIPED);
        pool.store.next(FailingStore.Next.FAILS_UNKEPT);
        assertThatThrownBy(() -> CompletableFuture.supplyAsync(this::giveUp, pool.control)
                        .thenCompose(done -> done)
                        .join())
                .hasMessageContaining("the disk failed");
        assertThat(pool.assignments.pool().attached()).contains(label);
        assertThat(pool.catalog.unitVolume(label)).isPresent();
        assertThat(BlockClient.await(
                        pool.assignments.deletions().restore(volume.uuid(), "web1/a", new Catalog.Batch())))
                .as("it can be restored")
                .isTrue();
    }

    @Test
    void aCommitThatFailedThoughKeptCountsAfterARestart() throws Exception {
        VolumeRecord volume = deleted("web1/a", 20, STRIPED);
        pool.store.next(FailingStore.Next.FAILS_THOUGH_KEPT);
        assertThatThrownBy(() -> CompletableFuture.supplyAsync(this::giveUp, pool.control)
                        .thenCompose(done -> done)
                        .join())
                .hasMessageContaining("the disk failed");
        pool.stop();
        pool.start(_ -> {});
        pool.attach(1);
        awaitGone("kept", volume);
        assertThat(pool.admit(0)).isInstanceOf(Admission.Refused.class);
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aMoveFromOrToALostUnitIsSettledFirst(boolean from) throws Exception {
        VolumeRecord volume = deleted("web1/a", 10, LINEAR);
        Partition there = pool.assignments.pool().partitionsOf(volume.uuid()).getFirst();
        lost = (there.unitVolume().equals(labelOf("unit0")) ? 0 : 1) ^ (from ? 0 : 1);
        label = labelOf("unit" + lost);
        LunDirectory directory = pool.directory;
        onControl(() -> {
            pool.assignments.moves().servedAt(_ -> new PartitionMoves.Place.Unserved(directory));
            // So slow that it is under way for long.
            pool.assignments.moves().pace().limitTo(1 << 20);
            return CompletableFuture.completedFuture(true);
        });
        PartitionMoves.Answer answer = onControl(() -> pool.assignments.moves().begin(there.uuid(), Set.of()));
        assertThat(answer).isInstanceOf(PartitionMoves.Answer.Begun.class);
        CompletableFuture<PartitionMoves.End> end = ((PartitionMoves.Answer.Begun) answer).end();
        onControl(this::giveUp);
        assertThat(end).isCompletedWithValue(new PartitionMoves.End.Cancelled());
        assertThat(pool.catalog.all(PartitionMove.KIND)).isEmpty();
        if (from) {
            awaitGone("moved from the lost unit", volume);
        } else {
            assertThat(pool.catalog.volume(volume.uuid()).orElseThrow().state()).isEqualTo(VolumeRecord.State.DELETED);
            assertThat(pool.catalog.partitions()).containsExactly(there);
        }
    }

    /** Kills the process after each durable step, with the power failing at the same moment. */
    @Test
    void aProcessKilledAfterWhateverStepLeavesTheUnitThereOrGone() throws Exception {
        int step = 1;
        int gone = 0;
        while (true) {
            Killed killed = scenario(step);
            if (killed == Killed.NEVER) {
                break;
            }
            gone += killed == Killed.AFTER ? 1 : 0;
            step++;
        }
        assertThat(gone).as("killed after the commit").isGreaterThanOrEqualTo(4);
        // Before the commit nothing is durable but what was so before.
        assertThat(step - 1 - gone).isZero();
    }

    private enum Killed {
        NEVER,
        BEFORE,
        AFTER
    }

    private Killed scenario(int killedAfter) throws Exception {
        String which = "killed after step " + killedAfter;
        pool.end();
        pool = new PoolFixture(state.resolve("run" + killedAfter), 2, 24);
        pool.attachAll();
        label = labelOf("unit0");
        VolumeRecord volume = deleted("web1/a", 20, STRIPED);
        pool.stop();
        CompletableFuture<AssignmentStep> killed = pool.startKilledAfter(killedAfter);
        pool.attachAll();
        CompletableFuture<Void> givenUp =
                CompletableFuture.supplyAsync(this::giveUp, pool.control).thenCompose(done -> done);
        Awaitility.await(which)
                .atMost(Duration.ofSeconds(30))
                .until(() -> killed.isDone()
                        || (givenUp.isDone()
                                && pool.catalog.volume(volume.uuid()).isEmpty()));
        pool.stop();
        pool.losePower(new Random(killedAfter));

        pool.start(_ -> {});
        boolean there = pool.catalog.unitVolume(label).isPresent();
        assertThat(pool.catalog.one(LostLabel.KIND, label.toString()).isPresent())
                .as(which)
                .isNotEqualTo(there);
        pool.attach(1);
        if (there) {
            assertThat(pool.catalog.volume(volume.uuid()).orElseThrow().state())
                    .as(which)
                    .isEqualTo(VolumeRecord.State.DELETED);
            onControl(this::giveUp);
        }
        awaitGone(which, volume);
        assertThat(pool.admit(0)).as(which).isInstanceOf(Admission.Refused.class);
        return !killed.isDone() ? Killed.NEVER : there ? Killed.BEFORE : Killed.AFTER;
    }
}
