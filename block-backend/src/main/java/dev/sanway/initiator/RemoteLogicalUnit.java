package dev.sanway.initiator;

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
import dev.sanway.iscsi.TaskAttribute;
import dev.sanway.scsi.AdditionalSense;
import dev.sanway.scsi.CapacityData;
import dev.sanway.scsi.Cdb;
import dev.sanway.scsi.SenseData;
import dev.sanway.scsi.SenseKey;
import dev.sanway.scsi.StatusCode;
import io.netty.buffer.ByteBufUtil;
import io.netty.channel.EventLoop;
import io.netty.util.concurrent.EventExecutor;
import java.nio.charset.StandardCharsets;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A logical unit of an IP SAN unit as a device. After each login it is prepared: older writes have ended (see
 * {@link LunProbe}), its capabilities are asked for, and the {@link LunVerifier} has accepted it; only then requests are
 * sent. Meanwhile they wait, each until its own time-out.
 *
 * <pre>
 *   Away ── logged in ──▶ Preparing ── accepted ──▶ Open
 *    ▲                     │  ▲  │                   │ told that it may have changed
 *    │ connection lost     │  │  └── refused ──▶ Refused (asked again after a while, or by verifyAgain)
 *    └── (from any) ◀──────┘  └────────────────────┴─┘
 * </pre>
 *
 * Confined to the session's loop, but for {@link #owner}, {@link #geometry}, {@link #limits}, {@link #identity} and
 * {@link #readiness}.
 */
public final class RemoteLogicalUnit implements BlockDevice {
    private static final Logger LOG = LoggerFactory.getLogger(RemoteLogicalUnit.class);

    private static final int PREPARE_AGAIN_MILLIS = 1_000;

    /** Doublings of that time for one that is refused again and again. */
    private static final int MAX_DOUBLINGS = 2;

    private static final int CAPACITY_ATTENTIONS_AT_MOST = 8;
    private static final int FIRST_BLOCK_SIZE = 512;

    // Additional sense codes of all resets, and of commands cleared by another initiator (SPC-4 table 56).
    private static final int RESET_ASC = 0x29;
    private static final int COMMANDS_CLEARED_ASC = 0x2F;

    /** Whether requests are served. */
    public sealed interface Availability {
        /** The unit is not connected. */
        record Away() implements Availability {}

        /** Being prepared. */
        record Preparing() implements Availability {}

        /** Served. */
        record Open() implements Availability {}

        /** Not served: requests fail at once with NotReady. */
        record Refused(Readiness.Unready why) implements Availability {
            public String reason() {
                return why.reason();
            }
        }
    }

    private final UnitSession session;
    private final int lun;
    private final LunQueue queue;
    private final LunVerifier verifier;
    private final Identity identity;
    private final DeviceListeners listeners = new DeviceListeners();
    private final Drain drain = new Drain();

    private volatile Geometry geometry;
    private volatile Limits limits;
    private Availability availability = new Availability.Away();
    private @Nullable LunEvidence evidence;
    private Barrier barrier = Barrier.ORDERED;
    private final RestartWatch restarts;
    private final FailedFlushes failures;
    private int failuresHeard;
    private volatile @Nullable LunNature nature;
    private boolean disk = true;
    private LunProbe.Features features = new LunProbe.Features(0, 0, 0, false, false);
    private UnflushedWrites unflushed = new UnflushedWrites(FIRST_BLOCK_SIZE);
    private UnitQuirks quirks = new UnitQuirks();

    /** Answers to an older preparation are ignored. */
    private int preparation;
    /** Once it was reached, its geometry is what it says itself. */
    private boolean reached;
    /** Whether callers rely on the block size. */
    private boolean sizeKnown;

    private boolean preparing;
    private long notOpenSinceNanos = AwakeClock.nanoTime();
    private boolean saidNotReady = true;
    private int toldRestarts;
    private volatile Readiness readiness = new Readiness.Away("not reached yet");
    /** So that a refusal is logged once, however often it is repeated. */
    private String loggedRefusal = "";

    private int refusals;
    private long preparedNanos = AwakeClock.nanoTime() - PREPARE_AGAIN_MILLIS * 1_000_000L;
    private boolean askingCapacity;
    private long capacityAskedNanos = preparedNanos;
    /** It may have changed again since it was asked for. */
    private boolean capacityStale;

    private final MessagePace pace = new MessagePace();

    RemoteLogicalUnit(
            UnitSession session,
            int lun,
            LunQueue queue,
            LunVerifier verifier,
            @Nullable Geometry lastKnown,
            FailedFlushes failures) {
        this.session = session;
        this.failures = failures;
        this.failuresHeard = failures.count();
        this.restarts = session.restarts(lun);
        this.lun = lun;
        this.queue = queue;
        this.verifier = verifier;
        this.sizeKnown = lastKnown != null;
        this.geometry = lastKnown == null ? new Geometry(FIRST_BLOCK_SIZE, FIRST_BLOCK_SIZE, 0) : lastKnown;
        this.limits = new Limits((1 << 20) / geometry.blockSizeBytes(), 0, 0, 0, false, true, false);
        String name = session.config().unitName() + "/" + lun;
        this.identity = new Identity(
                UUID.nameUUIDFromBytes(
                        (session.config().targetName().value() + "/" + lun).getBytes(StandardCharsets.UTF_8)),
                name);
    }

    @Override
    public EventExecutor owner() {
        return session.loop();
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

    /** Not ready from when a request was told so on, or it was refused: an absence that nobody notices is none. Any thread. */
    @Override
    public Readiness readiness() {
        return readiness;
    }

    /** Its number at the unit. */
    public int lun() {
        return lun;
    }

    /** Whether requests are served. */
    public Availability availability() {
        return availability;
    }

    /** Whether there is a disk, as far as is known, and nothing else that SCSI knows. */
    public boolean isDisk() {
        return disk;
    }

    /** How it is dealt with; null before it was reached. Any thread. */
    public @Nullable LunNature nature() {
        return nature;
    }

    /** What it last said of itself; null before it was reached. */
    public @Nullable LunEvidence evidence() {
        return evidence;
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
    public BlockOperation submit(BlockRequest request, BlockCompletion completion) {
        boolean full = drain.underWay() >= session.config().maxQueuedRequests();
        Readiness.Unready refusal = refusal();
        if (full || refusal != null || drain.closing()) {
            BlockRequest.release(request);
            if (drain.closing()) {
                throw new IllegalStateException("a request after close");
            }
            completion.completed(BlockOutcome.failed(
                    refusal != null ? new BlockFailure.NotReady(refusal) : new BlockFailure.Busy()));
            return BlockOperation.UNCANCELLABLE;
        }
        drain.begin();
        RemoteOperation operation = new RemoteOperation(this, request, outcome -> {
            if (outcome instanceof BlockOutcome.Failed(BlockFailure.NotReady(Readiness.Unready why))) {
                sayNotReady(why);
            }
            completion.completed(outcome);
            drain.end();
        });
        operation.begin();
        return operation;
    }

    @Override
    public void close(Runnable whenClosed) {
        drain.close(() -> {
            preparation++;
            session.remove(this, queue);
            whenClosed.run();
        });
    }

    /** Whatever was written before this device was made may be lost unless it was flushed: flushes say so, each of its range. */
    public void presumeLost() {
        unflushed.loseAll(geometry.blockCount());
    }

    // ---- for RemoteOperation

    UnitSession session() {
        return session;
    }

    EventLoop loop() {
        return session.loop();
    }

    LunQueue queue() {
        return queue;
    }

    LunProbe.Features features() {
        return features;
    }

    UnflushedWrites unflushed() {
        return unflushed;
    }

    UnitQuirks quirks() {
        return quirks;
    }

    /** Why requests fail at once; null if they do not. */
    Readiness.@Nullable Unready refusal() {
        return availability instanceof Availability.Refused refused ? refused.why() : null;
    }

    /** Whether done writes may be lost with power until flushed, as far as we have to care. */
    boolean tracksWrites() {
        return limits.volatileCache() && cache() == CachePolicy.VOLATILE;
    }

    /** How writes are made to last; never AUTOMATIC. */
    CachePolicy cache() {
        CachePolicy said = session.config().cache();
        if (said != CachePolicy.AUTOMATIC) {
            return said;
        }
        boolean untold = restarts.sign() == RestartSign.NONE && limits.volatileCache();
        return untold && !quirks.neverDurable ? CachePolicy.WRITE_THROUGH : CachePolicy.VOLATILE;
    }

    /** Another one than before: what was not durable by then may be lost. */
    int incarnation() {
        hearOthers();
        return restarts.count();
    }

    /** A flush failed at the unit: what was not flushed by then may be lost, whosever it is. */
    void flushFailed() {
        restarts.lost();
        unflushed.lose();
        failuresHeard = failures.add();
    }

    /** A unit of ours tells each session by itself. */
    void hearOthers() {
        int now = failures.count();
        if (now != failuresHeard) {
            failuresHeard = now;
            if (restarts.sign() != RestartSign.BOOT_ID) {
                restarts.lost();
                unflushed.lose();
            }
        }
    }

    /** The whole cache is flushed at once where a range is no help: LIO warns in its log of each that names blocks. */
    boolean flushesWhole() {
        return barrier == Barrier.LOGIN;
    }

    // ---- news

    /** Hears a unit attention or deferred error: it may come with any command, and outside commands. */
    void news(SenseData sense) {
        if (sense.deferred()) {
            warn("an earlier write failed after it was done: " + sense);
            unflushed.lose();
            return;
        }
        if (sense.key() != SenseKey.UNIT_ATTENTION) {
            return;
        }
        LOG.debug("{}: {}", identity.name(), sense);
        if (sense.is(SenseKey.UNIT_ATTENTION, AdditionalSense.CAPACITY_CHANGED)) {
            if (!preparing) {
                capacityChanged();
            }
        } else if (sense.is(SenseKey.UNIT_ATTENTION, AdditionalSense.THIN_PROVISIONING_SOFT_THRESHOLD)) {
            warn("the unit runs short of space. Give it more, or move data away");
        } else if (sense.is(SenseKey.UNIT_ATTENTION, AdditionalSense.REPORTED_LUNS_CHANGED)) {
            session.logicalUnitsChanged();
            prepareAgain();
        } else if (sense.asc() == RESET_ASC || sense.asc() == COMMANDS_CLEARED_ASC) {
            if (losesCache(sense)) {
                restarts.poweredOn();
            }
            if (!preparing) {
                // What was under way is gone and may never be answered: a new session starts from what is certain.
                session.reinstate(identity.name() + ": " + sense);
            }
        } else if (sense.is(SenseKey.UNIT_ATTENTION, AdditionalSense.INQUIRY_DATA_CHANGED)
                || sense.is(SenseKey.UNIT_ATTENTION, AdditionalSense.MODE_PARAMETERS_CHANGED)) {
            prepareAgain();
        }
    }

    /** Power on, or a reset that may have been one (SPC-4 table 56, 29h): resets of the bus and of the nexus are not. */
    static boolean losesCache(SenseData sense) {
        return sense.asc() == RESET_ASC && (sense.ascq() == 0x00 || sense.ascq() == 0x01 || sense.ascq() == 0x04);
    }

    /** Once a minute, however often the unit says it. */
    private void warn(String text) {
        String more = pace.admit(text, AwakeClock.nanoTime());
        if (more != null) {
            LOG.warn("{}: {}{}", identity.name(), text, more);
        }
    }

    /** The unit says that something changed: at once, but once a second at most. */
    private void prepareAgain() {
        if (preparing || !session.loggedIn()) {
            return;
        }
        long wait = PREPARE_AGAIN_MILLIS - (AwakeClock.nanoTime() - preparedNanos) / 1_000_000L;
        if (wait <= 0) {
            prepare();
        } else {
            prepareLater(shut(), wait);
        }
    }

    /** One question at a time and in a second: each may be answered by the same news. */
    private void capacityChanged() {
        if (askingCapacity) {
            capacityStale = true;
            return;
        }
        askingCapacity = true;
        int mine = preparation;
        long wait = PREPARE_AGAIN_MILLIS - (AwakeClock.nanoTime() - capacityAskedNanos) / 1_000_000L;
        if (wait <= 0) {
            askCapacity(mine, 0);
        } else {
            loop().schedule(() -> askCapacity(mine, 0), wait, TimeUnit.MILLISECONDS);
        }
    }

    private void askCapacity(int mine, int attentions) {
        if (mine != preparation) {
            return; // preparing asks
        }
        capacityAskedNanos = AwakeClock.nanoTime();
        session.submitOwn(lun, Cdb.readCapacity16(32), TaskAttribute.SIMPLE.code(), 32, session.deadline(), result -> {
            if (!(result instanceof ScsiResult.Answered answered)) {
                if (mine == preparation) {
                    prepareAgain(); // refused: the connection is not gone, or it would be prepared already
                }
                return;
            }
            byte[] bytes = ByteBufUtil.getBytes(answered.dataIn());
            answered.dataIn().release();
            if (mine == preparation) {
                SenseData sense = answered.sense();
                if (answered.status() == StatusCode.GOOD) {
                    capacityTold(LunCapacity.of(CapacityData.parse16(bytes)));
                } else if (sense != null
                        && sense.key() == SenseKey.UNIT_ATTENTION
                        && attentions < CAPACITY_ATTENTIONS_AT_MOST) {
                    if (!sense.is(SenseKey.UNIT_ATTENTION, AdditionalSense.CAPACITY_CHANGED)) {
                        news(sense);
                    }
                    askCapacity(mine, attentions + 1);
                } else {
                    prepareAgain();
                }
            }
        });
    }

    private void capacityTold(LunCapacity capacity) {
        askingCapacity = false;
        if (capacity instanceof LunCapacity.Sound(Geometry now)
                && now.blockSizeBytes() == geometry.blockSizeBytes()
                && !capacityStale) {
            become(geometry.withBlockCount(now.blockCount()));
        } else {
            prepareAgain();
        }
        capacityStale = false;
    }

    private void become(Geometry now) {
        Geometry before = geometry;
        if (!before.equals(now)) {
            geometry = now;
            listeners.tell(new DeviceEvent.CapacityChanged(before, now));
        }
    }

    // ---- preparation

    /** Asks the verifier again, for example after a label was written by other means or an operator decided. */
    public void verifyAgain() {
        if (session.loggedIn() && !preparing) {
            prepare();
        }
    }

    void connectionLost() {
        preparation++;
        preparing = false;
        askingCapacity = false;
        queue.open = false;
        restarts.cut();
        availability = new Availability.Away();
    }

    /** The session is logged in, or something changed: nothing is sent until it is certain what this is. */
    void prepare() {
        if (drain.closing() && drain.underWay() == 0) {
            return;
        }
        int mine = shut();
        preparedNanos = AwakeClock.nanoTime();
        new LunProbe(
                        session,
                        lun,
                        this::news,
                        () -> {
                            if (mine == preparation) {
                                session.endDoomed(queue);
                            }
                        },
                        result -> {
                            if (mine == preparation) {
                                probed(mine, result);
                            }
                        })
                .run();
    }

    /** Lets nothing through until it was prepared anew; the number of that preparation. */
    private int shut() {
        queue.open = false;
        if (availability instanceof Availability.Open || availability instanceof Availability.Away) {
            notOpenSinceNanos = AwakeClock.nanoTime();
        }
        // What was refused stays refused until it is accepted.
        if (!(availability instanceof Availability.Refused)) {
            availability = new Availability.Preparing();
        }
        preparing = true;
        askingCapacity = false;
        capacityStale = false;
        return ++preparation;
    }

    private void probed(int mine, LunProbe.Result result) {
        switch (result) {
            case LunProbe.Result.Unusable unusable -> {
                // A unit that has just started may not have all its logical units yet: requests wait a while for them.
                long sinceNanos = AwakeClock.nanoTime() - notOpenSinceNanos;
                if (unusable.passing() && sinceNanos < session.config().unitTimeoutMillis() * 1_000_000L) {
                    prepareLater(mine, PREPARE_AGAIN_MILLIS);
                } else {
                    refuse(
                            mine,
                            unusable.passing()
                                    ? new Readiness.Away(unusable.reason())
                                    : new Readiness.Unusable(unusable.reason()));
                }
            }
            case LunProbe.Result.NoDisk none -> {
                disk = false;
                refuse(mine, new Readiness.Unusable(none.reason()));
            }
            case LunProbe.Result.Found found -> {
                disk = true;
                if (restarts.identified(found.evidence())) {
                    sayIf(unflushed.lose());
                }
                evidence = found.evidence();
                features = found.features();
                barrier = found.barrier();
                session.verifications().take(() -> verify(mine, found));
            }
        }
    }

    /** Whoever verifies may hold a lot meanwhile, so that is done in turns. */
    private void verify(int mine, LunProbe.Result.Found found) {
        Turns turns = session.verifications();
        if (mine != preparation || !preparing) {
            turns.end();
            return;
        }
        boolean[] over = new boolean[1];
        Runnable end = () -> {
            if (!over[0]) {
                over[0] = true;
                turns.end();
            }
        };
        AwakeClock.schedule(loop(), session.config().unitTimeoutMillis(), () -> {
            if (!over[0] && mine == preparation && preparing) {
                refuse(mine, new Readiness.Away("LUN " + lun + " could not be identified in time"));
            }
            end.run();
        });
        int blockSizeBytes = found.evidence().geometry().blockSizeBytes();
        verifier.verify(found.evidence(), new VerifierReads(session, lun, blockSizeBytes, this::news), verdict -> {
            if (mine == preparation && preparing) {
                switch (verdict) {
                    case LunVerifier.Verdict.Accepted _ -> accept(found);
                    case LunVerifier.Verdict.Refused refused -> refuse(mine, refused.why());
                }
            }
            end.run();
        });
    }

    private void sayIf(boolean lost) {
        if (lost) {
            LOG.warn(
                    "{}: {}, and writes that were not flushed may be lost: the next flush says so",
                    identity.name(),
                    restarts.sign());
        }
    }

    private void accept(LunProbe.Result.Found found) {
        Geometry now = found.evidence().geometry();
        if (sizeKnown && now.blockSizeBytes() != geometry.blockSizeBytes()) {
            refuse(preparation, new Readiness.Unusable("LUN " + lun + " has another block size than before"));
            return;
        }
        if (!reached) {
            reached = true;
            sizeKnown = true;
            unflushed = new UnflushedWrites(now.blockSizeBytes());
        }
        limits = found.limits();
        become(now);
        quirks = new UnitQuirks();
        nature = new LunNature(barrier, restarts.sign(), limits.volatileCache(), cache());
        preparing = false;
        refusals = 0;
        availability = new Availability.Open();
        loggedRefusal = "";
        readiness = Readiness.READY;
        // Also if nobody was told that it was away: whoever keeps its boot id has to know of each restart.
        if (saidNotReady || restarts.count() != toldRestarts) {
            saidNotReady = false;
            toldRestarts = restarts.count();
            listeners.tell(new DeviceEvent.BecameReady());
        }
        session.open(queue);
    }

    private void refuse(int mine, Readiness.Unready why) {
        String reason = why.reason();
        preparing = false;
        availability = new Availability.Refused(why);
        if (!reason.equals(loggedRefusal)) {
            loggedRefusal = reason;
            saidNotReady = false;
            sayNotReady(why);
            // Whoever listens knows better what to tell the operator.
            LOG.debug("{}: not used: {}. It is asked again every few seconds", identity.name(), reason);
        }
        session.failWaiting(queue, why);
        prepareLater(mine, PREPARE_AGAIN_MILLIS << Math.min(refusals++, MAX_DOUBLINGS));
    }

    private void prepareLater(int mine, long waitMillis) {
        loop().schedule(
                        () -> {
                            if (mine == preparation && session.loggedIn()) {
                                prepare();
                            }
                        },
                        waitMillis,
                        TimeUnit.MILLISECONDS);
    }

    private void sayNotReady(Readiness.Unready why) {
        if (!saidNotReady) {
            saidNotReady = true;
            readiness = why;
            listeners.tell(new DeviceEvent.BecameNotReady(why));
        }
    }
}
