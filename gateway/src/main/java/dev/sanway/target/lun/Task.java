package dev.sanway.target.lun;

import dev.sanway.block.BlockCompletion;
import dev.sanway.block.BlockOperation;
import dev.sanway.block.BlockOutcome;
import dev.sanway.block.BlockRequest;
import dev.sanway.scsi.AdditionalSense;
import dev.sanway.scsi.SenseData;
import dev.sanway.scsi.SenseKey;
import dev.sanway.scsi.StatusCode;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.util.concurrent.Future;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A command in a logical unit's task set. Everything but the methods of {@link ScsiTask} is used on the unit's loop.
 *
 * <pre>
 * DORMANT ── task set enables ──▶ RUNNING ── complete ──▶ ENDED
 *    │                              │  ▲
 *    │ abort                  abort │  └─ (waits for data-out, the device, or the reservation store)
 *    ▼                              ▼
 *  ENDED ◀── nothing in flight ── ABORTING ── the last outcome arrives ──▶ ENDED
 * </pre>
 *
 * A task that is aborting stays in its task set, and so its requests stay in flight in the device, which orders later
 * overlapping writes after them: that is the fence around a write of unknown fate.
 */
final class Task implements ScsiTask {
    private enum State {
        DORMANT,
        RUNNING,
        ABORTING,
        ENDED
    }

    /** How the initiator learns of an abort. */
    enum AbortNotice {
        /** Nothing is sent; the transport is told. */
        SILENT,
        /** Status TASK ABORTED: another nexus's doing while TAS is one (SPC-4 7.5.8). */
        STATUS
    }

    private static final long LONGEST_PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

    final LogicalUnit unit;
    final HostTarget target;
    private final ScsiCommand command;
    private final TaskListener listener;
    private final long acceptedNanos = System.nanoTime();

    private @Nullable NexusState nexus;
    private int lossesKnown;
    private State state = State.DORMANT;
    private AbortNotice abortNotice = AbortNotice.SILENT;
    private int inFlight;
    private final List<BlockOperation> operations = new ArrayList<>(1);
    private @Nullable Consumer<ByteBuf> dataConsumer;
    private @Nullable List<Runnable> whenEnded;
    private @Nullable ByteBuf held;
    private long dataOutLengthBytes = -1;

    Task(LogicalUnit unit, HostTarget target, ScsiCommand command, TaskListener listener) {
        this.unit = unit;
        this.target = target;
        this.command = command;
        this.listener = listener;
    }

    @Override
    public ScsiCommand command() {
        return command;
    }

    /** Set on the unit's loop before anything else happens. */
    void bind(NexusState state) {
        nexus = state;
        lossesKnown = unit.losses().count();
    }

    /** How many losses of unflushed writes were known when it came. */
    int lossesKnown() {
        return lossesKnown;
    }

    NexusState nexus() {
        if (nexus == null) {
            throw new IllegalStateException("the task is not in a task set");
        }
        return nexus;
    }

    byte[] cdb() {
        return command.cdb();
    }

    boolean isDormant() {
        return state == State.DORMANT;
    }

    /** Whether the handler may go on: not aborted, not ended. */
    boolean isRunning() {
        return state == State.RUNNING;
    }

    boolean isEnded() {
        return state == State.ENDED;
    }

    void enabled() {
        state = State.RUNNING;
    }

    // ---- data from the initiator

    @Override
    public void dataOut(ByteBuf data) {
        if (unit.executor().inEventLoop()) {
            takeData(data);
        } else {
            unit.executor().execute(() -> takeData(data));
        }
    }

    @Override
    public void dataOutFailed(int additionalSenseCode, int additionalSenseCodeQualifier) {
        SenseData sense = new SenseData(
                SenseKey.ABORTED_COMMAND, additionalSenseCode, additionalSenseCodeQualifier, false, null, null);
        unit.execute(() -> {
            if (state == State.RUNNING && dataConsumer != null) {
                dataConsumer = null;
                check(sense);
            }
        });
    }

    private void takeData(ByteBuf data) {
        Consumer<ByteBuf> consumer = dataConsumer;
        dataConsumer = null;
        if (state != State.RUNNING || consumer == null) {
            data.release();
            return;
        }
        unit.guarded(this, () -> consumer.accept(data));
    }

