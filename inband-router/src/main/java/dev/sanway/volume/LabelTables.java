package dev.sanway.volume;

import dev.sanway.block.BlockDevice;
import dev.sanway.metadata.Catalog;
import dev.sanway.metadata.UnitVolumeRecord;
import dev.sanway.pool.Label;
import dev.sanway.pool.LabelStore;
import dev.sanway.pool.Partition;
import dev.sanway.pool.PartitionState;
import io.netty.util.concurrent.EventExecutor;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;

/** Brings the partition tables in unit volumes' labels up to date. Belongs to the control's executor. */
final class LabelTables {
    private final Catalog catalog;
    private final EventExecutor control;
    private final LivePool pool;
    private final Admissions admissions;
    private final Assignments.Steps steps;
    private final Map<UUID, CompletableFuture<?>> tails = new HashMap<>();
    /** Volumes whose partitions are all wiped, so that labels show them as assigned ahead of the store. */
    private final Set<UUID> wiped = new HashSet<>();

    /** Slabs that have their map, and partitions that have what they are to replace, the same way. */
    private final Set<UUID> formatted = new HashSet<>();

    private boolean closed;

    LabelTables(Catalog catalog, EventExecutor control, LivePool pool, Admissions admissions, Assignments.Steps steps) {
        this.catalog = catalog;
        this.control = control;
        this.pool = pool;
        this.admissions = admissions;
        this.steps = steps;
    }

    /** From now on labels show the volume's partitions as assigned. */
    void wiped(UUID volume) {
        wiped.add(volume);
    }

    /** The store says what counts again. */
    void settled(UUID volume) {
        wiped.remove(volume);
    }

    /** From now on labels show the slab, or what takes another's place, as assigned. */
    void formatted(UUID partition) {
        formatted.add(partition);
    }

    /** The store says what counts for it again. */
    void settledPartition(UUID partition) {
        formatted.remove(partition);
    }

    void close() {
        closed = true;
    }

    /** Writes the labels of all unit volumes that the partitions lie on, one after the other. */
    CompletableFuture<Void> write(List<Partition> partitions, AssignmentStep step) {
        CompletableFuture<Void> all = CompletableFuture.completedFuture(null);
        Set<UUID> labels = new LinkedHashSet<>();
        partitions.forEach(partition -> labels.add(partition.unitVolume()));
        for (UUID label : labels) {
            all = all.thenComposeAsync(_ -> rewrite(label), control).thenRunAsync(() -> steps.after(step), control);
        }
        return all;
    }

    /** One at a time per unit volume; each writes what is true when its turn has come. */
    private CompletableFuture<Void> rewrite(UUID label) {
        CompletableFuture<?> before = tails.getOrDefault(label, CompletableFuture.completedFuture(null));
        CompletableFuture<Void> mine = before.handle((_, _) -> null).thenComposeAsync(_ -> rewriteNow(label), control);
        tails.put(label, mine);
        return mine;
    }

    private CompletableFuture<Void> rewriteNow(UUID label) {
        BlockDevice device = pool.device(label).orElse(null);
        if (closed || device == null) {
            return CompletableFuture.failedFuture(
                    new IllegalStateException("a unit went away before its label was written"));
        }
        // Read first: only what is still as we left it is overwritten.
        return LabelStore.read(device)
                .thenComposeAsync(
                        reading -> {
                            if (!(reading instanceof Label.Reading.Labelled labelled)
                                    || !labelled.label().uuid().equals(label)
                                    || admissions.objection(labelled.label()).isPresent()) {
                                return CompletableFuture.failedFuture(new IllegalStateException("the label of "
                                        + device.identity().name() + " was changed by another: " + reading));
                            }
                            return LabelStore.write(
                                    device, labelled.label().next(catalog.self().gateway(), partitionsFor(label)));
                        },
                        control)
                .thenComposeAsync(
                        written -> {
                            if (!pool.reaches(label)) {
                                return CompletableFuture.failedFuture(
                                        new IllegalStateException("a unit went away while its label was written"));
                            }
                            UnitVolumeRecord record = catalog.unitVolume(label).orElseThrow();
                            return catalog.commit(new Catalog.Batch()
                                    .put(new UnitVolumeRecord(record.unitVolume(), written.sequence())));
                        },
                        control);
    }

    private List<Partition> partitionsFor(UUID label) {
        List<Partition> partitions = new ArrayList<>();
        for (Partition partition : pool.state().keptOn(label)) {
            boolean done = formatted.contains(partition.uuid())
                    || (partition.owner() != null
                            && wiped.contains(partition.owner().volume()));
            switch (partition.state()) {
                case ASSIGNED -> partitions.add(partition);
                case WIPING -> partitions.add(done ? partition.in(PartitionState.ASSIGNED) : partition);
                case COPYING -> partitions.add(partition.in(done ? PartitionState.ASSIGNED : PartitionState.WIPING));
                case RELEASED, FREE -> {}
            }
        }
        return partitions;
    }
}
