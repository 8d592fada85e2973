package dev.sanway.bench;

import dev.sanway.initiator.LoginExchange;
import dev.sanway.initiator.UnitSessionConfig;
import dev.sanway.iscsi.Isid;
import dev.sanway.iscsi.SessionParameters;
import dev.sanway.iscsi.Transport;
import dev.sanway.scsi.CapacityData;
import dev.sanway.scsi.LogicalUnitNumber;
import dev.sanway.scsi.Opcode;
import dev.sanway.scsi.SenseData;
import dev.sanway.scsi.SenseKey;
import dev.sanway.scsi.StatusCode;
import io.netty.bootstrap.Bootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.channel.AdaptiveRecvByteBufAllocator;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoop;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * One session that keeps {@code depth} requests under way.
 *
 * <pre>
 *   OPENING ── LUNs known ──▶ IDLE ── run ──▶ LOADING ── stop, nothing under way ──▶ IDLE
 *                               └── readBack ──▶ READING_BACK ── nothing left ────────▲
 *   any ── close, failure ──▶ CLOSED
 * </pre>
 *
 * Confined to its loop, but for the constructor.
 */
final class LoadSession implements LoadConnection.Owner {

    /** What it tells, on its loop. */
    interface Listener {
        /** IDLE is reached: LUNs are known, or nothing is under way any more. */
        void idle();

        void failed(String why);

        void closed();
    }

    private enum State {
        OPENING,
        IDLE,
        LOADING,
        READING_BACK,
        CLOSED
    }

    private static final int CONNECT_TIMEOUT_MILLIS = 5_000;
    private static final int BUSY_PAUSE_MILLIS = 1;
    private static final int RECEIVE_BYTES = 262144;

    private final LoadPlan plan;
    private final LoadTarget target;
    private final int index;
    private final EventLoop loop;
    private final Meter meter;
    private final Listener listener;
    private final Isid isid;
    private final SecureRandom random;
    /** Data of writes that nobody checks; requests take it from different places. */
    private final ByteBuf content;

    private final int depth;
    private final long[] places;
    private final long[] startedNanos;
    private final int[] received;
    private final boolean[] reads;
    private final LunLoad[] lunOfSlot;
    /** With {@code verify} the data of each slot, else empty. */
    private final ByteBuf[] slotData;

    private final int[] free;
    private int freeCount;
    private final int[] again;
    private int againCount;

    private State state = State.OPENING;
    private @Nullable LoadConnection connection;
    private @Nullable LunOpening opening;
    private boolean weakChap;
    private final List<LunLoad> luns = new ArrayList<>();
    private int nextLun;
    private long budget = Long.MAX_VALUE;
    /** Answers that are still to be measured. */
    private long toMeasure;

    private boolean stopping;
    private boolean closing;
    private int readBackLun;
    private long readBackPlace;
    private @Nullable BlockStamp stamp;

    /**
     * @param index which of the target's sessions
     * @param content borrowed, for as long as the session lives
     */
    LoadSession(
            LoadPlan plan,
            LoadTarget target,
            int index,
            EventLoop loop,
            Meter meter,
            ByteBuf content,
            SecureRandom random,
            Listener listener) {
        this.plan = plan;
        this.target = target;
        this.index = index;
        this.loop = loop;
        this.meter = meter;
        this.content = content;
        this.random = random;
        this.listener = listener;
        this.isid = Isid.random(random.nextInt(1 << 24), index & 0xffff);
        depth = plan.depth();
        places = new long[depth];
        startedNanos = new long[depth];
        received = new int[depth];
        reads = new boolean[depth];
        lunOfSlot = new LunLoad[depth];
        slotData = new ByteBuf[plan.verify() ? depth : 0];
        free = new int[depth];
        again = new int[depth];
        for (int slot = 0; slot < depth; slot++) {
            free[slot] = depth - 1 - slot;
        }
        freeCount = depth;
    }

    EventLoop loop() {
        return loop;
    }

    // ---- opening

