package dev.sanway.initiator;

import dev.sanway.iscsi.AsyncEvent;
import dev.sanway.iscsi.ConnectionParameters;
import dev.sanway.iscsi.DecodeResult;
import dev.sanway.iscsi.Direction;
import dev.sanway.iscsi.KeyValue;
import dev.sanway.iscsi.LoginStage;
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
import io.netty.buffer.ByteBuf;
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
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One TCP connection to a unit, login included: the PDUs, their numbers and the tasks in flight. It neither reconnects nor
 * waits; {@code Owner} does. What the unit does against the protocol ends the connection. Confined to the channel's loop.
 */
final class UnitConnection extends ChannelInboundHandlerAdapter {
    private static final Logger LOG = LoggerFactory.getLogger(UnitConnection.class);

    /** Bytes of a data segment that we take. */
    static final int MAX_RECV_DATA_SEGMENT_LENGTH = 262144;

    /** Who is told. Nothing is told after {@link #ended}. */
    interface Owner {
        void loggedIn();

        /** More may be sent than before. */
        void windowOpened();

        /** A task that was sent is answered; it is not in flight any more. */
        void answered(ScsiTask task, ScsiResult result);

        /** The unit wants us to log out, and to come again after a while if it said so. */
        void logoutRequested(String why);

        /** A unit attention outside any command. */
        void unitAttention(long lun, SenseData sense);

        /** The connection is over; {@code inFlight} were sent and not answered. */
        void ended(String why, boolean refusedByUnit, List<ScsiTask> inFlight);
    }

    private enum Phase {
        LOGIN,
        FULL_FEATURE,
        ENDED
    }

    private final LoginExchange login;
    private final UnitSessionConfig config;
    private final Owner owner;
    private final PduDecoder decoder = new PduDecoder(Direction.TO_INITIATOR, MAX_RECV_DATA_SEGMENT_LENGTH);
    private final PduEncoder encoder = new PduEncoder();
    private final Text.Gathering text = new Text.Gathering();
    private final IntObjectMap<ScsiTask> inFlight = new IntObjectHashMap<>();
    private final IntObjectMap<ScsiTask> aborts = new IntObjectHashMap<>();
    private final Liveness liveness;

    private @Nullable Channel channel;
    private Phase phase = Phase.LOGIN;
    private LoginStage stage = LoginStage.SECURITY;
    private LoginStage nextStage = LoginStage.SECURITY;
    private @Nullable SessionParameters session;
    private @Nullable ConnectionParameters parameters;
    private boolean flushScheduled;

    private int nextTag = 1;
    private int cmdSn = 1;
    private int expStatSn;
    private int expCmdSn = 1;
    private int maxCmdSn = 1;
    private int logoutTag = Pdu.NO_TAG;
    private int textTag = Pdu.NO_TAG;
    private @Nullable Consumer<List<KeyValue>> textAnswer;

    UnitConnection(UnitSessionConfig config, LoginExchange login, Owner owner) {
        this.config = config;
        this.login = login;
        this.owner = owner;
        this.liveness = new Liveness(config.pingIntervalMillis(), config.pingTimeoutMillis(), System.nanoTime());
    }

    @Override
    public void handlerAdded(ChannelHandlerContext ctx) {
        channel = ctx.channel();
        ctx.pipeline().addBefore(ctx.name(), "decoder", decoder);
        ctx.pipeline().addBefore(ctx.name(), "encoder", encoder);
    }

