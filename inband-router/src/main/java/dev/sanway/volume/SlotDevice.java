package dev.sanway.volume;

import dev.sanway.block.AwakeClock;
import dev.sanway.block.BlockCompletion;
import dev.sanway.block.BlockDevice;
import dev.sanway.block.BlockFailure;
import dev.sanway.block.BlockOperation;
import dev.sanway.block.BlockOutcome;
import dev.sanway.block.BlockRequest;
import dev.sanway.block.DeviceEvent;
import dev.sanway.block.DeviceListener;
import dev.sanway.block.DeviceListeners;
import dev.sanway.block.Drain;
import dev.sanway.block.Geometry;
import dev.sanway.block.Identity;
import dev.sanway.block.Limits;
import dev.sanway.block.Readiness;
import io.netty.util.concurrent.EventExecutor;
import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;

/**
 * The place of a device that comes and goes: a unit's LUN, or a volume that is not there yet. Filled, it passes everything
 * on. Empty, it answers everything with {@link BlockFailure.NotReady} and the reason; if it was made with a {@link Patience},
 * requests wait for the device first, in order, each for a time that counts from its submission to its end.
 *
 * <pre>
 *            fill(device)  → BecameReady, then what waits goes on
 *   Empty(reason) ⇄ Filled(device)
 *            empty(reason) → BecameNotReady
 * </pre>
 *
 * What is under way when the device leaves ends as that device ends it. Does not close what it was filled with.
 */
public final class SlotDevice implements BlockDevice {
    private final EventExecutor owner;
    private final Identity identity;
    private volatile Limits limits;
    private final DeviceListeners listeners = new DeviceListeners();
    private final DeviceListener forward = this::forward;
    private final Drain drain = new Drain();
    private volatile Geometry geometry;

    private final Patience patience;
    private final ArrayDeque<Waiting> waiting = new ArrayDeque<>();

    private volatile @Nullable BlockDevice device;
    private volatile @Nullable Shown shown;
    private Readiness.Unready why;
    /** What is there now cannot be used, so that waiting for it is in vain. */
    private boolean hopeless;

    /** The slot's own limits, and what became of them with the transfer length of the device that is in. */
    private record Shown(Limits own, Limits limits) {}

    /**
     * How requests to an empty slot wait.
     *
     * @param millis how long each may take from submission on, if it had to wait; 0: none waits
     * @param requests how many may wait; one more is answered with {@link BlockFailure.Busy}
     */
    record Patience(long millis, int requests) {
        static final Patience NONE = new Patience(0, 0);
    }

    /** A slot whose requests do not wait. */
    public SlotDevice(EventExecutor owner, Identity identity, Geometry geometry, Limits limits, String reason) {
        this(owner, identity, geometry, limits, reason, Patience.NONE);
    }

    /**
     * @param geometry what requests may rely on; a device that has fewer blocks fails those beyond its end as not ready
     * @param limits shown as long as the slot is empty; afterwards only the transfer length is the device's
     */
    SlotDevice(
            EventExecutor owner,
            Identity identity,
            Geometry geometry,
            Limits limits,
            String reason,
            Patience patience) {
        this.owner = owner;
        this.patience = patience;
        this.identity = identity;
        this.geometry = geometry;
        this.limits = limits;
        this.why = new Readiness.Away(reason);
    }

    /** Puts a device in. On the owner, which is also the device's. */
    public void fill(BlockDevice newDevice) {
        if (!newDevice.owner().equals(owner)) {
            throw new IllegalArgumentException(newDevice.identity() + " belongs to another loop than " + identity);
        }
        if (newDevice.geometry().blockSizeBytes() != geometry.blockSizeBytes()) {
            refuse("its block size became " + newDevice.geometry().blockSizeBytes() + " bytes");
            return;
        }
        BlockDevice before = device;
        if (newDevice.equals(before)) {
            return;
        }
        if (before != null) {
            before.removeListener(forward);
        }
        device = newDevice;
        newDevice.addListener(forward);
        hopeless = false;
        if (before == null) {
            listeners.tell(new DeviceEvent.BecameReady());
        }
        // It may leave again meanwhile, told by the end of what it was given.
        for (BlockDevice now = device; now != null && !waiting.isEmpty(); now = device) {
            waiting.removeFirst().goOn(now);
        }
    }

