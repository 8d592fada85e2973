package dev.sanway.initiator;

import dev.sanway.block.AwakeClock;
import dev.sanway.block.Geometry;
import dev.sanway.block.Readiness;
import dev.sanway.iscsi.TargetAddress;
import dev.sanway.scsi.CommandStatistics;
import dev.sanway.scsi.LogicalUnitNumber;
import dev.sanway.scsi.SenseData;
import dev.sanway.scsi.StatusCode;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelFuture;
import io.netty.channel.EventLoop;
import io.netty.util.concurrent.ScheduledFuture;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A session to a unit that outlives its connections: it logs in, queues commands within the unit's command window, and comes
 * back with the same ISID when the connection breaks, which ends the old session at the unit and the writes that were under
 * way in it (RFC 7143 section 6.3.5). Nothing is sent to a logical unit before it was prepared anew after that.
 *
 * <p>Every wait is bounded by the configuration: a request ends at its deadline whatever the unit does, and one whose fate is
 * then unknown takes the connection with it, so that no later request can be overtaken by it.
 *
 * <p>Confined to the loop, but for {@link #start}, {@link #close} and the constructor, which any thread may call.
 */
public final class UnitSession {
    private static final int TICK_MILLIS = 50;
    private static final int LOGOUT_MILLIS = 2_000;

    /** Logical units that are verified at once: each may hold a few MiB meanwhile. */
    private static final int VERIFIED_AT_ONCE = 8;

    private final UnitSessionConfig config;
    private final EventLoop loop;
    private final UnitSessionListener listener;
    private final SecureRandom random;

    private final CommandStatistics statistics = new CommandStatistics();
    private SessionState state = new SessionState.Idle();
    private @Nullable UnitConnection connection;
    private @Nullable Attempt attempt;
    private long attemptStartedNanos;
    private final Backoff backoff;
    private final OutageLog outages;
    private final Redirects redirects;
    private volatile TargetAddress at;
    /** When it was logged in; meaningful in Ready, and after it until {@link #connectionEnded}. */
    private long readySinceNanos;

    private boolean wasReady;
    /** Whether this connection has carried a request out. */
    private boolean ofUse;

    private @Nullable ScheduledFuture<?> ticking;

    private final LunQueue session = new LunQueue();
    private final Map<Integer, RemoteLogicalUnit> units = new LinkedHashMap<>();
    private final Map<Integer, RestartWatch> restarts = new HashMap<>();
    private final List<LunQueue> queues = new ArrayList<>();
    private int nextQueue;
    private final Set<ScsiTask> live = new LinkedHashSet<>();

    private boolean draining;
    private long drainDeadlineNanos;
    private @Nullable Runnable whenClosed;

    private final Turns verifications = new Turns(VERIFIED_AT_ONCE);
    private final PacedNews lunNews;
    /** Turns with each refusal, where CHAP is used: see {@link LoginExchange}. */
    private boolean weakChap;

    /**
     * @param loop everything happens on it, the devices of this session included
     */
    public UnitSession(UnitSessionConfig config, EventLoop loop, UnitSessionListener listener) {
        this.config = config;
        this.loop = loop;
        this.listener = listener;
        this.lunNews = new PacedNews(loop, listener::logicalUnitsChanged);
        this.random = new SecureRandom();
        this.backoff = new Backoff(random);
        this.outages = new OutageLog(config);
        this.redirects = new Redirects(config.portal());
        this.at = config.portal();
    }

    public UnitSessionConfig config() {
        return config;
    }

    /** What its commands counted; written on the loop. */
    public CommandStatistics statistics() {
        return statistics;
    }

    public EventLoop loop() {
        return loop;
    }

    /** Where it was logged in last, which is elsewhere than at the configured address if the unit wanted so. Any thread. */
    public TargetAddress at() {
        return at;
    }

    /** Where it stands. */
    public SessionState state() {
        return state;
    }

    /** Connects, and from now on reconnects, until {@link #close}. */
    public void start() {
        onLoop(() -> {
            if (state instanceof SessionState.Idle) {
                ticking = loop.scheduleAtFixedRate(this::tick, TICK_MILLIS, TICK_MILLIS, TimeUnit.MILLISECONDS);
                connect();
            }
        });
    }

    /**
     * Ends the session: what waits fails, what is under way has two seconds, then we log out.
     *
     * @param closed run on the loop when all is over
     */
    public void close(Runnable closed) {
        onLoop(() -> {
            if (state instanceof SessionState.Closing || state instanceof SessionState.Closed) {
                loop.execute(closed);
                return;
            }
            whenClosed = closed;
            become(new SessionState.Closing());
            for (ScsiTask task : List.copyOf(live)) {
                if (task.state == ScsiTask.State.WAITING) {
                    task.queue.waiting.remove(task);
                    finish(task, new ScsiResult.Unanswered("the session is being closed"));
                }
            }
            drainDeadlineNanos = AwakeClock.nanoTime() + LOGOUT_MILLIS * 1_000_000L;
            draining = true;
            if (connection == null) {
                closed();
            }
        });
    }

    private void onLoop(Runnable action) {
        if (loop.inEventLoop()) {
            action.run();
        } else {
            loop.execute(action);
        }
    }

    // ---- what it is used for

    /** Asks for the unit's logical units; answered within {@code unitTimeout}. */
    public void reportLuns(Consumer<LogicalUnits> answer) {
        new ReportLuns(this, answer).ask();
    }

    /**
     * A logical unit as a device. It exists at once and for good: while the unit is away, or the logical unit not accepted,
     * requests wait or fail as {@link RemoteLogicalUnit} says.
     *
     * @param lun its number; one device for each
     * @param verifier asked after every login
     * @param lastKnown its geometry as far as the caller remembers; null: 0 blocks until it is reached
     */
    public RemoteLogicalUnit logicalUnit(int lun, LunVerifier verifier, @Nullable Geometry lastKnown) {
        return logicalUnit(lun, verifier, lastKnown, new FailedFlushes());
    }

    /** The same; {@code failures} is that of all sessions to the logical unit. */
    public RemoteLogicalUnit logicalUnit(
            int lun, LunVerifier verifier, @Nullable Geometry lastKnown, FailedFlushes failures) {
        if (units.containsKey(lun)) {
            throw new IllegalArgumentException("LUN " + lun + " of " + config + " has its device already");
        }
        LunQueue queue = new LunQueue();
        RemoteLogicalUnit unit = new RemoteLogicalUnit(this, lun, queue, verifier, lastKnown, failures);
        units.put(lun, unit);
        queues.add(queue);
        if (loggedIn()) {
            unit.prepare();
        }
        return unit;
    }

    /** Ends the connection and comes back, which ends whatever is under way at the unit. */
    void reinstate(String why) {
        UnitConnection at = connection;
        if (at != null && loggedIn()) {
            at.drop(why);
        }
    }

    /** Forgets a device that was closed. */
    void remove(RemoteLogicalUnit unit, LunQueue queue) {
        units.values().remove(unit);
        queues.remove(queue);
        for (ScsiTask task : List.copyOf(queue.waiting)) {
            finish(task, new ScsiResult.Unanswered("the device was closed"));
        }
    }

    // ---- tasks

    boolean loggedIn() {
        return state instanceof SessionState.Ready;
    }

    /** When a request that is submitted now ends at the latest. */
    long deadline() {
        return AwakeClock.nanoTime() + config.unitTimeoutMillis() * 1_000_000L;
    }

    /** Queues a task for its logical unit. */
    void submit(ScsiTask task) {
        live.add(task);
        if (state instanceof SessionState.Closing || state instanceof SessionState.Closed) {
            finish(task, new ScsiResult.Unanswered("the session is closed"));
            return;
        }
        task.queue.waiting.add(task);
        pump();
    }

    /**
     * Queues a command of the session's own, which is sent also while its logical unit is being prepared. It does not survive
     * the connection.
     */
    void submitOwn(
            int lun, byte[] cdb, int attribute, int dataIn, long deadlineNanos, Consumer<ScsiResult> completion) {
        submit(new ScsiTask(
                session,
                LogicalUnitNumber.encode(lun),
                cdb,
                attribute,
                Unpooled.EMPTY_BUFFER,
                dataIn,
                deadlineNanos,
                completion));
    }

    /** Ends a task early; see {@link ScsiTask}. */
    void cancel(ScsiTask task) {
        switch (task.state) {
            case WAITING -> {
                if (task.fateUnknown) {
                    task.doomed = true;
                } else {
                    task.queue.waiting.remove(task);
                    finish(task, new ScsiResult.Aborted());
                }
            }
            case SENT -> {
                UnitConnection to = connection;
                if (to != null) {
                    task.abortDeadlineNanos = AwakeClock.nanoTime() + config.abortTimeoutMillis() * 1_000_000L;
                    to.abort(task);
                }
            }
            case ABORTING, ENDED -> {}
        }
    }

    /** A logical unit is prepared: whatever was under way in an earlier session has ended, and requests may be sent. */
    void open(LunQueue queue) {
        queue.open = true;
        endDoomed(queue);
        pump();
    }

    /** Nothing of an earlier session is at work any more on this logical unit. */
    void endDoomed(LunQueue queue) {
        for (ScsiTask task : List.copyOf(queue.waiting)) {
            task.fateUnknown = false;
            if (task.doomed && queue.waiting.remove(task)) {
                finish(task, new ScsiResult.Aborted());
            }
        }
    }

    /** Fails what waits for a logical unit. */
    void failWaiting(LunQueue queue, Readiness.Unready why) {
        for (ScsiTask task : List.copyOf(queue.waiting)) {
            if (queue.waiting.remove(task)) {
                finish(task, new ScsiResult.Unanswered(why));
            }
        }
    }

    private void finish(ScsiTask task, ScsiResult result) {
        live.remove(task);
        count(task, result);
        task.end(result);
    }

    /** From when its caller set the deadline on. */
    private void count(ScsiTask task, ScsiResult result) {
        long began = task.deadlineNanos - config.unitTimeoutMillis() * 1_000_000L;
        boolean good = result instanceof ScsiResult.Answered answered && answered.status() == StatusCode.GOOD;
        int moved = good
                ? Math.max(((ScsiResult.Answered) result).dataIn().readableBytes(), task.dataOut.readableBytes())
                : 0;
        ofUse |= good && task.queue != session;
        statistics.completed(task.cdb, Math.max(0, AwakeClock.nanoTime() - began), moved, !good);
    }

    private void pump() {
        UnitConnection to = connection;
        if (to == null || draining || !loggedIn()) {
            return;
        }
        while (to.canSend()) {
            ScsiTask task = session.waiting.poll();
            if (task == null) {
                task = nextOfQueues();
            }
            if (task == null) {
                return;
            }
            to.send(task);
        }
    }

    /** Logical units take turns. */
    private @Nullable ScsiTask nextOfQueues() {
        for (int i = 0; i < queues.size(); i++) {
            LunQueue queue = queues.get((nextQueue + i) % queues.size());
            if (queue.hasWork()) {
                nextQueue = (nextQueue + i + 1) % queues.size();
                return queue.waiting.poll();
            }
        }
        return null;
    }

    // ---- time

    private void tick() {
        try {
            long now = AwakeClock.nanoTime();
            UnitConnection at = connection;
            if (at != null) {
                boolean notIn = state instanceof SessionState.Connecting || state instanceof SessionState.LoggingIn;
                if (notIn && now - attemptStartedNanos > config.loginTimeoutMillis() * 1_000_000L) {
                    at.drop("no login within " + config.loginTimeoutMillis() + " ms");
                } else {
                    at.checkAlive(now);
                }
            }
            deadlines(now);
            if (draining) {
                drain(now);
            }
        } catch (RuntimeException bug) {
            outages.internalError(bug, AwakeClock.nanoTime());
            UnitConnection at = connection;
            if (at != null) {
                at.drop("internal error: " + bug);
            }
        }
    }

    private void deadlines(long now) {
        for (ScsiTask task : List.copyOf(live)) {
            UnitConnection at = connection;
            if (task.state == ScsiTask.State.ABORTING && now - task.abortDeadlineNanos > 0 && at != null) {
                at.drop("the unit did not abort a task within " + config.abortTimeoutMillis() + " ms");
            }
            if (task.state != ScsiTask.State.ENDED && now - task.deadlineNanos > 0) {
                boolean sent = task.state != ScsiTask.State.WAITING;
                UnitConnection still = connection;
                if (sent && still != null) {
                    // It may land yet: the session has to end before anything else is written.
                    still.drop("the unit did not answer a command in time");
                }
                if (task.state != ScsiTask.State.ENDED) {
                    task.queue.waiting.remove(task);
                    finish(
                            task,
                            new ScsiResult.Unanswered(
                                    sent ? "no answer of " + config.unitName() : config.unitName() + " " + why()));
                }
            }
        }
    }

    private String why() {
        return state instanceof SessionState.Waiting waiting ? "is away: " + waiting.reason() : "is not ready";
    }

    private void drain(long now) {
        UnitConnection at = connection;
        if (at == null) {
            return;
        }
        boolean late = now - drainDeadlineNanos > 0;
        if (at.inFlight() == 0 || late) {
            at.logout();
        }
        if (now - drainDeadlineNanos > LOGOUT_MILLIS * 1_000_000L) {
            at.drop("the unit does not answer the logout");
        }
    }

    // ---- connections

    private void connect() {
        become(new SessionState.Connecting());
        attemptStartedNanos = AwakeClock.nanoTime();
        connect(redirects.begin());
    }

    private void connect(TargetAddress to) {
        Attempt made = new Attempt();
        UnitConnection next = new UnitConnection(config, new LoginExchange(config, false, weakChap, random), made);
        attempt = made;
        connection = next;
        Dial.open(config, to, loop, next).addListener((ChannelFuture future) -> {
            if (future.isSuccess()) {
                if (attempt == made && state instanceof SessionState.Connecting) {
                    become(new SessionState.LoggingIn());
                }
            } else {
                next.drop("cannot connect: " + future.cause().getMessage());
            }
        });
    }

    /** What a connection tells; deaf as soon as the connection is not the session's any more. */
    private final class Attempt implements ConnectionOwner {
        @Override
        public void loggedIn() {
            if (attempt != this || state instanceof SessionState.Closing) {
                return;
            }
            readySinceNanos = AwakeClock.nanoTime();
            wasReady = true;
            outages.reached(readySinceNanos);
            at = redirects.at();
            if (redirects.loggedIn()) {
                outages.asked("the unit has moved to " + at + " for good: name that in its portal", readySinceNanos);
            }
            session.open = true;
            become(new SessionState.Ready());
            for (RemoteLogicalUnit unit : List.copyOf(units.values())) {
                unit.prepare();
            }
            pump();
        }

        @Override
        public void windowOpened() {
            pump();
        }

        @Override
        public void answered(ScsiTask task, ScsiResult result) {
            finish(task, result);
            pump();
        }

        @Override
        public void logoutRequested(String why) {
            if (!draining) {
                long now = AwakeClock.nanoTime();
                outages.asked(why, now);
                draining = true;
                drainDeadlineNanos = now + LOGOUT_MILLIS * 500_000L;
            }
        }

        @Override
        public void unitAttention(long lun, SenseData sense) {
            RemoteLogicalUnit unit = units.get(LogicalUnitNumber.decode(lun));
            if (unit != null) {
                unit.news(sense);
            }
        }

        @Override
        public void internalError(Throwable bug) {
            outages.internalError(bug, AwakeClock.nanoTime());
        }

        @Override
        public void moved(TargetAddress to, boolean permanent) {
            if (attempt != this) {
                return;
            }
            if (state instanceof SessionState.Closing || !redirects.follow(to, permanent)) {
                connectionEnded("the unit sends us on and on, to " + to + " at last", true, List.of());
            } else {
                become(new SessionState.Connecting());
                connect(to);
            }
        }

        @Override
        public void ended(String why, boolean refusedByUnit, List<ScsiTask> inFlight) {
            if (attempt == this) {
                connectionEnded(why, refusedByUnit, inFlight);
            }
        }
    }

    private void connectionEnded(String why, boolean refusedByUnit, List<ScsiTask> inFlight) {
        attempt = null;
        connection = null;
        session.open = false;
        for (LunQueue queue : queues) {
            queue.open = false;
        }
        List<ScsiTask> own = new ArrayList<>(session.waiting);
        session.waiting.clear();
        for (int i = inFlight.size() - 1; i >= 0; i--) {
            ScsiTask task = inFlight.get(i);
            task.rewind();
            if (task.queue == session || !queues.contains(task.queue)) {
                own.add(task);
            } else {
                task.queue.waiting.addFirst(task);
            }
        }
        boolean closing = state instanceof SessionState.Closing;
        if (closing) {
            for (LunQueue queue : queues) {
                own.addAll(queue.waiting);
                queue.waiting.clear();
            }
        } else {
            draining = false;
            weakChap ^= refusedByUnit && config.chap() != null;
            long now = AwakeClock.nanoTime();
            outages.ended(why, refusedByUnit, now);
            become(new SessionState.Waiting(why));
            if (!wasReady) {
                redirects.failed();
            }
            long lastedMillis = wasReady ? (now - readySinceNanos) / 1_000_000L : 0;
            loop.schedule(this::reconnect, backoff.delayMillis(lastedMillis, ofUse), TimeUnit.MILLISECONDS);
            wasReady = false;
            ofUse = false;
            for (RemoteLogicalUnit unit : List.copyOf(units.values())) {
                unit.connectionLost();
            }
        }
        for (ScsiTask task : own) {
            finish(task, new ScsiResult.Unanswered(why));
        }
        if (closing) {
            closed();
        }
    }

    private void reconnect() {
        if (state instanceof SessionState.Waiting) {
            connect();
        }
    }

    private void closed() {
        ScheduledFuture<?> ticks = ticking;
        if (ticks != null) {
            ticks.cancel(false);
        }
        become(new SessionState.Closed());
        Runnable then = whenClosed;
        if (then != null) {
            then.run();
        }
    }

    private void become(SessionState next) {
        state = next;
        listener.stateChanged(next);
    }

    /** For {@link RemoteLogicalUnit}: tells the listener, once a second however often the unit says so. */
    void logicalUnitsChanged() {
        lunNews.tell();
    }

    /** What is known of a logical unit's restarts. */
    RestartWatch restarts(int lun) {
        return restarts.computeIfAbsent(lun, _ -> new RestartWatch());
    }

    /** In which logical units are verified. */
    Turns verifications() {
        return verifications;
    }
}
