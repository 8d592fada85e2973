package dev.sanway.volume.thin;

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
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A thin volume: takes space from slabs as it is written (docs/adr/0005). This class opens it and takes requests; {@link
 * ThinRequests} carries them out, {@link ThinSpace} has the slabs.
 *
 * <pre>
 *   opening ── all maps read ──▶ open
 *     ▲  └── failed, or a unit away ──▶ at rest ── a request, or a unit came ──▶ opening
 *     └── a map cannot be used ──▶ unusable
 * </pre>
 *
 * Requests wait while it opens. It stands below an {@code OrderedDevice}; without one it still keeps volumes and extents apart,
 * but says nothing of the order of overlapping requests.
 */
public final class ThinDevice implements BlockDevice {
    private static final Logger LOG = LoggerFactory.getLogger(ThinDevice.class);

    private static final int MAX_WAITING = 4096;
    private static final int PAGE_WRITES = 32;
    private static final int PHYSICAL_BLOCK_BYTES = 4096;

    /** Overwrites a stretch of a device with zeroes, durably. */
    @FunctionalInterface
    public interface Zeroing {
        CompletableFuture<Void> zero(BlockDevice device, long startBytes, long lengthBytes);
    }

    /**
     * What a thin volume is made with.
     *
     * @param slabs those that it has
     * @param mapReads how many maps are read at once on this loop
     * @param giveBackMillis how long a slab that became empty is kept; negative: for ever
     */
    public record Parts(
            EventExecutor loop,
            List<SlabSource.SlabPart> slabs,
            SlabSource source,
            Zeroing zeroing,
            Turns mapReads,
            long giveBackMillis) {
        public Parts {
            slabs = List.copyOf(slabs);
        }
    }

    private enum State {
        AT_REST,
        OPENING,
        OPEN,
        UNUSABLE
    }

    private final Identity identity;
    private final Parts parts;
    private final Limits limits;
    private final DeviceListeners listeners = new DeviceListeners();
    private final BitSet absent = new BitSet();
    private final Map<Integer, DeviceListener> slabListeners = new HashMap<>();
    private final ArrayDeque<Waiting> waiting = new ArrayDeque<>();
    private final Turns pageWrites = new Turns(PAGE_WRITES);
    private final ThinSpace.Host host = new Host();
    private volatile Geometry geometry;

    private State state = State.AT_REST;
    private String unusable = "";
    private String notOpened = "";
    private int underWay;
    private @Nullable Runnable whenClosed;
    /** Nothing may begin any more. */
    private boolean closed;

    private volatile @Nullable ThinSpace space;
    private @Nullable ThinRequests requests;

    /** Made on the loop; begins to read its maps. */
    public ThinDevice(Identity identity, int blockSizeBytes, long blockCount, int maxTransferBlocks, Parts parts) {
        this.identity = identity;
        this.parts = parts;
        this.geometry = new Geometry(blockSizeBytes, PHYSICAL_BLOCK_BYTES, blockCount);
        this.limits = new Limits(maxTransferBlocks, 0, SlabFormat.EXTENT_BYTES / blockSizeBytes, 0, true, true, false);
        for (int i = 0; i < parts.slabs().size(); i++) {
            SlabSource.SlabPart slab = parts.slabs().get(i);
            int number = i;
            absent.set(i, !slab.present());
            hear(number, slab.part());
        }
        if (absent.isEmpty()) {
            open();
        }
    }

    /** What becomes of a slab's unit; until {@link Host#gaveBack}. */
    private void hear(int number, BlockDevice part) {
        DeviceListener listener = event -> on(number, event);
        slabListeners.put(number, listener);
        part.addListener(listener);
    }

    // ---- opening

