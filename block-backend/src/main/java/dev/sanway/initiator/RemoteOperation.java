package dev.sanway.initiator;

import dev.sanway.block.AwakeClock;
import dev.sanway.block.BlockCompletion;
import dev.sanway.block.BlockFailure;
import dev.sanway.block.BlockOperation;
import dev.sanway.block.BlockOutcome;
import dev.sanway.block.BlockRange;
import dev.sanway.block.BlockRequest;
import dev.sanway.block.Readiness;
import dev.sanway.iscsi.TaskAttribute;
import dev.sanway.scsi.BigEndian;
import dev.sanway.scsi.Cdb;
import dev.sanway.scsi.LogicalUnitNumber;
import dev.sanway.scsi.Opcode;
import dev.sanway.scsi.SenseData;
import dev.sanway.scsi.SenseKey;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import io.netty.util.concurrent.ScheduledFuture;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A block request as the SCSI commands that carry it out, one after the other. Unit attentions and passing refusals are met
 * by sending the command again; commands that the unit does not know are replaced by others. Confined to the session's loop.
 */
final class RemoteOperation implements BlockOperation {
    private static final int LBA_STATUS_BYTES = 8 + 64 * 16;
    private static final int MAX_DELAY_MILLIS = 500;
    private static final int ATTEMPTS_AT_MOST = 200;

    /** How often a write is done again because the unit may have been restarted before it was flushed. */
    private static final int REPETITIONS_AT_MOST = 8;

    /** Unit attentions that are met by sending the command again at once; beyond, it waits a little. */
    private static final int NEWS_AT_ONCE = 8;

    /** LOGICAL UNIT COMMUNICATION FAILURE and its kin (SPC-4 annex D.2). */
    private static final int COMMUNICATION_FAILURE_ASC = 0x08;

    private static final long MAX_10_LBA = 0xFFFF_FFFFL;
    private static final ByteBuf ZEROES =
            Unpooled.unreleasableBuffer(Unpooled.directBuffer(1 << 20).writeZero(1 << 20));

    private final RemoteLogicalUnit unit;
    private final BlockRequest request;
    private final BlockCompletion completion;
    private final int blockSize;
    private long deadlineNanos;
    private int attempts;
    private int repetitions;
    /** Where the unit was when this began. */
    private final int incarnationAtFirst;

    private boolean lossHeard;
    private boolean cancelled;
    private boolean ended;
    private @Nullable ScsiTask task;
    private @Nullable ScheduledFuture<?> pause;

    RemoteOperation(RemoteLogicalUnit unit, BlockRequest request, BlockCompletion completion) {
        this.unit = unit;
        this.request = request;
        this.completion = completion;
        this.blockSize = unit.geometry().blockSizeBytes();
        this.deadlineNanos = unit.session().deadline();
        this.incarnationAtFirst = unit.incarnation();
    }

    void begin() {
        switch (request) {
            case BlockRequest.Read read -> read(read);
            case BlockRequest.Write write -> write(write);
            case BlockRequest.Flush flush -> flush(flush);
            case BlockRequest.Unmap unmap -> unmap(unmap);
            case BlockRequest.WriteZeroes zeroes ->
                writeZeroes(zeroes, incarnationAtFirst, zeroes.lba(), zeroes.blockCount(), zeroes.mayUnmap());
            case BlockRequest.Status status -> status(status);
            case BlockRequest.CompareAndWrite _, BlockRequest.OrWrite _ -> fail(new BlockFailure.Unsupported());
        }
    }

    @Override
    public void cancel() {
        if (ended || cancelled) {
            return;
        }
        cancelled = true;
        ScsiTask current = task;
        ScheduledFuture<?> timer = pause;
        if (current != null) {
            unit.session().cancel(current);
        } else if (timer != null && timer.cancel(false)) {
            fail(new BlockFailure.Cancelled());
        }
    }

