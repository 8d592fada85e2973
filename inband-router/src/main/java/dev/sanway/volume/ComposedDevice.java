package dev.sanway.volume;

import static dev.sanway.block.BlockOutcome.DONE;

import dev.sanway.block.BlockCompletion;
import dev.sanway.block.BlockDevice;
import dev.sanway.block.BlockFailure;
import dev.sanway.block.BlockOperation;
import dev.sanway.block.BlockOutcome;
import dev.sanway.block.BlockRange;
import dev.sanway.block.BlockRequest;
import dev.sanway.block.DeviceEvent;
import dev.sanway.block.DeviceListener;
import dev.sanway.block.DeviceListeners;
import dev.sanway.block.Drain;
import dev.sanway.block.Geometry;
import dev.sanway.block.Identity;
import dev.sanway.block.Limits;
import dev.sanway.block.Readiness;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.CompositeByteBuf;
import io.netty.util.concurrent.EventExecutor;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A volume made of parts after a {@link Layout}: a linear or a striped volume. Splits requests and gathers outcomes; data
 * travel as slices and are never copied. What touches one part only costs one wrapper. Parts that are not ready fail the
 * requests that touch them and no other.
 *
 * <p>Of several failures the one at the volume's lowest block is reported, with the volume's block; but that unflushed
 * writes were lost outranks everything, because a part says it only once. After a failed write other parts may have theirs.
 *
 * <p>Closes its parts, and what the parts are made of only if they do so.
 */
public final class ComposedDevice implements BlockDevice {

    /** What hosts should ask for at a time: large enough that a request more hardly tells. */
    private static final int OPTIMAL_BYTES = 1 << 20;

    private static final int MAX_STATUS_FRAGMENTS = 256;

    private final Layout layout;
    private final BlockDevice[] parts;
    private final Identity identity;
    private final Geometry geometry;
    private final Limits limits;
    private final DeviceListeners listeners = new DeviceListeners();
    private final Drain drain = new Drain();

    /**
     * @param parts as many as the layout has, of one block size and one owner, each at least as large as the layout uses
     * @param maxTransferBlocks how long transfers of the volume may be; a part with a lower limit gets several
     */
    public ComposedDevice(Identity identity, Layout layout, List<? extends BlockDevice> parts, int maxTransferBlocks) {
        if (parts.size() != layout.partCount()) {
            throw new IllegalArgumentException(parts.size() + " parts for a layout of " + layout.partCount());
        }
        this.identity = identity;
        this.layout = layout;
        this.parts = parts.toArray(BlockDevice[]::new);
        int blockSize = this.parts[0].geometry().blockSizeBytes();
        int physical = 0;
        for (int i = 0; i < this.parts.length; i++) {
            BlockDevice part = this.parts[i];
            if (part.geometry().blockSizeBytes() != blockSize
                    || !part.owner().equals(this.parts[0].owner())
                    || part.geometry().blockCount() < layout.usedBlocks(i)) {
                throw new IllegalArgumentException(
                        "part " + i + " of " + identity + " does not fit: " + part.geometry());
            }
            physical = Math.max(physical, part.geometry().physicalBlockSizeBytes());
            part.addListener(this::on);
        }
        this.geometry = new Geometry(blockSize, physical, layout.blockCount());
        this.limits = combined(maxTransferBlocks);
    }

    private Limits combined(int maxTransferBlocks) {
        int granule = 1;
        boolean givesBack = true;
        boolean zeroes = true;
        boolean volatileCache = false;
        boolean readOnly = false;
        int optimal = 0;
        for (BlockDevice part : parts) {
            Limits each = part.limits();
            givesBack &= each.unmapGranularityBlocks() > 0;
            granule = Math.max(granule, each.unmapGranularityBlocks());
            zeroes &= each.unmappedReadsZeroes();
            volatileCache |= each.volatileCache();
            readOnly |= each.readOnly();
            optimal = Math.max(optimal, each.optimalTransferBlocks());
        }
        int alignment = parts[0].limits().unmapAlignmentBlocks();
        Layout.Striped striped = layout.striping();
        if (striped != null && striped.width() > 1) {
            // Linux takes it for the longest request (max_sectors_kb), so as many stripes as make a good one.
            int stripe = Math.multiplyExact(striped.chunkBlocks(), striped.width());
            optimal = Math.max(1, OPTIMAL_BYTES / parts[0].geometry().blockSizeBytes() / stripe) * stripe;
            // Granules larger than a chunk are complete only where all the parts' granules are.
            granule = striped.chunkBlocks() % granule == 0 ? granule : granule * striped.width();
            alignment = 0;
        }
        return new Limits(
                maxTransferBlocks,
                Math.min(optimal, maxTransferBlocks),
                givesBack ? granule : 0,
                givesBack ? alignment % granule : 0,
                zeroes && givesBack,
                volatileCache,
                readOnly);
    }

