package dev.sanway.volume;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sanway.block.BlockClient;
import dev.sanway.block.BlockFailure;
import dev.sanway.block.BlockOutcome;
import dev.sanway.metadata.Catalog;
import dev.sanway.metadata.UnitStanding;
import dev.sanway.metadata.UnitStandingRecord;
import dev.sanway.metadata.VolumeRecord;
import dev.sanway.pool.ClosedUnits;
import dev.sanway.pool.ClosedUnits.Reason;
import dev.sanway.pool.Partition;
import dev.sanway.pool.VolumeLayout;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Collectors;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What lies on a unit that is closed stays there and is served; nothing new comes. */
class ClosedUnitsAtWorkTest {
    private static final VolumeLayout LINEAR = new VolumeLayout.Linear();
    private static final VolumeLayout THIN = new VolumeLayout.Thin();
    private static final ClosedUnits MAINTENANCE = new ClosedUnits(Map.of("unit0", Reason.MAINTENANCE), Set.of());

    @TempDir
    Path state;

    @SuppressWarnings("NullAway.Init")
    private PoolFixture pool;

    @BeforeEach
    void start() throws Exception {
        pool = new PoolFixture(state, 2, 64);
        pool.attachAll();
    }

    @AfterEach
    void end() {
        pool.end();
    }

    private void close(ClosedUnits units) {
        pool.control.submit(() -> pool.assignments.closeTo(units)).awaitUninterruptibly();
    }

    private Set<String> unitsOf(VolumeRecord volume) {
        return pool.assignments.pool().partitionsOf(volume.uuid()).stream()
                .map(Partition::unitVolume)
                .map(label -> pool.catalog
                        .unitVolume(label)
                        .orElseThrow()
                        .unitVolume()
                        .unit())
                .collect(Collectors.toSet());
    }

    @Test
    void aVolumeIsMadeAndGrowsElsewhereAndARefusalNamesTheUnit() {
        close(MAINTENANCE);
        VolumeRecord volume = pool.assigned("web1/a", 30, LINEAR);
        assertThat(unitsOf(volume)).containsExactly("unit1");
        assertThat(pool.assign("web1/b", 40, LINEAR))
                .isInstanceOfSatisfying(
                        Assignments.Assignment.Refused.class,
                        refused -> assertThat(refused.why()).contains("unit0 is in maintenance"));
        assertThat(BlockClient.await(pool.assignments.grow(volume.uuid(), 70 * PoolFixture.MIB)))
                .isInstanceOfSatisfying(
                        Assignments.GrowthAnswer.Refused.class,
                        refused -> assertThat(refused.why()).contains("unit0 is in maintenance"));
        close(ClosedUnits.NONE);
        assertThat(unitsOf(pool.assigned("web1/b", 40, LINEAR))).containsExactly("unit0");
    }

    @Test
    void aThinVolumesHostIsToldToTryAgainWhileTheRoomIsOnAUnitInMaintenanceAndThatThereIsNoneIfItIsDrainedOrASpare() {
        VolumeRecord volume = pool.assigned("web1/thin", 200, THIN);
        BlockClient client = new BlockClient(pool.assemble(volume).device());
        byte[] block = new byte[4096];
        close(MAINTENANCE);
        BlockOutcome outcome = BlockOutcome.DONE;
        long mib = 0;
        while (outcome.equals(BlockOutcome.DONE)) {
            outcome = client.run(client.writeOf(mib++ * 2048, block, false));
        }
        assertThat(unitsOf(volume)).containsExactly("unit1");
        assertThat(outcome)
                .isInstanceOfSatisfying(
                        BlockOutcome.Failed.class,
                        failed -> assertThat(failed.failure()).isInstanceOf(BlockFailure.NotReady.class));
        for (ClosedUnits none : new ClosedUnits[] {
            new ClosedUnits(Map.of("unit0", Reason.DRAINING), Set.of()), new ClosedUnits(Map.of(), Set.of("unit0"))
        }) {
            close(none);
            long there = mib * 2048;
            // What the last answer was holds for a moment.
            Awaitility.await(none.note())
                    .atMost(Duration.ofSeconds(20))
                    .until(() -> client.run(client.writeOf(there, block, false))
                            .equals(BlockOutcome.failed(new BlockFailure.OutOfSpace())));
        }
        close(ClosedUnits.NONE);
        long at = mib * 2048;
        Awaitility.await("there is room again")
                .atMost(Duration.ofSeconds(20))
                .until(() -> client.run(client.writeOf(at, block, false)).equals(BlockOutcome.DONE));
        assertThat(unitsOf(volume)).containsExactlyInAnyOrder("unit0", "unit1");
    }

    @Test
    void whatAnOperatorSaidOfAUnitOutlivesTheProcess() throws Exception {
        UUID agent = UUID.randomUUID();
        UnitStandingRecord one = new UnitStandingRecord(agent, "unit1", UnitStanding.DRAINING, "2026-11-27T06:00:00Z");
        UnitStandingRecord other =
                new UnitStandingRecord(null, "tgt1", UnitStanding.MAINTENANCE, "2026-11-27T06:00:01Z");
        BlockClient.await(pool.catalog.commit(new Catalog.Batch()
                .put(UnitStandingRecord.KIND, one.key(), one)
                .put(UnitStandingRecord.KIND, other.key(), other)));
        pool.stop();
        pool.start(_ -> {});
        assertThat(pool.catalog.all(UnitStandingRecord.KIND)).containsExactly(one, other);
    }
}