    void connect() {
        UnitSessionConfig config = UnitSessionConfig.of(
                        target.toString(), target.host(), target.port(), target.target(), plan.initiatorName(), isid)
                .withDigests(plan.headerDigest(), plan.dataDigest());
        if (target.chap() != null) {
            config = config.withChap(target.chap(), target.mutualChap());
        }
        LoadConnection made = new LoadConnection(new LoginExchange(config, false, weakChap, random), isid, this);
        connection = made;
        new Bootstrap()
                .group(loop)
                .channel(Transport.socketChannel(loop))
                .option(ChannelOption.TCP_NODELAY, true)
                .option(ChannelOption.CONNECT_TIMEOUT_MILLIS, CONNECT_TIMEOUT_MILLIS)
                .option(ChannelOption.RECVBUF_ALLOCATOR, new AdaptiveRecvByteBufAllocator(2048, 16384, RECEIVE_BYTES))
                .handler(made)
                .connect(target.host(), target.port())
                .addListener((ChannelFuture future) -> {
                    if (!future.isSuccess()) {
                        Throwable cause = future.cause();
                        made.end(
                                "cannot connect: " + Objects.requireNonNullElse(cause.getMessage(), "" + cause), false);
                    }
                });
    }

    @Override
    public void loggedIn(SessionParameters session) {
        LunOpening next = new LunOpening(connection(), this::opened, (lun, why) -> fail("LUN " + lun + " " + why));
        opening = next;
        next.open(target.luns().getFirst());
    }

    private void opened(int lun, CapacityData capacity) {
        int blockSize = capacity.blockSizeBytes();
        if (plan.requestBytes() % blockSize != 0) {
            fail("LUN " + lun + " has blocks of " + blockSize + " bytes, and requests of " + plan.requestBytes()
                    + " bytes are no multiple of that");
            return;
        }
        int blocks = plan.requestBytes() / blockSize;
        long rangeBlocks = plan.rangeBytes() == 0 ? Long.MAX_VALUE : plan.rangeBytes() / blockSize;
        long all = Math.min(capacity.lastLba() + 1, rangeBlocks) / blocks;
        boolean shared = plan.pattern().sequential() || plan.verify();
        int shares = shared ? plan.sessions() : 1;
        int share = shared ? index : 0;
        long first = share * (all / shares);
        long count = all / shares;
        long least = plan.verify() ? 2L * depth : 1;
        if (count < least) {
            fail("LUN " + lun + " has " + (capacity.lastLba() + 1) * blockSize + " bytes, and "
                    + all * plan.requestBytes() + " bytes of it are too few for " + plan.sessions()
                    + " sessions at depth " + depth);
            return;
        }
        if (plan.verify() && count > LunLoad.TRACKED_PLACES_AT_MOST) {
            fail("LUN " + lun + ": to verify, a session can keep an eye on " + LunLoad.TRACKED_PLACES_AT_MOST
                    + " places, and there are " + count + "; choose a smaller range");
            return;
        }
        if (plan.verify() && stamp == null) {
            stamp = new BlockStamp(plan.seed(), blockSize);
            for (int slot = 0; slot < depth; slot++) {
                slotData[slot] = content.alloc().directBuffer(plan.requestBytes());
                slotData[slot].writeBytes(content, 0, plan.requestBytes());
            }
        }
        luns.add(new LunLoad(
                lun,
                LogicalUnitNumber.encode(lun),
                blockSize,
                blocks,
                first,
                count,
                plan.pattern().sequential(),
                plan.verify(),
                plan.seed() ^ ((index + 1L) << 32) ^ lun));
        if (luns.size() < target.luns().size()) {
            Objects.requireNonNull(opening).open(target.luns().get(luns.size()));
        } else {
            opening = null;
            state = State.IDLE;
            listener.idle();
        }
    }

    private LoadConnection connection() {
        return Objects.requireNonNull(connection);
    }

    // ---- load

    /** Starts the load; {@link #stop} or {@link #measure} ends it. */
    void run() {
        if (state == State.IDLE) {
            state = State.LOADING;
            stopping = false;
            budget = Long.MAX_VALUE;
            toMeasure = 0;
            start();
        }
    }

    /** Measures from now on, and ends the load after so many answers; {@link Long#MAX_VALUE}: {@link #stop} ends it. */
    void measure(long answers) {
        toMeasure = answers;
        if (answers != Long.MAX_VALUE) {
            budget = Math.max(0, answers - (depth - freeCount));
            endIfDone();
        }
    }