    private void on(DeviceEvent event) {
        switch (event) {
            case DeviceEvent.BecameNotReady _, DeviceEvent.BecameReady _, DeviceEvent.SpaceLow _ ->
                listeners.tell(event);
            case DeviceEvent.CapacityChanged _ -> {}
        }
    }

    /** Ready while one part is. */
    @Override
    public Readiness readiness() {
        Readiness best = parts[0].readiness();
        for (BlockDevice part : parts) {
            best = Readiness.better(best, part.readiness());
        }
        return best;
    }

    @Override
    public EventExecutor owner() {
        return parts[0].owner();
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

    @Override
    public BlockOperation submit(BlockRequest request, BlockCompletion completion) {
        return switch (request) {
            case BlockRequest.Read read -> {
                if (read.blockCount() == 0) {
                    completion.completed(new BlockOutcome.Data(ByteBufAllocator.DEFAULT.buffer(0, 1)));
                    yield BlockOperation.UNCANCELLABLE;
                }
                yield start(request, within(read.lba(), read.blockCount()), completion);
            }
            case BlockRequest.Write write -> start(request, within(write.lba(), write.blockCount()), completion);
            case BlockRequest.Flush flush -> {
                long count = flush.blockCount() == 0 ? geometry.blockCount() - flush.lba() : flush.blockCount();
                yield start(request, layout.runs(flush.lba(), count), completion);
            }
            case BlockRequest.WriteZeroes zeroes ->
                start(request, layout.runs(zeroes.lba(), zeroes.blockCount()), completion);
            case BlockRequest.Unmap unmap -> start(request, unmapRuns(unmap), completion);
            case BlockRequest.Status status -> {
                if (status.blockCount() == 0) {
                    completion.completed(new BlockOutcome.Status(List.of()));
                    yield BlockOperation.UNCANCELLABLE;
                }
                yield start(request, layout.runs(status.lba(), statusBlocks(status)), completion);
            }
            case BlockRequest.CompareAndWrite _, BlockRequest.OrWrite _ -> {
                BlockRequest.release(request);
                completion.completed(BlockOutcome.failed(new BlockFailure.Unsupported()));
                yield BlockOperation.UNCANCELLABLE;
            }
        };
    }

    /** The runs of a transfer, cut where a part takes no longer ones. */
    private List<Layout.Run> within(long lba, long blockCount) {
        List<Layout.Run> runs = layout.runs(lba, blockCount);
        for (int i = 0; i < runs.size(); i++) {
            Layout.Run run = runs.get(i);
            if (run.blockCount() > parts[run.part()].limits().maxTransferBlocks()) {
                return cut(runs);
            }
        }
        return runs;
    }

    private List<Layout.Run> cut(List<Layout.Run> runs) {
        List<Layout.Run> shorter = new ArrayList<>();
        for (Layout.Run run : runs) {
            int most = parts[run.part()].limits().maxTransferBlocks();
            for (long at = run.lba(); at < run.end(); at += most) {
                shorter.add(new Layout.Run(run.part(), at, Math.min(most, run.end() - at)));
            }
        }
        return shorter;
    }

    /** Of a striped volume no more than some chunks are asked about at once. */
    private long statusBlocks(BlockRequest.Status status) {
        Layout.Striped striped = layout.striping();
        return striped == null
                ? status.blockCount()
                : Math.min(status.blockCount(), (long) MAX_STATUS_FRAGMENTS * striped.chunkBlocks());
    }

    private List<Layout.Run> unmapRuns(BlockRequest.Unmap unmap) {
        List<Layout.Run> runs = new ArrayList<>();
        for (BlockRange range : unmap.ranges()) {
            runs.addAll(layout.runs(range.lba(), range.blockCount()));
        }
        return runs;
    }

    private BlockOperation start(BlockRequest request, List<Layout.Run> runs, BlockCompletion completion) {
        if (runs.isEmpty()) {
            BlockRequest.release(request);
            completion.completed(DONE);
            return BlockOperation.UNCANCELLABLE;
        }
        drain.begin();
        if (runs.size() == 1) {
            Layout.Run run = runs.getFirst();
            boolean status = request instanceof BlockRequest.Status;
            return parts[run.part()].submit(onPart(request, run, data(request)), outcome -> {
                try {
                    completion.completed(
                            status ? gatherStatus(request, runs, List.of(outcome)) : onVolume(outcome, run.part()));
                } finally {
                    drain.end();
                }
            });
        }
        FanOut fanOut = new FanOut(request, runs, completion);
        fanOut.start();
        return fanOut;
    }

    private static @Nullable ByteBuf data(BlockRequest request) {
        return request instanceof BlockRequest.Write write ? write.data() : null;
    }

    private static BlockRequest onPart(BlockRequest request, Layout.Run run, @Nullable ByteBuf data) {
        return switch (request) {
            case BlockRequest.Read read ->
                new BlockRequest.Read(run.lba(), (int) run.blockCount(), read.forceUnitAccess());
            case BlockRequest.Write write ->
                new BlockRequest.Write(
                        run.lba(), (int) run.blockCount(), Objects.requireNonNull(data), write.forceUnitAccess());
            case BlockRequest.Flush _ -> new BlockRequest.Flush(run.lba(), run.blockCount());
            case BlockRequest.Unmap _ -> new BlockRequest.Unmap(List.of(new BlockRange(run.lba(), run.blockCount())));
            case BlockRequest.WriteZeroes zeroes ->
                new BlockRequest.WriteZeroes(run.lba(), run.blockCount(), zeroes.mayUnmap(), zeroes.forceUnitAccess());
            case BlockRequest.Status _ -> new BlockRequest.Status(run.lba(), run.blockCount());
            case BlockRequest.CompareAndWrite _, BlockRequest.OrWrite _ ->
                throw new IllegalStateException("not for a part: " + request);
        };
    }

    private BlockOutcome onVolume(BlockOutcome outcome, int part) {
        return outcome instanceof BlockOutcome.Failed failed
                ? BlockOutcome.failed(onVolume(failed.failure(), part))
                : outcome;
    }

    private BlockFailure onVolume(BlockFailure failure, int part) {
        return switch (failure) {
            case BlockFailure.Unreadable unreadable ->
                new BlockFailure.Unreadable(layout.volumeLba(part, unreadable.lba()));
            case BlockFailure.Unwritable unwritable ->
                new BlockFailure.Unwritable(layout.volumeLba(part, unwritable.lba()));
            case BlockFailure.Miscompare _,
                    BlockFailure.NotReady _,
                    BlockFailure.OutOfSpace _,
                    BlockFailure.WriteProtected _,
                    BlockFailure.Busy _,
                    BlockFailure.ReservationConflict _,
                    BlockFailure.UnflushedWritesLost _,
                    BlockFailure.Cancelled _,
                    BlockFailure.Unsupported _,
                    BlockFailure.Broken _ -> failure;
        };
    }

    /** A request under way on several parts. */
    private final class FanOut implements BlockOperation {
        private final BlockRequest request;
        private final List<Layout.Run> runs;
        private final BlockCompletion completion;
        private final BlockOperation[] operations;
        private final @Nullable BlockOutcome[] outcomes;
        private int remaining;

        FanOut(BlockRequest request, List<Layout.Run> runs, BlockCompletion completion) {
            this.request = request;
            this.runs = runs;
            this.completion = completion;
            this.operations = new BlockOperation[runs.size()];
            this.outcomes = new @Nullable BlockOutcome[runs.size()];
            this.remaining = runs.size();
        }

        void start() {
            @Nullable ByteBuf[] pieces = new @Nullable ByteBuf[runs.size()];
            if (request instanceof BlockRequest.Write write) {
                split(write, pieces);
            }
            for (int i = 0; i < operations.length; i++) {
                Layout.Run run = runs.get(i);
                int number = i;
                operations[i] =
                        parts[run.part()].submit(onPart(request, run, pieces[i]), outcome -> ended(number, outcome));
            }
        }

        private void split(BlockRequest.Write write, @Nullable ByteBuf[] pieces) {
            RunFinder finder = new RunFinder(runs);
            ByteBuf data = write.data();
            int blockSize = geometry.blockSizeBytes();
            int offset = data.readerIndex();
            long end = write.lba() + write.blockCount();
            for (long lba = write.lba(); lba < end; ) {
                int number = finder.find(layout.partOf(lba), layout.partLbaOf(lba));
                long rest = runs.get(number).end() - layout.partLbaOf(lba);
                int count = (int) Math.min(Math.min(layout.fragmentRest(lba), rest), end - lba);
                ByteBuf slice = data.retainedSlice(offset, count * blockSize);
                ByteBuf before = pieces[number];
                pieces[number] = before == null ? slice : joined(before, slice);
                offset += count * blockSize;
                lba += count;
            }
            data.release();
        }

        private static ByteBuf joined(ByteBuf before, ByteBuf slice) {
            if (before instanceof Joined joined) {
                return joined.addComponent(true, slice);
            }
            return new Joined().addComponent(true, before).addComponent(true, slice);
        }

        private void ended(int number, BlockOutcome outcome) {
            outcomes[number] = onVolume(outcome, runs.get(number).part());
            if (--remaining == 0) {
                try {
                    completion.completed(gathered());
                } finally {
                    drain.end();
                }
            }
        }

        private BlockOutcome gathered() {
            List<BlockOutcome> all = new ArrayList<>(outcomes.length);
            BlockFailure worst = null;
            long worstLba = Long.MAX_VALUE;
            for (int i = 0; i < outcomes.length; i++) {
                BlockOutcome outcome = Objects.requireNonNull(outcomes[i]);
                all.add(outcome);
                if (outcome instanceof BlockOutcome.Failed failed) {
                    long lba = rank(failed.failure(), runs.get(i));
                    if (lba < worstLba) {
                        worst = failed.failure();
                        worstLba = lba;
                    }
                }
            }
            if (worst != null) {
                all.forEach(BlockOutcome::release);
                return BlockOutcome.failed(worst);
            }
            return switch (request) {
                case BlockRequest.Read read -> new BlockOutcome.Data(gatherData(read, all));
                case BlockRequest.Status _ -> gatherStatus(request, runs, all);
                case BlockRequest.Write _,
                        BlockRequest.Flush _,
                        BlockRequest.Unmap _,
                        BlockRequest.WriteZeroes _,
                        BlockRequest.CompareAndWrite _,
                        BlockRequest.OrWrite _ -> DONE;
            };
        }

        /** The volume's block at which a failure strikes; below all blocks for what must not go unheard. */
        private long rank(BlockFailure failure, Layout.Run run) {
            return switch (failure) {
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
                        BlockFailure.Broken _ -> layout.volumeLba(run.part(), run.lba());
            };
        }

        private ByteBuf gatherData(BlockRequest.Read read, List<BlockOutcome> all) {
            RunFinder finder = new RunFinder(runs);
            int blockSize = geometry.blockSizeBytes();
            Joined whole = new Joined();
            long end = read.lba() + read.blockCount();
            for (long lba = read.lba(); lba < end; ) {
                long partLba = layout.partLbaOf(lba);
                int number = finder.find(layout.partOf(lba), partLba);
                Layout.Run run = runs.get(number);
                int count = (int) Math.min(Math.min(layout.fragmentRest(lba), run.end() - partLba), end - lba);
                ByteBuf bytes = ((BlockOutcome.Data) all.get(number)).bytes();
                int offset = bytes.readerIndex() + (int) (partLba - run.lba()) * blockSize;
                whole.addComponent(true, bytes.retainedSlice(offset, count * blockSize));
                lba += count;
            }
            all.forEach(BlockOutcome::release);
            return whole;
        }

        @Override
        public void cancel() {
            for (int i = 0; i < operations.length; i++) {
                if (outcomes[i] == null) {
                    operations[i].cancel();
                }
            }
        }
    }

    /** Slices one after the other; never merged into one by copying. */
    private static final class Joined extends CompositeByteBuf {
        Joined() {
            super(ByteBufAllocator.DEFAULT, true, Integer.MAX_VALUE);
        }

        @Override
        public Joined addComponent(boolean increaseWriterIndex, ByteBuf slice) {
            super.addComponent(increaseWriterIndex, slice);
            return this;
        }
    }

    /** Which run holds a part's block; made for asking in the volume's order. */
    private static final class RunFinder {
        private final List<Layout.Run> runs;
        private int last;

        RunFinder(List<Layout.Run> runs) {
            this.runs = runs;
        }

        int find(int part, long partLba) {
            for (int i = 0; i < runs.size(); i++) {
                int number = (last + i) % runs.size();
                Layout.Run run = runs.get(number);
                if (run.part() == part && partLba >= run.lba() && partLba < run.end()) {
                    last = number;
                    return number;
                }
            }
            throw new IllegalStateException("no run for block " + partLba + " of part " + part + " in " + runs);
        }
    }

    /** Puts the parts' extents together in the volume's order, as far as they reach. */
    private BlockOutcome gatherStatus(BlockRequest request, List<Layout.Run> runs, List<BlockOutcome> all) {
        if (all.getFirst() instanceof BlockOutcome.Failed) {
            return onVolume(all.getFirst(), runs.getFirst().part());
        }
        BlockRequest.Status status = (BlockRequest.Status) request;
        Map<Integer, ArrayList<BlockOutcome.Status.Extent>> byPart = new HashMap<>();
        for (int i = 0; i < all.size(); i++) {
            byPart.computeIfAbsent(runs.get(i).part(), _ -> new ArrayList<>())
                    .addAll(((BlockOutcome.Status) all.get(i)).extents());
        }
        int[] next = new int[parts.length];
        List<BlockOutcome.Status.Extent> extents = new ArrayList<>();
        long end = status.lba() + status.blockCount();
        for (long lba = status.lba(); lba < end; ) {
            int part = layout.partOf(lba);
            long partLba = layout.partLbaOf(lba);
            List<BlockOutcome.Status.Extent> there = byPart.getOrDefault(part, new ArrayList<>());
            while (next[part] < there.size() && after(there.get(next[part])) <= partLba) {
                next[part]++;
            }
            if (next[part] >= there.size() || there.get(next[part]).lba() > partLba) {
                break;
            }
            BlockOutcome.Status.Extent extent = there.get(next[part]);
            long count = Math.min(Math.min(layout.fragmentRest(lba), after(extent) - partLba), end - lba);
            append(extents, lba, count, extent.mapped());
            lba += count;
        }
        return new BlockOutcome.Status(extents);
    }

    private static long after(BlockOutcome.Status.Extent extent) {
        return extent.lba() + extent.blockCount();
    }

    private static void append(List<BlockOutcome.Status.Extent> extents, long lba, long count, boolean mapped) {
        if (!extents.isEmpty() && extents.getLast().mapped() == mapped) {
            BlockOutcome.Status.Extent before = extents.removeLast();
            extents.add(new BlockOutcome.Status.Extent(before.lba(), before.blockCount() + count, mapped));
        } else {
            extents.add(new BlockOutcome.Status.Extent(lba, count, mapped));
        }
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
        drain.close(() -> closeFrom(0, whenClosed));
    }

    private void closeFrom(int part, Runnable whenClosed) {
        if (part == parts.length) {
            whenClosed.run();
        } else {
            parts[part].close(() -> closeFrom(part + 1, whenClosed));
        }
    }
}
