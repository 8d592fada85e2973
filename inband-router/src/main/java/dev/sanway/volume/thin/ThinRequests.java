package dev.sanway.volume.thin;

import static dev.sanway.block.BlockOutcome.DONE;

import dev.sanway.block.BlockCompletion;
import dev.sanway.block.BlockFailure;
import dev.sanway.block.BlockOperation;
import dev.sanway.block.BlockOutcome;
import dev.sanway.block.BlockRange;
import dev.sanway.block.BlockRequest;
import dev.sanway.block.Geometry;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.CompositeByteBuf;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Carries out the requests of an opened thin volume. Confined to the volume's loop. */
final class ThinRequests {
    private static final int MAX_STATUS_EXTENTS = 256;

    private final ThinSpace space;
    private final ThinSpace.Host host;

    ThinRequests(ThinSpace space, ThinSpace.Host host) {
        this.space = space;
        this.host = host;
    }

    /** A run of the volume's blocks that lies in one piece on a slab, or nowhere. */
    private record Run(@Nullable Slab slab, long lba, long slabLba, long blockCount) {
        boolean continuedBy(@Nullable Slab other, long otherLba) {
            return slab == null ? other == null : slab.equals(other) && slabLba + blockCount == otherLba;
        }

        long shift() {
            return lba - slabLba;
        }
    }

    BlockOperation submit(BlockRequest request, BlockCompletion completion, Geometry geometry) {
        int extentBlocks = SlabFormat.EXTENT_BYTES / geometry.blockSizeBytes();
        return switch (request) {
            case BlockRequest.Read read -> read(read, completion, geometry, extentBlocks);
            case BlockRequest.Write write -> write(write, completion, geometry, extentBlocks);
            case BlockRequest.Flush _ -> flush(completion);
            case BlockRequest.Unmap unmap -> unmap(unmap, completion, geometry, extentBlocks);
            case BlockRequest.WriteZeroes zeroes -> writeZeroes(zeroes, completion, geometry, extentBlocks);
            case BlockRequest.Status status -> {
                completion.completed(status(status, extentBlocks));
                yield BlockOperation.UNCANCELLABLE;
            }
            case BlockRequest.CompareAndWrite _, BlockRequest.OrWrite _ -> {
                BlockRequest.release(request);
                completion.completed(BlockOutcome.failed(new BlockFailure.Unsupported()));
                yield BlockOperation.UNCANCELLABLE;
            }
        };
    }

    /**
     * Where blocks lie, in the volume's order.
     *
     * @param pendingToo also what is mapped, but not durably so; else that counts as nowhere
     */
    private List<Run> runs(long lba, long blockCount, int extentBlocks, boolean pendingToo) {
        List<Run> runs = new ArrayList<>(2);
        long end = lba + blockCount;
        for (long at = lba; at < end; ) {
            int logical = (int) (at / extentBlocks);
            long inExtent = at % extentBlocks;
            long count = Math.min(end - at, extentBlocks - inExtent);
            int place = space.extents.get(logical);
            Slab slab = null;
            long slabLba = 0;
            if (place != ExtentMap.NOWHERE) {
                Slab there = space.slab(ExtentMap.slabOf(place));
                int extent = ExtentMap.extentOf(place);
                if (pendingToo || !there.map.pending(extent)) {
                    slab = there;
                    slabLba = there.extentLba(extent) + inExtent;
                }
            }
            Run last = runs.isEmpty() ? null : runs.getLast();
            if (last != null && last.continuedBy(slab, slabLba) && fits(last, count)) {
                runs.set(runs.size() - 1, new Run(slab, last.lba(), last.slabLba(), last.blockCount() + count));
            } else {
                runs.add(new Run(slab, at, slabLba, count));
            }
            at += count;
        }
        return runs;
    }

    private static boolean fits(Run run, long more) {
        return run.slab() == null
                || run.blockCount() + more <= run.slab().part.limits().maxTransferBlocks();
    }

    private Transfer transfer(BlockCompletion completion, Supplier<BlockOutcome> whenDone) {
        return transfer(completion, whenDone, () -> {});
    }

    private Transfer transfer(BlockCompletion completion, Supplier<BlockOutcome> whenDone, Runnable released) {
        host.began();
        int lot = space.grace.begin();
        return new Transfer(completion, whenDone, released, () -> {
            space.grace.end(lot);
            host.ended();
        });
    }

    // ---- reading