    /** Whatever is answered from now on does not count. */
    void measured() {
        toMeasure = 0;
    }

    void stop() {
        stopping = true;
        endIfDone();
    }

    /** Reads and checks whatever the load wrote. */
    void readBack() {
        if (state == State.IDLE) {
            state = State.READING_BACK;
            stopping = false;
            budget = Long.MAX_VALUE;
            readBackLun = 0;
            readBackPlace = 0;
            start();
            endIfDone();
        }
    }

    private void start() {
        turn();
        connection().flush();
    }

    @Override
    public void turn() {
        if (state != State.LOADING && state != State.READING_BACK) {
            return;
        }
        LoadConnection to = connection();
        while (againCount > 0 && to.canSend()) {
            send(to, again[--againCount]);
        }
        while (freeCount > 0 && budget > 0 && !stopping && to.canSend()) {
            int slot = free[freeCount - 1];
            if (!(state == State.LOADING ? choose(slot) : chooseWritten(slot))) {
                stopping = true;
                // The last answers may all have come before it was seen that nothing is left.
                endIfDone();
                return;
            }
            freeCount--;
            budget--;
            startedNanos[slot] = System.nanoTime();
            send(to, slot);
        }
    }

    private boolean choose(int slot) {
        LunLoad lun = luns.get(nextLun);
        nextLun = nextLun + 1 == luns.size() ? 0 : nextLun + 1;
        long place = lun.nextPlace();
        boolean read = lun.reads(plan.pattern().readPercent());
        lunOfSlot[slot] = lun;
        places[slot] = place;
        reads[slot] = read;
        BlockStamp stamps = stamp;
        if (stamps != null && !read) {
            stamps.stamp(slotData[slot], plan.requestBytes(), lun.lba(place), lun.nextGeneration(place));
        }
        return true;
    }

    private boolean chooseWritten(int slot) {
        for (; readBackLun < luns.size(); readBackLun++) {
            LunLoad lun = luns.get(readBackLun);
            long place = lun.writtenFrom(readBackPlace);
            if (place >= 0) {
                readBackPlace = place + 1;
                lunOfSlot[slot] = lun;
                places[slot] = place;
                reads[slot] = true;
                return true;
            }
            readBackPlace = 0;
        }
        return false;
    }

    private void send(LoadConnection to, int slot) {
        LunLoad lun = lunOfSlot[slot];
        boolean read = reads[slot];
        long lba = lun.lba(places[slot]);
        int blocks = lun.blocksPerPlace;
        long flags = plan.forceUnitAccess() && !read ? 0x08 : 0;
        received[slot] = 0;
        int dataIn = read ? plan.requestBytes() : 0;
        int dataOut = read ? 0 : plan.requestBytes();
        if (blocks <= 0xffff && lba + blocks <= 0xffff_ffffL) {
            // What hosts send to disks of up to 2 TiB (SBC-3 5.12, 5.36).
            long opcode = read ? Opcode.READ_10 : Opcode.WRITE_10;
            to.command(
                    slot,
                    lun.lunOnWire,
                    opcode << 56 | flags << 48 | lba << 16 | blocks >>> 8,
                    (long) blocks << 56,
                    dataIn,
                    dataOut);
        } else {
            long opcode = read ? Opcode.READ_16 : Opcode.WRITE_16;
            to.command(
                    slot,
                    lun.lunOnWire,
                    opcode << 56 | flags << 48 | lba >>> 16,
                    lba << 48 | (long) blocks << 16,
                    dataIn,
                    dataOut);
        }
    }

    @Override
    public boolean dataIn(int tag, int offset, ByteBuf data) {
        LunOpening asking = opening;
        if (asking != null) {
            return asking.dataIn(tag, offset, data);
        }
        int length = data.readableBytes();
        if (!isUnderWay(tag) || !reads[tag] || offset != received[tag] || length > plan.requestBytes() - offset) {
            return false;
        }
        received[tag] = offset + length;
        if (stamp != null) {
            slotData[tag].setBytes(offset, data, data.readerIndex(), length);
        }
        return true;
    }

