package dev.sanway.volume;

import dev.sanway.block.BlockDevice;
import dev.sanway.metadata.Catalog;
import dev.sanway.metadata.DeletedVolume;
import dev.sanway.metadata.VolumeRecord;
import dev.sanway.pool.Allocation;
import dev.sanway.pool.ClosedUnits;
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
 *   assign:   intent in the store → units' tables → wipe, stretch by stretch → labels → ASSIGNED in the store
 *   grow:     intent in the store → units' tables → wipe the new partitions → labels → new size in the store
 *   release:  RELEASED in the store → out of the units' tables → out of the labels → forgotten
 * </pre>
 *
 * Each arrow is crossed only when what is before it is durable, so that after a crash the store's state says where to go on;
 * that happens by itself as soon as the unit volumes concerned are attached. The partitions that a volume has never change
 * afterwards, however the configuration is ordered and whichever units are away; growth adds to them.
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

    /** Whether a volume grows. */
    public sealed interface GrowthAnswer {
        /** It does, or has that size already. */
        record Accepted(VolumeRecord volume) implements GrowthAnswer {}

        /** Nothing was changed; {@code why} is for the operator. */
        record Refused(String why) implements GrowthAnswer {}
    }

    /** Hears of volumes' progress, on the control's executor. */
    @FunctionalInterface
    public interface Listener {
        /**
         * A volume's record has changed.
         *
         * @param pool as it is with that record
         * @param partitionBytes of the partitions that are wiped, against which its progress is to be held
         */
        void volumeChanged(VolumeRecord volume, PoolState pool, long partitionBytes);
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
    private final Deletions deletions;
    private final Slabs slabs;
    private final Withdrawals withdrawals;
    private final Set<UUID> running = new HashSet<>();
    private final Set<UUID> growing = new HashSet<>();
    /** Volumes, or their growth, whose end is on its way to the store: nothing else of them may overtake it. */
    private final Set<UUID> givenUp = new HashSet<>();
    /** Volumes whose new size is on its way to the store. */
    private final Set<UUID> settling = new HashSet<>();

    private final Map<String, CompletableFuture<Assignment>> assigning = new HashMap<>();
    private final List<Listener> listeners = new ArrayList<>();
    private final Map<UUID, String> warnings = new HashMap<>();
    private UnitTables tables = UnitTables.NONE;
    private volatile ClosedUnits closedUnits = ClosedUnits.NONE;
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
        this.withdrawals = new Withdrawals(catalog, control, pool);
        this.deletions = new Deletions(catalog, control, pool, growing, this::changed, this::release);
        this.slabs = new Slabs(
                catalog, control, pool, labels, deletions, steps, () -> tables, () -> closedUnits, this::resume);
    }

    /** The pool as it is now. Any thread. */
    public PoolState pool() {
        return pool.state();
    }

    /** Volumes that are deleted and can be restored. */
    public Deletions deletions() {
        return deletions;
    }

    /** Takes unit volumes out of the pool. */
    public Withdrawals withdrawals() {
        return withdrawals;
    }

    private void changed(VolumeRecord volume) {
        tell(volume);
        resume(volume);
    }

    /** Where thin volumes get their slabs from. */
    public Slabs slabs() {
        return slabs;
    }

    /** Adds a listener, which is told of every volume there is first. */
    public CompletableFuture<Void> listen(Listener listener) {
        return onControl(() -> {
            listeners.add(listener);
            catalog.volumes().forEach(volume -> listener.volumeChanged(volume, pool(), partitionBytes(volume)));
            return CompletableFuture.completedFuture(null);
        });
    }

    /** Units with an agent keep tables from now on. On the control's executor. */
    public void keptAlsoBy(UnitTables units) {
        tables = units;
    }

    /** The units that are given no new partitions from now on. On the control's executor. */
    public void closeTo(ClosedUnits units) {
        closedUnits = units;
    }

    /** The units that are given no new partitions. Any thread. */
    public ClosedUnits closedUnits() {
        return closedUnits;
    }

    /** The pool as far as new partitions may lie there. Any thread. */
    public PoolState openPool() {
        return open(pool.state());
    }

    /** The pool as far as what has to leave its unit may lie there. Any thread. */
    public PoolState openPoolWithSpares() {
        return closedUnits.openWithSpares(pool.state());
    }

    private PoolState open(PoolState state) {
        return closedUnits.open(state);
    }

    private <T> CompletableFuture<T> onControl(Supplier<CompletableFuture<T>> action) {
        return CompletableFuture.supplyAsync(action, control).thenCompose(future -> future);
    }

    /** What is being wiped, or was: all partitions at first, the new ones of a volume that grows. */
    private List<Partition> wiping(VolumeRecord volume) {
        return pool.state().partitionsOf(volume.uuid()).stream()
                .filter(partition -> volume.growth() == null || partition.state() == PartitionState.WIPING)
                .toList();
    }

    private long partitionBytes(VolumeRecord volume) {
        return wiping(volume).stream().mapToLong(Partition::lengthBytes).sum();
    }

    private void tell(VolumeRecord volume) {
        listeners.forEach(listener -> listener.volumeChanged(volume, pool(), partitionBytes(volume)));
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
            CompletableFuture<Assignment> now = deletions.withRoom(
                    assignNow(request),
                    Assignment.Refused.class,
                    left -> allocation(open(left), request, UUID.randomUUID()),
                    () -> assignNow(request));
            assigning.put(request.name(), now);
            now.whenCompleteAsync((_, _) -> assigning.remove(request.name(), now), control);
            return now;
        });
    }

    private CompletableFuture<Assignment> assignNow(VolumeRequest request) {
        Optional<VolumeRecord> existing = catalog.volume(request.name());
        if (existing.isPresent()) {
            return CompletableFuture.completedFuture(
                    new Assignment.Made(existing.get(), RequestDifferences.between(existing.get(), request)));
        }
        if (request.layout() instanceof VolumeLayout.Striped striped
                && striped.chunkBytes() % request.blockSizeBytes() != 0) {
            return CompletableFuture.completedFuture(new Assignment.Refused(
                    request.name() + ": the chunk is no multiple of the block size, " + request.blockSizeBytes()));
        }
        UUID uuid = UUID.randomUUID();
        return switch (allocation(openPool(), request, uuid)) {
            case Allocation.Result.Refused refused ->
                CompletableFuture.completedFuture(
                        new Assignment.Refused(request.name() + ": " + refused.explanation() + closedUnits.note()));
            case Allocation.Result.Placed placed -> {
                VolumeRecord volume = new VolumeRecord(
                        uuid,
                        request.name(),
                        request.host(),
                        request.sizeBytes(),
                        request.blockSizeBytes(),
                        request.layout(),
                        // There is nothing to wipe yet of a thin one.
                        request.layout() instanceof VolumeLayout.Thin
                                ? VolumeRecord.State.ASSIGNED
                                : VolumeRecord.State.WIPING,
                        0);
                yield intend(volume, placed.partitions());
            }
        };
    }

    private static Allocation.Result allocation(PoolState from, VolumeRequest request, UUID uuid) {
        return Allocation.allocate(
                from,
                new Allocation.Request(uuid, request.sizeBytes(), request.layout(), request.blockSizeBytes()),
                UUID::randomUUID);
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

    /**
     * Why a volume would get no partitions as the pool is now, even if deleted volumes were given up for it, or nothing.
     * Changes nothing; any thread.
     */
    public Optional<String> noRoom(VolumeRequest request) {
        return allocation(deletions.withoutDeleted(openPool()), request, UUID.randomUUID())
                        instanceof Allocation.Result.Refused refused
                ? Optional.of(refused.explanation() + closedUnits.note())
                : Optional.empty();
    }

    /**
     * Makes a volume larger while it is served. The future completes as soon as the intent is durable; the new partitions are
     * wiped behind, then listeners hear of the new size.
     */
    public CompletableFuture<GrowthAnswer> grow(UUID uuid, long toBytes) {
        return deletions.withRoom(
                growNow(uuid, toBytes),
                GrowthAnswer.Refused.class,
                left -> catalog.volume(uuid)
                        .filter(volume -> toBytes % volume.blockSizeBytes() == 0)
                        .map(volume -> Allocation.grow(open(left), growth(volume, toBytes), UUID::randomUUID))
                        .orElseGet(() -> new Allocation.Result.Refused("")),
                () -> growNow(uuid, toBytes));
    }

    private static Allocation.Request growth(VolumeRecord volume, long toBytes) {
        return new Allocation.Request(volume.uuid(), toBytes, volume.layout(), volume.blockSizeBytes());
    }

    private CompletableFuture<GrowthAnswer> growNow(UUID uuid, long toBytes) {
        return onControl(() -> {
            Optional<VolumeRecord> found = catalog.volume(uuid);
            if (found.isEmpty()) {
                return notGrown("there is no such volume");
            }
            VolumeRecord volume = found.get();
            boolean unsettled = growing.contains(uuid)
                    || (volume.growth() == null
                            && !Slabs.thin(volume)
                            && pool.state().partitionsOf(uuid).stream()
                                    .anyMatch(partition -> partition.state() != PartitionState.ASSIGNED));
            Optional<String> objection = GrowthCheck.objection(volume, toBytes, unsettled);
            if (objection.isPresent()) {
                return notGrown(volume.name() + ": " + objection.get());
            }
            VolumeRecord.Growth under = volume.growth();
            if (volume.sizeBytes() == toBytes || (under != null && under.toBytes() == toBytes)) {
                return CompletableFuture.completedFuture(new GrowthAnswer.Accepted(volume));
            }
            if (Slabs.thin(volume)) {
                growing.add(uuid);
                return slabs.resize(volume.growing(toBytes).grown(), this::tell)
                        .<GrowthAnswer>thenApply(GrowthAnswer.Accepted::new)
                        .whenCompleteAsync((_, _) -> growing.remove(uuid), control);
            }
            return switch (Allocation.grow(openPool(), growth(volume, toBytes), UUID::randomUUID)) {
                case Allocation.Result.Refused refused ->
                    notGrown(volume.name() + ": " + refused.explanation() + closedUnits.note());
                case Allocation.Result.Placed placed -> intendGrowth(volume.growing(toBytes), placed.partitions());
            };
        });
    }

    private static CompletableFuture<GrowthAnswer> notGrown(String why) {
        return CompletableFuture.completedFuture(new GrowthAnswer.Refused(why));
    }

    private CompletableFuture<GrowthAnswer> intendGrowth(VolumeRecord volume, List<Partition> partitions) {
        growing.add(volume.uuid());
        pool.change(state -> state.with(partitions));
        Catalog.Batch batch = new Catalog.Batch().put(volume);
        partitions.forEach(batch::put);
        return catalog.commit(batch)
                .handleAsync(
                        (_, failure) -> {
                            growing.remove(volume.uuid());
                            if (failure != null) {
                                pool.change(state -> state.without(partitions));
                                throw new CompletionException(failure);
                            }
                            steps.after(AssignmentStep.INTENT_STORED);
                            // It may have been given up meanwhile.
                            catalog.volume(volume.uuid()).ifPresent(now -> {
                                tell(now);
                                resume(now);
                            });
                            return new GrowthAnswer.Accepted(volume);
                        },
                        control);
    }

    /**
     * Stops a growth that is under way; the volume stays as large as it is.
     *
     * @return false if it does not grow
     */
    public CompletableFuture<Boolean> cancelGrowth(UUID uuid) {
        return onControl(() -> {
            Optional<VolumeRecord> found = catalog.volume(uuid).filter(volume -> volume.growth() != null);
            if (found.isEmpty() || settling.contains(uuid)) {
                return CompletableFuture.completedFuture(false);
            }
            VolumeRecord volume = found.get().in(VolumeRecord.State.ASSIGNED);
            List<Partition> taken = wiping(found.get()).stream()
                    .map(partition -> partition.in(PartitionState.RELEASED))
                    .toList();
            Catalog.Batch batch = new Catalog.Batch().put(volume);
            taken.forEach(batch::put);
            return end(uuid, batch)
                    .thenApplyAsync(
                            _ -> {
                                pool.change(state -> state.with(taken));
                                labels.settled(uuid);
                                steps.after(AssignmentStep.RELEASE_STORED);
                                tell(volume);
                                resume(volume);
                                return true;
                            },
                            control);
        });
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
            return end(uuid, batch)
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

    private CompletableFuture<Void> end(UUID uuid, Catalog.Batch batch) {
        givenUp.add(uuid);
        return catalog.commit(batch).whenCompleteAsync((_, _) -> givenUp.remove(uuid), control);
    }

    // ---- work behind

    private void resumeAll() {
        catalog.volumes().forEach(this::resume);
    }

    /** What is left to do for a volume. */
    private enum Work {
        NONE,
        WIPE,
        ERASE,
        TAKE_BACK
    }

    private Work work(VolumeRecord volume) {
        if (volume.wipes()) {
            return volume.state() == VolumeRecord.State.ERASING ? Work.ERASE : Work.WIPE;
        }
        return volume.state() == VolumeRecord.State.RELEASED
                        || !released(volume.uuid()).isEmpty()
                ? Work.TAKE_BACK
                : Work.NONE;
    }

    private List<Partition> released(UUID uuid) {
        return pool.state().partitionsOf(uuid).stream()
                .filter(partition -> partition.state() == PartitionState.RELEASED)
                .toList();
    }

    /** Goes on with a volume's work, if there is any, none is running, and what it takes is attached. */
    private void resume(VolumeRecord volume) {
        if (closed || running.contains(volume.uuid())) {
            return;
        }
        boolean possible = switch (work(volume)) {
            case WIPE, ERASE -> wiping(volume).stream().allMatch(each -> pool.reaches(each.unitVolume()));
            case TAKE_BACK -> {
                List<Partition> released = released(volume.uuid());
                yield released.isEmpty() || released.stream().anyMatch(each -> pool.reaches(each.unitVolume()));
            }
            case NONE -> false;
        };
        if (!possible) {
            return;
        }
        running.add(volume.uuid());
        CompletableFuture<Void> work = switch (work(volume)) {
            case WIPE -> finishAssignment(volume);
            case ERASE ->
                wipe(volume)
                        .thenComposeAsync(_ -> release(volume.uuid()), control)
                        .thenApply(_ -> null);
            case TAKE_BACK -> takeBack(volume);
            case NONE -> CompletableFuture.completedFuture(null);
        };
        work.whenCompleteAsync((_, failure) -> ended(volume.uuid(), failure), control);
    }

    private void ended(UUID uuid, Throwable failure) {
        running.remove(uuid);
        labels.settled(uuid);
        deletions.freed();
        Optional<VolumeRecord> now = catalog.volume(uuid);
        if (closed || now.isEmpty()) {
            return;
        }
        if (failure == null) {
            warnings.remove(uuid);
            resume(now.get());
        } else {
            String why = String.valueOf(failure.getMessage());
            if (!why.equals(warnings.put(uuid, why))) {
                LOG.warn("volume {}: {}; trying again", now.get().name(), why);
            }
            control.schedule(() -> catalog.volume(uuid).ifPresent(this::resume), RETRY_SECONDS, TimeUnit.SECONDS);
        }
    }

    private CompletableFuture<Void> finishAssignment(VolumeRecord volume) {
        List<Partition> partitions = wiping(volume);
        return tables.assign(partitions)
                .thenComposeAsync(
                        _ -> {
                            steps.after(AssignmentStep.UNIT_ASSIGNED);
                            return wipe(volume);
                        },
                        control)
                .thenComposeAsync(
                        _ -> {
                            if (!wipes(volume.uuid())) {
                                return CompletableFuture.<Void>completedFuture(null);
                            }
                            labels.wiped(volume.uuid());
                            return labels.write(partitions, AssignmentStep.LABEL_WRITTEN);
                        },
                        control)
                .thenComposeAsync(_ -> storeAssigned(volume.uuid()), control);
    }

    /** Wipes from where the record says on; ends early if the volume or its growth was given up meanwhile. */
    private CompletableFuture<Void> wipe(VolumeRecord volume) {
        if (closed || !wipes(volume.uuid())) {
            return CompletableFuture.completedFuture(null);
        }
        long before = 0;
        for (Partition partition : wiping(volume)) {
            if (volume.progressBytes() < before + partition.lengthBytes()) {
                return wipeStretch(volume, partition, volume.progressBytes() - before);
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
        VolumeRecord after = volume.wiped(volume.progressBytes() + length);
        return Wiping.wipe(device, partition.startBytes() + offset, length)
                .thenComposeAsync(
                        _ -> {
                            steps.after(AssignmentStep.STRETCH_WIPED);
                            return wipes(volume.uuid())
                                    ? catalog.commit(new Catalog.Batch().put(after))
                                    : CompletableFuture.<Void>completedFuture(null);
                        },
                        control)
                .thenComposeAsync(
                        _ -> {
                            steps.after(AssignmentStep.PROGRESS_STORED);
                            if (wipes(volume.uuid())) {
                                tell(after);
                            }
                            return wipe(after);
                        },
                        control);
    }

    private boolean wipes(UUID uuid) {
        return !givenUp.contains(uuid)
                && catalog.volume(uuid).filter(VolumeRecord::wipes).isPresent();
    }

    private CompletableFuture<Void> storeAssigned(UUID uuid) {
        if (closed || !wipes(uuid)) {
            return CompletableFuture.completedFuture(null);
        }
        VolumeRecord before = catalog.volume(uuid).orElseThrow();
        VolumeRecord volume = before.growth() == null ? before.in(VolumeRecord.State.ASSIGNED) : before.grown();
        List<Partition> partitions = wiping(before).stream()
                .map(partition -> partition.in(PartitionState.ASSIGNED))
                .toList();
        Catalog.Batch batch = new Catalog.Batch().put(volume);
        partitions.forEach(batch::put);
        settling.add(uuid);
        return catalog.commit(batch)
                .whenCompleteAsync((_, _) -> settling.remove(uuid), control)
                .thenAcceptAsync(
                        _ -> {
                            pool.change(state -> state.with(partitions));
                            labels.settled(uuid);
                            steps.after(AssignmentStep.ASSIGNED_STORED);
                            tell(volume);
                        },
                        control);
    }

    private CompletableFuture<Void> takeBack(VolumeRecord volume) {
        // Decided once: a unit that comes while labels are written has its turn afterwards.
        List<Partition> reachable = released(volume.uuid()).stream()
                .filter(partition -> pool.reaches(partition.unitVolume()))
                .toList();
        boolean last = volume.state() == VolumeRecord.State.RELEASED
                && reachable.size() == pool.state().partitionsOf(volume.uuid()).size();
        return tables.release(reachable)
                .thenComposeAsync(
                        _ -> {
                            steps.after(AssignmentStep.UNIT_RELEASED);
                            return labels.write(reachable, AssignmentStep.LABEL_CLEARED);
                        },
                        control)
                .thenComposeAsync(
                        _ -> {
                            Catalog.Batch batch = new Catalog.Batch();
                            reachable.forEach(batch::remove);
                            if (last) {
                                batch.remove(volume)
                                        .removeReservations(volume.uuid())
                                        .remove(
                                                DeletedVolume.KIND,
                                                volume.uuid().toString());
                                catalog.hostsOf(volume.uuid()).forEach(host -> batch.removeLun(host, volume.uuid()));
                            }
                            return catalog.commit(batch);
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