    private BlockOperation read(
            BlockRequest.Read read, BlockCompletion completion, Geometry geometry, int extentBlocks) {
        int blockSize = geometry.blockSizeBytes();
        List<Run> runs = runs(read.lba(), read.blockCount(), extentBlocks, false);
        @Nullable ByteBuf[] pieces = new @Nullable ByteBuf[runs.size()];
        Transfer transfer = transfer(completion, () -> new BlockOutcome.Data(joined(runs, pieces, blockSize)), () -> {
            for (ByteBuf piece : pieces) {
                if (piece != null) {
                    piece.release();
                }
            }
        });
        for (int i = 0; i < pieces.length; i++) {
            Run run = runs.get(i);
            Slab slab = run.slab();
            if (slab != null) {
                int number = i;
                cut(
                        run,
                        slab,
                        (lba, slabLba, count) -> transfer.submit(
                                slab.part,
                                new BlockRequest.Read(slabLba, count, read.forceUnitAccess()),
                                lba,
                                run.shift(),
                                outcome -> {
                                    if (outcome instanceof BlockOutcome.Data data) {
                                        place(pieces, number, data.bytes(), run, slabLba, count, blockSize);
                                    }
                                }));
            }
        }
        transfer.submitted();
        return transfer;
    }

    private interface Piece {
        void take(long lba, long slabLba, int count);
    }

    /** A part with shorter transfers gets several. */
    private static void cut(Run run, Slab slab, Piece piece) {
        int most = slab.part.limits().maxTransferBlocks();
        for (long done = 0; done < run.blockCount(); done += most) {
            piece.take(run.lba() + done, run.slabLba() + done, (int) Math.min(most, run.blockCount() - done));
        }
    }

    /** The whole run at once is passed on as it is; of shorter pieces a copy is made. */
    private static void place(
            @Nullable ByteBuf[] pieces, int number, ByteBuf bytes, Run run, long slabLba, int count, int blockSize) {
        if (count == run.blockCount()) {
            pieces[number] = bytes;
            return;
        }
        ByteBuf whole = pieces[number];
        if (whole == null) {
            int length = Math.toIntExact(run.blockCount() * blockSize);
            whole = ByteBufAllocator.DEFAULT.buffer(length, length).writerIndex(length);
            pieces[number] = whole;
        }
        whole.setBytes((int) (slabLba - run.slabLba()) * blockSize, bytes, bytes.readerIndex(), count * blockSize);
        bytes.release();
    }

    private static ByteBuf joined(List<Run> runs, @Nullable ByteBuf[] pieces, int blockSize) {
        if (pieces.length == 1) {
            return piece(runs.getFirst(), pieces[0], blockSize);
        }
        CompositeByteBuf whole = ByteBufAllocator.DEFAULT.compositeBuffer(Math.max(2, pieces.length));
        for (int i = 0; i < pieces.length; i++) {
            whole.addComponent(true, piece(runs.get(i), pieces[i], blockSize));
        }
        return whole;
    }

    private static ByteBuf piece(Run run, @Nullable ByteBuf read, int blockSize) {
        if (read != null) {
            return read;
        }
        int length = Math.toIntExact(run.blockCount() * blockSize);
        return ByteBufAllocator.DEFAULT.directBuffer(length, length).writeZero(length);
    }

    // ---- writing

    private BlockOperation write(
            BlockRequest.Write write, BlockCompletion completion, Geometry geometry, int extentBlocks) {
        int need = unmapped(write, extentBlocks);
        if (need == 0) {
            return writeMapped(write, completion, geometry.blockSizeBytes(), extentBlocks);
        }
        if (space.ready(need)) {
            return firstWrite(write, completion, geometry.blockSizeBytes(), extentBlocks);
        }
        FirstWrite waiting = new FirstWrite(write, completion, geometry.blockSizeBytes(), extentBlocks);
        space.await(waiting);
        return waiting;
    }

    private int unmapped(BlockRequest.Write write, int extentBlocks) {
        int need = 0;
        for (int logical = (int) (write.lba() / extentBlocks);
                (long) logical * extentBlocks < write.lba() + write.blockCount();
                logical++) {
            need += space.extents.get(logical) == ExtentMap.NOWHERE ? 1 : 0;
        }
        return write.blockCount() == 0 ? 0 : need;
    }

    private BlockOperation firstWrite(
            BlockRequest.Write write, BlockCompletion completion, int blockSize, int extentBlocks) {
        for (int logical = (int) (write.lba() / extentBlocks);
                (long) logical * extentBlocks < write.lba() + write.blockCount();
                logical++) {
            if (space.extents.get(logical) == ExtentMap.NOWHERE) {
                space.map(logical);
            }
        }
        BlockOperation operation = writeMapped(write, completion, blockSize, extentBlocks);
        space.feed();
        return operation;
    }