    private void end(BlockOutcome outcome) {
        if (ended) {
            throw new IllegalStateException("ended twice: " + request);
        }
        ended = true;
        BlockRequest.release(request);
        completion.completed(outcome);
    }

    private void fail(BlockFailure failure) {
        end(BlockOutcome.failed(failure));
    }

    /** One command: what it is, what it is about, and what follows. */
    private record Command(
            byte[] cdb,
            ByteBuf dataOut,
            int dataIn,
            boolean write,
            long lba,
            long blockCount,
            Consumer<ByteBuf> good,
            Consumer<BlockFailure> failed) {
        /** Of other commands some units (tgtd of UNMAP) tell a residual that means nothing. */
        boolean writesData() {
            int opcode = cdb[0] & 0xFF;
            return opcode == Opcode.WRITE_10 || opcode == Opcode.WRITE_16;
        }

        boolean flushes() {
            int opcode = cdb[0] & 0xFF;
            return opcode == Opcode.SYNCHRONIZE_CACHE_10 || opcode == Opcode.SYNCHRONIZE_CACHE_16;
        }
    }

    private void issue(Command command) {
        if (cancelled) {
            command.failed.accept(new BlockFailure.Cancelled());
            return;
        }
        Readiness.Unready refusal = unit.refusal();
        if (refusal != null) {
            command.failed.accept(new BlockFailure.NotReady(refusal));
            return;
        }
        ScsiTask next = new ScsiTask(
                unit.queue(),
                LogicalUnitNumber.encode(unit.lun()),
                command.cdb,
                TaskAttribute.SIMPLE.code(),
                command.dataOut.retainedDuplicate(),
                command.dataIn,
                deadlineNanos,
                result -> {
                    task = null;
                    answered(command, result);
                });
        task = next;
        unit.session().submit(next);
    }

    private void answered(Command command, ScsiResult result) {
        switch (result) {
            case ScsiResult.Unanswered unanswered -> command.failed.accept(new BlockFailure.NotReady(unanswered.why()));
            case ScsiResult.Aborted _ -> command.failed.accept(new BlockFailure.Cancelled());
            case ScsiResult.Refused refused -> command.failed.accept(new BlockFailure.Broken(refused.reason()));
            case ScsiResult.Answered answer -> {
                SenseOutcome outcome = SenseOutcome.of(
                        answer.status(), answer.sense(), command.write, command.lba, command.blockCount);
                if (outcome instanceof SenseOutcome.Good && answer.notTakenBytes() > 0 && command.writesData()) {
                    answer.dataIn().release();
                    command.failed.accept(
                            new BlockFailure.Broken("the unit says GOOD to a write of which it did not take "
                                    + answer.notTakenBytes() + " bytes"));
                    return;
                }
                if (outcome instanceof SenseOutcome.Good) {
                    attempts = 0;
                    command.good.accept(answer.dataIn());
                    return;
                }
                answer.dataIn().release();
                switch (outcome) {
                    case SenseOutcome.News news -> {
                        unit.news(news.sense());
                        int delay = attempts < NEWS_AT_ONCE ? 0 : delayMillis();
                        again(command, new BlockFailure.NotReady("unit attentions without end"), delay);
                    }
                    case SenseOutcome.Later later -> again(command, later.last(), delayMillis());
                    case SenseOutcome.Failure failure ->
                        command.failed.accept(
                                command.flushes() && losesWrites(answer.sense())
                                        ? new BlockFailure.UnflushedWritesLost()
                                        : failure.failure());
                    case SenseOutcome.Good _ -> throw new IllegalStateException("met above");
                }
            }
        }
    }

    /**
     * Whether a flush that ends so has lost what was to be flushed: the next one may well succeed, for a kernel says it once. LIO says
     * LOGICAL UNIT COMMUNICATION FAILURE of a failed fsync.
     */
    private static boolean losesWrites(@Nullable SenseData sense) {
        return sense != null
                && (sense.key() == SenseKey.MEDIUM_ERROR
                        || sense.key() == SenseKey.HARDWARE_ERROR
                        || (sense.key() == SenseKey.NOT_READY && sense.asc() == COMMUNICATION_FAILURE_ASC));
    }

