package dev.sanway.volume;

import dev.sanway.block.BlockDevice;
import dev.sanway.metadata.Catalog;
import dev.sanway.metadata.VolumeRecord;
import dev.sanway.pool.ClosedUnits;
import dev.sanway.pool.PoolState;
import dev.sanway.pool.UnitVolume;
import dev.sanway.pool.VolumeLayout;
import io.netty.util.concurrent.EventExecutor;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;

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
 * afterwards, however the configuration is ordered and whichever units are away; growth adds to them, and {@link PartitionMoves}
 * replaces them.
 *
 * <p>Belongs to one executor, the control's. Methods that return futures may be called on any thread; the futures complete
 * on the control's executor, and with an exception only if the store or a device fails.
 */
public final class Assignments implements AutoCloseable {

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

    final VolumeLedger ledger;
    private final Admissions admissions;
    private final LabelTables labels;
    private final Releasing releasing;
    private final VolumeWork work;
    private final Deletions deletions;
    private final Slabs slabs;
    private final Withdrawals withdrawals;
    private final Assigning assigning;
    private final Growing growing;
    private final PartitionMoves moves;
    private final Losses losses;

    public Assignments(Catalog catalog, EventExecutor control) {
        this(catalog, control, _ -> {});
    }

    Assignments(Catalog catalog, EventExecutor control, Steps steps) {
        this.ledger = new VolumeLedger(catalog, control, steps);
        LivePool pool = ledger.pool;
        this.admissions = new Admissions(catalog, control, pool, steps, this::resumeAll);
        this.labels = new LabelTables(catalog, control, pool, admissions, steps);
        this.withdrawals = new Withdrawals(catalog, control, pool, this::resumeAll);
        this.releasing = new Releasing(ledger, labels, this::resume);
        this.deletions = new Deletions(catalog, control, pool, ledger.growing, this::changed, releasing::release);
        this.work = new VolumeWork(ledger, labels, new WipeWork(ledger, labels), releasing, deletions::freed);
        this.moves = new PartitionMoves(ledger, labels, work::resume);
        this.slabs = new Slabs(ledger, labels, deletions, moves, work::resume);
        this.assigning = new Assigning(ledger, deletions, work::resume);
        this.growing = new Growing(ledger, deletions, slabs, labels, work::resume);
        this.losses = new Losses(ledger, labels, deletions, moves, work::resume, this::resumeAll);
    }

    private void resume(VolumeRecord volume) {
        work.resume(volume);
    }

    private void resumeAll() {
        work.resumeAll();
    }

    private void changed(VolumeRecord volume) {
        ledger.tell(volume);
        work.resume(volume);
    }

    /** The pool as it is now. Any thread. */
    public PoolState pool() {
        return ledger.pool.state();
    }

    /** The pool as far as new partitions may lie there. Any thread. */
    public PoolState openPool() {
        return ledger.openPool();
    }

    /** The pool as far as what has to leave its unit may lie there. Any thread. */
    public PoolState openPoolWithSpares() {
        return ledger.closedUnits.openWithSpares(ledger.pool.state());
    }

    /** Volumes that are deleted and can be restored. */
    public Deletions deletions() {
        return deletions;
    }

    /** Takes unit volumes out of the pool. */
    public Withdrawals withdrawals() {
        return withdrawals;
    }

    /** Gives unit volumes up that nobody will reach again. */
    public Losses losses() {
        return losses;
    }

    /** Where thin volumes get their slabs from. */
    public Slabs slabs() {
        return slabs;
    }

    /** Partitions on their way to other places. */
    public PartitionMoves moves() {
        return moves;
    }

    /** Adds a listener, which is told of every volume there is first. */
    public CompletableFuture<Void> listen(Listener listener) {
        return ledger.onControl(() -> {
            ledger.listeners.add(listener);
            ledger.catalog
                    .volumes()
                    .forEach(volume -> listener.volumeChanged(volume, pool(), ledger.partitionBytes(volume)));
            return CompletableFuture.completedFuture(null);
        });
    }

    /** Units with an agent keep tables from now on. On the control's executor. */
    public void keptAlsoBy(UnitTables units) {
        ledger.tables = units;
    }

    /** The units that are given no new partitions from now on. On the control's executor. */
    public void closeTo(ClosedUnits units) {
        ledger.closedUnits = units;
    }

    /** The units that are given no new partitions. Any thread. */
    public ClosedUnits closedUnits() {
        return ledger.closedUnits;
    }

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
     * ever overwritten by it, this pool's neither, but one that was given up as lost.
     */
    public CompletableFuture<Admission> adoptErasing(String unit, long lun, BlockDevice device) {
        return admissions.adoptErasing(unit, lun, device);
    }

    /** A unit volume can no longer be reached through the device that it was admitted with. */
    public void departed(UUID label, BlockDevice device) {
        ledger.control.execute(() -> ledger.pool.detach(label, device));
    }

    /**
     * Gives a volume partitions, unless it has some already. The future completes as soon as the intent is durable; wiping
     * goes on behind, and listeners hear of it.
     */
    public CompletableFuture<Assignment> assign(VolumeRequest request) {
        return assigning.assign(request);
    }

    /**
     * Why a volume would get no partitions as the pool is now, even if deleted volumes were given up for it, or nothing.
     * Changes nothing; any thread.
     */
    public Optional<String> noRoom(VolumeRequest request) {
        return assigning.noRoom(request);
    }

    /**
     * Makes a volume larger while it is served. The future completes as soon as the intent is durable; the new partitions are
     * wiped behind, then listeners hear of the new size.
     */
    public CompletableFuture<GrowthAnswer> grow(UUID uuid, long toBytes) {
        return growing.grow(uuid, toBytes);
    }

    /**
     * Stops a growth that is under way; the volume stays as large as it is.
     *
     * @return false if it does not grow
     */
    public CompletableFuture<Boolean> cancelGrowth(UUID uuid) {
        return growing.cancelGrowth(uuid);
    }

    /**
     * Gives a volume and its data up. The future completes as soon as that is durable; the partitions become free when the
     * labels of their unit volumes have forgotten them.
     *
     * @return false if there is no such volume
     */
    public CompletableFuture<Boolean> release(UUID uuid) {
        return releasing.release(uuid);
    }

    /** Starts nothing more; what is under way ends by itself. Does not close the catalog. */
    @Override
    public void close() {
        ledger.control.execute(() -> {
            ledger.closed = true;
            labels.close();
        });
    }
}
