package dev.sanway.volume;

import dev.sanway.block.BlockDevice;
import dev.sanway.block.BlockFailure;
import dev.sanway.block.BlockOutcome;
import dev.sanway.block.BlockRequest;
import io.netty.buffer.ByteBuf;
import io.netty.util.concurrent.ScheduledFuture;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Copies a part of a volume to another device, window by window, while hosts use it, and puts that in the part's place.
 *
 * <pre>
 *   the part's device: source → MovingDevice ───── takeOver ─────▶ target
 *                                   └──────────── giveUp ────────▶ source
 *
 *   copying ──▶ in step ── hold ──▶ held ── takeOver
 *      ▲           │          └─ not quiet, not flushed, not in step any more ─┐
 *      └───────────┴──────────────────── goOn ─────────────────────────────────┘
 * </pre>
 *
 * What the source calls unmapped is zeroed at the target; everything else is read and written. So the target may have held anything
 * before. Held means: both have the same, on their media, and nothing changes.
 *
 * <p>A source that does not answer is tried again; a target that does not is given up. Belongs to the volume's loop; the methods that
 * return futures may be called on any thread.
 */
final class PartCopy {
    /** So many are zeroed at once where that is giving space back, and where it is writing. */
    private static final int ZERO_WINDOWS = 64;

    private static final int WRITTEN_ZERO_WINDOWS = 4;
    private static final long RETRY_MILLIS = 500;
    private static final long LOOK_MILLIS = 250;
    /** A window keeps writes waiting no longer than this. */
    private static final long WINDOW_MILLIS = 5000;

    private static final long QUIET_MILLIS = 2000;
    private static final long FLUSH_MILLIS = 5000;

    private final MovablePart part;
    private final BlockDevice source;
    private final BlockDevice target;
    private final Supplier<Boolean> targetReady;
    private final MovePace pace;
    private final LongSupplier nanoTime;
    private final MovingDevice moving;

    private final CompletableFuture<String> failed = new CompletableFuture<>();
    private CompletableFuture<Void> inStep = new CompletableFuture<>();
    private @Nullable ScheduledFuture<?> looking;
    private volatile long copiedBytes;
    private boolean drained;
    private boolean over;
    private boolean holding;
    /** A turn of the copy is under way or due. */
    private boolean busy;
    /** Tells what belongs to a window or a hold that was let go by already. */
    private int attempt;
    /** What the last hold came to. */
    private CompletableFuture<Boolean> hold = CompletableFuture.completedFuture(false);
    /** Under way for a hold, perhaps one that was let go: what they have to say is to be heard before the next. */
    private int flushes;
    /** The hold that found nothing under way. */
    private int quietAttempt;
    /** What is in the window is on its way to the target: it is not to be let go, for nobody knows when that lands. */
    private boolean writing;

    private @Nullable CompletableFuture<Void> closing;
    private int next;
    private long paidUntilNanos;
    /** Blocks before this are known to be stored at the source, as it said last; it need not be asked. */
    private long mappedUntil;

    /**
     * Begins. On the loop.
     *
     * @param source a new window on what is in the part, over which requests go from now on
     * @param targetReady whether the target can be reached; asked on the loop
     */
    PartCopy(
            MovablePart part,
            BlockDevice source,
            BlockDevice target,
            Supplier<Boolean> targetReady,
            MovePace pace,
            LongSupplier nanoTime) {
        this.part = part;
        this.source = source;
        this.target = target;
        this.targetReady = targetReady;
        this.pace = pace;
        this.nanoTime = nanoTime;
        // Elsewhere what is unmapped may read as anything.
        this.mappedUntil = source.limits().unmappedReadsZeroes() ? 0 : Long.MAX_VALUE;
        this.moving = new MovingDevice(source, target, new Heard(), nanoTime);
    }

    private final class Heard implements MovingDevice.Events {
        @Override
        public void givenUp(String why) {
            end();
            part.replace(source);
            failed.complete(why);
        }

        @Override
        public void copiedLess() {
            if (inStep.isDone()) {
                inStep = new CompletableFuture<>();
            }
            told();
            proceed();
        }
    }