    private BlockOperation writeMapped(
            BlockRequest.Write write, BlockCompletion completion, int blockSize, int extentBlocks) {
        Transfer transfer = transfer(completion, () -> DONE);
        ByteBuf data = write.data();
        waitForEntries(write.lba(), write.blockCount(), extentBlocks, transfer);
        for (Run run : runs(write.lba(), write.blockCount(), extentBlocks, true)) {
            Slab slab = Objects.requireNonNull(run.slab());
            cut(
                    run,
                    slab,
                    (lba, slabLba, count) -> transfer.submit(
                            slab.part,
                            new BlockRequest.Write(
                                    slabLba,
                                    count,
                                    data.retainedSlice(
                                            data.readerIndex() + (int) (lba - write.lba()) * blockSize,
                                            count * blockSize),
                                    write.forceUnitAccess()),
                            lba,
                            run.shift(),
                            _ -> slab.unflushed = true));
        }
        data.release();
        transfer.submitted();
        return transfer;
    }

    /** What was mapped by this write, or by one before that is not done yet either, must be so durably. */
    private void waitForEntries(long lba, long blockCount, int extentBlocks, Transfer transfer) {
        for (int logical = (int) (lba / extentBlocks); (long) logical * extentBlocks < lba + blockCount; logical++) {
            int place = space.extents.get(logical);
            if (place != ExtentMap.NOWHERE) {
                Slab slab = space.slab(ExtentMap.slabOf(place));
                int extent = ExtentMap.extentOf(place);
                if (slab.map.pending(extent)) {
                    slab.writer.entry(extent, transfer.page());
                }
            }
        }
    }

    /** A write that waits for extents. */
    private final class FirstWrite implements ThinSpace.Waiting, BlockOperation {
        private final BlockRequest.Write write;
        private final BlockCompletion completion;
        private final int blockSize;
        private final int extentBlocks;
        private @Nullable BlockOperation operation;
        private boolean ended;

        FirstWrite(BlockRequest.Write write, BlockCompletion completion, int blockSize, int extentBlocks) {
            this.write = write;
            this.completion = completion;
            this.blockSize = blockSize;
            this.extentBlocks = extentBlocks;
            host.began();
        }

        @Override
        public int need() {
            return unmapped(write, extentBlocks);
        }

        @Override
        public void goOn() {
            ended = true;
            try {
                operation = firstWrite(write, completion, blockSize, extentBlocks);
            } finally {
                host.ended();
            }
        }

        @Override
        public void fail(BlockFailure failure) {
            ended = true;
            try {
                write.data().release();
                completion.completed(BlockOutcome.failed(failure));
            } finally {
                host.ended();
            }
        }

        @Override
        public void cancel() {
            BlockOperation passedOn = operation;
            if (passedOn != null) {
                passedOn.cancel();
            } else if (!ended) {
                space.leave(this);
                fail(new BlockFailure.Cancelled());
                space.feed();
            }
        }
    }

    // ---- flushing

    private BlockOperation flush(BlockCompletion completion) {
        Transfer transfer = transfer(completion, () -> DONE);
        for (Slab slab : space.slabs()) {
            // While another flush is on its way it is not known yet whether what it covers will be durable.
            if (slab.unflushed || slab.flushes > 0) {
                slab.unflushed = false;
                slab.flushes++;
                transfer.submit(slab.part, new BlockRequest.Flush(0, 0), 0, 0, outcome -> {
                    slab.flushes--;
                    if (outcome instanceof BlockOutcome.Failed) {
                        slab.unflushed = true;
                    }
                });
            }
        }
        transfer.submitted();
        return transfer;
    }

    // ---- giving back

    private BlockOperation unmap(
            BlockRequest.Unmap unmap, BlockCompletion completion, Geometry geometry, int extentBlocks) {
        Transfer transfer = transfer(completion, () -> DONE);
        Set<MapRecovery.StalePage> pages = new LinkedHashSet<>();
        for (BlockRange range : unmap.ranges()) {
            free(range, geometry, extentBlocks, pages, (slab, lba, slabLba, count) -> {
                // Hosts are told that what was unmapped reads as zeroes; to a unit, and to a slab that moves, an unmap
                // is but a hint.
                BlockRequest part = new BlockRequest.WriteZeroes(slabLba, count, slab.zeroesCheaply(), false);
                transfer.submit(slab.part, part, lba, lba - slabLba, _ -> slab.unflushed = true);
            });
        }
        makeDurable(pages, transfer);
        transfer.submitted();
        return transfer;
    }

