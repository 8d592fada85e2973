package dev.sanway.volume;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sanway.block.BlockClient;
import dev.sanway.block.BlockCompletion;
import dev.sanway.block.BlockDevice;
import dev.sanway.block.BlockFailure;
import dev.sanway.block.BlockOperation;
import dev.sanway.block.BlockOutcome;
import dev.sanway.block.BlockRequest;
import dev.sanway.block.ForwardingDevice;
import dev.sanway.metadata.Catalog;
import dev.sanway.metadata.FailingStore;
import dev.sanway.metadata.UnitVolumeRecord;
import dev.sanway.metadata.VolumeRecord;
import dev.sanway.pool.Label;
import dev.sanway.pool.LabelStore;
import dev.sanway.pool.VolumeLayout;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Unit volumes leave the pool for good: blank, and known to nobody. */
class WithdrawalsTest {
    @TempDir
    Path state;

    @SuppressWarnings("NullAway.Init")
    private PoolFixture pool;

    @BeforeEach
    void start() throws Exception {
        pool = new PoolFixture(state, 2, 24);
        pool.attachAll();
    }

    @AfterEach
    void end() {
        pool.end();
    }

    /** A disk at which nothing is written any more after so many writes. */
    static final class EndsAfter extends ForwardingDevice {
        private int writesLeft;

        EndsAfter(BlockDevice inner, int writesLeft) {
            super(inner);
            this.writesLeft = writesLeft;
        }

        @Override
        public BlockOperation submit(BlockRequest request, BlockCompletion completion) {
            if (request instanceof BlockRequest.Write && writesLeft-- <= 0) {
                BlockRequest.release(request);
                completion.completed(BlockOutcome.failed(new BlockFailure.Broken("the process ended")));
                return BlockOperation.UNCANCELLABLE;
            }
            return inner.submit(request, completion);
        }

        @Override
        public void close(Runnable whenClosed) {
            whenClosed.run();
        }
    }

    private CompletableFuture<Void> onControl(java.util.function.Supplier<CompletableFuture<Void>> what) {
        return CompletableFuture.supplyAsync(what, pool.control).thenCompose(done -> done);
    }

    private UUID label(int unit) {
        return pool.assignments.withdrawals().labelsOf("unit" + unit).getFirst();
    }

    private Label.Reading reading(int unit) {
        return BlockClient.await(LabelStore.read(pool.units.get(unit)));
    }

    @Test
    void whereverErasingALabelEndsTheLunIsBlankOrBearsItWhole() {
        UUID label = label(0);
        Label written = ((Label.Reading.Labelled) reading(0)).label();
        // So that there is an older copy, too.
        written = BlockClient.await(LabelStore.write(pool.units.get(0), written.next(UUID.randomUUID(), List.of())));
        assertThat(written.uuid()).isEqualTo(label);
        long latest = written.sequence();
        boolean blank = false;
        int writes = 0;
        while (!blank) {
            CompletableFuture<Void> erasing = LabelStore.unlabel(new EndsAfter(pool.units.get(0), writes++), written);
            Awaitility.await().atMost(Duration.ofSeconds(10)).until(erasing::isDone);
            pool.losePower(new Random(writes));
            Label.Reading now = reading(0);
            blank = now instanceof Label.Reading.Blank;
            assertThat(now)
                    .as("after " + writes + " writes")
                    .satisfiesAnyOf(
                            it -> assertThat(it).isInstanceOf(Label.Reading.Blank.class),
                            it -> assertThat(((Label.Reading.Labelled) it)
                                            .label()
                                            .sequence())
                                    .isEqualTo(latest));
            assertThat(blank).isEqualTo(!erasing.isCompletedExceptionally());
        }
        assertThat(writes).isGreaterThan(5);
    }

    @Test
    void aUnitIsWithdrawnAndTakenInAgainAsABlankOne() throws Exception {
        UUID label = label(0);
        BlockClient.await(onControl(() -> pool.assignments.withdrawals().unlabel(label)));
        assertThat(reading(0)).isInstanceOf(Label.Reading.Blank.class);
        BlockClient.await(onControl(() -> pool.assignments.withdrawals().unlabel(label)));
        BlockClient.await(onControl(() -> pool.assignments.withdrawals().forget(List.of(label), new Catalog.Batch())));
        assertThat(pool.catalog.unitVolume(label)).isEmpty();
        assertThat(pool.assignments.pool().unitVolumes()).hasSize(1).doesNotContainKey(label);
        pool.stop();
        pool.start(_ -> {});
        assertThat(pool.assignments.pool().unitVolumes()).hasSize(1);
        assertThat(pool.attach(0)).isNotEqualTo(label);
    }