    /** What came before goes on to its end at the device that was in; then copying begins. */
    void start() {
        BlockDevice before = part.device();
        part.replace(moving);
        pace.began();
        paidUntilNanos = nanoTime.getAsLong();
        looking = source.owner().scheduleAtFixedRate(moving::look, LOOK_MILLIS, LOOK_MILLIS, TimeUnit.MILLISECONDS);
        before.close(() -> {
            drained = true;
            proceed();
        });
    }

    // ---- for whoever moves the partition; any thread

    long copiedBytes() {
        return copiedBytes;
    }

    /** Completes, with the reason, if the target is given up, whoever did that. */
    CompletableFuture<String> failed() {
        return failed;
    }

    private <T> CompletableFuture<T> onLoop(Supplier<CompletableFuture<T>> action) {
        return CompletableFuture.supplyAsync(action, source.owner()).thenCompose(future -> future);
    }

    /** Completes when the target has all that the source has. That may be over at once. */
    CompletableFuture<Void> inStep() {
        return onLoop(() -> inStep.copy());
    }

    /**
     * Makes changes wait, and brings both to their media.
     *
     * @return true: {@link #takeOver} or {@link #goOn} must follow. False: it cannot be done now, and hosts go on
     */
    CompletableFuture<Boolean> hold() {
        return onLoop(() -> {
            if (over || holding || busy || flushes > 0 || !inStep.isDone()) {
                return CompletableFuture.completedFuture(false);
            }
            holding = true;
            int mine = ++attempt;
            CompletableFuture<Boolean> held = new CompletableFuture<>();
            hold = held;
            after(QUIET_MILLIS + FLUSH_MILLIS, mine, () -> notHeld(held));
            after(QUIET_MILLIS, mine, () -> {
                if (quietAttempt != mine) {
                    notHeld(held);
                }
            });
            moving.hold(() -> {
                quietAttempt = mine;
                flushBoth(mine, held);
            });
            return held;
        });
    }

    private void notHeld(CompletableFuture<Boolean> held) {
        if (!held.isDone()) {
            attempt++;
            holding = false;
            moving.goOn();
            held.complete(false);
            proceed();
        }
    }

    /** The source too: it says by that whether it lost anything that was copied, or not yet copied. */
    private void flushBoth(int mine, CompletableFuture<Boolean> held) {
        BlockRequest flush = new BlockRequest.Flush(0, source.geometry().blockCount());
        flushes++;
        target.submit(flush, flushed -> {
            flushes--;
            if (mine != attempt) {
                if (flushed instanceof BlockOutcome.Failed(BlockFailure.UnflushedWritesLost _) && !over) {
                    // It is said once only.
                    moving.forgetAll();
                }
                return;
            }
            switch (flushed) {
                case BlockOutcome.Done _ -> {
                    flushes++;
                    source.submit(flush, outcome -> {
                        flushes--;
                        if (mine == attempt) {
                            sourceFlushed(outcome, held);
                        } else {
                            lossHeard(outcome);
                        }
                    });
                }
                case BlockOutcome.Failed(BlockFailure.UnflushedWritesLost _) -> {
                    moving.forgetAll();
                    notHeld(held);
                }
                case BlockOutcome.Failed(BlockFailure.Busy _) -> notHeld(held);
                case BlockOutcome.Failed(BlockFailure failure) -> {
                    moving.giveUp(target.identity().name() + " cannot be flushed: " + failure);
                    notHeld(held);
                }
                case BlockOutcome.Data _, BlockOutcome.Status _ -> throw new IllegalStateException("no flush");
            }
        });
    }

    private void sourceFlushed(BlockOutcome outcome, CompletableFuture<Boolean> held) {
        lossHeard(outcome);
        if (outcome instanceof BlockOutcome.Done && moving.copiedWindows() == moving.windows()) {
            held.complete(true);
        } else {
            notHeld(held);
        }
    }

    /** A host has not heard of it by its own flush, and must. */
    private void lossHeard(BlockOutcome outcome) {
        if (outcome instanceof BlockOutcome.Failed(BlockFailure.UnflushedWritesLost _)) {
            part.tellLoss();
            moving.forgetAll();
        }
    }