    @Override
    public void channelActive(ChannelHandlerContext ctx) {
        step(login.begin());
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
            LOG.error("{}: internal error", config, cause);
            drop("internal error: " + cause);
        }
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
        liveness.heard(System.nanoTime());
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
                if (status(response.statSn())) {
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

    /** ExpCmdSN and MaxCmdSN (section 4.2.2.1): stale or senseless pairs are ignored. */
    private void numbers(int exp, int max) {
        if (SerialNumber.lessThan(max, exp - 1)) {
            return;
        }
        expCmdSn = SerialNumber.max(expCmdSn, exp);
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

    // ---- login

    private void loginResponse(Pdu.LoginResponse response) {
        if (response.statusClass() == 0) {
            expStatSn = response.statSn() + 1;
            expCmdSn = response.expCmdSn();
            maxCmdSn = SerialNumber.max(response.expCmdSn(), response.maxCmdSn());
        }
        if (!text.add(response.data())) {
            drop("login text of the unit is too long");
            return;
        }
        if (response.continues() && response.statusClass() == 0) {
            sendLogin(false, List.of());
            return;
        }
        switch (text.parse(false)) {
            case Text.Malformed malformed -> drop("login text of the unit: " + malformed.detail());
            case Text.Parsed parsed ->
                step(login.receive(
                        response.transit(),
                        response.nextStage(),
                        response.statusClass(),
                        response.statusDetail(),
                        parsed.pairs()));
        }
    }

    private void step(LoginExchange.Step step) {
        switch (step) {
            case LoginExchange.Send send -> {
                stage = send.stage();
                nextStage = send.next();
                sendLogin(send.transit(), send.keys());
            }
            case LoginExchange.Refused refused -> end(refused.why(), refused.byUnit());
            case LoginExchange.Done done -> {
                session = done.session();
                parameters = done.connection();
                decoder.setDigests(
                        done.connection().headerDigest(), done.connection().dataDigest());
                encoder.setDigests(
                        done.connection().headerDigest(), done.connection().dataDigest());
                phase = Phase.FULL_FEATURE;
                owner.loggedIn();
            }
        }
    }

    private void sendLogin(boolean transit, List<KeyValue> keys) {
        write(new Pdu.LoginRequest(
                transit,
                false,
                stage.code(),
                transit ? nextStage.code() : 0,
                0,
                0,
                config.isid(),
                0,
                1,
                0,
                cmdSn,
                expStatSn,
                Text.build(keys)));
    }

    // ---- commands

    /** Whether the command window has room for another command. */
    boolean canSend() {
        return phase == Phase.FULL_FEATURE && logoutTag == Pdu.NO_TAG && SerialNumber.lessOrEqual(cmdSn, maxCmdSn);
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
                slice(task.dataOut, 0, immediate)));
        dataOut(task, Pdu.NO_TAG, immediate, unsolicited);
    }

    private int tag() {
        do {
            nextTag = nextTag == Integer.MAX_VALUE ? 1 : nextTag + 1;
        } while (inFlight.containsKey(nextTag) || aborts.containsKey(nextTag));
        return nextTag;
    }

    private void dataOut(ScsiTask task, int targetTransferTag, int from, int to) {
        int longest = Objects.requireNonNull(parameters).maxSendDataSegmentLength();
        int dataSn = 0;
        for (int at = from; at < to; at += longest) {
            int length = Math.min(longest, to - at);
            write(new Pdu.DataOut(
                    at + length == to,
                    task.lun,
                    task.tag,
                    targetTransferTag,
                    expStatSn,
                    dataSn++,
                    at,
                    slice(task.dataOut, at, length)));
        }
    }

    private static ByteBuf slice(ByteBuf data, int at, int length) {
        return length == 0 ? Unpooled.EMPTY_BUFFER : data.retainedSlice(data.readerIndex() + at, length);
    }

    private void readyToTransfer(Pdu.ReadyToTransfer r2t) {
        ScsiTask task = inFlight.get(r2t.initiatorTaskTag());
        if (task == null) {
            return; // of a task that was aborted meanwhile
        }
        long end = Integer.toUnsignedLong(r2t.bufferOffset()) + Integer.toUnsignedLong(r2t.desiredDataTransferLength());
        if (r2t.desiredDataTransferLength() == 0 || end > task.dataOut.readableBytes()) {
            drop("an R2T outside of the command's data");
            return;
        }
        dataOut(task, r2t.targetTransferTag(), r2t.bufferOffset(), (int) end);
    }

