package dev.sanway.volume;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sanway.block.BlockClient;
import dev.sanway.block.BlockFailure;
import dev.sanway.block.BlockOutcome;
import dev.sanway.block.BlockRequest;
import dev.sanway.metadata.VolumeRecord;
import dev.sanway.pool.Label;
import dev.sanway.pool.LabelStore;
import dev.sanway.pool.VolumeLayout;
import dev.sanway.volume.Assignments.Admission;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Foreign LUNs that an operator gives to the pool, and those that nobody can. */
class AdoptionTest {
    private static final VolumeLayout LINEAR = new VolumeLayout.Linear();

    @TempDir
    Path state;

    @SuppressWarnings("NullAway.Init")
    private PoolFixture pool;

    @BeforeEach
    void start() throws Exception {
        pool = new PoolFixture(state, 2, 16);
    }

    @AfterEach
    void end() {
        pool.end();
    }

    private Admission adopt(int unit) {
        return BlockClient.await(pool.assignments.adoptErasing("unit" + unit, 0, pool.units.get(unit)));
    }

    private BlockClient medium(int unit) {
        return new BlockClient(pool.units.get(unit));
    }

    private static byte[] data(int seed) {
        byte[] bytes = new byte[1 << 20];
        new Random(seed).nextBytes(bytes);
        return bytes;
    }

    @Test
    void whatAForeignLunHoldsIsErasedAtBothEndsAndTheLunJoins() {
        long lastMib = 15 * 2048;
        medium(0).writeThrough(0, data(1));
        medium(0).writeThrough(lastMib, data(2));
        assertThat(pool.admit(0)).isInstanceOf(Admission.Refused.class);
        assertThat(adopt(0)).isInstanceOf(Admission.Admitted.class);
        assertThat(medium(0).read(lastMib, 2048)).isEqualTo(new byte[1 << 20]);
        assertThat(pool.admit(0)).isInstanceOf(Admission.Admitted.class);
        VolumeRecord volume = pool.assigned("web1/a", 10, LINEAR);
        assertThat(volume.state()).isEqualTo(VolumeRecord.State.ASSIGNED);
    }

    @Test
    void anotherPoolsLabelStaysWhateverTheOperatorSays() {
        Label theirs = new Label(new UUID(1, 1), new UUID(2, 2), new UUID(3, 3), 1, List.of());
        BlockClient.await(LabelStore.write(pool.units.get(0), theirs));
        byte[] before = medium(0).read(0, 2048);
        assertThat(adopt(0))
                .isInstanceOfSatisfying(
                        Admission.Refused.class,
                        refused -> assertThat(refused.why()).contains("of another pool"));
        assertThat(medium(0).read(0, 2048)).isEqualTo(before);
    }

    @Test
    void aDamagedLabelStaysForItMayBeAnotherPools() {
        byte[] damaged = new byte[1 << 20];
        byte[] label = new Label(new UUID(1, 1), new UUID(2, 2), new UUID(3, 3), 2, List.of()).encode();
        System.arraycopy(label, 0, damaged, 0, label.length);
        damaged[50]++;
        medium(0).writeThrough(0, damaged);
        assertThat(adopt(0))
                .isInstanceOfSatisfying(
                        Admission.Refused.class,
                        refused -> assertThat(refused.why()).contains("damaged"));
        assertThat(medium(0).read(0, 2048)).isEqualTo(damaged);
    }

