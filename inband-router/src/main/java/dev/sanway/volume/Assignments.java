package dev.sanway.volume;

import dev.sanway.block.BlockDevice;
import dev.sanway.metadata.Catalog;
import dev.sanway.metadata.VolumeRecord;
import dev.sanway.pool.Allocation;
import dev.sanway.pool.Partition;
import dev.sanway.pool.PartitionState;
import dev.sanway.pool.PoolState;
import dev.sanway.pool.UnitVolume;
import dev.sanway.pool.VolumeLayout;
import io.netty.util.concurrent.EventExecutor;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Gives volumes their partitions, once, exclusively and durably (Fig. 6), and takes unit volumes into the pool.
 *
 * <pre>
 *   assign:   intent in the store → wipe, stretch by stretch → labels of all unit volumes → ASSIGNED in the store
 *   release:  RELEASED in the store → partitions out of the labels → forgotten
 * </pre>
 *
 * Each arrow is crossed only when what is before it is durable, so that after a crash the store's state says where to go on;
 * that happens by itself as soon as the unit volumes concerned are attached. A volume's partitions never change afterwards,
 * however the configuration is ordered and whichever units are away.
 *
 * <p>Belongs to one executor, the control's. Methods that return futures may be called on any thread; the futures complete
 * on the control's executor, and with an exception only if the store or a device fails.
 */