    private void open() {
        state = State.OPENING;
        host.began();
        List<SlabSource.SlabPart> slabs = parts.slabs();
        @Nullable SlabMap[] maps = new @Nullable SlabMap[slabs.size()];
        MapLoader.@Nullable Outcome[] worst = new MapLoader.@Nullable Outcome[1];
        int[] remaining = {slabs.size() + 1};
        Runnable read = () -> {
            if (--remaining[0] == 0) {
                try {
                    opened(maps, worst[0]);
                } finally {
                    host.ended();
                }
            }
        };
        for (int i = 0; i < slabs.size(); i++) {
            int number = i;
            SlabSource.SlabPart slab = slabs.get(i);
            // Who waits for a unit that is away must not keep the turn of those whose units are there.
            Turns turns = absent.get(i) ? new Turns(1) : parts.mapReads();
            MapLoader.load(identity.uuid(), slab.slab(), slab.part(), turns, outcome -> {
                if (outcome instanceof MapLoader.Outcome.Loaded(SlabMap map)) {
                    maps[number] = map;
                } else if (!(worst[0] instanceof MapLoader.Outcome.Unusable)) {
                    worst[0] = outcome instanceof MapLoader.Outcome.Unusable(String why)
                            ? new MapLoader.Outcome.Unusable(
                                    slab.part().identity().name() + ": " + why)
                            : outcome;
                }
                read.run();
            });
        }
        read.run();
    }

    private void opened(@Nullable SlabMap[] maps, MapLoader.@Nullable Outcome worst) {
        switch (worst) {
            case null -> recover(maps);
            case MapLoader.Outcome.Failed(BlockFailure failure) -> notOpened(failure);
            case MapLoader.Outcome.Unusable(String why) -> {
                LOG.error("volume {} cannot be served: {}", identity.name(), why);
                state = State.UNUSABLE;
                unusable = why;
                listeners.tell(new DeviceEvent.BecameNotReady(new Readiness.Unusable(why)));
                failWaiting(BlockFailure.NotReady.unusable(why));
            }
            case MapLoader.Outcome.Loaded _ -> throw new IllegalStateException("no failure");
        }
    }

    private void recover(@Nullable SlabMap[] maps) {
        List<SlabMap> all = new ArrayList<>();
        for (SlabMap map : maps) {
            all.add(Objects.requireNonNull(map));
        }
        MapRecovery.Recovered recovered = MapRecovery.recover(all);
        ThinSpace made = new ThinSpace(
                identity.name(),
                parts.loop(),
                parts.source(),
                parts.zeroing(),
                host,
                recovered,
                logicalExtents(geometry),
                parts.giveBackMillis());
        for (int i = 0; i < all.size(); i++) {
            made.add(slab(made, i, parts.slabs().get(i).part(), all.get(i)));
        }
        if (recovered.stale().isEmpty()) {
            start(made);
            return;
        }
        LOG.warn(
                "volume {}: {} map pages had entries that newer ones replace; they are corrected",
                identity.name(),
                recovered.stale().size());
        Transfer correction = new Transfer(
                outcome -> {
                    if (outcome instanceof BlockOutcome.Failed failed) {
                        // What it knows of the maps is read anew; it must not write them any more.
                        made.abandon();
                        notOpened(failed.failure());
                    } else {
                        start(made);
                    }
                },
                () -> DONE,
                () -> {},
                () -> {});
        recovered.stale().forEach(page -> made.slab(page.slab()).writer.write(page.page(), correction.page()));
        correction.submitted();
    }

    private Slab slab(ThinSpace of, int number, BlockDevice part, SlabMap map) {
        Slab[] made = new Slab[1];
        MapWriter writer = new MapWriter(map, part, pageWrites, new MapWriter.Events() {
            @Override
            public void began() {
                host.began();
            }

            @Override
            public void ended() {
                host.ended();
            }

            @Override
            public boolean closing() {
                return host.closing() || of.abandoned();
            }

            @Override
            public void freed(List<Integer> extents) {
                of.freed(made[0], extents);
            }
        });
        made[0] = new Slab(number, part, map, writer);
        made[0].absent = absent.get(number);
        // An earlier process may have written without flushing.
        made[0].unflushed = map.held() > 0;
        return made[0];
    }

    private void start(ThinSpace made) {
        // Also what became of units while entries were corrected.
        made.slabs().forEach(slab -> slab.absent = absent.get(slab.number));
        space = made;
        requests = new ThinRequests(made, host);
        state = State.OPEN;
        while (!waiting.isEmpty()) {
            Waiting next = waiting.remove();
            next.passedOn = pass(next.request, next.completion);
        }
    }