    /** After {@link #hold}: nothing came of it. */
    void goOn() {
        source.owner().execute(() -> {
            attempt++;
            holding = false;
            moving.goOn();
            proceed();
        });
    }

    /** After {@link #hold}: the target is the part's device. Completes when nothing is under way at the source any more. */
    CompletableFuture<Void> takeOver() {
        return onLoop(() -> {
            if (over) {
                // The part was closed while the store decided, with nothing under way: whoever opens it next has the
                // target.
                return closed(target);
            }
            moving.takeOver();
            end();
            part.replace(target, targetReady.get());
            return closed(source);
        });
    }

    /** The source stays the part's device. Completes when nothing is under way at the target any more. */
    CompletableFuture<Void> giveUp(String why) {
        return onLoop(() -> {
            moving.giveUp(why);
            return closed(target);
        });
    }

    private CompletableFuture<Void> closed(BlockDevice device) {
        CompletableFuture<Void> now = closing;
        if (now == null) {
            CompletableFuture<Void> made = new CompletableFuture<>();
            closing = made;
            device.close(() -> made.complete(null));
            return made;
        }
        return now;
    }

    private void end() {
        over = true;
        // Given up meanwhile: whoever waits for it must hear that.
        hold.complete(false);
        attempt++;
        pace.ended();
        if (looking != null) {
            looking.cancel(false);
        }
    }

    // ---- copying; on the loop

    private void told() {
        copiedBytes = Math.min(
                (long) moving.copiedWindows() * MovingDevice.WINDOW_BYTES,
                source.geometry().sizeBytes());
    }

    private void after(long millis, int mine, Runnable action) {
        var _ = source.owner()
                .schedule(
                        () -> {
                            if (mine == attempt) {
                                action.run();
                            }
                        },
                        millis,
                        TimeUnit.MILLISECONDS);
    }

    /** Goes on copying, if there is something to copy and nothing against it. */
    private void proceed() {
        if (over || holding || busy || !drained) {
            return;
        }
        if (moving.nextWindow(0) < 0) {
            inStep.complete(null);
            return;
        }
        busy = true;
        later(Math.max(0, paidUntilNanos - nanoTime.getAsLong()));
    }

    private void later(long nanos) {
        // Always by way of the loop's queue: devices that answer at once must not build up a stack.
        var _ = source.owner().schedule(this::window, nanos, TimeUnit.NANOSECONDS);
    }

    /** The window is let go, and copied another time. */
    private void again() {
        attempt++;
        moving.unlock(false);
        later(TimeUnit.MILLISECONDS.toNanos(RETRY_MILLIS));
    }

    private void done(int window, int count, long cost) {
        attempt++;
        moving.unlock(true);
        told();
        next = window + count;
        long burst = nanoTime.getAsLong() - TimeUnit.MILLISECONDS.toNanos(LOOK_MILLIS);
        paidUntilNanos = Math.max(paidUntilNanos, burst) + pace.nanosFor(cost);
        busy = false;
        proceed();
    }

    private void window() {
        int window = over ? -1 : moving.nextWindow(next);
        if (window < 0) {
            busy = false;
            proceed();
            return;
        }
        long lba = moving.lba(window);
        if (lba < mappedUntil) {
            lock(window, 1, mine -> copy(window, lba, mine));
            return;
        }
        int asked = ++attempt;
        after(WINDOW_MILLIS, asked, () -> {
            attempt++;
            later(0);
        });
        int most = target.limits().unmappedReadsZeroes() ? ZERO_WINDOWS : WRITTEN_ZERO_WINDOWS;
        unmapped(lba, moving.lba(window + most), asked, end -> {
            int count = uncopied(window, end);
            if (count == 0) {
                lock(window, 1, mine -> copy(window, lba, mine));
            } else {
                lock(window, count, mine -> zeroIfStillUnmapped(window, count, mine));
            }
        });
    }

    /** How many whole windows from one on, none of them copied, end at {@code end} or before. */
    private int uncopied(int window, long end) {
        int count = 0;
        while (window + count < moving.windows()
                && moving.lba(window + count + 1) <= end
                && moving.nextWindow(window + count) == window + count) {
            count++;
        }
        return count;
    }