    private int delayMillis() {
        return Math.min(MAX_DELAY_MILLIS, 5 << Math.min(attempts, 7));
    }

    private void again(Command command, BlockFailure last, int delayMillis) {
        long left = deadlineNanos - AwakeClock.nanoTime();
        if (++attempts > ATTEMPTS_AT_MOST || left < delayMillis * 1_000_000L) {
            command.failed.accept(last);
        } else if (delayMillis == 0 || cancelled) {
            issue(command);
        } else {
            pause = unit.loop()
                    .schedule(
                            () -> {
                                pause = null;
                                issue(command);
                            },
                            delayMillis,
                            TimeUnit.MILLISECONDS);
        }
    }

    // ---- reading and writing

    private void read(BlockRequest.Read read) {
        int bytes = read.blockCount() * blockSize;
        if (bytes == 0) {
            end(new BlockOutcome.Data(Unpooled.EMPTY_BUFFER));
            return;
        }
        boolean fua = read.forceUnitAccess() && mayForce();
        boolean ten = unit.quirks().no16;
        issue(new Command(
                ten ? Cdb.read10(read.lba(), read.blockCount(), fua) : Cdb.read16(read.lba(), read.blockCount(), fua),
                Unpooled.EMPTY_BUFFER,
                bytes,
                false,
                read.lba(),
                read.blockCount(),
                data -> {
                    if (data.readableBytes() == bytes) {
                        end(new BlockOutcome.Data(data));
                    } else {
                        int got = data.readableBytes();
                        data.release();
                        fail(new BlockFailure.Broken("read gave " + got + " of " + bytes + " bytes"));
                    }
                },
                failure -> {
                    if (!simpler(failure, ten, fua, read.lba(), read.blockCount(), () -> read(read))) {
                        fail(failure);
                    }
                }));
    }

    private boolean mayForce() {
        return unit.features().forceUnitAccess() && !unit.quirks().noForceUnitAccess;
    }

    /** Whether a command that the unit does not know can be replaced by an older one; if so it is. */
    private boolean simpler(BlockFailure failure, boolean ten, boolean fua, long lba, int count, Runnable retry) {
        if (!(failure instanceof BlockFailure.Unsupported)) {
            return false;
        }
        if (fua) {
            unit.quirks().noForceUnitAccess = true;
        } else if (!ten && lba + count <= MAX_10_LBA && count <= 0xFFFF) {
            unit.quirks().no16 = true;
        } else {
            return false;
        }
        retry.run();
        return true;
    }

    private void write(BlockRequest.Write write) {
        if (write.blockCount() == 0) {
            end(BlockOutcome.DONE);
            return;
        }
        boolean durable = write.forceUnitAccess() || unit.cache() == CachePolicy.WRITE_THROUGH;
        writeData(write.lba(), write.blockCount(), write.data(), durable, () -> end(BlockOutcome.DONE));
    }

    /** Writes {@code data}, borrowed; {@code done} follows only upon success. */
    private void writeData(long lba, int count, ByteBuf data, boolean durable, Runnable done) {
        boolean fua = durable && mayForce();
        boolean ten = unit.quirks().no16;
        int incarnation = unit.incarnation();
        issue(new Command(
                ten ? Cdb.write10(lba, count, fua) : Cdb.write16(lba, count, fua),
                data,
                0,
                true,
                lba,
                count,
                none -> {
                    none.release();
                    if (durable && !fua) {
                        Runnable again = () -> writeData(lba, count, data, true, done);
                        synchronize(new BlockRange(lba, count), () -> orAgain(incarnation, done, again));
                    } else {
                        written(lba, count, fua);
                        done.run();
                    }
                },
                failure -> {
                    Runnable retry = () -> writeData(lba, count, data, durable, done);
                    if (!simpler(failure, ten, fua, lba, count, retry)) {
                        fail(failure);
                    }
                }));
    }