    private void notOpened(BlockFailure failure) {
        state = State.AT_REST;
        notOpened = failure instanceof BlockFailure.NotReady(Readiness.Unready why)
                ? why.reason()
                : "its maps cannot be read: " + failure;
        failWaiting(failure);
    }

    private void failWaiting(BlockFailure failure) {
        List<Waiting> all = new ArrayList<>(waiting);
        waiting.clear();
        all.forEach(each -> each.fail(failure));
    }

    private void on(int number, DeviceEvent event) {
        ThinSpace there = space;
        switch (event) {
            case DeviceEvent.BecameNotReady _ -> {
                absent.set(number);
                if (there != null) {
                    there.slabs().stream().filter(slab -> slab.number == number).forEach(slab -> slab.absent = true);
                }
                listeners.tell(event);
            }
            case DeviceEvent.BecameReady _ -> {
                absent.clear(number);
                if (there != null) {
                    there.slabs().stream().filter(slab -> slab.number == number).forEach(slab -> slab.absent = false);
                    there.feed();
                } else if (state == State.AT_REST && !host.closing()) {
                    open();
                }
                if (state != State.UNUSABLE) {
                    listeners.tell(event);
                }
            }
            case DeviceEvent.SpaceLow _, DeviceEvent.CapacityChanged _ -> {}
        }
    }

    /** Under way in the device: requests, page writes, zeroing. */
    private final class Host implements ThinSpace.Host {
        @Override
        public void began() {
            if (closed) {
                throw new IllegalStateException("begun after the end");
            }
            underWay++;
        }

        @Override
        public void ended() {
            underWay--;
            endIfClosed();
        }

        @Override
        public boolean closing() {
            return whenClosed != null;
        }

        @Override
        public void freed(List<Integer> extents) {
            throw new IllegalStateException("told by each slab");
        }

        @Override
        public void gaveBack(Slab slab) {
            // Its number is the next slab's, perhaps.
            slab.part.removeListener(Objects.requireNonNull(slabListeners.remove(slab.number)));
        }

        @Override
        public void given(SlabSource.SlabPart given) {
            add(given);
        }
    }

    /** A slab was given while the volume is open: its map, which is empty, is read like any other. */
    private void add(SlabSource.SlabPart given) {
        ThinSpace there = Objects.requireNonNull(space);
        if (host.closing()) {
            given.part().close(() -> {});
            return;
        }
        host.began();
        Turns turns = given.present() ? parts.mapReads() : new Turns(1);
        MapLoader.load(identity.uuid(), given.slab(), given.part(), turns, outcome -> {
            try {
                if (outcome instanceof MapLoader.Outcome.Loaded(SlabMap map)) {
                    int number = there.nextNumber();
                    absent.set(number, !given.present());
                    Slab slab = slab(there, number, given.part(), map);
                    hear(number, given.part());
                    there.add(slab);
                    there.arrived(null);
                } else {
                    parts.source().giveBack(given.slab(), given.part(), () -> {});
                    there.arrived(
                            outcome instanceof MapLoader.Outcome.Failed(BlockFailure failure)
                                    ? failure
                                    : new BlockFailure.NotReady("a new slab has no map"));
                }
            } finally {
                host.ended();
            }
        });
    }

    // ---- what others see

    private static int logicalExtents(Geometry of) {
        return Math.toIntExact(Math.ceilDiv(of.sizeBytes(), SlabFormat.EXTENT_BYTES));
    }

    /** What the volume takes of its slabs now. Any thread; 0 before it was opened. */
    public long usedBytes() {
        ThinSpace there = space;
        return there == null ? 0 : there.heldExtents() * SlabFormat.EXTENT_BYTES;
    }

    /** It has more blocks from now on, which read as zeroes. */
    public void enlarge(long blockCount) {
        geometry = geometry.withBlockCount(blockCount);
        ThinSpace there = space;
        if (there != null) {
            there.resize(logicalExtents(geometry));
        }
    }