    /**
     * States how much data the CDB takes, for residuals, without asking for it.
     *
     * @param lengthBytes by the CDB, whatever the initiator offers
     */
    void dataOutLength(long lengthBytes) {
        dataOutLengthBytes = lengthBytes;
    }

    /**
     * Solicits {@code lengthBytes}, no more than the initiator offers; {@code consumer} takes the buffer over. An initiator that
     * expects to read is refused: there is no command here that moves data both ways.
     */
    void wantData(int lengthBytes, Consumer<ByteBuf> consumer) {
        if (lengthBytes == 0) {
            consumer.accept(Unpooled.EMPTY_BUFFER);
            return;
        }
        if (command.readLengthBytes() > 0) {
            illegal(AdditionalSense.INVALID_FIELD_IN_INFORMATION_UNIT);
            return;
        }
        dataConsumer = consumer;
        listener.dataOutWanted(this, lengthBytes);
    }

    /**
     * Solicits exactly {@code lengthBytes}; an initiator that offers less gets INVALID FIELD IN COMMAND INFORMATION UNIT and
     * nothing is done.
     */
    void wantWholeData(long lengthBytes, Consumer<ByteBuf> consumer) {
        dataOutLength(lengthBytes);
        if (lengthBytes > command.writeLengthBytes()) {
            illegal(AdditionalSense.INVALID_FIELD_IN_INFORMATION_UNIT);
            return;
        }
        wantData((int) lengthBytes, consumer);
    }

    /** Keeps a buffer until the task ends, however it ends. */
    void hold(ByteBuf buffer) {
        if (held != null) {
            throw new IllegalStateException("a task holds one buffer");
        }
        held = buffer;
    }

    ByteBuf held() {
        if (held == null) {
            throw new IllegalStateException("nothing is held");
        }
        return held;
    }

    // ---- the device

    /** Submits a request; its outcome reaches {@code then} unless the task is aborted meanwhile. */
    void submit(BlockRequest request, Consumer<BlockOutcome> then) {
        submit(request, then, () -> {});
    }

    /** {@code afterwards} runs once in every case, after {@code then}. */
    private void submit(BlockRequest request, Consumer<BlockOutcome> then, Runnable afterwards) {
        Submission submission = new Submission(then, afterwards);
        inFlight++;
        BlockOperation operation;
        try {
            operation = unit.device().submit(request, submission);
        } catch (RuntimeException bug) {
            if (!submission.done) {
                submission.done = true;
                inFlight--;
                afterwards.run();
            }
            throw bug;
        }
        if (!submission.done) {
            submission.operation = operation;
            operations.add(operation);
            if (state == State.ABORTING) {
                operation.cancel();
            }
        }
    }

    private final class Submission implements BlockCompletion {
        private final Consumer<BlockOutcome> then;
        private final Runnable afterwards;
        private @Nullable BlockOperation operation;
        private boolean done;

        Submission(Consumer<BlockOutcome> then, Runnable afterwards) {
            this.then = then;
            this.afterwards = afterwards;
        }

        @Override
        public void completed(BlockOutcome outcome) {
            if (done) {
                BlockOutcome.release(outcome);
                throw new IllegalStateException("a request was completed twice");
            }
            done = true;
            if (operation != null) {
                operations.remove(operation);
            }
            try {
                finishWait(() -> then.accept(outcome), () -> BlockOutcome.release(outcome));
            } finally {
                afterwards.run();
            }
        }
    }

    /**
     * Does one piece of a long command when it is this host's turn, always later, once the loop has looked at the network: so long
     * work neither starves others nor eats the stack. An abort meanwhile ends the wait at once.
     *
     * @param request made only when the turn has come, so that whoever waits holds nothing for it
     * @param then as of {@link #submit}; ends the task, or goes on with the next piece
     */
    void piece(Supplier<BlockRequest> request, Consumer<BlockOutcome> then) {
        beginWait();
        Piece piece = new Piece(request, then);
        operations.add(piece);
        target.pieceTurns().take(piece);
    }

    /** A piece that waits for its turn. To cancel it is to leave the line. */
    private final class Piece implements PieceTurns.Waiter, BlockOperation {
        private final Supplier<BlockRequest> request;
        private final Consumer<BlockOutcome> then;
        private boolean turnGiven;
        private long begunNanos;