    @Override
    public @Nullable ByteBuf dataOut(int tag, int offset, int lengthBytes) {
        if (!isUnderWay(tag) || reads[tag] || offset < 0 || lengthBytes > plan.requestBytes() - offset) {
            return null;
        }
        if (stamp != null) {
            return slotData[tag].readerIndex(offset);
        }
        // Elsewhere for each slot, as the data of different requests are.
        int spare = content.capacity() - plan.requestBytes();
        return content.readerIndex((int) ((long) tag * plan.requestBytes() % (spare + 1)) + offset);
    }

    /** A tag that a target names may be any. */
    private boolean isUnderWay(int tag) {
        return tag >= 0 && tag < depth && startedNanos[tag] != 0;
    }

    @Override
    public void answered(int tag, int status, @Nullable SenseData sense) {
        LunOpening asking = opening;
        if (asking != null) {
            asking.answered(status, sense);
            return;
        }
        if (!isUnderWay(tag)) {
            fail("answers a command that was not sent");
        } else if (status == StatusCode.GOOD) {
            good(tag);
        } else if (sense != null && sense.key() == SenseKey.UNIT_ATTENTION) {
            meter.repeated++;
            repeat(tag);
        } else if (status == StatusCode.BUSY || status == StatusCode.TASK_SET_FULL) {
            meter.repeated++;
            loop.schedule(() -> repeat(tag), BUSY_PAUSE_MILLIS, TimeUnit.MILLISECONDS);
        } else {
            fail(where(tag) + " " + Answers.meaning(status, sense));
        }
    }

    private String where(int slot) {
        LunLoad lun = lunOfSlot[slot];
        return "LUN " + lun.lun + ", " + (reads[slot] ? "read" : "write") + " of " + lun.blocksPerPlace
                + " blocks from " + lun.lba(places[slot]) + " on:";
    }

    private void repeat(int slot) {
        if (state == State.CLOSED) {
            return;
        }
        again[againCount++] = slot;
        turn();
        connection().flush();
    }

    private void good(int slot) {
        boolean read = reads[slot];
        if (read && received[slot] != plan.requestBytes()) {
            fail(where(slot) + " " + received[slot] + " of " + plan.requestBytes() + " bytes came back");
            return;
        }
        meter.answered(read, System.nanoTime() - startedNanos[slot], toMeasure > 0);
        toMeasure = Math.max(0, toMeasure - 1);
        startedNanos[slot] = 0;
        LunLoad lun = lunOfSlot[slot];
        BlockStamp stamps = stamp;
        if (stamps != null) {
            int generation = lun.generation(places[slot]);
            // In a mixture a place that this run has not written may hold anything.
            if (read && (generation > 0 || !plan.pattern().writes())) {
                meter.checkedBlocks += lun.blocksPerPlace;
                String wrong = stamps.check(slotData[slot], plan.requestBytes(), lun.lba(places[slot]), generation);
                if (wrong != null) {
                    fail("WRONG DATA: LUN " + lun.lun + ", " + wrong);
                    return;
                }
            }
        }
        lun.done(places[slot]);
        free[freeCount++] = slot;
        endIfDone();
    }

    private void endIfDone() {
        if ((stopping || budget == 0) && freeCount == depth && state != State.IDLE && state != State.CLOSED) {
            state = State.IDLE;
            listener.idle();
        }
    }

    // ---- the end

    void close() {
        closing = true;
        LoadConnection last = connection;
        if (last == null || state == State.CLOSED) {
            closed();
        } else {
            last.logout();
        }
    }

    private void fail(String why) {
        connection().end(why, false);
    }

    @Override
    public void ended(String why, boolean refusedByTarget) {
        if (state == State.CLOSED) {
            return;
        }
        if (refusedByTarget && target.chap() != null && !weakChap) {
            // Some targets take the code of a better algorithm for another one's; MD5 is what all know.
            weakChap = true;
            connect();
            return;
        }
        if (!closing) {
            listener.failed(target + ": " + why);
        }
        closed();
    }

    private void closed() {
        if (state != State.CLOSED) {
            state = State.CLOSED;
            for (ByteBuf data : slotData) {
                if (data != null) {
                    data.release();
                }
            }
            listener.closed();
        }
    }
}