    @Test
    void aUnitWhoseWithdrawalIsNotKeptStaysInUse() {
        UUID label = label(0);
        pool.store.next(FailingStore.Next.FAILS_UNKEPT);
        CompletableFuture<Void> forgotten =
                onControl(() -> pool.assignments.withdrawals().forget(List.of(label), new Catalog.Batch()));
        assertThatThrownBy(forgotten::join).hasMessageContaining("the disk failed");
        assertThat(pool.catalog.unitVolume(label)).isPresent();
        assertThat(pool.assignments.pool().unitVolumes()).containsKey(label);
        assertThat(pool.assignments.pool().attached()).contains(label);
        VolumeRecord volume = pool.assigned("web1/a", 40, new VolumeLayout.Linear());
        assertThat(pool.assignments.pool().partitionsOf(volume.uuid()))
                .as("it is given something")
                .anyMatch(partition -> partition.unitVolume().equals(label));
    }

    @Test
    void nothingIsPlacedOnAUnitWhileItIsForgotten() {
        UUID label = label(0);
        CompletableFuture<Boolean> closed = CompletableFuture.supplyAsync(
                () -> {
                    CompletableFuture<Void> _ =
                            pool.assignments.withdrawals().forget(List.of(label), new Catalog.Batch());
                    return !pool.assignments.pool().attached().contains(label)
                            && pool.assignments.pool().unitVolumes().containsKey(label);
                },
                pool.control);
        assertThat(closed.join()).isTrue();
        Awaitility.await()
                .atMost(Duration.ofSeconds(10))
                .until(() -> !pool.assignments.pool().unitVolumes().containsKey(label));
    }

    @Test
    void whatHoldsSomethingIsNotWithdrawn() {
        VolumeRecord volume = pool.assigned("web1/a", 40, new VolumeLayout.Linear());
        for (int unit = 0; unit < 2; unit++) {
            UUID label = label(unit);
            assertThatThrownBy(
                            () -> onControl(() -> pool.assignments.withdrawals().unlabel(label))
                                    .join())
                    .hasMessageContaining("something lies on it");
            assertThatThrownBy(() -> onControl(
                                    () -> pool.assignments.withdrawals().forget(List.of(label), new Catalog.Batch()))
                            .join())
                    .hasMessageContaining("something lies on");
            assertThat(reading(unit)).isInstanceOf(Label.Reading.Labelled.class);
        }
        // The store lost it, the label knows it.
        UUID label =
                pool.assignments.pool().partitionsOf(volume.uuid()).getFirst().unitVolume();
        Label there = ((Label.Reading.Labelled) reading(pool.catalog
                                .unitVolume(label)
                                .orElseThrow()
                                .unitVolume()
                                .unit()
                                .charAt(4)
                        - '0'))
                .label();
        assertThat(there.partitions()).isNotEmpty();
        assertThatThrownBy(() -> LabelStore.unlabel(pool.units.get(0), there.next(there.gateway(), many(there))))
                .hasMessageContaining("partitions are on");
    }

    private static List<dev.sanway.pool.Partition> many(Label label) {
        return java.util.Collections.nCopies(100, label.partitions().getFirst());
    }

    @Test
    void theEmptyUnitVolumesOfAUnitThatIsGoneAreForgottenAndComeBackWithIt() throws Exception {
        pool.assigned("web1/a", 10, new VolumeLayout.Linear());
        pool.stop();
        pool.start(_ -> {});
        pool.control
                .submit(() -> pool.assignments.withdrawals().sweep(_ -> false))
                .awaitUninterruptibly();
        Awaitility.await("the empty one is forgotten, the other is not")
                .atMost(Duration.ofSeconds(10))
                .until(() -> pool.catalog.unitVolumes().size() == 1);
        String kept = pool.catalog.unitVolumes().getFirst().unitVolume().unit();
        assertThat(pool.assignments.pool().unitVolumes().values().stream().map(volume -> volume.unit()))
                .containsExactly(kept);
        pool.attachAll();
        assertThat(pool.catalog.unitVolumes())
                .hasSize(2)
                .extracting(UnitVolumeRecord::labelSequence)
                .doesNotContain(0L);
        pool.control
                .submit(() -> pool.assignments.withdrawals().sweep(_ -> false))
                .awaitUninterruptibly();
        assertThat(pool.catalog.unitVolumes()).as("what is attached stays").hasSize(2);
    }
}