    /** Hosts are to hear that what backs it is nearly used up. */
    public void spaceLow(int percentUsed) {
        listeners.tell(new DeviceEvent.SpaceLow(percentUsed));
    }

    /**
     * Blocks that were never written can be read without any slab, so an open volume is not ready only if it is mapped whole and
     * all its slabs are away.
     */
    @Override
    public Readiness readiness() {
        ThinSpace there = space;
        return switch (state) {
            case UNUSABLE -> new Readiness.Unusable(unusable);
            case OPENING ->
                absent.isEmpty() ? Readiness.READY : new Readiness.Away("units of its maps are not reachable");
            case AT_REST -> new Readiness.Away(notOpened.isEmpty() ? "units of its maps are not reachable" : notOpened);
            case OPEN -> {
                boolean served = there == null
                        || there.heldExtents() < logicalExtents(geometry)
                        || there.slabs().stream().anyMatch(slab -> !slab.absent);
                yield served ? Readiness.READY : new Readiness.Away("none of its units is reachable");
            }
        };
    }

    @Override
    public EventExecutor owner() {
        return parts.loop();
    }

    @Override
    public Geometry geometry() {
        return geometry;
    }

    @Override
    public Limits limits() {
        return limits;
    }

    @Override
    public Identity identity() {
        return identity;
    }

    // ---- requests

    @Override
    public BlockOperation submit(BlockRequest request, BlockCompletion completion) {
        switch (state) {
            case OPEN -> {
                return pass(request, completion);
            }
            case UNUSABLE -> {
                return refuse(request, completion, BlockFailure.NotReady.unusable(unusable));
            }
            case OPENING, AT_REST -> {}
        }
        if (waiting.size() >= MAX_WAITING) {
            return refuse(request, completion, new BlockFailure.Busy());
        }
        Waiting waiter = new Waiting(request, completion);
        waiting.add(waiter);
        if (state == State.AT_REST) {
            open();
        }
        return waiter;
    }

    private static BlockOperation refuse(BlockRequest request, BlockCompletion completion, BlockFailure failure) {
        BlockRequest.release(request);
        completion.completed(BlockOutcome.failed(failure));
        return BlockOperation.UNCANCELLABLE;
    }

    private BlockOperation pass(BlockRequest request, BlockCompletion completion) {
        return Objects.requireNonNull(requests).submit(request, completion, geometry);
    }

    /** A request that came before the maps were read. */
    private final class Waiting implements BlockOperation {
        private final BlockRequest request;
        private final BlockCompletion completion;
        private BlockOperation passedOn = BlockOperation.UNCANCELLABLE;

        Waiting(BlockRequest request, BlockCompletion completion) {
            this.request = request;
            this.completion = completion;
        }

        void fail(BlockFailure failure) {
            refuse(request, completion, failure);
        }

        @Override
        public void cancel() {
            if (waiting.remove(this)) {
                fail(new BlockFailure.Cancelled());
            } else {
                passedOn.cancel();
            }
        }
    }

    // ---- the end

    @Override
    public void addListener(DeviceListener listener) {
        listeners.add(listener);
    }

    @Override
    public void removeListener(DeviceListener listener) {
        listeners.remove(listener);
    }

    @Override
    public void close(Runnable action) {
        if (whenClosed != null) {
            throw new IllegalStateException("closed twice");
        }
        whenClosed = action;
        failWaiting(new BlockFailure.NotReady("closed"));
        ThinSpace there = space;
        if (there != null) {
            there.close();
        }
        endIfClosed();
    }

    private void endIfClosed() {
        Runnable action = whenClosed;
        if (action == null || underWay > 0 || closed) {
            return;
        }
        closed = true;
        ThinSpace there = space;
        List<BlockDevice> all = there == null
                ? parts.slabs().stream().map(SlabSource.SlabPart::part).toList()
                : there.slabs().stream().map(slab -> slab.part).toList();
        closeFrom(all, 0, action);
    }

    private static void closeFrom(List<BlockDevice> all, int index, Runnable action) {
        if (index == all.size()) {
            action.run();
        } else {
            all.get(index).close(() -> closeFrom(all, index + 1, action));
        }
    }
}