    private void dataIn(Pdu.DataIn pdu) {
        ScsiTask task = inFlight.get(pdu.initiatorTaskTag());
        int length = pdu.data().readableBytes();
        if (task == null) {
            pdu.release();
            if (pdu.hasStatus()) {
                status(pdu.statSn());
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
        }
        if (pdu.hasStatus() && status(pdu.statSn())) {
            answered(task, new ScsiResult.Answered(pdu.status(), task.takeReceived(), null));
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
            return;
        }
        answered(
                task,
                pdu.response() == 0
                        ? new ScsiResult.Answered(pdu.status(), task.takeReceived(), sense)
                        : new ScsiResult.Refused("target failure, response " + pdu.response()));
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
        if (!status(pdu.statSn()) || task == null || inFlight.get(task.tag) != task) {
            return; // the task was answered before it could be aborted
        }
        if (pdu.response() == TaskManagementOutcome.FUNCTION_COMPLETE.code()) {
            answered(task, new ScsiResult.Aborted());
        }
        // Any other answer leaves the task's fate open: its own answer comes, or the owner drops the connection.
    }

    // ---- the rest

    /** Asks for text in the full feature phase, for discovery; one at a time. */
    void text(List<KeyValue> keys, Consumer<List<KeyValue>> answer) {
        textAnswer = answer;
        textTag = tag();
        write(new Pdu.TextRequest(false, true, false, 0, textTag, Pdu.NO_TAG, cmdSn++, expStatSn, Text.build(keys)));
    }

    private void textResponse(Pdu.TextResponse pdu) {
        if (!status(pdu.statSn())) {
            pdu.release();
            return;
        }
        if (!text.add(pdu.data())) {
            drop("text of the unit is too long");
            return;
        }
        Consumer<List<KeyValue>> answer = textAnswer;
        if (answer == null || pdu.initiatorTaskTag() != textTag) {
            drop("a text response that nobody asked for");
        } else if (!pdu.isFinal() || pdu.continues()) {
            write(new Pdu.TextRequest(
                    false,
                    true,
                    false,
                    pdu.lun(),
                    textTag,
                    pdu.targetTransferTag(),
                    cmdSn++,
                    expStatSn,
                    Unpooled.EMPTY_BUFFER));
        } else {
            textAnswer = null;
            switch (text.parse(true)) {
                case Text.Malformed malformed -> drop("text of the unit: " + malformed.detail());
                case Text.Parsed parsed -> answer.accept(parsed.pairs());
            }
        }
    }

    private void nopIn(Pdu.NopIn pdu) {
        pdu.release();
        if (pdu.initiatorTaskTag() != Pdu.NO_TAG) {
            status(pdu.statSn());
        } else if (pdu.targetTransferTag() != Pdu.NO_TAG) {
            write(new Pdu.NopOut(
                    true, pdu.lun(), Pdu.NO_TAG, pdu.targetTransferTag(), cmdSn, expStatSn, Unpooled.EMPTY_BUFFER));
        }
    }

    /** Pings a silent unit, and drops the connection to one that stays silent. To be called now and then. */
    void checkAlive(long nowNanos) {
        if (phase != Phase.FULL_FEATURE) {
            return;
        }
        switch (liveness.check(nowNanos)) {
            case NOTHING -> {}
            case PING -> write(new Pdu.NopOut(true, 0, tag(), Pdu.NO_TAG, cmdSn, expStatSn, Unpooled.EMPTY_BUFFER));
            case DEAD -> drop("the unit does not answer pings for " + config.pingTimeoutMillis() + " ms");
        }
    }

    private void asyncMessage(Pdu.AsyncMessage pdu) {
        SenseData sense = SenseSegment.read(pdu.data());
        pdu.release();
        if (!status(pdu.statSn())) {
            return;
        }
        AsyncEvent event = AsyncEvent.of(pdu.asyncEvent());
        if (event == null) {
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
            return; // a ping is sent again later; an abort that is not heard of runs into its time-out
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
        Channel to = channel;
        if (to == null || phase == Phase.ENDED) {
            pdu.release();
            return;
        }
        to.write(pdu, to.voidPromise());
        if (!flushScheduled) {
            flushScheduled = true;
            to.eventLoop().execute(() -> {
                flushScheduled = false;
                to.flush();
            });
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
        owner.ended(why, refusedByUnit, unanswered);
    }
}
