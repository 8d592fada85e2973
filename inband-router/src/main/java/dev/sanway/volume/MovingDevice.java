package dev.sanway.volume;

import static dev.sanway.block.BlockOutcome.DONE;

import dev.sanway.block.BlockCompletion;
import dev.sanway.block.BlockDevice;
import dev.sanway.block.BlockFailure;
import dev.sanway.block.BlockOperation;
import dev.sanway.block.BlockOutcome;
import dev.sanway.block.BlockRange;
import dev.sanway.block.BlockRequest;
import dev.sanway.block.DeviceListener;
import dev.sanway.block.Geometry;
import dev.sanway.block.Identity;
import dev.sanway.block.Limits;
import dev.sanway.block.Readiness;
import io.netty.util.concurrent.EventExecutor;
import java.util.ArrayDeque;
import java.util.BitSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * A part of a volume on its way from one device, the source, to another, the target. Its blocks are seen in windows of 1 MiB;
 * {@link PartCopy} copies them one after the other, in whatever order.
 *
 * <pre>
 *   source   |## copied ##|· not ·|-- locked --|· not copied ·|## copied ##|
 *
 *   reads, status, flushes        the source
 *   a change of no copied window  the source
 *   a change of a copied window   source and target; done when both have it
 *   a change of a locked window   waits until it is unlocked
 * </pre>
 *
 * <p>The source is the truth until {@link #takeOver}: it alone decides what a host is answered. Whatever may have made a copied window
 * differ from it, be it a change that failed or was cancelled on either side, makes the window one that is not copied. A target that
 * fails, or is not done long after the source, is given up: then hosts' requests wait for it no more, and go to the source only.
 *
 * <p>An unmap of what is copied is dropped, as a hint may be: two devices need not give the same blocks back.
 *
 * <pre>
 *   COPYING ⇄ HELD → TAKEN_OVER       HELD: changes and flushes wait, and none is under way
 *      └───────┴───→ GIVEN_UP
 * </pre>
 *
 * Overlapping changes come one after the other: it stands below an {@code OrderedDevice}. Does not close its devices.
 */
final class MovingDevice implements BlockDevice {
    static final int WINDOW_BYTES = 1 << 20;

    /** How much longer than the source the target may take for a change. */
    static final long TARGET_LAG_MILLIS = 5000;

    /** A change that waits for longer fails: hosts do not wait for ever, either. */
    static final long WAIT_MILLIS = 20_000;

    private enum Mode {
        COPYING,
        HELD,
        TAKEN_OVER,
        GIVEN_UP
    }

    /** Hears what {@link PartCopy} must know. */
    interface Events {
        /** The target will not be what the source is: {@code why}. */
        void givenUp(String why);

        /** Copied windows are copied no more. */
        void copiedLess();
    }

    private final BlockDevice source;
    private final BlockDevice target;
    private final Events events;
    private final LongSupplier nanoTime;
    private final int windowBlocks;
    private final int windows;
    private final BitSet copied = new BitSet();
    private final Set<Change> underWay = new LinkedHashSet<>();
    private ArrayDeque<Change> waiting = new ArrayDeque<>();
    private Mode mode = Mode.COPYING;
    private long lockedLba;
    private long lockedEnd;
    /** What is copied now may be of before a loss at the source. */
    private boolean lockedIsStale;

    private @Nullable Runnable whenQuiet;

    MovingDevice(BlockDevice source, BlockDevice target, Events events, LongSupplier nanoTime) {
        this.source = source;
        this.target = target;
        this.events = events;
        this.nanoTime = nanoTime;
        this.windowBlocks = WINDOW_BYTES / source.geometry().blockSizeBytes();
        this.windows = Math.toIntExact(Math.ceilDiv(source.geometry().blockCount(), windowBlocks));
    }

    // ---- what the copy does; on the owner

    int windows() {
        return windows;
    }

    int copiedWindows() {
        return copied.cardinality();
    }

    /** The first one from {@code from} on that is not copied, seen as a ring; -1: there is none. */
    int nextWindow(int from) {
        int next = copied.nextClearBit(from);
        next = next < windows ? next : copied.nextClearBit(0);
        return next < windows ? next : -1;
    }

    long lba(int window) {
        return Math.min((long) window * windowBlocks, source.geometry().blockCount());
    }

    /** Nothing changes the windows from now on, until {@link #unlock}; {@code then} is run when nothing is about to. */
    void lock(int window, int count, Runnable then) {
        if (mode != Mode.COPYING || lockedEnd > 0) {
            throw new IllegalStateException("locked in " + mode);
        }
        lockedLba = lba(window);
        lockedEnd = lba(window + count);
        lockedIsStale = false;
        whenQuiet = then;
        tellQuiet();
    }

    /** {@code asCopied}: the target now has what the source has there, and from now on gets what the source gets. */
    void unlock(boolean asCopied) {
        if (asCopied && !lockedIsStale) {
            copied.set((int) (lockedLba / windowBlocks), (int) Math.ceilDiv(lockedEnd, windowBlocks));
        }
        lockedLba = 0;
        lockedEnd = 0;
        whenQuiet = null;
        goOnWithWaiting();
    }

    /** No change is begun from now on, until {@link #goOn}; {@code then} is run when none is under way. */
    void hold(Runnable then) {
        if (mode != Mode.COPYING || lockedEnd > 0) {
            throw new IllegalStateException("held in " + mode);
        }
        mode = Mode.HELD;
        whenQuiet = then;
        tellQuiet();
    }

    void goOn() {
        if (mode == Mode.HELD) {
            mode = Mode.COPYING;
            whenQuiet = null;
            goOnWithWaiting();
        }
    }

    /** While held: what waits goes to the target, which is the truth from now on. */
    void takeOver() {
        if (mode != Mode.HELD || !underWay.isEmpty() || copied.cardinality() < windows) {
            throw new IllegalStateException("taken over in " + mode + " with " + underWay.size() + " under way");
        }
        mode = Mode.TAKEN_OVER;
        goOnWithWaiting();
    }

    /** The target gets nothing more, and nobody waits for it; it may still be busy with what it has. */
    void giveUp(String why) {
        if (mode == Mode.TAKEN_OVER || mode == Mode.GIVEN_UP) {
            return;
        }
        mode = Mode.GIVEN_UP;
        lockedLba = 0;
        lockedEnd = 0;
        whenQuiet = null;
        List.copyOf(underWay).forEach(Change::settle);
        goOnWithWaiting();
        events.givenUp(why);
    }

    /** All has to be copied anew. */
    void forgetAll() {
        lockedIsStale = true;
        copied.clear();
        events.copiedLess();
    }

    /** To be called now and then: ends what lasts too long. */
    void look() {
        long now = nanoTime.getAsLong();
        for (Change change : List.copyOf(underWay)) {
            if (change.waitsForTarget()
                    && now - change.sourceEndedNanos > TimeUnit.MILLISECONDS.toNanos(TARGET_LAG_MILLIS)) {
                giveUp(target.identity().name() + " did not answer in time");
            }
        }
        for (Change change : List.copyOf(waiting)) {
            if (now - change.beganNanos > TimeUnit.MILLISECONDS.toNanos(WAIT_MILLIS)) {
                change.failWaiting(new BlockFailure.NotReady("it is changing its unit"));
            }
        }
    }

    private void goOnWithWaiting() {
        ArrayDeque<Change> all = waiting;
        waiting = new ArrayDeque<>();
        all.forEach(Change::begin);
    }

    private void tellQuiet() {
        Runnable then = whenQuiet;
        if (then == null) {
            return;
        }
        for (Change change : underWay) {
            if (mode == Mode.HELD || change.isIn(lockedLba, lockedEnd)) {
                return;
            }
        }
        whenQuiet = null;
        then.run();
    }

    // ---- requests

    @Override
    public Readiness readiness() {
        return (mode == Mode.TAKEN_OVER ? target : source).readiness();
    }

    @Override
    public BlockOperation submit(BlockRequest request, BlockCompletion completion) {
        BlockDevice truth = mode == Mode.TAKEN_OVER ? target : source;
        return switch (request) {
            case BlockRequest.Read _, BlockRequest.Status _ -> truth.submit(request, completion);
            case BlockRequest.Flush _ -> change(request, completion, 0, 0);
            case BlockRequest.Write write -> change(request, completion, write.lba(), write.lba() + write.blockCount());
            case BlockRequest.WriteZeroes zeroes ->
                change(request, completion, zeroes.lba(), zeroes.lba() + zeroes.blockCount());
            case BlockRequest.Unmap unmap -> {
                long lba =
                        unmap.ranges().stream().mapToLong(BlockRange::lba).min().orElse(0);
                long end =
                        unmap.ranges().stream().mapToLong(BlockRange::end).max().orElse(0);
                boolean dropped = mode == Mode.HELD
                        || (mode == Mode.COPYING && (touchesCopied(lba, end) || (lba < lockedEnd && lockedLba < end)));
                if (dropped) {
                    completion.completed(DONE);
                    yield BlockOperation.UNCANCELLABLE;
                }
                yield change(request, completion, lba, end);
            }
            case BlockRequest.CompareAndWrite _, BlockRequest.OrWrite _ -> {
                BlockRequest.release(request);
                completion.completed(BlockOutcome.failed(new BlockFailure.Unsupported()));
                yield BlockOperation.UNCANCELLABLE;
            }
        };
    }

    private BlockOperation change(BlockRequest request, BlockCompletion completion, long lba, long end) {
        Change change = new Change(request, completion, lba, end);
        change.begin();
        return change;
    }

    private boolean touchesCopied(long lba, long end) {
        if (end <= lba) {
            return false;
        }
        int first = copied.nextSetBit((int) (lba / windowBlocks));
        return first >= 0 && first <= (end - 1) / windowBlocks;
    }

    /** The same change for the other device. */
    private static BlockRequest twin(BlockRequest request) {
        return request instanceof BlockRequest.Write write
                ? new BlockRequest.Write(
                        write.lba(), write.blockCount(), write.data().retainedDuplicate(), write.forceUnitAccess())
                : request;
    }

    /** A write, write-zeroes or unmap of these blocks; or a flush, which touches none. */
    private final class Change implements BlockOperation {
        private final BlockRequest request;
        private final BlockCompletion completion;
        private final long lba;
        private final long end;
        private final long beganNanos = nanoTime.getAsLong();
        private BlockOperation atSource = BlockOperation.UNCANCELLABLE;
        private BlockOperation atTarget = BlockOperation.UNCANCELLABLE;
        private @Nullable BlockOutcome sourceOutcome;
        private long sourceEndedNanos;
        private boolean mirrored;
        private boolean targetEnded;
        /** The target may not have what the source has. */
        private boolean differs;

        private boolean told;

        Change(BlockRequest request, BlockCompletion completion, long lba, long end) {
            this.request = request;
            this.completion = completion;
            this.lba = lba;
            this.end = end;
        }

        boolean isIn(long fromLba, long toLba) {
            return lba < toLba && fromLba < end;
        }

        void begin() {
            switch (mode) {
                case HELD -> waiting.add(this);
                case COPYING -> {
                    if (isIn(lockedLba, lockedEnd)) {
                        waiting.add(this);
                    } else {
                        mirrored = touchesCopied(lba, end);
                        start();
                    }
                }
                case GIVEN_UP -> start();
                case TAKEN_OVER -> {
                    told = true;
                    atTarget = target.submit(request, completion);
                }
            }
        }

        private void start() {
            underWay.add(this);
            if (mirrored) {
                // Both get it in the same turn of the loop, so that what overlaps it later comes later on either.
                atTarget = target.submit(twin(request), this::targetEnded);
            }
            atSource = source.submit(request, outcome -> {
                sourceOutcome = outcome;
                sourceEndedNanos = nanoTime.getAsLong();
                settle();
            });
        }

        boolean waitsForTarget() {
            return sourceOutcome != null && mirrored && !targetEnded;
        }

        private void targetEnded(BlockOutcome outcome) {
            targetEnded = true;
            if (outcome instanceof BlockOutcome.Failed(BlockFailure failure)) {
                differs = true;
                switch (failure) {
                    // Nothing is wrong with it: what it did not take is copied.
                    case BlockFailure.Busy _, BlockFailure.Unsupported _, BlockFailure.Cancelled _ -> {}
                    case BlockFailure.Unreadable _,
                            BlockFailure.Unwritable _,
                            BlockFailure.Miscompare _,
                            BlockFailure.NotReady _,
                            BlockFailure.OutOfSpace _,
                            BlockFailure.WriteProtected _,
                            BlockFailure.ReservationConflict _,
                            BlockFailure.UnflushedWritesLost _,
                            BlockFailure.Broken _ -> giveUp(target.identity().name() + " failed: " + failure);
                }
            }
            settle();
        }

        /** Ends it if that is due. */
        void settle() {
            BlockOutcome outcome = sourceOutcome;
            if (told || outcome == null || (waitsForTarget() && mode != Mode.GIVEN_UP)) {
                return;
            }
            told = true;
            underWay.remove(this);
            if (request instanceof BlockRequest.Flush
                    && mode != Mode.GIVEN_UP
                    && outcome instanceof BlockOutcome.Failed(BlockFailure.UnflushedWritesLost _)) {
                // The target may have what the source lost.
                forgetAll();
            }
            if (mirrored && (differs || !outcome.equals(DONE))) {
                copied.clear((int) (lba / windowBlocks), (int) Math.ceilDiv(end, windowBlocks));
                events.copiedLess();
            }
            completion.completed(outcome);
            tellQuiet();
        }

        void failWaiting(BlockFailure failure) {
            if (waiting.remove(this)) {
                told = true;
                BlockRequest.release(request);
                completion.completed(BlockOutcome.failed(failure));
            }
        }

        @Override
        public void cancel() {
            failWaiting(new BlockFailure.Cancelled());
            atSource.cancel();
            atTarget.cancel();
        }
    }

    // ---- what others see

    @Override
    public EventExecutor owner() {
        return source.owner();
    }

    @Override
    public Geometry geometry() {
        return source.geometry();
    }

    /** The source's, but for what must suit both: the length of transfers, and what unmapped blocks read as. */
    @Override
    public Limits limits() {
        Limits limits = source.limits();
        return new Limits(
                Math.min(limits.maxTransferBlocks(), target.limits().maxTransferBlocks()),
                limits.optimalTransferBlocks(),
                limits.unmapGranularityBlocks(),
                limits.unmapAlignmentBlocks(),
                limits.unmappedReadsZeroes() && target.limits().unmappedReadsZeroes(),
                limits.volatileCache(),
                limits.readOnly());
    }

    @Override
    public Identity identity() {
        return source.identity();
    }

    /** Events are the source's. */
    @Override
    public void addListener(DeviceListener listener) {
        source.addListener(listener);
    }

    @Override
    public void removeListener(DeviceListener listener) {
        source.removeListener(listener);
    }

    /** Closes the truth. */
    @Override
    public void close(Runnable whenClosed) {
        giveUp("the volume was closed");
        source.close(whenClosed);
    }
}