public final class Assignments implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Assignments.class);
    private static final int RETRY_SECONDS = 5;

    /** Whether a LUN was taken into the pool. */
    public sealed interface Admission {
        record Admitted(UnitVolume unitVolume) implements Admission {}

        /** It was not touched; {@code why} is for the operator. */
        record Refused(String why) implements Admission {}
    }

    /** What a volume is to be like. */
    public record VolumeRequest(String name, String host, long sizeBytes, int blockSizeBytes, VolumeLayout layout) {}

    /** Whether a volume has partitions. */
    public sealed interface Assignment {
        /**
         * It has.
         *
         * @param volume as kept; perhaps still being wiped
         * @param differences between what is kept and what was asked for; what is kept counts
         */
        record Made(VolumeRecord volume, List<String> differences) implements Assignment {}

        /** It has none; {@code why} is for the operator. Worth trying again when the pool has changed. */
        record Refused(String why) implements Assignment {}
    }

    /** Hears of volumes' progress, on the control's executor. */
    @FunctionalInterface
    public interface Listener {
        /**
         * A volume's record has changed.
         *
         * @param partitionBytes of all its partitions, against which {@code wipedBytes} is to be held
         */
        void volumeChanged(VolumeRecord volume, long partitionBytes);
    }

    /** Told after each durable step; tests throw from it, as a killed process would end there. */
    interface Steps {
        void after(AssignmentStep step);
    }

    private final Catalog catalog;
    private final EventExecutor control;
    private final Steps steps;

    // Used on the control's executor only.
    private final LivePool pool;
    private final Admissions admissions;
    private final LabelTables labels;
    private final Set<UUID> running = new HashSet<>();
    private final Map<String, CompletableFuture<Assignment>> assigning = new HashMap<>();
    private final List<Listener> listeners = new ArrayList<>();
    private boolean closed;

    public Assignments(Catalog catalog, EventExecutor control) {
        this(catalog, control, _ -> {});
    }

    Assignments(Catalog catalog, EventExecutor control, Steps steps) {
        this.catalog = catalog;
        this.control = control;
        this.steps = steps;
        this.pool = new LivePool(catalog);
        this.admissions = new Admissions(catalog, control, pool, steps, this::resumeAll);
        this.labels = new LabelTables(catalog, control, pool, admissions, steps);
    }

    /** The pool as it is now. Any thread. */
    public PoolState pool() {
        return pool.state();
    }

    /** Adds a listener, which is told of every volume there is first. */
    public CompletableFuture<Void> listen(Listener listener) {
        return onControl(() -> {
            listeners.add(listener);
            catalog.volumes().forEach(volume -> listener.volumeChanged(volume, partitionBytes(volume)));
            return CompletableFuture.completedFuture(null);
        });
    }

    private <T> CompletableFuture<T> onControl(Supplier<CompletableFuture<T>> action) {
        return CompletableFuture.supplyAsync(action, control).thenCompose(future -> future);
    }

    private long partitionBytes(VolumeRecord volume) {
        return pool.state().partitionsOf(volume.uuid()).stream()
                .mapToLong(Partition::lengthBytes)
                .sum();
    }

    private void tell(VolumeRecord volume) {
        listeners.forEach(listener -> listener.volumeChanged(volume, partitionBytes(volume)));
    }

    // ---- unit volumes

    /**
     * Takes a LUN into the pool, if its label allows that; a blank one is labelled first. Once it is in, work that waited
     * for it goes on, with {@code device}.
     *
     * @param device on any loop; used until {@link #departed}
     */
    public CompletableFuture<Admission> admit(String unit, long lun, BlockDevice device) {
        return admissions.admit(unit, lun, device);
    }

    /**
     * As {@link #admit}, but what a LUN without a label holds is erased first: for an operator who has said so. No label is
     * ever overwritten by it, this pool's neither.
     */
    public CompletableFuture<Admission> adoptErasing(String unit, long lun, BlockDevice device) {
        return admissions.adoptErasing(unit, lun, device);
    }

    /** A unit volume can no longer be reached through the device that it was admitted with. */
    public void departed(UUID label, BlockDevice device) {
        control.execute(() -> pool.detach(label, device));
    }

    // ---- volumes

    /**
     * Gives a volume partitions, unless it has some already. The future completes as soon as the intent is durable; wiping
     * goes on behind, and listeners hear of it.
     */
    public CompletableFuture<Assignment> assign(VolumeRequest request) {
        return onControl(() -> {
            // Asked for twice at once it is still one volume.
            CompletableFuture<Assignment> already = assigning.get(request.name());
            if (already != null) {
                return already.thenComposeAsync(_ -> assign(request), control);
            }
            CompletableFuture<Assignment> now = assignNow(request);
            assigning.put(request.name(), now);
            now.whenCompleteAsync((_, _) -> assigning.remove(request.name(), now), control);
            return now;
        });
    }

    private CompletableFuture<Assignment> assignNow(VolumeRequest request) {
        Optional<VolumeRecord> existing = catalog.volume(request.name());
        if (existing.isPresent()) {
            return CompletableFuture.completedFuture(
                    new Assignment.Made(existing.get(), differences(existing.get(), request)));
        }
        if (request.layout() instanceof VolumeLayout.Striped striped
                && striped.chunkBytes() % request.blockSizeBytes() != 0) {
            return CompletableFuture.completedFuture(new Assignment.Refused(
                    request.name() + ": the chunk is no multiple of the block size, " + request.blockSizeBytes()));
        }
        UUID uuid = UUID.randomUUID();
        Allocation.Request wanted =
                new Allocation.Request(uuid, request.sizeBytes(), request.layout(), request.blockSizeBytes());
        return switch (Allocation.allocate(pool.state(), wanted, UUID::randomUUID)) {
            case Allocation.Result.Refused refused ->
                CompletableFuture.completedFuture(
                        new Assignment.Refused(request.name() + ": " + refused.explanation()));
            case Allocation.Result.Placed placed -> {
                VolumeRecord volume = new VolumeRecord(
                        uuid,
                        request.name(),
                        request.host(),
                        request.sizeBytes(),
                        request.blockSizeBytes(),
                        request.layout(),
                        VolumeRecord.State.WIPING,
                        0);
                yield intend(volume, placed.partitions());
            }
        };
    }

    private CompletableFuture<Assignment> intend(VolumeRecord volume, List<Partition> partitions) {
        // Taken at once, so that nobody else is given the same place while the store works.
        pool.change(state -> state.with(partitions));
        Catalog.Batch batch = new Catalog.Batch().put(volume);
        partitions.forEach(batch::put);
        return catalog.commit(batch)
                .handleAsync(
                        (_, failure) -> {
                            if (failure != null) {
                                pool.change(state -> state.without(partitions));
                                throw new CompletionException(failure);
                            }
                            steps.after(AssignmentStep.INTENT_STORED);
                            tell(volume);
                            resume(volume);
                            return new Assignment.Made(volume, List.of());
                        },
                        control);
    }

    private static List<String> differences(VolumeRecord kept, VolumeRequest wanted) {
        List<String> differences = new ArrayList<>();
        if (kept.sizeBytes() != wanted.sizeBytes()) {
            differences.add("size " + kept.sizeBytes() + " is kept, " + wanted.sizeBytes() + " asked for");
        }
        if (kept.blockSizeBytes() != wanted.blockSizeBytes()) {
            differences.add(
                    "block size " + kept.blockSizeBytes() + " is kept, " + wanted.blockSizeBytes() + " asked for");
        }
        if (!kept.layout().equals(wanted.layout())) {
            differences.add("layout " + kept.layout().describe() + " is kept, "
                    + wanted.layout().describe() + " asked for");
        }
        return differences;
    }

    /**
     * Gives a volume and its data up. The future completes as soon as that is durable; the partitions become free when the
     * labels of their unit volumes have forgotten them.
     *
     * @return false if there is no such volume
     */
    public CompletableFuture<Boolean> release(UUID uuid) {
        return onControl(() -> {
            Optional<VolumeRecord> found = catalog.volume(uuid);
            if (found.isEmpty() || found.get().state() == VolumeRecord.State.RELEASED) {
                return CompletableFuture.completedFuture(found.isPresent());
            }
            VolumeRecord volume = found.get().in(VolumeRecord.State.RELEASED);
            List<Partition> partitions = pool.state().partitionsOf(uuid).stream()
                    .map(partition -> partition.in(PartitionState.RELEASED))
                    .toList();
            Catalog.Batch batch = new Catalog.Batch().put(volume);
            partitions.forEach(batch::put);
            return catalog.commit(batch)
                    .thenApplyAsync(
                            _ -> {
                                pool.change(state -> state.with(partitions));
                                labels.settled(uuid);
                                steps.after(AssignmentStep.RELEASE_STORED);
                                tell(volume);
                                resume(volume);
                                return true;
                            },
                            control);
        });
    }

    // ---- work behind

    private void resumeAll() {
        catalog.volumes().forEach(this::resume);
    }

    /** Goes on with a volume's work, if there is any, none is running, and what it takes is attached. */
    private void resume(VolumeRecord volume) {
        if (closed || volume.state() == VolumeRecord.State.ASSIGNED || running.contains(volume.uuid())) {
            return;
        }
        List<Partition> partitions = pool.state().partitionsOf(volume.uuid());
        boolean possible = switch (volume.state()) {
            case WIPING -> partitions.stream().allMatch(each -> pool.reaches(each.unitVolume()));
            case RELEASED ->
                partitions.isEmpty() || partitions.stream().anyMatch(each -> pool.reaches(each.unitVolume()));
            case ASSIGNED -> false;
        };
        if (!possible) {
            return;
        }
        running.add(volume.uuid());
        CompletableFuture<Void> work = switch (volume.state()) {
            case WIPING -> finishAssignment(volume);
            case RELEASED -> finishRelease(volume);
            case ASSIGNED -> CompletableFuture.completedFuture(null);
        };
        work.whenCompleteAsync((_, failure) -> ended(volume.uuid(), failure), control);
    }

    private void ended(UUID uuid, Throwable failure) {
        running.remove(uuid);
        Optional<VolumeRecord> now = catalog.volume(uuid);
        if (closed || now.isEmpty()) {
            return;
        }
        if (failure == null) {
            resume(now.get());
        } else {
            LOG.warn("volume {}: {}; trying again", now.get().name(), failure.getMessage());
            control.schedule(() -> catalog.volume(uuid).ifPresent(this::resume), RETRY_SECONDS, TimeUnit.SECONDS);
        }
    }

    private CompletableFuture<Void> finishAssignment(VolumeRecord volume) {
        return wipe(volume)
                .thenComposeAsync(
                        _ -> {
                            labels.wiped(volume.uuid());
                            return labels.write(pool.state().partitionsOf(volume.uuid()), AssignmentStep.LABEL_WRITTEN);
                        },
                        control)
                .thenComposeAsync(_ -> storeAssigned(volume.uuid()), control);
    }

    /** Wipes from where the record says on; ends early if the volume was given up meanwhile. */
    private CompletableFuture<Void> wipe(VolumeRecord volume) {
        if (closed || !inState(volume.uuid(), VolumeRecord.State.WIPING)) {
            return CompletableFuture.completedFuture(null);
        }
        long before = 0;
        for (Partition partition : pool.state().partitionsOf(volume.uuid())) {
            if (volume.wipedBytes() < before + partition.lengthBytes()) {
                return wipeStretch(volume, partition, volume.wipedBytes() - before);
            }
            before += partition.lengthBytes();
        }
        return CompletableFuture.completedFuture(null);
    }

    private CompletableFuture<Void> wipeStretch(VolumeRecord volume, Partition partition, long offset) {
        BlockDevice device = pool.device(partition.unitVolume()).orElse(null);
        if (device == null) {
            return CompletableFuture.failedFuture(new IllegalStateException("a unit went away while wiping"));
        }
        long length = Math.min(Wiping.stretchBytes(device), partition.lengthBytes() - offset);
        VolumeRecord after = volume.wiped(volume.wipedBytes() + length);
        return Wiping.wipe(device, partition.startBytes() + offset, length)
                .thenComposeAsync(
                        _ -> {
                            steps.after(AssignmentStep.STRETCH_WIPED);
                            return inState(volume.uuid(), VolumeRecord.State.WIPING)
                                    ? catalog.commit(new Catalog.Batch().put(after))
                                    : CompletableFuture.<Void>completedFuture(null);
                        },
                        control)
                .thenComposeAsync(
                        _ -> {
                            steps.after(AssignmentStep.PROGRESS_STORED);
                            tell(after);
                            return wipe(after);
                        },
                        control);
    }

    private boolean inState(UUID uuid, VolumeRecord.State state) {
        return catalog.volume(uuid).filter(volume -> volume.state() == state).isPresent();
    }

    private CompletableFuture<Void> storeAssigned(UUID uuid) {
        if (closed || !inState(uuid, VolumeRecord.State.WIPING)) {
            return CompletableFuture.completedFuture(null);
        }
        VolumeRecord volume = catalog.volume(uuid).orElseThrow().in(VolumeRecord.State.ASSIGNED);
        List<Partition> partitions = pool.state().partitionsOf(uuid).stream()
                .map(partition -> partition.in(PartitionState.ASSIGNED))
                .toList();
        Catalog.Batch batch = new Catalog.Batch().put(volume);
        partitions.forEach(batch::put);
        return catalog.commit(batch)
                .thenAcceptAsync(
                        _ -> {
                            pool.change(state -> state.with(partitions));
                            labels.settled(uuid);
                            steps.after(AssignmentStep.ASSIGNED_STORED);
                            tell(volume);
                        },
                        control);
    }

    private CompletableFuture<Void> finishRelease(VolumeRecord volume) {
        // Decided once: a unit that comes while labels are written has its turn afterwards.
        List<Partition> reachable = pool.state().partitionsOf(volume.uuid()).stream()
                .filter(partition -> pool.reaches(partition.unitVolume()))
                .toList();
        boolean last =
                reachable.size() == pool.state().partitionsOf(volume.uuid()).size();
        return labels.write(reachable, AssignmentStep.LABEL_CLEARED)
                .thenComposeAsync(
                        _ -> {
                            Catalog.Batch batch = new Catalog.Batch();
                            reachable.forEach(batch::remove);
                            return catalog.commit(last ? batch.remove(volume) : batch);
                        },
                        control)
                .thenRunAsync(
                        () -> {
                            pool.change(state -> state.without(reachable));
                            steps.after(AssignmentStep.FORGOTTEN);
                        },
                        control);
    }

    /** Starts nothing more; what is under way ends by itself. Does not close the catalog. */
    @Override
    public void close() {
        control.execute(() -> {
            closed = true;
            labels.close();
        });
    }
}
