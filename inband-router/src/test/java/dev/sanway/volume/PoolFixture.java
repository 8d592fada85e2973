package dev.sanway.volume;

import dev.sanway.block.BlockClient;
import dev.sanway.block.BlockDevice;
import dev.sanway.block.Geometry;
import dev.sanway.block.Identity;
import dev.sanway.block.MemoryDevice;
import dev.sanway.block.VolatileCacheDevice;
import dev.sanway.metadata.Catalog;
import dev.sanway.metadata.FailingStore;
import dev.sanway.metadata.MetadataException;
import dev.sanway.metadata.VolumeRecord;
import dev.sanway.pool.VolumeLayout;
import io.netty.util.concurrent.DefaultEventExecutor;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import org.awaitility.Awaitility;

/**
 * Three units' LUNs with volatile caches, full of what somebody left behind, and a gateway's store; all of it outlives
 * {@link #stop}, as it would outlive a process.
 */
final class PoolFixture {
    static final long MIB = 1 << 20;

    final DefaultEventExecutor loop = new DefaultEventExecutor();
    final DefaultEventExecutor control = new DefaultEventExecutor();
    final List<VolatileCacheDevice> units = new ArrayList<>();
    /** The units' own: they outlive processes, too. */
    final KeptTables tables = new KeptTables(control);

    private final Path state;

    FailingStore store;
    Catalog catalog;
    Assignments assignments;
    LunDirectory directory;

    PoolFixture(Path state, int unitCount, long unitMib) throws MetadataException {
        this.state = state;
        for (int i = 0; i < unitCount; i++) {
            Geometry geometry = new Geometry(512, 4096, unitMib * 2048);
            VolatileCacheDevice unit = new VolatileCacheDevice(
                    new MemoryDevice(loop, new Identity(UUID.randomUUID(), "unit" + i), geometry));
            units.add(unit);
            byte[] leftBehind = new byte[(int) MIB];
            Arrays.fill(leftBehind, (byte) 0xee);
            for (long mib = 1; mib < unitMib - 1; mib++) {
                new BlockClient(unit).write(mib * 2048, leftBehind);
            }
            new BlockClient(unit).flush();
        }
        store = new FailingStore(state);
        catalog = store.catalog();
        assignments = new Assignments(catalog, control);
        keep();
        directory = new LunDirectory(loop, 0);
    }

    /** A process starts. */
    void start(Assignments.Steps steps) throws MetadataException {
        store = new FailingStore(state);
        catalog = store.catalog();
        assignments = new Assignments(catalog, control, steps);
        keep();
        directory = new LunDirectory(loop, 0);
    }

    /** A process that is killed after so many steps; completes with the last one, if it comes to that. */
    CompletableFuture<AssignmentStep> startKilledAfter(int steps) throws MetadataException {
        AtomicInteger count = new AtomicInteger();
        CompletableFuture<AssignmentStep> killed = new CompletableFuture<>();
        Assignments[] life = new Assignments[1];
        start(step -> {
            if (killed.isDone() || count.incrementAndGet() == steps) {
                life[0].ledger.closed = true;
                killed.complete(step);
                throw new IllegalStateException("killed after " + step);
            }
        });
        life[0] = assignments;
        return killed;
    }

    private void keep() {
        Assignments now = assignments;
        control.execute(() -> now.keptAlsoBy(tables));
    }

    /** The process ends; nothing of it is left but the media and the store. */
    void stop() {
        assignments.close();
        // What was on its way on the executors is let go by; their work finds the service closed.
        BlockClient.await(CompletableFuture.supplyAsync(() -> true, control));
        BlockClient.await(CompletableFuture.supplyAsync(() -> true, loop));
        catalog.close();
    }

    void losePower(Random random) {
        for (VolatileCacheDevice unit : units) {
            BlockClient.onOwner(unit, () -> {
                unit.losePower(random, 0.5);
                unit.restorePower();
                return true;
            });
        }
    }

    Assignments.Admission admit(int unit) {
        return BlockClient.await(assignments.admit("unit" + unit, 0, units.get(unit)));
    }

    UUID attach(int unit) {
        if (!(admit(unit) instanceof Assignments.Admission.Admitted admitted)) {
            throw new AssertionError("unit " + unit + " was refused: " + admit(unit));
        }
        UUID label = admitted.unitVolume().label();
        BlockClient.onOwner(units.get(unit), () -> {
            directory.attach(label, units.get(unit));
            return true;
        });
        return label;
    }

    void attachAll() {
        for (int i = 0; i < units.size(); i++) {
            attach(i);
        }
    }

    Assignments.Assignment assign(String name, long mib, VolumeLayout layout) {
        return BlockClient.await(
                assignments.assign(new Assignments.VolumeRequest(name, "web1", mib * MIB, 512, layout)));
    }

    VolumeRecord assigned(String name, long mib, VolumeLayout layout) {
        // What was given up before may still be on its way out.
        Awaitility.await(name)
                .atMost(Duration.ofSeconds(10))
                .until(() -> assign(name, mib, layout) instanceof Assignments.Assignment.Made);
        return awaitAssigned(name);
    }

    VolumeRecord awaitAssigned(String name) {
        Awaitility.await()
                .atMost(Duration.ofSeconds(30))
                .until(() -> catalog.volume(name)
                        .filter(volume -> volume.state() == VolumeRecord.State.ASSIGNED)
                        .isPresent());
        // The store is ahead of the service by one hop.
        BlockClient.await(CompletableFuture.supplyAsync(() -> true, control));
        return catalog.volume(name).orElseThrow();
    }

    VolumeAssembler.Assembled assemble(VolumeRecord volume) {
        BlockDevice any = units.getFirst();
        return BlockClient.onOwner(
                any, () -> VolumeAssembler.assemble(volume, assignments.pool(), directory, assignments.slabs()));
    }

    void end() {
        stop();
        loop.shutdownGracefully();
        control.shutdownGracefully();
    }
}
