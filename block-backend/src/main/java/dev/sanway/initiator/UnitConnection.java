package dev.sanway.initiator;

import dev.sanway.block.AwakeClock;
import dev.sanway.iscsi.AsyncEvent;
import dev.sanway.iscsi.ConnectionParameters;
import dev.sanway.iscsi.DecodeResult;
import dev.sanway.iscsi.Direction;
import dev.sanway.iscsi.KeyValue;
import dev.sanway.iscsi.LogoutReason;
import dev.sanway.iscsi.Pdu;
import dev.sanway.iscsi.PduDecoder;
import dev.sanway.iscsi.PduEncoder;
import dev.sanway.iscsi.RejectReason;
import dev.sanway.iscsi.SenseSegment;
import dev.sanway.iscsi.SerialNumber;
import dev.sanway.iscsi.SessionParameters;
import dev.sanway.iscsi.TaskManagementFunction;
import dev.sanway.iscsi.TaskManagementOutcome;
import dev.sanway.iscsi.Text;
import dev.sanway.scsi.SenseData;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelOption;
import io.netty.util.collection.IntObjectHashMap;
import io.netty.util.collection.IntObjectMap;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * One TCP connection to a unit, login included: the PDUs, their numbers and the tasks in flight. It neither reconnects nor
 * waits; its owner does. What the unit does against the protocol ends the connection. Confined to the channel's loop.
 *
 * <p>Whatever the unit does, the connection makes us hold at most
 * <ul>
 *   <li>during login one PDU (9 KiB) and a login text ({@link Text#MAX_LENGTH_BYTES}), and {@link UnitLogin#MAX_RESPONSES}
 *       requests that it did not read: less than 1 MiB;
 *   <li>then one PDU that is not complete ({@link #MAX_RECV_DATA_SEGMENT_LENGTH}), {@link Outgoing#MAX_UNREAD_ANSWERS} pings'
 *       answers, {@link Outgoing#HIGH_WATER_BYTES} and one burst (MaxBurstLength) in the queue to the socket;
 *   <li>for each command in flight, of which there are {@code maxQueuedRequests} at most: its own data, held by whoever wants
 *       them written in any case, or as much Data-In as was asked for in {@link ScsiTask#MAX_PIECES} pieces of at least 8 KiB
 *       with the buffers of 64 KiB that they came in;
 *       and MaxOutstandingR2T records of what is still to be sent.
 * </ul>
 */
final class UnitConnection extends ChannelInboundHandlerAdapter {
    /** Bytes of a data segment that we take. */
    static final int MAX_RECV_DATA_SEGMENT_LENGTH = 262144;

    static final int FIRST_CMD_SN = 1;

    private enum Phase {
        LOGIN,
        FULL_FEATURE,
        ENDED
    }

    private final UnitLogin login;
    private final UnitSessionConfig config;
    private final ConnectionOwner owner;
    private final PduDecoder decoder = new PduDecoder(Direction.TO_INITIATOR, UnitLogin.MAX_DATA_SEGMENT_LENGTH);
    private final PduEncoder encoder = new PduEncoder();
    private final IntObjectMap<ScsiTask> inFlight = new IntObjectHashMap<>();
    private final IntObjectMap<ScsiTask> aborts = new IntObjectHashMap<>();
    private final Liveness liveness;
    private final UnaskedBudget unasked;

    private @Nullable Channel channel;
    private @Nullable Outgoing outgoing;
    /** From login on. */
    private @Nullable WriteData writeData;

    private Phase phase = Phase.LOGIN;
    private @Nullable SessionParameters session;
    private @Nullable ConnectionParameters parameters;

    private int nextTag = 1;
    private int cmdSn = FIRST_CMD_SN;
    private int expStatSn;
    private int maxCmdSn = 1;
    private int logoutTag = Pdu.NO_TAG;
    private int pingTag = Pdu.NO_TAG;
    private @Nullable TextQuestion question;

    UnitConnection(UnitSessionConfig config, LoginExchange login, ConnectionOwner owner) {
        this.config = config;
        this.login = new UnitLogin(login, config);
        this.owner = owner;
        long now = AwakeClock.nanoTime();
        this.liveness = new Liveness(config.pingIntervalMillis(), config.pingTimeoutMillis(), now);
        this.unasked = new UnaskedBudget(now);
    }

    @Override
    public void handlerAdded(ChannelHandlerContext ctx) {
        channel = ctx.channel();
        outgoing = new Outgoing(ctx.channel());
        ctx.pipeline().addBefore(ctx.name(), "decoder", decoder);
        ctx.pipeline().addBefore(ctx.name(), "encoder", encoder);
    }

    @Override
    public void channelActive(ChannelHandlerContext ctx) {
        step(login.begin());
    }

    @Override
    public void channelWritabilityChanged(ChannelHandlerContext ctx) {
        if (phase == Phase.FULL_FEATURE && ctx.channel().isWritable()) {
            Objects.requireNonNull(writeData).sendWhileThereIsRoom();
            owner.windowOpened();
        }
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) {
        end(logoutTag == Pdu.NO_TAG ? "the unit closed the connection" : "logged out", false);
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        if (cause instanceof IOException) {
            drop("connection broken: " + cause.getMessage());
        } else {
            // Our bug: logged with its trace, and the connection ends.
            owner.internalError(cause);
            drop("internal error: " + cause);
        }
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
        liveness.heard(AwakeClock.nanoTime());
        switch ((DecodeResult) message) {
            case DecodeResult.Violated violated -> drop("the unit sent a bad PDU: " + violated.violation());
            case DecodeResult.Decoded decoded -> {
                Pdu pdu = decoded.pdu();
                if (phase == Phase.ENDED) {
                    pdu.release();
                } else if (pdu instanceof Pdu.TargetPdu fromTarget) {
                    received(fromTarget);
                }
            }
        }
    }

    private void received(Pdu.TargetPdu pdu) {
        if (phase == Phase.LOGIN) {
            if (pdu instanceof Pdu.LoginResponse response) {
                loginResponse(response);
            } else {
                pdu.release();
                drop("a PDU other than a login response during login: " + pdu.opcode());
            }
            return;
        }
        int windowBefore = maxCmdSn;
        numbers(pdu.expCmdSn(), pdu.maxCmdSn());
        switch (pdu) {
            case Pdu.DataIn dataIn -> dataIn(dataIn);
            case Pdu.ScsiResponsePdu response -> scsiResponse(response);
            case Pdu.ReadyToTransfer r2t -> readyToTransfer(r2t);
            case Pdu.NopIn nop -> nopIn(nop);
            case Pdu.TaskManagementResponse response -> taskManagementResponse(response);
            case Pdu.TextResponse response -> textResponse(response);
            case Pdu.LogoutResponse response -> {
                if (logoutTag == Pdu.NO_TAG || response.initiatorTaskTag() != logoutTag) {
                    drop("a logout response that nobody asked for");
                } else if (status(response.statSn())) {
                    close();
                }
            }
            case Pdu.AsyncMessage message -> asyncMessage(message);
            case Pdu.Reject reject -> reject(reject);
            case Pdu.LoginResponse response -> {
                response.release();
                drop("a login response after login");
            }
        }
        if (maxCmdSn != windowBefore && phase == Phase.FULL_FEATURE) {
            owner.windowOpened();
        }
    }

    /** ExpCmdSN and MaxCmdSN (section 4.2.2.1): stale or senseless pairs are ignored, and no width is trusted. */
    private void numbers(int exp, int max) {
        if (SerialNumber.lessThan(max, exp - 1)) {
            return;
        }
        maxCmdSn = SerialNumber.max(maxCmdSn, max);
    }

    /** Counts a status (section 4.2.2.2). A gap means that an answer was lost, which TCP rules out: the unit is wrong. */
    private boolean status(int statSn) {
        if (statSn != expStatSn) {
            drop("StatSN " + Integer.toUnsignedString(statSn) + " instead of " + Integer.toUnsignedString(expStatSn));
            return false;
        }
        expStatSn++;
        return true;
    }

    /** Counts what the unit sent unasked. */
    private void unasked(String what) {
        if (!unasked.spend(AwakeClock.nanoTime())) {
            drop("the unit sends too much without being asked, " + what + " at last");
        }
    }

    // ---- login

    private void loginResponse(Pdu.LoginResponse response) {
        if (response.statusClass() == 0) {
            expStatSn = response.statSn() + 1;
            maxCmdSn = SerialNumber.max(response.expCmdSn(), response.maxCmdSn());
        }
        step(login.receive(response));
    }

    private void step(UnitLogin.Step step) {
        switch (step) {
            case UnitLogin.Step.Send send -> write(send.request());
            case UnitLogin.Step.Moved moved -> {
                phase = Phase.ENDED;
                close();
                owner.moved(moved.to(), moved.permanent());
            }
            case UnitLogin.Step.Failed failed -> end(failed.why(), failed.byUnit());
            case UnitLogin.Step.Done done -> {
                session = done.session();
                parameters = done.connection();
                boolean headers = done.connection().headerDigest();
                boolean data = done.connection().dataDigest();
                decoder.setDigests(headers, data);
                encoder.setDigests(headers, data);
                decoder.setMaxDataSegmentLength(MAX_RECV_DATA_SEGMENT_LENGTH);
                writeData = new WriteData(
                        Objects.requireNonNull(outgoing),
                        done.connection().maxSendDataSegmentLength(),
                        () -> expStatSn,
                        task -> inFlight.get(task.tag) == task);
                phase = Phase.FULL_FEATURE;
                owner.loggedIn();
            }
        }
    }

    // ---- commands

    /** Whether there is room for another command: in the command window, among those in flight, and on the way to the unit. */
    boolean canSend() {
        Outgoing to = outgoing;
        return phase == Phase.FULL_FEATURE
                && logoutTag == Pdu.NO_TAG
                && SerialNumber.lessOrEqual(cmdSn, maxCmdSn)
                && inFlight.size() < config.maxQueuedRequests()
                && to != null
                && to.hasRoom();
    }

    int inFlight() {
        return inFlight.size();
    }

    /** Sends a command with its immediate and unsolicited data; {@link #canSend} said yes. */
    void send(ScsiTask task) {
        SessionParameters rules = Objects.requireNonNull(session);
        ConnectionParameters segments = Objects.requireNonNull(parameters);
        int length = task.dataOut.readableBytes();
        int immediate = rules.immediateData()
                ? Math.min(length, Math.min(rules.firstBurstLength(), segments.maxSendDataSegmentLength()))
                : 0;
        int unsolicited = rules.initialR2T() ? immediate : Math.min(length, rules.firstBurstLength());
        task.state = ScsiTask.State.SENT;
        task.tag = tag();
        task.cmdSn = cmdSn++;
        task.solicitation = length == 0 ? null : new Solicitation(length, unsolicited);
        inFlight.put(task.tag, task);
        write(new Pdu.ScsiCommandPdu(
                false,
                unsolicited == immediate,
                task.expectedDataIn > 0,
                length > 0,
                task.attribute,
                task.lun,
                task.tag,
                length > 0 ? length : task.expectedDataIn,
                task.cmdSn,
                expStatSn,
                task.cdb,
                0,
                WriteData.slice(task.dataOut, 0, immediate)));
        Objects.requireNonNull(writeData).sendUnsolicited(task, immediate, unsolicited);
    }

    private int tag() {
        do {
            nextTag = nextTag == Integer.MAX_VALUE ? 1 : nextTag + 1;
        } while (inFlight.containsKey(nextTag) || aborts.containsKey(nextTag));
        return nextTag;
    }

    private void readyToTransfer(Pdu.ReadyToTransfer r2t) {
        ScsiTask task = inFlight.get(r2t.initiatorTaskTag());
        if (task == null) {
            unasked("an R2T for no command"); // or of one that was aborted meanwhile
            return;
        }
        Solicitation solicitation = task.solicitation;
        if (solicitation == null) {
            drop("an R2T for a command that writes nothing");
            return;
        }
        String fault = solicitation.receive(r2t, Objects.requireNonNull(session));
        if (fault != null) {
            drop(fault);
        } else {
            Objects.requireNonNull(writeData).sendSolicited(task, solicitation, r2t);
        }
    }

    private void dataIn(Pdu.DataIn pdu) {
        ScsiTask task = inFlight.get(pdu.initiatorTaskTag());
        int length = pdu.data().readableBytes();
        if (task == null) {
            pdu.release();
            if (!pdu.hasStatus() || status(pdu.statSn())) {
                unasked("Data-In for no command");
            }
            return;
        }
        if (pdu.bufferOffset() != task.receivedBytes() || length > task.expectedDataIn - task.receivedBytes()) {
            pdu.release();
            drop("Data-In out of order or beyond what was asked for");
            return;
        }
        if (length > 0) {
            task.receive(pdu.data());
        } else {
            pdu.release();
            if (!pdu.hasStatus()) {
                unasked("Data-In without data");
            }
        }
        if (pdu.hasStatus() && status(pdu.statSn())) {
            answered(task, new ScsiResult.Answered(pdu.status(), task.takeReceived(), null, 0));
        }
    }

    private void scsiResponse(Pdu.ScsiResponsePdu pdu) {
        SenseData sense = SenseSegment.read(pdu.data());
        pdu.release();
        if (!status(pdu.statSn())) {
            return;
        }
        ScsiTask task = inFlight.get(pdu.initiatorTaskTag());
        if (task == null) {
            unasked("a response for no command");
            return;
        }
        answered(
                task,
                pdu.response() == 0
                        ? new ScsiResult.Answered(pdu.status(), task.takeReceived(), sense, notTaken(task, pdu))
                        : new ScsiResult.Refused("target failure, response " + pdu.response()));
    }

    /** Bytes of the command's data that the unit says it did not take, or cannot have taken. */
    private static long notTaken(ScsiTask task, Pdu.ScsiResponsePdu pdu) {
        Solicitation solicitation = task.solicitation;
        long unasked = solicitation == null ? 0 : solicitation.unaskedBytes();
        boolean underflow = pdu.residual() == Pdu.ResidualKind.UNDERFLOW && task.dataOut.isReadable();
        return underflow ? Math.max(unasked, Integer.toUnsignedLong(pdu.residualCount())) : unasked;
    }

    private void answered(ScsiTask task, ScsiResult result) {
        inFlight.remove(task.tag);
        owner.answered(task, result);
    }

    // ---- task management

    /** Asks the unit to abort a task in flight; it ends as answered, as aborted, or with the connection. */
    void abort(ScsiTask task) {
        task.state = ScsiTask.State.ABORTING;
        int tag = tag();
        aborts.put(tag, task);
        write(new Pdu.TaskManagementRequest(
                true,
                TaskManagementFunction.ABORT_TASK.code(),
                task.lun,
                tag,
                task.tag,
                cmdSn,
                expStatSn,
                task.cmdSn,
                0));
    }

    private void taskManagementResponse(Pdu.TaskManagementResponse pdu) {
        ScsiTask task = aborts.remove(pdu.initiatorTaskTag());
        if (!status(pdu.statSn())) {
            return;
        }
        if (task == null) {
            unasked("a task management response for no request");
            return;
        }
        if (inFlight.get(task.tag) != task) {
            return; // the task was answered before it could be aborted
        }
        if (pdu.response() == TaskManagementOutcome.FUNCTION_COMPLETE.code()) {
            answered(task, new ScsiResult.Aborted());
        }
        // Any other answer leaves the task's fate open: its own answer comes, or the owner drops the connection.
    }

    /** Asks for text in the full feature phase, for discovery; one at a time. */
    void text(List<KeyValue> keys, Consumer<List<KeyValue>> answer) {
        TextQuestion asked = new TextQuestion(tag(), answer);
        question = asked;
        write(new Pdu.TextRequest(false, true, false, 0, asked.tag, Pdu.NO_TAG, cmdSn++, expStatSn, Text.build(keys)));
    }

    private void textResponse(Pdu.TextResponse pdu) {
        TextQuestion asked = question;
        if (asked == null || pdu.initiatorTaskTag() != asked.tag) {
            pdu.release();
            drop("a text response that nobody asked for");
            return;
        }
        if (!status(pdu.statSn())) {
            pdu.release();
            return;
        }
        switch (asked.receive(pdu)) {
            case TextQuestion.Step.AskForMore _ ->
                write(new Pdu.TextRequest(
                        false,
                        true,
                        false,
                        pdu.lun(),
                        asked.tag,
                        pdu.targetTransferTag(),
                        cmdSn++,
                        expStatSn,
                        Unpooled.EMPTY_BUFFER));
            case TextQuestion.Step.Answered answered -> {
                question = null;
                asked.answer.accept(answered.pairs());
            }
            case TextQuestion.Step.Failed failed -> drop(failed.why());
        }
    }

    private void nopIn(Pdu.NopIn pdu) {
        pdu.release();
        if (pdu.initiatorTaskTag() != Pdu.NO_TAG) {
            if (!status(pdu.statSn())) {
                return;
            }
            if (pdu.initiatorTaskTag() == pingTag) {
                pingTag = Pdu.NO_TAG;
                return;
            }
        }
        unasked("a NOP-In");
        // An answer takes nothing of the ping's data along (section 11.18).
        boolean wantsAnswer = pdu.initiatorTaskTag() == Pdu.NO_TAG && pdu.targetTransferTag() != Pdu.NO_TAG;
        if (wantsAnswer
                && phase == Phase.FULL_FEATURE
                && !Objects.requireNonNull(outgoing)
                        .answer(new Pdu.NopOut(
                                true,
                                pdu.lun(),
                                Pdu.NO_TAG,
                                pdu.targetTransferTag(),
                                cmdSn,
                                expStatSn,
                                Unpooled.EMPTY_BUFFER))) {
            drop("the unit pings and does not read the answers");
        }
    }

    /** Pings a silent unit, and drops the connection to one that stays silent. To be called now and then. */
    void checkAlive(long nowNanos) {
        if (phase != Phase.FULL_FEATURE) {
            return;
        }
        switch (liveness.check(nowNanos)) {
            case NOTHING -> {}
            case PING -> {
                pingTag = tag();
                write(new Pdu.NopOut(true, 0, pingTag, Pdu.NO_TAG, cmdSn, expStatSn, Unpooled.EMPTY_BUFFER));
            }
            case DEAD -> drop("the unit does not answer pings for " + config.pingTimeoutMillis() + " ms");
        }
    }

    private void asyncMessage(Pdu.AsyncMessage pdu) {
        SenseData sense = SenseSegment.read(pdu.data());
        pdu.release();
        if (!status(pdu.statSn())) {
            return;
        }
        unasked("an asynchronous message");
        AsyncEvent event = AsyncEvent.of(pdu.asyncEvent());
        if (event == null || phase == Phase.ENDED) {
            return;
        }
        switch (event) {
            case SCSI_EVENT -> {
                if (sense != null) {
                    owner.unitAttention(pdu.lun(), sense);
                }
            }
            // Parameters are negotiated at login only, so that is how the wish is granted.
            case LOGOUT_REQUESTED, NEGOTIATION_REQUESTED -> owner.logoutRequested("the unit asks us to log out");
            case CONNECTION_DROPPED, ALL_CONNECTIONS_DROPPED -> drop("the unit drops the connection");
            // Which of ours were in flight cannot be told for certain: the session is made anew and they are sent
            // again.
            case TASKS_TERMINATED -> drop("the unit terminated the tasks of a logical unit");
            case VENDOR_SPECIFIC -> {}
        }
    }

    private void reject(Pdu.Reject pdu) {
        int rejectedTag =
                pdu.data().readableBytes() >= 20 ? pdu.data().getInt(pdu.data().readerIndex() + 16) : Pdu.NO_TAG;
        pdu.release();
        if (!status(pdu.statSn())) {
            return;
        }
        RejectReason reason = RejectReason.of(pdu.reason());
        ScsiTask task = inFlight.get(rejectedTag);
        if (task != null && ++task.rejections > 1) {
            answered(task, new ScsiResult.Refused("rejected twice: " + reason));
        }
        if (reason == RejectReason.TOO_MANY_IMMEDIATE_COMMANDS) {
            unasked("a reject"); // a ping is sent again later; an abort that is not heard of runs into its time-out
            return;
        }
        drop("the unit rejected a PDU: " + (reason == null ? "reason " + pdu.reason() : reason));
    }

    /** Ends the session at the unit in an orderly way; the connection ends when it answers. */
    void logout() {
        if (phase != Phase.FULL_FEATURE) {
            close();
            return;
        }
        if (logoutTag != Pdu.NO_TAG) {
            return;
        }
        logoutTag = tag();
        write(new Pdu.LogoutRequest(true, LogoutReason.CLOSE_SESSION.code(), logoutTag, 0, cmdSn, expStatSn));
    }

    private void write(Pdu pdu) {
        Outgoing to = outgoing;
        if (to == null || phase == Phase.ENDED) {
            pdu.release();
        } else {
            to.write(pdu);
        }
    }

    private void close() {
        Channel to = channel;
        if (to != null) {
            to.close();
        }
    }

    /** Ends the connection at once; what the kernel has not sent yet is thrown away rather than sent later. */
    void drop(String why) {
        Channel to = channel;
        if (to != null && to.isOpen() && phase != Phase.ENDED) {
            to.config().setOption(ChannelOption.SO_LINGER, 0);
        }
        end(why, false);
    }

    private void end(String why, boolean refusedByUnit) {
        if (phase == Phase.ENDED) {
            return;
        }
        phase = Phase.ENDED;
        close();
        List<ScsiTask> unanswered = new ArrayList<>(inFlight.values());
        // In the order they were sent, so that they are sent again in that order.
        unanswered.sort((a, b) -> a.cmdSn == b.cmdSn ? 0 : SerialNumber.lessThan(a.cmdSn, b.cmdSn) ? -1 : 1);
        inFlight.clear();
        aborts.clear();
        if (writeData != null) {
            writeData.clear();
        }
        owner.ended(why, refusedByUnit, unanswered);
    }
}
