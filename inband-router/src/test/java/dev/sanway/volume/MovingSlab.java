package dev.sanway.volume;

import dev.sanway.block.BlockDevice;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/** A slab's part as a thin volume has it, and what {@link PartitionMoves} does with it. On the part's owner. */
public final class MovingSlab {
    private final MovablePart part;
    private @Nullable PartCopy copy;

    public MovingSlab(BlockDevice first) {
        part = new MovablePart(first, MovablePart.Above.THIN_VOLUME);
    }

    public BlockDevice part() {
        return part;
    }

    /** Begins to copy; {@code source}: another window on what is in the part. */
    public void begin(BlockDevice source, BlockDevice target) {
        PartCopy made = new PartCopy(part, source, target, () -> true, new MovePace(Long.MAX_VALUE), System::nanoTime);
        copy = made;
        made.start();
    }

    private PartCopy copy() {
        return Objects.requireNonNull(copy);
    }

    public CompletableFuture<String> failed() {
        return copy().failed();
    }

    public CompletableFuture<Void> inStep() {
        return copy().inStep();
    }

    public CompletableFuture<Boolean> hold() {
        return copy().hold();
    }

    public void goOn() {
        copy().goOn();
    }

    public CompletableFuture<Void> takeOver() {
        return copy().takeOver();
    }

    public CompletableFuture<Void> giveUp() {
        return copy().giveUp("by chance");
    }
}