        Piece(Supplier<BlockRequest> request, Consumer<BlockOutcome> then) {
            this.request = request;
            this.then = then;
        }

        @Override
        public Nexus nexus() {
            return command.nexus();
        }

        @Override
        public void cancel() {
            if (target.pieceTurns().leave(this)) {
                operations.remove(this);
                finishWait(() -> {}, () -> {});
            }
        }

        /**
         * By a timer of no time and not by {@code execute}: a loop of Netty's runs what is executed, and what that executes, for up
         * to a second before it looks at the network again, but timers once between two looks.
         */
        @Override
        public void granted() {
            unit.executor().schedule(this::itIsTime, 0, TimeUnit.NANOSECONDS);
        }

        private void itIsTime() {
            operations.remove(this);
            finishWait(this::begin, this::giveTurn);
        }

        private void begin() {
            boolean begun = false;
            begunNanos = System.nanoTime();
            try {
                submit(request.get(), then, this::giveTurn);
                begun = true;
            } finally {
                if (!begun) {
                    giveTurn();
                }
            }
        }

        /** While other hosts are at work, long commands pause for as long as their last piece took: half of the time is others'. */
        private void giveTurn() {
            if (turnGiven) {
                return;
            }
            turnGiven = true;
            long pauseNanos = begunNanos == 0 ? 0 : Math.min(System.nanoTime() - begunNanos, LONGEST_PAUSE_NANOS);
            if (pauseNanos > 0 && listener.othersAtWork()) {
                unit.executor()
                        .schedule(() -> target.pieceTurns().give(command.nexus()), pauseNanos, TimeUnit.NANOSECONDS);
            } else {
                target.pieceTurns().give(command.nexus());
            }
        }
    }

    /**
     * Ends the task in the way {@code end} does it, which tells the initiator to send the command again, but not before it was here
     * for {@link LogicalUnitConfig#retryPaceMillis}: initiators repeat at once, and would do nothing else. An abort ends the
     * wait at once; so does the return of what was away.
     */
    void paced(Runnable end) {
        long leftNanos =
                TimeUnit.MILLISECONDS.toNanos(unit.config().retryPaceMillis()) - (System.nanoTime() - acceptedNanos);
        if (leftNanos <= 0) {
            end.run();
            return;
        }
        beginWait();
        Pause pause = new Pause(end, leftNanos);
        operations.add(pause);
        unit.pauses().add(pause);
    }

    /** The rest of the time before an initiator is told to come again. */
    final class Pause implements BlockOperation {
        private final Runnable end;
        private final Future<?> timer;

        Pause(Runnable end, long nanos) {
            this.end = end;
            this.timer = unit.executor().schedule(this::over, nanos, TimeUnit.NANOSECONDS);
        }

        /** Need not be waited for any longer. */
        void over() {
            finish(end);
        }

        @Override
        public void cancel() {
            finish(() -> {});
        }

        private void finish(Runnable ifRunning) {
            if (unit.pauses().remove(this)) {
                timer.cancel(false);
                operations.remove(this);
                finishWait(ifRunning, () -> {});
            }
        }
    }

    /** Announces a wait that is no block request and cannot be cancelled; end it with {@link #finishWait}. */
    void beginWait() {
        inFlight++;
    }

    void finishWait(Runnable ifRunning, Runnable ifNot) {
        inFlight--;
        if (state == State.RUNNING) {
            unit.guarded(this, ifRunning);
            return;
        }
        ifNot.run();
        if (state == State.ABORTING && inFlight == 0) {
            finishAbort();
        }
    }

    // ---- the end

    void good() {
        complete(StatusCode.GOOD, ScsiResponse.NO_SENSE, Unpooled.EMPTY_BUFFER);
    }

    /** GOOD with parameter data, cut to the CDB's allocation length. */
    void good(byte[] data, long allocationLengthBytes) {
        int length = (int) Math.min(data.length, Integer.toUnsignedLong((int) allocationLengthBytes));
        // What is cut off must not stay in memory until the rest was sent.
        good(Unpooled.wrappedBuffer(length < data.length ? Arrays.copyOf(data, length) : data));
    }