    private BlockOperation writeZeroes(
            BlockRequest.WriteZeroes zeroes, BlockCompletion completion, Geometry geometry, int extentBlocks) {
        Transfer transfer = transfer(completion, () -> DONE);
        Set<MapRecovery.StalePage> pages = new LinkedHashSet<>();
        Rest zero = (slab, lba, slabLba, count) -> transfer.submit(
                slab.part,
                new BlockRequest.WriteZeroes(slabLba, count, zeroes.mayUnmap(), zeroes.forceUnitAccess()),
                lba,
                lba - slabLba,
                _ -> slab.unflushed = true);
        BlockRange range = new BlockRange(zeroes.lba(), zeroes.blockCount());
        if (zeroes.mayUnmap()) {
            free(range, geometry, extentBlocks, pages, zero);
        } else {
            mapped(range, extentBlocks, zero);
        }
        makeDurable(pages, transfer);
        transfer.submitted();
        return transfer;
    }

    private interface Rest {
        void take(Slab slab, long lba, long slabLba, long count);
    }

    /** Whole extents are freed, in memory; mapped parts of extents go to {@code rest}. */
    private void free(
            BlockRange range, Geometry geometry, int extentBlocks, Set<MapRecovery.StalePage> pages, Rest rest) {
        if (range.blockCount() == 0) {
            return;
        }
        int first = (int) Math.ceilDiv(range.lba(), extentBlocks);
        // The volume's last extent is whole at the volume's end.
        int end = (int)
                (range.end() == geometry.blockCount()
                        ? Math.ceilDiv(range.end(), extentBlocks)
                        : range.end() / extentBlocks);
        if (first >= end) {
            mapped(range, extentBlocks, rest);
            return;
        }
        long wholeFrom = (long) first * extentBlocks;
        long wholeEnd = Math.min(range.end(), (long) end * extentBlocks);
        mapped(new BlockRange(range.lba(), wholeFrom - range.lba()), extentBlocks, rest);
        for (int at = space.extents.nextMapped(first, end); at < end; at = space.extents.nextMapped(at + 1, end)) {
            pages.add(space.free(at));
        }
        mapped(new BlockRange(wholeEnd, range.end() - wholeEnd), extentBlocks, rest);
    }

    /** The parts of a range that are somewhere, extent by extent. */
    private void mapped(BlockRange range, int extentBlocks, Rest rest) {
        if (range.blockCount() == 0) {
            return;
        }
        int end = (int) Math.ceilDiv(range.end(), extentBlocks);
        for (int logical = space.extents.nextMapped((int) (range.lba() / extentBlocks), end);
                logical < end;
                logical = space.extents.nextMapped(logical + 1, end)) {
            int place = space.extents.get(logical);
            Slab slab = space.slab(ExtentMap.slabOf(place));
            long extentLba = (long) logical * extentBlocks;
            long from = Math.max(range.lba(), extentLba);
            long to = Math.min(range.end(), extentLba + extentBlocks);
            rest.take(slab, from, slab.extentLba(ExtentMap.extentOf(place)) + from - extentLba, to - from);
        }
    }

    /**
     * A freed entry that was not made durable must not come back after a newer one of the same extent was freed, or after its
     * extent was freed again: all such pages are written, too.
     */
    private void makeDurable(Set<MapRecovery.StalePage> pages, Transfer transfer) {
        for (Slab slab : space.slabs()) {
            slab.writer.unsurePages().forEach(page -> pages.add(new MapRecovery.StalePage(slab.number, page)));
        }
        pages.forEach(page -> space.slab(page.slab()).writer.write(page.page(), transfer.page()));
    }

    // ---- status

    private BlockOutcome status(BlockRequest.Status status, int extentBlocks) {
        List<BlockOutcome.Status.Extent> found = new ArrayList<>();
        long end = status.lba() + status.blockCount();
        int last = (int) Math.ceilDiv(end, extentBlocks);
        for (long lba = status.lba(); lba < end && found.size() < MAX_STATUS_EXTENTS; ) {
            int logical = (int) (lba / extentBlocks);
            boolean mapped = space.extents.get(logical) != ExtentMap.NOWHERE;
            int next = mapped ? space.extents.nextUnmapped(logical, last) : space.extents.nextMapped(logical, last);
            long until = Math.min(end, (long) next * extentBlocks);
            found.add(new BlockOutcome.Status.Extent(lba, until - lba, mapped));
            lba = until;
        }
        return new BlockOutcome.Status(found);
    }
}