    private interface Locked {
        void go(int mine);
    }

    private void lock(int window, int count, Locked then) {
        int mine = ++attempt;
        writing = false;
        after(WINDOW_MILLIS, mine, () -> {
            if (writing) {
                moving.giveUp(target.identity().name() + " did not answer in time");
            } else {
                again();
            }
        });
        moving.lock(window, count, () -> then.go(mine));
    }

    private interface Unmapped {
        /** No block before {@code end} is stored. */
        void until(long end);
    }

    private void unmapped(long lba, long end, int mine, Unmapped then) {
        source.submit(new BlockRequest.Status(lba, end - lba), outcome -> {
            if (mine != attempt) {
                return;
            }
            long until = lba;
            if (outcome instanceof BlockOutcome.Status status) {
                for (BlockOutcome.Status.Extent extent : status.extents()) {
                    if (extent.mapped()) {
                        mappedUntil = until == lba ? extent.lba() + extent.blockCount() : mappedUntil;
                        break;
                    }
                    until = extent.lba() + extent.blockCount();
                }
            } else if (outcome instanceof BlockOutcome.Failed(BlockFailure.Unsupported _)) {
                mappedUntil = Long.MAX_VALUE;
            }
            then.until(until);
        });
    }

    /** Asked once more, now that nothing can be written there. */
    private void zeroIfStillUnmapped(int window, int count, int mine) {
        long lba = moving.lba(window);
        long end = moving.lba(window + count);
        unmapped(lba, end, mine, until -> {
            if (until >= end) {
                zero(window, count, mine);
            } else {
                moving.unlock(false);
                lock(window, 1, one -> copy(window, lba, one));
            }
        });
    }

    private void zero(int window, int count, int mine) {
        int blockSize = source.geometry().blockSizeBytes();
        long lba = moving.lba(window);
        writing = true;
        Wiping.wipe(target, lba * blockSize, (moving.lba(window + count) - lba) * blockSize)
                .whenCompleteAsync(
                        (_, failure) -> {
                            if (mine != attempt) {
                                return;
                            }
                            if (failure != null) {
                                moving.giveUp(target.identity().name() + ": " + failure.getMessage());
                            } else {
                                done(window, count, (long) count * blockSize);
                            }
                        },
                        source.owner());
    }

    /** From {@code lba} to the window's end, in pieces that both devices take. */
    private void copy(int window, long lba, int mine) {
        long end = moving.lba(window + 1);
        if (lba == end) {
            done(window, 1, MovingDevice.WINDOW_BYTES);
            return;
        }
        int count = (int) Math.min(end - lba, moving.limits().maxTransferBlocks());
        source.submit(new BlockRequest.Read(lba, count, false), outcome -> {
            if (mine != attempt) {
                BlockOutcome.release(outcome);
                return;
            }
            switch (outcome) {
                case BlockOutcome.Data(ByteBuf bytes) -> write(window, lba, count, bytes, mine);
                case BlockOutcome.Failed(BlockFailure.Unreadable unreadable) ->
                    moving.giveUp(source.identity().name() + " cannot be read at block " + unreadable.lba());
                case BlockOutcome.Failed _ -> again();
                case BlockOutcome.Done _, BlockOutcome.Status _ -> throw new IllegalStateException("no read");
            }
        });
    }

    private void write(int window, long lba, int count, ByteBuf bytes, int mine) {
        writing = true;
        target.submit(new BlockRequest.Write(lba, count, bytes, false), outcome -> {
            if (mine != attempt) {
                return;
            }
            writing = false;
            switch (outcome) {
                case BlockOutcome.Done _ -> copy(window, lba + count, mine);
                case BlockOutcome.Failed(BlockFailure.Busy _) -> again();
                case BlockOutcome.Failed(BlockFailure failure) ->
                    moving.giveUp(target.identity().name() + " failed: " + failure);
                case BlockOutcome.Data _, BlockOutcome.Status _ -> throw new IllegalStateException("no write");
            }
        });
    }
}