    /**
     * GOOD with data for the initiator; takes them over. One who said that he would write gets none of them, and a residual of all
     * that he offered, which says so: libiscsi's suite wants GOOD here (Read10Invalid).
     */
    void good(ByteBuf data) {
        complete(StatusCode.GOOD, ScsiResponse.NO_SENSE, data);
    }

    void status(int status) {
        complete(status, ScsiResponse.NO_SENSE, Unpooled.EMPTY_BUFFER);
    }

    void check(SenseData sense) {
        complete(StatusCode.CHECK_CONDITION, sense.encode(unit.descriptorSense()), Unpooled.EMPTY_BUFFER);
    }

    void illegal(AdditionalSense sense) {
        check(SenseData.of(SenseKey.ILLEGAL_REQUEST, sense));
    }

    void invalidField(int byteOffset, int bit) {
        check(SenseData.invalidCdbField(byteOffset, bit));
    }

    private void complete(int status, byte[] sense, ByteBuf dataIn) {
        if (state == State.ENDED || state == State.ABORTING) {
            dataIn.release();
            throw new IllegalStateException("a task that is " + state + " cannot complete");
        }
        if (inFlight != 0) {
            dataIn.release();
            throw new IllegalStateException("a task with requests in flight cannot complete");
        }
        end();
        count(status, dataIn.readableBytes());
        // First the answer, then what waited for this task: the next commands see its effects in order.
        listener.completed(this, new ScsiResponse(status, sense, dataIn, dataOutLengthBytes));
        ended();
    }

    /**
     * Ends the task early. Once nothing of it is in flight any more, {@code done} runs and the transport is told; at once if
     * nothing is.
     */
    void abort(AbortNotice notice, Runnable done) {
        if (state == State.ENDED) {
            done.run();
            return;
        }
        if (whenEnded == null) {
            whenEnded = new ArrayList<>(1);
        }
        whenEnded.add(done);
        if (state == State.ABORTING) {
            // A silent abort prevails: the transport may not answer for a nexus that is gone.
            abortNotice = notice == AbortNotice.SILENT ? notice : abortNotice;
            return;
        }
        state = State.ABORTING;
        abortNotice = notice;
        dataConsumer = null;
        for (BlockOperation operation : List.copyOf(operations)) {
            operation.cancel();
        }
        // The last cancel may have completed in the loop and ended the task already.
        if (inFlight == 0 && state == State.ABORTING) {
            finishAbort();
        }
    }

    private void count(int status, int dataInBytes) {
        boolean good = status == StatusCode.GOOD;
        long moved = good ? Math.max(dataInBytes, dataOutLengthBytes) : dataInBytes;
        unit.statistics().completed(cdb(), System.nanoTime() - acceptedNanos, moved, !good);
    }

    private void finishAbort() {
        end();
        count(StatusCode.TASK_ABORTED, 0);
        switch (abortNotice) {
            case SILENT -> listener.aborted(this);
            case STATUS ->
                listener.completed(
                        this,
                        new ScsiResponse(
                                StatusCode.TASK_ABORTED,
                                ScsiResponse.NO_SENSE,
                                Unpooled.EMPTY_BUFFER,
                                dataOutLengthBytes));
        }
        ended();
    }

    /** Ends a task that never entered the task set: with a status, or silently if {@code status} is negative. */
    void refuse(int status, byte[] sense) {
        state = State.ENDED;
        if (status < 0) {
            listener.aborted(this);
        } else {
            listener.completed(this, new ScsiResponse(status, sense, Unpooled.EMPTY_BUFFER, -1));
        }
    }

    /** After a bug of ours: an answer if one can be given now, else an abort. */
    void broke() {
        if (state != State.RUNNING) {
            return;
        }
        if (inFlight == 0) {
            dataConsumer = null;
            check(SenseData.of(SenseKey.HARDWARE_ERROR, AdditionalSense.INTERNAL_TARGET_FAILURE));
        } else {
            abort(AbortNotice.STATUS, () -> {});
        }
    }

    private void end() {
        state = State.ENDED;
        if (held != null) {
            held.release();
            held = null;
        }
        unit.taskSet().remove(this);
    }

    private void ended() {
        List<Runnable> waiting = whenEnded;
        whenEnded = null;
        if (waiting != null) {
            waiting.forEach(Runnable::run);
        }
        unit.taskSet().enable();
    }
}