    private void written(long lba, long count, boolean durable) {
        if (!durable && count > 0 && unit.tracksWrites()) {
            unit.unflushed().written(lba, count);
        }
    }

    // ---- flushing

    private void flush(BlockRequest.Flush flush) {
        long count = flush.blockCount() == 0 ? unit.geometry().blockCount() - flush.lba() : flush.blockCount();
        BlockRange range = new BlockRange(flush.lba(), Math.max(0, count));
        unit.hearOthers();
        if (unit.unflushed().takeLost(range)) {
            fail(new BlockFailure.UnflushedWritesLost());
            return;
        }
        UnflushedWrites ledger = unit.unflushed();
        UnflushedWrites.Flush covered = ledger.flushBegins(range);
        synchronizeCache(
                range,
                () -> {
                    unit.hearOthers();
                    ledger.flushEnds(covered, true);
                    // The loss may have been found out while the flush was under way, and before it was sent again.
                    if (ledger.takeLost(range)) {
                        fail(new BlockFailure.UnflushedWritesLost());
                    } else {
                        end(BlockOutcome.DONE);
                    }
                },
                failure -> {
                    ledger.flushEnds(covered, false);
                    boolean others = failure instanceof BlockFailure.UnflushedWritesLost && !lossHeard;
                    if (others) {
                        lossHeard = true;
                        unit.flushFailed();
                    }
                    // A unit says it to this session as a whole. If nothing of this range was unflushed it concerns
                    // others.
                    if (others && !ledger.takeLost(range) && unit.tracksWrites()) {
                        flush(flush);
                    } else {
                        fail(failure);
                    }
                });
    }

    /**
     * Makes a range durable on behalf of a write. Where that turns out to be impossible the write is left as one that was not flushed,
     * unless whoever wrote it asked for more: then each flush fails, which is what is to be heard of such a unit.
     */
    private void synchronize(BlockRange range, Runnable done) {
        synchronizeCache(range, done, failure -> {
            if (unit.quirks().neverDurable && !asksForForce()) {
                written(range.lba(), range.blockCount(), false);
                done.run();
            } else {
                if (failure instanceof BlockFailure.UnflushedWritesLost) {
                    unit.flushFailed();
                }
                fail(failure);
            }
        });
    }

    /** What was written and then flushed lasts, unless the unit was restarted between the two: then all of it is done again. */
    private void orAgain(int incarnation, Runnable done, Runnable again) {
        if (incarnation == unit.incarnation()) {
            done.run();
        } else if (++repetitions > REPETITIONS_AT_MOST) {
            fail(new BlockFailure.NotReady("the unit was restarted again and again"));
        } else {
            again.run();
        }
    }

    private boolean asksForForce() {
        return (request instanceof BlockRequest.Write write && write.forceUnitAccess())
                || (request instanceof BlockRequest.WriteZeroes zeroes && zeroes.forceUnitAccess());
    }

    private void synchronizeCache(BlockRange range, Runnable done, Consumer<BlockFailure> failed) {
        boolean ten = unit.quirks().noSynchronizeCache16;
        long lba = range.lba();
        long count = range.blockCount();
        byte[] cdb;
        if (ten) {
            boolean fits = lba <= MAX_10_LBA && count <= 0xFFFF && !unit.flushesWhole();
            cdb = Cdb.synchronizeCache10(fits ? lba : 0, fits ? (int) count : 0);
        } else {
            boolean fits = count <= Integer.MAX_VALUE && !unit.flushesWhole();
            cdb = Cdb.synchronizeCache16(fits ? lba : 0, fits ? (int) count : 0);
        }
        issue(new Command(
                cdb,
                Unpooled.EMPTY_BUFFER,
                0,
                true,
                lba,
                count,
                none -> {
                    none.release();
                    done.run();
                },
                failure -> {
                    if (!(failure instanceof BlockFailure.Unsupported)) {
                        failed.accept(failure);
                    } else if (!ten) {
                        unit.quirks().noSynchronizeCache16 = true;
                        synchronizeCache(range, done, failed);
                    } else if (unit.limits().volatileCache()
                            && unit.session().config().cache() == CachePolicy.AUTOMATIC) {
                        unit.quirks().neverDurable = true;
                        failed.accept(failure);
                    } else if (unit.limits().volatileCache() && unit.cache() == CachePolicy.VOLATILE) {
                        failed.accept(failure);
                    } else {
                        done.run(); // nothing volatile to be flushed
                    }
                }));
    }

