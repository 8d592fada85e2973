package dev.sanway.volume;

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
import io.netty.util.concurrent.EventExecutor;
import org.jspecify.annotations.Nullable;

/**
 * The place of a device that comes and goes: a unit's LUN, or a volume that is not there yet. Empty, it answers everything
 * with {@link BlockFailure.NotReady} and the reason; filled, it passes everything on.
 *
 * <pre>
 *            fill(device)  → BecameReady
 *   Empty(reason) ⇄ Filled(device)
 *            empty(reason) → BecameNotReady
 * </pre>
 *
 * What is under way when the device leaves ends as that device ends it. Does not close what it was filled with.
 */
public final class SlotDevice implements BlockDevice {
    private final EventExecutor owner;
    private final Identity identity;
    private final Limits limits;
    private final DeviceListeners listeners = new DeviceListeners();
    private final DeviceListener forward = this::forward;
    private final Drain drain = new Drain();
    private final Geometry geometry;

    private volatile @Nullable BlockDevice device;
    private String reason;

    /**
     * @param geometry what requests may rely on; a device that has fewer blocks fails those beyond its end as not ready
     * @param limits shown as long as the slot is empty; afterwards only the transfer length is the device's
     */
    public SlotDevice(EventExecutor owner, Identity identity, Geometry geometry, Limits limits, String reason) {
        this.owner = owner;
        this.identity = identity;
        this.geometry = geometry;
        this.limits = limits;
        this.reason = reason;
    }

    /** Puts a device in. On the owner, which is also the device's. */
    public void fill(BlockDevice newDevice) {
        if (!newDevice.owner().equals(owner)) {
            throw new IllegalArgumentException(newDevice.identity() + " belongs to another loop than " + identity);
        }
        if (newDevice.geometry().blockSizeBytes() != geometry.blockSizeBytes()) {
            empty("its block size became " + newDevice.geometry().blockSizeBytes() + " bytes");
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
        if (before == null) {
            listeners.tell(new DeviceEvent.BecameReady());
        }
    }

    /** Takes the device out, or changes the reason. On the owner. */
    public void empty(String newReason) {
        reason = newReason;
        BlockDevice before = device;
        if (before != null) {
            before.removeListener(forward);
            device = null;
            listeners.tell(new DeviceEvent.BecameNotReady(newReason));
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
        return now == null
                ? limits
                : new Limits(
                        now.limits().maxTransferBlocks(),
                        limits.optimalTransferBlocks(),
                        limits.unmapGranularityBlocks(),
                        limits.unmapAlignmentBlocks(),
                        limits.unmappedReadsZeroes(),
                        limits.volatileCache(),
                        limits.readOnly());
    }

    @Override
    public Identity identity() {
        return identity;
    }

    @Override
    public BlockOperation submit(BlockRequest request, BlockCompletion completion) {
        BlockDevice now = device;
        String obstacle = now == null ? reason : shortage(now, request);
        if (now == null || obstacle != null) {
            BlockRequest.release(request);
            completion.completed(BlockOutcome.failed(new BlockFailure.NotReady(String.valueOf(obstacle))));
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
