package dev.sanway.volume.thin;

import dev.sanway.block.BlockCompletion;
import dev.sanway.block.BlockDevice;
import dev.sanway.block.BlockFailure;
import dev.sanway.block.BlockOperation;
import dev.sanway.block.BlockOutcome;
import dev.sanway.block.BlockRequest;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A request under way in parts: on slabs, and on the map pages that it waits for. Ends when all of them have. Of several
 * failures the one at the lowest block counts, but that unflushed writes were lost outranks every other, since it is said once.
 */
final class Transfer implements BlockOperation {
    private static final long NO_LBA = Long.MAX_VALUE - 1;

    private final BlockCompletion completion;
    private final Supplier<BlockOutcome> whenDone;
    private final Runnable released;
    private final Runnable ended;
    private final List<BlockOperation> operations = new ArrayList<>(2);
    /** One more than there are, until {@link #submitted}. */
    private int remaining = 1;

    private @Nullable BlockFailure failure;
    private long failedAt = Long.MAX_VALUE;

    /**
     * @param whenDone the outcome, if no part failed
     * @param released lets go of what was gathered, if one did
     * @param ended runs after the completion
     */
    Transfer(BlockCompletion completion, Supplier<BlockOutcome> whenDone, Runnable released, Runnable ended) {
        this.completion = completion;
        this.whenDone = whenDone;
        this.released = released;
        this.ended = ended;
    }

    /**
     * Submits a part.
     *
     * @param shift added to a block of the part it gives the volume's
     */
    void submit(BlockDevice part, BlockRequest request, long lba, long shift, Consumer<BlockOutcome> gathered) {
        remaining++;
        operations.add(part.submit(request, outcome -> {
            gathered.accept(outcome);
            if (outcome instanceof BlockOutcome.Failed failed) {
                failed(BlockFailure.shifted(failed.failure(), shift), lba);
            }
            partEnded();
        }));
    }

    /** A map page to wait for. */
    MapWriter.Waiter page() {
        remaining++;
        return pageFailure -> {
            if (pageFailure != null) {
                // Its blocks are none of the volume's.
                failed(
                        pageFailure instanceof BlockFailure.Unwritable
                                ? new BlockFailure.Broken("a map page cannot be written: " + pageFailure)
                                : pageFailure,
                        NO_LBA);
            }
            partEnded();
        };
    }

    private void failed(BlockFailure now, long lba) {
        long rank = switch (now) {
            case BlockFailure.UnflushedWritesLost _ -> -1;
            case BlockFailure.Unreadable unreadable -> unreadable.lba();
            case BlockFailure.Unwritable unwritable -> unwritable.lba();
            case BlockFailure.Miscompare _,
                    BlockFailure.NotReady _,
                    BlockFailure.OutOfSpace _,
                    BlockFailure.WriteProtected _,
                    BlockFailure.Busy _,
                    BlockFailure.ReservationConflict _,
                    BlockFailure.Cancelled _,
                    BlockFailure.Unsupported _,
                    BlockFailure.Broken _ -> lba;
        };
        if (rank < failedAt) {
            failure = now;
            failedAt = rank;
        }
    }

    /** All parts were submitted. */
    void submitted() {
        partEnded();
    }

    private void partEnded() {
        if (--remaining > 0) {
            return;
        }
        try {
            BlockFailure failed = failure;
            if (failed == null) {
                completion.completed(whenDone.get());
            } else {
                released.run();
                completion.completed(BlockOutcome.failed(failed));
            }
        } finally {
            ended.run();
        }
    }

    @Override
    public void cancel() {
        List.copyOf(operations).forEach(BlockOperation::cancel);
    }
}