    // ---- giving back and zeroing

    private void unmap(BlockRequest.Unmap unmap) {
        long longest = unit.features().maxUnmapBlocks();
        if (longest == 0 || unit.quirks().noUnmap) {
            end(BlockOutcome.DONE); // a hint
            return;
        }
        unmapNext(unmap, unit.incarnation(), new ArrayDeque<>(unmap.ranges()), longest);
    }

    /** What was given back and not flushed may be there again after loss of power, like any write. */
    private void unmapped(BlockRequest.Unmap whole, int incarnation) {
        long from = whole.ranges().stream().mapToLong(BlockRange::lba).min().orElse(0);
        long to = whole.ranges().stream().mapToLong(BlockRange::end).max().orElse(0);
        if (unit.cache() == CachePolicy.WRITE_THROUGH && to > from) {
            synchronize(
                    new BlockRange(from, to - from),
                    () -> orAgain(incarnation, () -> end(BlockOutcome.DONE), () -> unmap(whole)));
        } else {
            end(BlockOutcome.DONE);
        }
    }

    /** Cuts as many pieces off the ranges that are left as one command takes. */
    private void unmapNext(BlockRequest.Unmap whole, int incarnation, ArrayDeque<BlockRange> left, long longest) {
        List<Cdb.UnmapRange> batch = new ArrayList<>();
        long room = longest;
        while (!left.isEmpty() && batch.size() < unit.features().maxUnmapDescriptors()) {
            BlockRange range = left.getFirst();
            long count = Math.min(range.blockCount(), Math.min(longest, 0xFFFF_FFFFL));
            if (count > room) {
                break;
            }
            left.removeFirst();
            if (count > 0) {
                batch.add(new Cdb.UnmapRange(range.lba(), count));
                room -= count;
            }
            if (count < range.blockCount()) {
                left.addFirst(new BlockRange(range.lba() + count, range.blockCount() - count));
            }
        }
        if (batch.isEmpty()) {
            unmapped(whole, incarnation);
            return;
        }
        byte[] list = Cdb.unmapParameters(batch);
        progress();
        issue(new Command(
                Cdb.unmap(list.length),
                Unpooled.wrappedBuffer(list),
                0,
                true,
                batch.getFirst().lba(),
                batch.getFirst().blockCount(),
                none -> {
                    none.release();
                    for (Cdb.UnmapRange range : batch) {
                        written(range.lba(), range.blockCount(), false);
                    }
                    unmapNext(whole, incarnation, left, longest);
                },
                failure -> {
                    if (failure instanceof BlockFailure.Unsupported) {
                        unit.quirks().noUnmap = true;
                        end(BlockOutcome.DONE);
                    } else {
                        fail(failure);
                    }
                }));
    }

    /** Of a request of many commands each has the whole time, for the unit answers. */
    private void progress() {
        deadlineNanos = unit.session().deadline();
    }

