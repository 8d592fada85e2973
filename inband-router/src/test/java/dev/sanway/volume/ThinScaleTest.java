package dev.sanway.volume;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sanway.block.BlockClient;
import dev.sanway.block.BlockOutcome;
import dev.sanway.block.BlockRequest;
import dev.sanway.block.Geometry;
import dev.sanway.block.Identity;
import dev.sanway.block.MemoryDevice;
import dev.sanway.metadata.Catalog;
import dev.sanway.metadata.UnitVolumeRecord;
import dev.sanway.metadata.VolumeRecord;
import dev.sanway.pool.Label;
import dev.sanway.pool.LabelStore;
import dev.sanway.pool.Partition;
import dev.sanway.pool.PartitionState;
import dev.sanway.pool.UnitVolume;
import dev.sanway.pool.VolumeLayout;
import dev.sanway.volume.thin.SlabFormat;
import dev.sanway.volume.thin.ThinDevice;
import dev.sanway.volume.thin.ThinMapBytes;
import io.netty.buffer.Unpooled;
import io.netty.util.concurrent.DefaultEventExecutor;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** 10,000 thin volumes with 1,000,000 extents in all: how long a gateway's router takes to serve them, and one more. */
class ThinScaleTest {
    private static final int UNITS = 4;
    private static final int VOLUMES = 10_000;
    private static final int EXTENTS_EACH = 100;
    private static final int SLAB_MIB = 128;
    private static final long MIB = 1 << 20;

    @TempDir
    Path state;

    @Test
    void tenThousandVolumesAreServedSoonAfterAStart() throws Exception {
        DefaultEventExecutor loop = new DefaultEventExecutor();
        DefaultEventExecutor control = new DefaultEventExecutor();
        List<MemoryDevice> units = new ArrayList<>();
        prepare(loop, units);

        System.gc();
        long heapBefore = heap();
        long start = System.nanoTime();
        Catalog catalog = Catalog.open(state);
        Assignments assignments = new Assignments(catalog, control);
        LunDirectory directory = new LunDirectory(loop, 0);
        for (int unit = 0; unit < UNITS; unit++) {
            MemoryDevice device = units.get(unit);
            var admitted =
                    (Assignments.Admission.Admitted) BlockClient.await(assignments.admit("unit" + unit, 0, device));
            BlockClient.onOwner(device, () -> {
                directory.attach(admitted.unitVolume().label(), device);
                return true;
            });
        }
        List<VolumeAssembler.Assembled> served = new ArrayList<>();
        for (VolumeRecord volume : catalog.volumes()) {
            served.add(BlockClient.onOwner(
                    units.getFirst(),
                    () -> VolumeAssembler.assemble(volume, assignments.pool(), directory, assignments.slabs())));
        }
        Awaitility.await()
                .pollInterval(Duration.ofMillis(10))
                .atMost(Duration.ofSeconds(60))
                .until(() -> used(served) == VOLUMES * EXTENTS_EACH * MIB);
        long startMillis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start);
        System.gc();
        long heapMib = (heap() - heapBefore) >> 20;

        long more = System.nanoTime();
        BlockClient.await(assignments.assign(
                new Assignments.VolumeRequest("host/more", "host", 2048 * MIB, 512, new VolumeLayout.Thin())));
        VolumeRecord record = catalog.volume("host/more").orElseThrow();
        VolumeAssembler.Assembled one = BlockClient.onOwner(
                units.getFirst(),
                () -> VolumeAssembler.assemble(record, assignments.pool(), directory, assignments.slabs()));
        long madeMillis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - more);
        BlockClient client = new BlockClient(one.device());
        client.write(0, new byte[512]);
        long writtenMillis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - more);

        System.out.printf(
                "thin volumes: %,d with %,d extents: served after %,d ms, %,d MiB of heap; one more: %d ms, its first write "
                        + "after %d ms%n",
                VOLUMES, VOLUMES * EXTENTS_EACH, startMillis, heapMib, madeMillis, writtenMillis);
        // Generous: what is to be seen is whether the work grows with the number of volumes, on a busy machine, too.
        assertThat(startMillis).isLessThan(30_000);
        assertThat(madeMillis).isLessThan(2_000);
        assignments.close();
        catalog.close();
        loop.shutdownGracefully();
        control.shutdownGracefully();
    }

    private static long heap() {
        Runtime runtime = Runtime.getRuntime();
        return runtime.totalMemory() - runtime.freeMemory();
    }

    private static long used(List<VolumeAssembler.Assembled> served) {
        return served.stream()
                .mapToLong(each -> each.thin().map(ThinDevice::usedBytes).orElse(0L))
                .sum();
    }

    /** What an earlier life of the gateway left: store, labels, maps. */
    private void prepare(DefaultEventExecutor loop, List<MemoryDevice> units) throws Exception {
        Catalog catalog = Catalog.open(state);
        Catalog.Batch batch = new Catalog.Batch();
        List<UUID> labels = new ArrayList<>();
        List<List<Partition>> partitions = new ArrayList<>();
        int perUnit = VOLUMES / UNITS;
        for (int unit = 0; unit < UNITS; unit++) {
            Geometry geometry = new Geometry(512, 4096, (long) (perUnit + 20) * SLAB_MIB * MIB / 512);
            MemoryDevice device = new MemoryDevice(loop, new Identity(UUID.randomUUID(), "unit" + unit), geometry);
            units.add(device);
            labels.add(UUID.randomUUID());
            partitions.add(new ArrayList<>());
        }
        int extents = SlabFormat.extents(SLAB_MIB * MIB);
        for (int i = 0; i < VOLUMES; i++) {
            UUID volume = UUID.randomUUID();
            int unit = i % UNITS;
            Partition slab = new Partition(
                    UUID.randomUUID(),
                    labels.get(unit),
                    MIB + (long) (i / UNITS) * SLAB_MIB * MIB,
                    SLAB_MIB * MIB,
                    PartitionState.ASSIGNED,
                    new Partition.PartitionOwner(volume, 0),
                    2);
            partitions.get(unit).add(slab);
            batch.put(slab)
                    .put(new VolumeRecord(
                            volume,
                            "host/v" + i,
                            "host",
                            2048 * MIB,
                            512,
                            new VolumeLayout.Thin(),
                            VolumeRecord.State.ASSIGNED,
                            0));
            byte[] map = ThinMapBytes.filled(slab.uuid(), volume, extents, EXTENTS_EACH, i);
            BlockRequest write = new BlockRequest.Write(
                    slab.startBytes() / 512, map.length / 512, Unpooled.wrappedBuffer(map), true);
            assertThat(new BlockClient(units.get(unit)).run(write)).isEqualTo(BlockOutcome.DONE);
        }
        for (int unit = 0; unit < UNITS; unit++) {
            MemoryDevice device = units.get(unit);
            batch.put(new UnitVolumeRecord(
                    new UnitVolume(
                            labels.get(unit),
                            "unit" + unit,
                            0,
                            device.geometry().sizeBytes(),
                            512,
                            4096,
                            65536,
                            true),
                    1));
            Label label = new Label(
                    catalog.self().pool(), catalog.self().gateway(), labels.get(unit), 1, partitions.get(unit));
            BlockClient.await(LabelStore.write(device, label));
        }
        BlockClient.await(catalog.commit(batch));
        catalog.close();
    }
}
