package dev.sanway.target.lun;

import dev.sanway.block.BlockCompletion;
import dev.sanway.block.BlockDevice;
import dev.sanway.block.BlockFailure;
import dev.sanway.block.BlockOperation;
import dev.sanway.block.BlockOutcome;
import dev.sanway.block.BlockRequest;
import dev.sanway.block.DeviceEvent;
import dev.sanway.block.DeviceListener;
import dev.sanway.block.ForwardingDevice;
import dev.sanway.block.Geometry;
import dev.sanway.block.Limits;
import dev.sanway.block.Readiness;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** A device whose requests a test can hold back, fail, or let linger after a cancel; on its owner only, like any device. */
final class GatedDevice extends ForwardingDevice {
    private final List<DeviceListener> listeners = new ArrayList<>();
    private final List<Held> held = new ArrayList<>();
    private boolean closed;
    private boolean heedsCancel = true;
    private Function<BlockRequest, @Nullable BlockFailure> failures = _ -> null;
    private Limits limits;
    private @Nullable Geometry changed;
    private Readiness readiness = Readiness.READY;

    GatedDevice(BlockDevice inner) {
        super(inner);
        this.limits = inner.limits();
    }

    private final class Held implements BlockOperation {
        final BlockRequest request;
        final BlockCompletion completion;

        Held(BlockRequest request, BlockCompletion completion) {
            this.request = request;
            this.completion = completion;
        }

        @Override
        public void cancel() {
            if (heedsCancel && held.remove(this)) {
                BlockRequest.release(request);
                completion.completed(BlockOutcome.failed(new BlockFailure.Cancelled()));
            }
        }
    }

    /** Holds requests from now on; {@code heedsCancel} false: a cancelled one lingers until {@link #open}. */
    void hold(boolean heeds) {
        closed = true;
        heedsCancel = heeds;
    }

    /** Lets what is held go, in order, and everything after it. */
    void open() {
        closed = false;
        for (Held each : List.copyOf(held)) {
            held.remove(each);
            inner.submit(each.request, each.completion);
        }
    }

    /** Fails what is held. */
    void failHeld(BlockFailure failure) {
        closed = false;
        for (Held each : List.copyOf(held)) {
            held.remove(each);
            BlockRequest.release(each.request);
            each.completion.completed(BlockOutcome.failed(failure));
        }
    }

    int heldCount() {
        return held.size();
    }

    /** What is held, oldest first. */
    List<BlockRequest> held() {
        return held.stream().map(each -> each.request).toList();
    }

    /** Lets the oldest go; what comes is still held. */
    void openOne() {
        Held oldest = held.removeFirst();
        inner.submit(oldest.request, oldest.completion);
    }

    void fail(Function<BlockRequest, @Nullable BlockFailure> function) {
        failures = function;
    }

    void limits(Limits now) {
        limits = now;
    }

    void grow(long blocks) {
        Geometry before = geometry();
        changed = before.withBlockCount(before.blockCount() + blocks);
        tell(new DeviceEvent.CapacityChanged(before, changed));
    }

    void tell(DeviceEvent event) {
        List.copyOf(listeners).forEach(listener -> listener.on(event));
    }

    /** Not ready from now on, or ready again, and tells. */
    void become(Readiness now) {
        readiness = now;
        tell(
                now instanceof Readiness.Unready why
                        ? new DeviceEvent.BecameNotReady(why)
                        : new DeviceEvent.BecameReady());
    }

    @Override
    public Readiness readiness() {
        return readiness;
    }

    @Override
    public Geometry geometry() {
        return changed != null ? changed : inner.geometry();
    }

    @Override
    public Limits limits() {
        return limits;
    }

    @Override
    public BlockOperation submit(BlockRequest request, BlockCompletion completion) {
        BlockFailure failure = failures.apply(request);
        if (failure != null) {
            BlockRequest.release(request);
            completion.completed(BlockOutcome.failed(failure));
            return BlockOperation.UNCANCELLABLE;
        }
        if (!closed) {
            return inner.submit(request, completion);
        }
        Held waiting = new Held(request, completion);
        held.add(waiting);
        return waiting;
    }

    @Override
    public void addListener(DeviceListener listener) {
        listeners.add(listener);
    }

    @Override
    public void removeListener(DeviceListener listener) {
        listeners.remove(listener);
    }
}