    private void writeZeroes(BlockRequest.WriteZeroes whole, int incarnation, long lba, long left, boolean mayUnmap) {
        if (left == 0) {
            boolean durable = whole.forceUnitAccess() || unit.cache() == CachePolicy.WRITE_THROUGH;
            if (durable && whole.blockCount() > 0) {
                Runnable again =
                        () -> writeZeroes(whole, unit.incarnation(), whole.lba(), whole.blockCount(), whole.mayUnmap());
                synchronize(
                        new BlockRange(whole.lba(), whole.blockCount()),
                        () -> orAgain(incarnation, () -> end(BlockOutcome.DONE), again));
            } else {
                end(BlockOutcome.DONE);
            }
            return;
        }
        progress();
        if (unit.quirks().noWriteSame || unit.features().maxWriteSameBlocks() == 0) {
            int count = (int) Math.min(left, Math.min(unit.limits().maxTransferBlocks(), (1 << 20) / blockSize));
            ByteBuf zeroes = ZEROES.slice(0, count * blockSize);
            writeData(
                    lba,
                    count,
                    zeroes,
                    false,
                    () -> writeZeroes(whole, incarnation, lba + count, left - count, mayUnmap));
            return;
        }
        boolean unmap = mayUnmap && unit.features().writeSameUnmaps();
        int count = (int) Math.min(left, unit.features().maxWriteSameBlocks());
        issue(new Command(
                Cdb.writeSame16(lba, count, unmap, false),
                ZEROES.slice(0, blockSize),
                0,
                true,
                lba,
                count,
                none -> {
                    none.release();
                    written(lba, count, false);
                    writeZeroes(whole, incarnation, lba + count, left - count, mayUnmap);
                },
                failure -> {
                    if (failure instanceof BlockFailure.Unsupported) {
                        unit.quirks().noWriteSame = true;
                        writeZeroes(whole, incarnation, lba, left, mayUnmap);
                    } else {
                        fail(failure);
                    }
                }));
    }

    // ---- asking

    private void status(BlockRequest.Status status) {
        if (unit.quirks().noLbaStatus || status.blockCount() == 0) {
            allMapped(status);
            return;
        }
        issue(new Command(
                Cdb.getLbaStatus(status.lba(), LBA_STATUS_BYTES),
                Unpooled.EMPTY_BUFFER,
                LBA_STATUS_BYTES,
                false,
                status.lba(),
                status.blockCount(),
                data -> {
                    byte[] bytes = ByteBufUtil.getBytes(data);
                    data.release();
                    List<BlockOutcome.Status.Extent> extents = extents(status, bytes);
                    if (extents.isEmpty()) {
                        allMapped(status);
                    } else {
                        end(new BlockOutcome.Status(extents));
                    }
                },
                failure -> {
                    if (failure instanceof BlockFailure.Unsupported) {
                        unit.quirks().noLbaStatus = true;
                        allMapped(status);
                    } else {
                        fail(failure);
                    }
                }));
    }

    private void allMapped(BlockRequest.Status status) {
        end(new BlockOutcome.Status(
                status.blockCount() == 0
                        ? List.of()
                        : List.of(new BlockOutcome.Status.Extent(status.lba(), status.blockCount(), true))));
    }

    /** LBA status descriptors (SBC-3 5.6.2) within the range asked about, as far as they follow one another. */
    private static List<BlockOutcome.Status.Extent> extents(BlockRequest.Status asked, byte[] bytes) {
        List<BlockOutcome.Status.Extent> extents = new ArrayList<>();
        long at = asked.lba();
        long end = asked.lba() + asked.blockCount();
        for (int i = 8; i + 16 <= bytes.length && at < end; i += 16) {
            long lba = BigEndian.i64(bytes, i);
            long count = BigEndian.u32(bytes, i + 8);
            if (count == 0 || lba > at || lba + count <= at) {
                break;
            }
            long until = Math.min(end, lba + count);
            // Provisioning status 0 is mapped; 1 deallocated and 2 anchored are not.
            extents.add(new BlockOutcome.Status.Extent(at, until - at, (bytes[i + 12] & 0x0F) == 0));
            at = until;
        }
        return extents;
    }
}