    /**
     * Puts a larger device in the place of the one that is in, which goes on with what it was given. Whoever listens hears of
     * the new capacity. On the owner.
     */
    void enlarge(BlockDevice larger, Limits newLimits) {
        Geometry before = geometry;
        geometry = larger.geometry();
        limits = newLimits;
        fill(larger);
        listeners.tell(new DeviceEvent.CapacityChanged(before, geometry));
    }

    /** Takes the device out, or changes the reason; it comes back by itself. On the owner. */
    public void empty(String reason) {
        empty(new Readiness.Away(reason));
    }

    /** Takes the device out, or changes why it is not there. On the owner. */
    void empty(Readiness.Unready newWhy) {
        why = newWhy;
        hopeless = false;
        BlockDevice before = device;
        if (before != null) {
            before.removeListener(forward);
            device = null;
            listeners.tell(new DeviceEvent.BecameNotReady(newWhy));
        }
    }

    /** Takes the device out, if there is one; until the next comes waiting is in vain, and nothing waits. On the owner. */
    void refuse(String reason) {
        empty(new Readiness.Unusable(reason));
        hopeless = true;
        while (!waiting.isEmpty()) {
            waiting.getFirst().failNow(new BlockFailure.NotReady(why));
        }
    }

    public boolean filled() {
        return device != null;
    }

    private void forward(DeviceEvent event) {
        switch (event) {
            case DeviceEvent.CapacityChanged _ -> {}
            case DeviceEvent.BecameNotReady _, DeviceEvent.BecameReady _, DeviceEvent.SpaceLow _ ->
                listeners.tell(event);
        }
    }

    @Override
    public EventExecutor owner() {
        return owner;
    }

    @Override
    public Geometry geometry() {
        return geometry;
    }

    @Override
    public Limits limits() {
        BlockDevice now = device;
        return now == null ? limits : shown(limits, now.limits().maxTransferBlocks());
    }

    /** Asked for several times with each request, so it is not made anew each time. */
    private Limits shown(Limits own, int maxTransferBlocks) {
        Shown last = shown;
        if (last == null || !last.own.equals(own) || last.limits.maxTransferBlocks() != maxTransferBlocks) {
            last = new Shown(own, own.transferring(maxTransferBlocks));
            shown = last;
        }
        return last.limits;
    }

    @Override
    public Identity identity() {
        return identity;
    }

    @Override
    public Readiness readiness() {
        BlockDevice now = device;
        return now == null ? why : now.readiness();
    }

    @Override
    public BlockOperation submit(BlockRequest request, BlockCompletion completion) {
        BlockDevice now = device;
        if (now != null && waiting.isEmpty()) {
            return passOn(now, request, completion);
        }
        boolean patient = patience.millis() > 0 && !hopeless;
        if (patient && waiting.size() < patience.requests()) {
            return new Waiting(request, completion);
        }
        BlockRequest.release(request);
        completion.completed(BlockOutcome.failed(patient ? new BlockFailure.Busy() : new BlockFailure.NotReady(why)));
        return BlockOperation.UNCANCELLABLE;
    }

    private BlockOperation passOn(BlockDevice now, BlockRequest request, BlockCompletion completion) {
        String shortage = shortage(now, request);
        if (shortage != null) {
            BlockRequest.release(request);
            completion.completed(BlockOutcome.failed(BlockFailure.NotReady.unusable(shortage)));
            return BlockOperation.UNCANCELLABLE;
        }
        drain.begin();
        return now.submit(request, outcome -> {
            try {
                completion.completed(outcome);
            } finally {
                drain.end();
            }
        });
    }

