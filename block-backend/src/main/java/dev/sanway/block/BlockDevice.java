package dev.sanway.block;

import io.netty.util.concurrent.EventExecutor;

/**
 * Something that stores blocks: a file, memory, a unit's logical unit, a partition of one, or a volume made of many.
 *
 * <p><b>Thread.</b> A device belongs to one {@link #owner()}; every method but {@link #owner()}, {@link #geometry()},
 * {@link #limits()} and {@link #identity()} is called on it, and completions and events arrive on it.
 *
 * <p><b>The caller's duties.</b> Ranges lie within {@link Geometry#blockCount()}; a write's data are exactly
 * {@code blockCount * blockSize} readable bytes; transfers stay within {@link Limits#maxTransferBlocks()}. No request
 * after {@link #close}. {@code CheckedDevice} asserts these and the callee's in one place.
 *
 * <p><b>The callee's duties.</b> Each submitted request is completed exactly once, with an outcome of the kind its type
 * promises, possibly before {@link #submit} returns. Nothing waits for ever: what cannot be finished fails. A request that
 * failed or was cancelled has, once completed, a definite fate as {@link BlockFailure} states for each case.
 *
 * <p><b>Order.</b> Requests in flight at the same time may be carried out in any order, save where a device says otherwise
 * ({@code OrderedDevice}). A flush covers every write that was <em>completed</em> before the flush was submitted.
 *
 * <p><b>Buffers.</b> Passing a buffer passes the duty to release it: {@code submit} takes a request's data over in every
 * case, also when it throws; a completion takes the data of its outcome over.
 */
public interface BlockDevice {

    /** The loop that owns this device; constant. Any thread may ask. */
    EventExecutor owner();

    /** Size and block sizes as known now; may change while open, announced by {@link DeviceEvent.CapacityChanged}. */
    Geometry geometry();

    /** What requests may ask for; constant while the device is open, but for a change announced as an event. */
    Limits limits();

    /** Who this device is; constant. */
    Identity identity();

    /**
     * Whether anything can be served now: not ready only while no block can. Requests are told by themselves
     * ({@link BlockFailure.NotReady}); this is for those who ask beforehand. A change, also of a part only, is told by
     * {@link DeviceEvent.BecameReady} and {@link DeviceEvent.BecameNotReady}.
     */
    Readiness readiness();

    /**
     * Starts a request.
     *
     * @param request what to do; its buffers are taken over
     * @param completion told exactly once, on {@link #owner()}, possibly before this method returns
     * @return a handle to cancel the request with; {@link BlockOperation#UNCANCELLABLE} where that would be in vain
     */
    BlockOperation submit(BlockRequest request, BlockCompletion completion);

    /** Adds a listener for events; the same listener is added once. */
    void addListener(DeviceListener listener);

    /** Removes a listener; unknown ones are ignored. */
    void removeListener(DeviceListener listener);

    /**
     * Ends the device: requests still under way are completed (done or failed), then {@code whenClosed} runs on
     * {@link #owner()}. A composed device does not close what it is composed of unless it says that it owns it.
     */
    void close(Runnable whenClosed);
}
