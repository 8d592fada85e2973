package dev.sanway.volume;

import static dev.sanway.block.BlockOutcome.DONE;

import dev.sanway.block.BlockCompletion;
import dev.sanway.block.BlockDevice;
import dev.sanway.block.BlockFailure;
import dev.sanway.block.BlockOperation;
import dev.sanway.block.BlockOutcome;
import dev.sanway.block.BlockRequest;
import dev.sanway.block.DeviceEvent;
import dev.sanway.block.DeviceListener;
import dev.sanway.block.DeviceListeners;
import dev.sanway.block.Geometry;
import dev.sanway.block.Identity;
import dev.sanway.block.Limits;
import dev.sanway.block.Readiness;
import io.netty.util.concurrent.EventExecutor;

/**
 * A part of a volume whose device can be replaced by another of the same content while requests go on. What was told by the first one
 * stays true of those that follow:
 *
 * <ul>
 *   <li>The size is the first one's. Below {@link Above#HOSTS hosts} so are the limits, but for the length of transfers; if unmapped
 *       blocks were said to read as zeroes, and the device that is in now does not guarantee that, nothing is unmapped, which a hint
 *       allows. A {@link Above#THIN_VOLUME thin volume} has limits of its own, and is told those of the device that is in now.
 *   <li>That unflushed writes were lost is told to the next flush, also if a move found it out. Of a slab it is told to a flush of all
 *       of it only: others are those of maps and of zeroed extents, which concern no host.
 * </ul>
 *
 * Closes the device that is in.
 */
final class MovablePart implements BlockDevice {
    /** Whose requests come here. */
    enum Above {
        HOSTS,
        THIN_VOLUME
    }

    private final Above above;
    private final Geometry geometry;
    private final Limits told;
    private final DeviceListeners listeners = new DeviceListeners();
    private final DeviceListener forward = listeners::tell;
    private BlockDevice device;
    private boolean replaced;
    private boolean lossUntold;

    MovablePart(BlockDevice first, Above above) {
        this.device = first;
        this.above = above;
        this.geometry = first.geometry();
        this.told = first.limits();
        first.addListener(forward);
    }

    /** The device that is in. On the owner, as everything that follows. */
    BlockDevice device() {
        return device;
    }

    /** Puts another device in. The one before goes on with what it was given, and is left to the caller. */
    void replace(BlockDevice next) {
        device.removeListener(forward);
        device = next;
        replaced = true;
        next.addListener(forward);
    }

    /** As {@link #replace}, by one that may be ready where the one before is not, or the other way round. */
    void replace(BlockDevice next, boolean ready) {
        replace(next);
        listeners.tell(ready ? new DeviceEvent.BecameReady() : new DeviceEvent.BecameNotReady("not reachable"));
    }

    /** Writes that were done, but not flushed, are lost: the next flush says so. */
    void tellLoss() {
        lossUntold = true;
    }

    @Override
    public EventExecutor owner() {
        return device.owner();
    }

    @Override
    public Geometry geometry() {
        return geometry;
    }

    @Override
    public Limits limits() {
        Limits now = device.limits();
        return replaced && above == Above.HOSTS
                ? new Limits(
                        now.maxTransferBlocks(),
                        told.optimalTransferBlocks(),
                        told.unmapGranularityBlocks(),
                        told.unmapAlignmentBlocks(),
                        told.unmappedReadsZeroes(),
                        told.volatileCache(),
                        told.readOnly())
                : now;
    }

    @Override
    public Identity identity() {
        return device.identity();
    }

    @Override
    public Readiness readiness() {
        return device.readiness();
    }

    @Override
    public BlockOperation submit(BlockRequest request, BlockCompletion completion) {
        if (request instanceof BlockRequest.Flush flush && replaced && concernsHosts(flush)) {
            // Whether there is a loss to tell is known when it ends: a move may find it out meanwhile.
            return device.submit(request, outcome -> completion.completed(withLoss(outcome)));
        }
        if (request instanceof BlockRequest.Unmap
                && replaced
                && above == Above.HOSTS
                && told.unmappedReadsZeroes()
                && !device.limits().unmappedReadsZeroes()) {
            completion.completed(DONE);
            return BlockOperation.UNCANCELLABLE;
        }
        return device.submit(request, completion);
    }

    private boolean concernsHosts(BlockRequest.Flush flush) {
        return above == Above.HOSTS || (flush.lba() == 0 && flush.blockCount() == 0);
    }

    private BlockOutcome withLoss(BlockOutcome outcome) {
        boolean says = outcome instanceof BlockOutcome.Failed(BlockFailure.UnflushedWritesLost _);
        boolean tells = lossUntold && outcome.equals(DONE);
        lossUntold &= !says && !tells;
        return tells ? BlockOutcome.failed(new BlockFailure.UnflushedWritesLost()) : outcome;
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
        device.removeListener(forward);
        device.close(whenClosed);
    }
}
