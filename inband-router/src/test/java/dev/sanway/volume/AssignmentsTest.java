package dev.sanway.volume;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sanway.block.BlockClient;
import dev.sanway.block.BlockFailure;
import dev.sanway.block.BlockOutcome;
import dev.sanway.block.BlockRequest;
import dev.sanway.block.CheckedDevice;
import dev.sanway.block.DeviceEvent;
import dev.sanway.metadata.VolumeRecord;
import dev.sanway.pool.Label;
import dev.sanway.pool.LabelStore;
import dev.sanway.pool.Partition;
import dev.sanway.pool.PartitionState;
import dev.sanway.pool.VolumeLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AssignmentsTest {
    private static final VolumeLayout LINEAR = new VolumeLayout.Linear();
    private static final VolumeLayout STRIPED = new VolumeLayout.Striped(3, 65536);

    @TempDir
    Path state;

    @SuppressWarnings("NullAway.Init")
    private PoolFixture pool;

    @BeforeEach
    void start() throws Exception {
        pool = new PoolFixture(state, 3, 16);
    }

    @AfterEach
    void end() {
        pool.end();
    }

    private static final class Killed extends RuntimeException {
        Killed(AssignmentStep step) {
            super("killed after " + step);
        }
    }

    private Label label(int unit) {
        Label.Reading reading = BlockClient.await(LabelStore.read(pool.units.get(unit)));
        return ((Label.Reading.Labelled) reading).label();
    }

    private static byte[] pattern(int seed, int bytes) {
        byte[] pattern = new byte[bytes];
        new Random(seed).nextBytes(pattern);
        return pattern;
    }

    private static BlockClient client(VolumeAssembler.Assembled volume) {
        return new BlockClient(new CheckedDevice(volume.device()));
    }

    @Test
    void aVolumeReadsAsZeroesWhateverLayThereBefore() {
        pool.attachAll();
        for (VolumeRecord volume : List.of(pool.assigned("web1/b", 6, STRIPED), pool.assigned("web1/a", 20, LINEAR))) {
            BlockClient client = client(pool.assemble(volume));
            int blocks = (int) (volume.sizeBytes() / 512);
            for (int lba = 0; lba < blocks; lba += 2048) {
                assertThat(client.read(lba, 2048)).as("block " + lba).isEqualTo(new byte[1 << 20]);
            }
            client.close();
        }
    }

    @Test
    void theSameVolumeFindsItsPartitionsAgainInWhateverOrderUnitsComeAndVolumesAreNamed() throws Exception {
        pool.attachAll();
        VolumeRecord striped = pool.assigned("web1/b", 6, STRIPED);
        VolumeRecord linear = pool.assigned("web1/a", 20, LINEAR);
        List<Partition> before = pool.assignments.pool().partitionsOf(linear.uuid());
        BlockClient client = client(pool.assemble(linear));
        client.write(0, pattern(1, 1 << 20));
        client.write(40960 - 2048, pattern(2, 1 << 20));
        client.flush();
        BlockClient other = client(pool.assemble(striped));
        other.writeThrough(100, pattern(3, 1 << 20));
        pool.stop();
        pool.losePower(new Random(1));

        pool.start(_ -> {});
        pool.attach(2);
        pool.attach(0);
        assertThat(pool.assign("web1/b", 6, STRIPED)).isEqualTo(new Assignments.Assignment.Made(striped, List.of()));
        assertThat(pool.assign("web1/a", 21, STRIPED))
                .isInstanceOfSatisfying(Assignments.Assignment.Made.class, made -> {
                    assertThat(made.volume()).isEqualTo(linear);
                    assertThat(made.differences()).hasSize(2);
                });
        pool.attach(1);
        assertThat(pool.assignments.pool().partitionsOf(linear.uuid())).isEqualTo(before);
        BlockClient again = client(pool.assemble(linear));
        assertThat(again.read(0, 2048)).isEqualTo(pattern(1, 1 << 20));
        assertThat(again.read(40960 - 2048, 2048)).isEqualTo(pattern(2, 1 << 20));
        assertThat(client(pool.assemble(striped)).read(100, 2048)).isEqualTo(pattern(3, 1 << 20));
    }

    @Test
    void aVolumeWhoseUnitIsAwayIsNotReadyAndComesBackWithIt() throws Exception {
        pool.attachAll();
        VolumeRecord one = pool.assigned("web1/one", 10, LINEAR);
        VolumeRecord all = pool.assigned("web1/all", 6, STRIPED);
        client(pool.assemble(all)).writeThrough(0, pattern(4, 1 << 20));
        UUID away = pool.assignments.pool().partitionsOf(one.uuid()).getFirst().unitVolume();
        int unit =
                pool.catalog.unitVolume(away).orElseThrow().unitVolume().unit().charAt(4) - '0';
        pool.stop();

        pool.start(_ -> {});
        for (int i = 0; i < 3; i++) {
            if (i != unit) {
                pool.attach(i);
            }
        }
        VolumeRecord third = pool.assigned("web1/third", 8, LINEAR);
        assertThat(client(pool.assemble(third)).read(0, 8)).isEqualTo(new byte[4096]);
        VolumeAssembler.Assembled assembled = pool.assemble(all);
        List<DeviceEvent> events = new ArrayList<>();
        BlockClient client = client(assembled);
        BlockClient.onOwner(assembled.device(), () -> {
            assembled.device().addListener(events::add);
            return true;
        });
        assertThat(client.run(new BlockRequest.Read(0, 384, false)))
                .isEqualTo(BlockOutcome.failed(new BlockFailure.NotReady("unit" + unit + " lun 0 is not reachable")));
        pool.attach(unit);
        assertThat(client.read(0, 2048)).isEqualTo(pattern(4, 1 << 20));
        assertThat(events).containsExactly(new DeviceEvent.BecameReady());
        BlockClient.onOwner(assembled.device(), () -> {
            pool.directory.detach(away, "unit went away");
            return true;
        });
        assertThat(events).contains(new DeviceEvent.BecameNotReady("unit went away"));
    }

    @Test
    void askedForTwiceAtOnceItIsOneVolume() {
        pool.attachAll();
        Assignments.VolumeRequest request = new Assignments.VolumeRequest("web1/a", "web1", 1 << 20, 512, LINEAR);
        CompletableFuture<Assignments.Assignment> first = pool.assignments.assign(request);
        CompletableFuture<Assignments.Assignment> second = pool.assignments.assign(request);
        VolumeRecord one = ((Assignments.Assignment.Made) BlockClient.await(first)).volume();
        VolumeRecord other = ((Assignments.Assignment.Made) BlockClient.await(second)).volume();
        assertThat(one.uuid()).isEqualTo(other.uuid());
        assertThat(pool.catalog.volumes()).hasSize(1);
    }

    @Test
    void whatDoesNotFitIsRefusedAndLeavesNothingBehind() {
        pool.attachAll();
        assertThat(pool.assign("web1/large", 100, LINEAR))
                .isInstanceOfSatisfying(
                        Assignments.Assignment.Refused.class,
                        refused ->
                                assertThat(refused.why()).isEqualTo("web1/large: needs 100 MiB, but 42 MiB are free"));
        assertThat(pool.catalog.volumes()).isEmpty();
        assertThat(pool.catalog.partitions()).isEmpty();
    }

    @Test
    void aReleasedVolumesPlaceIsFreeAgainAndHoldsNothingForTheNext() {
        pool.attachAll();
        VolumeRecord first = pool.assigned("web1/a", 42, LINEAR);
        client(pool.assemble(first)).writeThrough(0, pattern(5, 1 << 20));
        assertThat(BlockClient.await(pool.assignments.release(first.uuid()))).isTrue();
        Awaitility.await().until(() -> pool.assignments.pool().partitions().isEmpty());
        assertThat(pool.catalog.volumes()).isEmpty();
        assertThat(label(0).partitions()).isEmpty();
        VolumeRecord second = pool.assigned("web1/b", 42, LINEAR);
        assertThat(client(pool.assemble(second)).read(0, 2048)).isEqualTo(new byte[1 << 20]);
    }

    @Test
    void aUnitThatIsAwayAtTheReleaseIsClearedWhenItComes() throws Exception {
        pool.attachAll();
        VolumeRecord volume = pool.assigned("web1/b", 6, STRIPED);
        pool.stop();
        pool.start(_ -> {});
        pool.attach(0);
        assertThat(BlockClient.await(pool.assignments.release(volume.uuid()))).isTrue();
        Awaitility.await().until(() -> pool.assignments.pool().partitions().size() == 2);
        pool.attach(1);
        pool.attach(2);
        Awaitility.await().until(() -> pool.assignments.pool().partitions().isEmpty());
        assertThat(label(2).partitions()).isEmpty();
    }

    @Test
    void foreignDataAreNotTouched() {
        byte[] theirs = pattern(6, 512);
        new BlockClient(pool.units.get(1)).writeThrough(3, theirs);
        assertThat(pool.admit(1))
                .isInstanceOfSatisfying(
                        Assignments.Admission.Refused.class,
                        refused -> assertThat(refused.why()).startsWith("it holds data"));
        assertThat(new BlockClient(pool.units.get(1)).read(3, 1)).isEqualTo(theirs);
    }

    @Test
    void anotherPoolsLabelIsNotOverwritten() {
        Label theirs = new Label(new UUID(1, 1), new UUID(2, 2), new UUID(3, 3), 1, List.of());
        BlockClient.await(LabelStore.write(pool.units.get(1), theirs));
        assertThat(pool.admit(1))
                .isInstanceOfSatisfying(
                        Assignments.Admission.Refused.class,
                        refused -> assertThat(refused.why()).contains("of another pool"));
        assertThat(label(1)).isEqualTo(theirs);
    }

    @Test
    void aCopyOfAUnitVolumeIsRefused() {
        pool.attachAll();
        VolumeRecord volume = pool.assigned("web1/a", 40, LINEAR);
        assertThat(volume.state()).isEqualTo(VolumeRecord.State.ASSIGNED);
        assertThat(BlockClient.await(pool.assignments.admit("unit9", 0, pool.units.get(1))))
                .isInstanceOfSatisfying(
                        Assignments.Admission.Refused.class,
                        refused -> assertThat(refused.why()).contains("the same label as unit1 lun 0"));
    }

    @Test
    void aUnitVolumeThatWasErasedOrSetBackIsRefused() throws Exception {
        pool.attachAll();
        pool.assigned("web1/b", 6, STRIPED);
        pool.stop();
        BlockClient medium = new BlockClient(pool.units.get(0));
        byte[] now = medium.read(0, 2048);
        medium.writeThrough(0, new byte[1 << 20]);
        pool.start(_ -> {});
        assertThat(pool.admit(0))
                .isInstanceOfSatisfying(
                        Assignments.Admission.Refused.class,
                        refused -> assertThat(refused.why()).contains("replaced or erased"));
        byte[] old = now.clone();
        Label current = label(1);
        Arrays.fill(old, 0, old.length, (byte) 0);
        Label setBack = new Label(
                current.pool(),
                current.gateway(),
                pool.catalog.unitVolumes().stream()
                        .filter(each -> each.unitVolume().unit().equals("unit0"))
                        .findFirst()
                        .orElseThrow()
                        .unitVolume()
                        .label(),
                1,
                List.of());
        byte[] copy = setBack.encode();
        System.arraycopy(copy, 0, old, setBack.offsetBytes(), copy.length);
        medium.writeThrough(0, old);
        assertThat(pool.admit(0))
                .isInstanceOfSatisfying(
                        Assignments.Admission.Refused.class,
                        refused -> assertThat(refused.why()).contains("set back"));
        medium.writeThrough(0, now);
        pool.attach(0);
    }

    /**
     * Kills the process after every durable step of taking units in, assigning two volumes and giving one up, with the power
     * failing at the same moment; each time a new process must finish what was begun.
     */
    @Test
    void aProcessKilledAfterWhateverStepIsCarriedOn() throws Exception {
        pool.end();
        int killedAfter = 1;
        for (boolean finished = false; !finished; killedAfter++) {
            finished = scenario(killedAfter);
        }
        assertThat(killedAfter).as("steps that were tried").isGreaterThan(20);
        pool = new PoolFixture(state.resolve("last"), 1, 4);
    }

    private boolean scenario(int killedAfter) throws Exception {
        String which = "killed after step " + killedAfter;
        pool = new PoolFixture(state.resolve("run" + killedAfter), 3, 6);
        pool.stop();
        AtomicInteger count = new AtomicInteger();
        CompletableFuture<AssignmentStep> killed = new CompletableFuture<>();
        pool.start(step -> {
            if (killed.isDone() || count.incrementAndGet() == killedAfter) {
                killed.complete(step);
                throw new Killed(step);
            }
        });
        CompletableFuture<?> life = CompletableFuture.runAsync(() -> live(() -> !killed.isDone()));
        CompletableFuture.anyOf(killed, life.exceptionally(_ -> null)).get(30, java.util.concurrent.TimeUnit.SECONDS);
        pool.stop();
        pool.losePower(new Random(killedAfter));

        pool.start(_ -> {});
        pool.attachAll();
        List<VolumeRecord> begun = pool.catalog.volumes();
        live(() -> true);
        for (VolumeRecord volume : begun) {
            if (volume.state() != VolumeRecord.State.RELEASED && volume.name().equals("web1/b")) {
                assertThat(pool.catalog.volume("web1/b").orElseThrow().uuid())
                        .as(which)
                        .isEqualTo(volume.uuid());
            }
        }
        verify(which);
        boolean finished = !killed.isDone();
        pool.end();
        return finished;
    }

    private java.util.Set<UUID> tables() {
        return BlockClient.await(
                CompletableFuture.supplyAsync(() -> pool.tables.partitions().keySet(), pool.control));
    }

    private java.util.Set<UUID> assigned() {
        return pool.catalog.partitions().stream().map(Partition::uuid).collect(java.util.stream.Collectors.toSet());
    }

    /** A unit did what it was asked for, and nobody heard of it. */
    @Test
    void anAnswerThatIsLostIsAskedForAgain() {
        pool.attachAll();
        BlockClient.await(CompletableFuture.supplyAsync(() -> pool.tables.losesAnswers = 1, pool.control));
        VolumeRecord volume = pool.assigned("web1/a", 20, LINEAR);
        assertThat(tables()).isEqualTo(assigned()).hasSize(2);
        BlockClient.await(CompletableFuture.supplyAsync(() -> pool.tables.losesAnswers = 1, pool.control));
        BlockClient.await(pool.assignments.release(volume.uuid()));
        Awaitility.await().until(() -> pool.catalog.volumes().isEmpty());
        assertThat(tables()).isEmpty();
    }

    @Test
    void whatAUnitHasForSomebodyElseIsNotWipedAndNotAssigned() {
        pool.attachAll();
        Partition foreign = new Partition(
                UUID.randomUUID(),
                pool.assignments.pool().unitVolumes().keySet().iterator().next(),
                1 << 20,
                14 << 20,
                PartitionState.ASSIGNED,
                new Partition.PartitionOwner(UUID.randomUUID(), 0),
                1);
        BlockClient.await(pool.tables.assign(List.of(foreign)));
        assertThat(pool.assign("web1/a", 40, LINEAR)).isInstanceOf(Assignments.Assignment.Made.class);
        Awaitility.await()
                .during(java.time.Duration.ofMillis(300))
                .until(() -> pool.catalog.volumes().getFirst().state() == VolumeRecord.State.WIPING
                        && pool.catalog.volumes().getFirst().wipedBytes() == 0);
        BlockClient.await(pool.tables.release(List.of(foreign)));
        pool.awaitAssigned("web1/a");
    }

    /**
     * What an operator asks for. One whose process was killed still waits for its answers when the next process lives, and may not
     * give up there what is awaited by the next.
     */
    private void live(BooleanSupplier alive) {
        pool.attachAll();
        if (pool.catalog.volume("web1/b").isEmpty()) {
            VolumeRecord first = pool.assigned("web1/a", 3, LINEAR);
            if (!alive.getAsBoolean()) {
                return;
            }
            BlockClient.await(pool.assignments.release(first.uuid()));
        }
        pool.assigned("web1/b", 6, STRIPED);
    }

    private void verify(String which) {
        Awaitility.await(which)
                .until(() ->
                        pool.catalog.volumes().stream().allMatch(each -> each.state() == VolumeRecord.State.ASSIGNED));
        VolumeRecord volume = pool.catalog.volume("web1/b").orElseThrow();
        List<Partition> partitions = pool.assignments.pool().partitionsOf(volume.uuid());
        assertThat(partitions).as(which).hasSize(3).allMatch(each -> each.state() == PartitionState.ASSIGNED);
        // What was given up is out of the units' tables, and what is assigned is in them.
        Awaitility.await(which).untilAsserted(() -> assertThat(tables()).isEqualTo(assigned()));
        BlockClient client = client(pool.assemble(volume));
        for (int mib = 0; mib < 6; mib++) {
            assertThat(client.read(mib * 2048L, 2048)).as(which).isEqualTo(new byte[1 << 20]);
        }
        for (int unit = 0; unit < 3; unit++) {
            assertThat(label(unit).partitions().stream()
                            .filter(each -> partitions.stream()
                                    .anyMatch(ours -> ours.uuid().equals(each.uuid())
                                            && ours.startBytes() == each.startBytes()
                                            && each.state() == PartitionState.ASSIGNED)))
                    .as(which)
                    .hasSize(1);
        }
    }
}