    /** A request that came while the slot was empty: it waits, then goes on, and its time covers both. */
    private final class Waiting implements BlockOperation {
        private final BlockRequest request;
        private final BlockCompletion completion;
        private final AwakeClock.Timer timer;
        private @Nullable BlockOperation passedOn;
        private boolean ended;
        private boolean late;

        Waiting(BlockRequest request, BlockCompletion completion) {
            this.request = request;
            this.completion = completion;
            this.timer = AwakeClock.schedule(owner, patience.millis(), this::timeIsUp);
            drain.begin();
            waiting.addLast(this);
        }

        void goOn(BlockDevice now) {
            if (transferBlocks(request) > now.limits().maxTransferBlocks()) {
                // It was cut by the limits of before; sent again, it is cut by those of now.
                BlockRequest.release(request);
                end(BlockOutcome.failed(new BlockFailure.Busy()));
                return;
            }
            BlockOperation operation = passOn(now, request, this::end);
            passedOn = operation;
        }

        /** Without having gone on. */
        void failNow(BlockFailure failure) {
            waiting.remove(this);
            BlockRequest.release(request);
            end(BlockOutcome.failed(failure));
        }

        private void end(BlockOutcome outcome) {
            ended = true;
            timer.cancel();
            boolean stoppedByUs = late && outcome instanceof BlockOutcome.Failed(BlockFailure.Cancelled _);
            try {
                completion.completed(
                        stoppedByUs ? BlockOutcome.failed(new BlockFailure.NotReady("no answer in time")) : outcome);
            } finally {
                drain.end();
            }
        }

        private void timeIsUp() {
            BlockOperation operation = passedOn;
            if (ended) {
                return;
            }
            if (operation == null) {
                failNow(new BlockFailure.NotReady(why));
            } else {
                late = true;
                operation.cancel();
            }
        }

        @Override
        public void cancel() {
            BlockOperation operation = passedOn;
            if (operation != null) {
                operation.cancel();
            } else if (!ended) {
                failNow(new BlockFailure.Cancelled());
            }
        }
    }

    private static int transferBlocks(BlockRequest request) {
        return switch (request) {
            case BlockRequest.Read read -> read.blockCount();
            case BlockRequest.Write write -> write.blockCount();
            case BlockRequest.CompareAndWrite both -> both.blockCount();
            case BlockRequest.OrWrite or -> or.blockCount();
            case BlockRequest.Flush _, BlockRequest.Unmap _, BlockRequest.WriteZeroes _, BlockRequest.Status _ -> 0;
        };
    }

    private @Nullable String shortage(BlockDevice now, BlockRequest request) {
        long there = now.geometry().blockCount();
        if (there >= geometry.blockCount()) {
            return null;
        }
        long end = switch (request) {
            case BlockRequest.Read read -> read.lba() + read.blockCount();
            case BlockRequest.Write write -> write.lba() + write.blockCount();
            case BlockRequest.Flush flush -> flush.lba() + flush.blockCount();
            case BlockRequest.Unmap unmap ->
                unmap.ranges().stream().mapToLong(range -> range.end()).max().orElse(0);
            case BlockRequest.WriteZeroes zeroes -> zeroes.lba() + zeroes.blockCount();
            case BlockRequest.CompareAndWrite both -> both.lba() + both.blockCount();
            case BlockRequest.OrWrite or -> or.lba() + or.blockCount();
            case BlockRequest.Status status -> status.lba() + status.blockCount();
        };
        return end <= there
                ? null
                : identity.name() + " became smaller: it has " + there + " of " + geometry.blockCount() + " blocks";
    }

    @Override
    public void addListener(DeviceListener listener) {
        listeners.add(listener);
    }

    @Override
    public void removeListener(DeviceListener listener) {
        listeners.remove(listener);
    }

    @Override
    public void close(Runnable whenClosed) {
        while (!waiting.isEmpty()) {
            waiting.getFirst().failNow(new BlockFailure.NotReady("closed"));
        }
        drain.close(() -> {
            BlockDevice now = device;
            if (now != null) {
                now.removeListener(forward);
                device = null;
            }
            whenClosed.run();
        });
    }
}