    @Test
    void aDiskThatTookThePlaceOfOneInUseBecomesANewUnitVolume() throws Exception {
        pool.attachAll();
        VolumeRecord volume = pool.assigned("web1/a", 25, LINEAR);
        UUID lost =
                pool.assignments.pool().partitionsOf(volume.uuid()).getFirst().unitVolume();
        int unit =
                pool.catalog.unitVolume(lost).orElseThrow().unitVolume().unit().equals("unit0") ? 0 : 1;
        pool.stop();
        medium(unit).writeThrough(0, new byte[1 << 20]);
        medium(unit).writeThrough(15 * 2048, new byte[1 << 20]);
        pool.start(_ -> {});
        pool.attach(1 - unit);
        assertThat(pool.admit(unit)).isInstanceOf(Admission.Refused.class);
        assertThat(adopt(unit))
                .isInstanceOfSatisfying(
                        Admission.Admitted.class,
                        admitted -> assertThat(admitted.unitVolume().label()).isNotEqualTo(lost));
        assertThat(pool.assignments.pool().partitionsOf(volume.uuid()))
                .as("the volume keeps its place on the disk that is gone")
                .anyMatch(partition -> partition.unitVolume().equals(lost));
        pool.stop();
        pool.start(_ -> {});
        pool.attachAll();
    }

    @Test
    void anErasureThatAKillInterruptedIsCarriedOnOrAskedForAgain() throws Exception {
        for (AssignmentStep at :
                List.of(AssignmentStep.LABEL_INTENDED, AssignmentStep.ERASED, AssignmentStep.FIRST_LABEL_WRITTEN)) {
            medium(0).writeThrough(0, data(3));
            pool.stop();
            CompletableFuture<AssignmentStep> killed = new CompletableFuture<>();
            pool.start(step -> {
                if (step == at) {
                    killed.complete(step);
                    throw new IllegalStateException("killed after " + step);
                }
            });
            var unused = pool.assignments.adoptErasing("unit0", 0, pool.units.get(0));
            killed.get(10, TimeUnit.SECONDS);
            pool.stop();
            pool.losePower(new Random(4));
            pool.start(_ -> {});
            if (at == AssignmentStep.LABEL_INTENDED) {
                assertThat(Arrays.equals(medium(0).read(0, 2048), data(3)))
                        .as("not touched yet")
                        .isTrue();
                assertThat(pool.admit(0)).isInstanceOf(Admission.Refused.class);
                assertThat(adopt(0)).isInstanceOf(Admission.Admitted.class);
            } else {
                assertThat(pool.admit(0)).as("after " + at).isInstanceOf(Admission.Admitted.class);
            }
            assertThat(pool.catalog.unitVolumes())
                    .as("no UUID is left over")
                    .noneMatch(record -> record.labelSequence() == 0);
            assertThat(unused.isDone() && !unused.isCompletedExceptionally()).isFalse();
        }
    }

    @Test
    void requestsToALunThatIsRefusedFailAtOnceUntilItsDiskIsBack() throws Exception {
        pool.attachAll();
        VolumeRecord volume = pool.assigned("web1/a", 10, LINEAR);
        UUID label =
                pool.assignments.pool().partitionsOf(volume.uuid()).getFirst().unitVolume();
        int unit =
                pool.catalog.unitVolume(label).orElseThrow().unitVolume().unit().equals("unit0") ? 0 : 1;
        LunDirectory patient = new LunDirectory(pool.loop, 600_000);
        VolumeAssembler.Assembled assembled = BlockClient.onOwner(
                pool.units.getFirst(),
                () -> VolumeAssembler.assemble(volume, pool.assignments.pool(), patient, pool.assignments.slabs()));
        BlockClient client = new BlockClient(assembled.device());
        BlockClient.Started waits = client.start(new BlockRequest.Read(0, 8, false));
        BlockClient.onOwner(assembled.device(), () -> {
            patient.refuse(label, "unit0 lun 0 is refused: it holds an ext4 file system");
            return true;
        });
        BlockOutcome refused = BlockOutcome.failed(
                BlockFailure.NotReady.unusable("unit0 lun 0 is refused: it holds an ext4 file system"));
        assertThat(waits.end()).isEqualTo(refused);
        assertThat(client.run(new BlockRequest.Read(0, 8, false))).isEqualTo(refused);
        BlockClient.onOwner(assembled.device(), () -> {
            patient.attach(label, pool.units.get(unit));
            patient.refuse(label, "somewhere else stands another disk");
            return true;
        });
        assertThat(client.read(0, 8)).isEqualTo(new byte[4096]);
        client.close();
    }
}
