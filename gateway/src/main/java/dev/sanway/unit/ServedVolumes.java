package dev.sanway.unit;

import dev.sanway.block.BlockDevice;
import dev.sanway.block.FileDevice;
import dev.sanway.block.OrderedDevice;
import dev.sanway.target.lun.HostTarget;
import dev.sanway.target.lun.LogicalUnit;
import dev.sanway.target.lun.LogicalUnitConfig;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The volumes that a unit serves now, as logical units of its target. They come, grow and go while sessions stay. Any thread. */
final class ServedVolumes {

    private static final Logger log = LoggerFactory.getLogger(ServedVolumes.class);

    private static final long REMOVAL_MILLIS = 10_000;
    private static final int STOP_SECONDS = 10;

    private record Served(int lun, FileDevice file, LogicalUnit unit) {}

    private final HostTarget target;
    private final FileReservationStore reservations;
    private final UnaryOperator<BlockDevice> beneath;
    private final UUID bootId;
    private final Map<UUID, Served> served = new ConcurrentHashMap<>();

    ServedVolumes(
            HostTarget target, FileReservationStore reservations, UnaryOperator<BlockDevice> beneath, UUID bootId) {
        this.target = target;
        this.reservations = reservations;
        this.beneath = beneath;
        this.bootId = bootId;
    }

    /** Shows an open file or disk under a number. */
    void add(UUID uuid, int lun, FileDevice file, boolean thin) {
        LogicalUnit unit = new LogicalUnit(
                new OrderedDevice(beneath.apply(file)), LogicalUnitConfig.unit(uuid, thin, bootId), reservations);
        served.put(uuid, new Served(lun, file, unit));
        target.add(lun, unit);
    }

    boolean serves(UUID uuid) {
        return served.containsKey(uuid);
    }

    List<Integer> luns() {
        return served.values().stream().map(Served::lun).sorted().toList();
    }

    List<LogicalUnit> units() {
        return served.values().stream().map(Served::unit).toList();
    }

    /** Makes a file larger, durably, under the sessions that there are; ends with what went wrong, or with nothing. */
    CompletableFuture<String> grow(UUID uuid, long sizeBytes) {
        CompletableFuture<String> done = new CompletableFuture<>();
        Served volume = served.get(uuid);
        if (volume == null) {
            done.complete("the volume is not served: its file was not found when the unit started");
            return done;
        }
        FileDevice file = volume.file();
        file.owner().execute(() -> {
            long blocks = sizeBytes / file.geometry().blockSizeBytes();
            if (blocks <= file.geometry().blockCount()) {
                // A process that ended had come so far.
                done.complete("");
            } else {
                file.grow(
                        blocks, FileDevice.Allocation.SPARSE, failure -> done.complete(failure == null ? "" : failure));
            }
        });
        return done;
    }

    /** Shows a volume no more; completes when nothing is under way on it and its file is closed. */
    CompletableFuture<Void> remove(UUID uuid) {
        CompletableFuture<Void> closed = new CompletableFuture<>();
        Served volume = served.remove(uuid);
        if (volume == null) {
            closed.complete(null);
            return closed;
        }
        target.remove(volume.lun(), REMOVAL_MILLIS, _ -> close(volume.unit(), () -> closed.complete(null)));
        return closed;
    }

    private static void close(LogicalUnit unit, Runnable whenClosed) {
        unit.device().owner().execute(() -> {
            unit.close();
            unit.device().close(whenClosed);
        });
    }

    /** Closes all. Blocks the caller, who is no event loop. */
    void close() {
        List<LogicalUnit> all = new ArrayList<>(units());
        served.clear();
        CountDownLatch closed = new CountDownLatch(all.size());
        all.forEach(unit -> close(unit, closed::countDown));
        try {
            if (!closed.await(STOP_SECONDS, TimeUnit.SECONDS)) {
                log.warn("some volumes did not finish within {} s", STOP_SECONDS);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
