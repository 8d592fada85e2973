package dev.sanway.volume;

import dev.sanway.metadata.Catalog;
import dev.sanway.metadata.VolumeRecord;
import dev.sanway.pool.Allocation;
import dev.sanway.pool.Partition;
import dev.sanway.pool.PoolState;
import dev.sanway.pool.VolumeLayout;
import dev.sanway.volume.Assignments.Assignment;
import dev.sanway.volume.Assignments.VolumeRequest;
import io.netty.util.concurrent.EventExecutor;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.Consumer;

/**
 * Gives volumes their first partitions: chosen by {@link Allocation}, intended in the store; wiping is the work behind. Belongs to
 * the control's executor.
 */
final class Assigning {
    private final VolumeLedger ledger;
    private final Catalog catalog;
    private final EventExecutor control;
    private final LivePool pool;
    private final Assignments.Steps steps;
    private final Deletions deletions;
    private final Consumer<VolumeRecord> resume;
    private final Map<String, CompletableFuture<Assignment>> assigning = new HashMap<>();

    /** {@code resume}: goes on with a volume's work. */
    Assigning(VolumeLedger ledger, Deletions deletions, Consumer<VolumeRecord> resume) {
        this.ledger = ledger;
        this.catalog = ledger.catalog;
        this.control = ledger.control;
        this.pool = ledger.pool;
        this.steps = ledger.steps;
        this.deletions = deletions;
        this.resume = resume;
    }

    /**
     * Gives a volume partitions, unless it has some already. The future completes as soon as the intent is durable; wiping
     * goes on behind, and listeners hear of it.
     */
    CompletableFuture<Assignment> assign(VolumeRequest request) {
        return ledger.onControl(() -> {
            // Asked for twice at once it is still one volume.
            CompletableFuture<Assignment> already = assigning.get(request.name());
            if (already != null) {
                return already.thenComposeAsync(_ -> assign(request), control);
            }
            CompletableFuture<Assignment> now = deletions.withRoom(
                    assignNow(request),
                    Assignment.Refused.class,
                    left -> allocation(ledger.open(left), request, UUID.randomUUID()),
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
        return switch (allocation(ledger.openPool(), request, uuid)) {
            case Allocation.Result.Refused refused ->
                CompletableFuture.completedFuture(
                        new Assignment.Refused(request.name() + ": " + refused.explanation() + ledger.closedNote()));
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
                            ledger.tell(volume);
                            resume.accept(volume);
                            return new Assignment.Made(volume, List.of());
                        },
                        control);
    }

    /**
     * Why a volume would get no partitions as the pool is now, even if deleted volumes were given up for it, or nothing.
     * Changes nothing; any thread.
     */
    Optional<String> noRoom(VolumeRequest request) {
        return allocation(deletions.withoutDeleted(ledger.openPool()), request, UUID.randomUUID())
                        instanceof Allocation.Result.Refused refused
                ? Optional.of(refused.explanation() + ledger.closedNote())
                : Optional.empty();
    }
}
