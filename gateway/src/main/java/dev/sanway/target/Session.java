package dev.sanway.target;

import dev.sanway.iscsi.DecodeResult;
import dev.sanway.iscsi.KeyValue;
import dev.sanway.iscsi.LoginStage;
import dev.sanway.iscsi.Negotiation;
import dev.sanway.iscsi.Pdu;
import dev.sanway.iscsi.Pdu.ResidualKind;
import dev.sanway.iscsi.PduViolation;
import dev.sanway.iscsi.RejectReason;
import dev.sanway.iscsi.SerialNumber;
import dev.sanway.iscsi.TextKey;
import dev.sanway.target.lun.Nexus;
import dev.sanway.target.lun.ScsiCommand;
import dev.sanway.target.lun.ScsiResponse;
import dev.sanway.target.lun.TargetDevice;
import dev.sanway.target.lun.TaskAttribute;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.util.collection.IntObjectHashMap;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A normal session in full feature phase (RFC 7143 4.2 to 4.6, 11). At error recovery level 0 with one connection, session and
 * connection are one. Confined to its channel's loop.
 *
 * <p>Requests with a CmdSN run in its order; a request that came early is held. Commands beyond the bound on bytes in flight
 * wait in order, and as they are not answered, MaxCmdSN stays where it is: the initiator is pushed back.
 */
final class Session extends ChannelInboundHandlerAdapter implements TextService.Owner {

    private static final Logger log = LoggerFactory.getLogger(Session.class);

    private static final int ASYNC_LOGOUT_REQUEST = 1;
    private static final int ASYNC_DROP_ALL = 3;

    private final Channel channel;
    private final SessionSetup setup;
    private final TargetLimits limits;
    private final Instant since = Instant.now();
    private final CommandWindow window;
    private final IntObjectHashMap<SessionTask> tasks = new IntObjectHashMap<>();
    private final ArrayDeque<SessionTask> waiting = new ArrayDeque<>();
    private final TreeMap<Integer, Runnable> early = new TreeMap<>(SessionOrder.BY_SERIAL);
    private final TaskManagementService taskManagement;
    private final TextService text;
    private final SessionCounters counters = new SessionCounters();
    private final List<Runnable> whenEnded = new ArrayList<>();

    private NegotiatedParameters parameters;
    private int statSn;
    private int nextTransferTag = 1;
    private int immediateUnderWay;
    private long heldBytes;
    private boolean retryScheduled;
    private boolean flushScheduled;
    private boolean reading;
    private long heardNanos = System.nanoTime();
    private long pingedNanos;
    private boolean ending;
    private boolean ended;

    Session(Channel channel, SessionSetup setup) {
        this.channel = channel;
        this.setup = setup;
        this.limits = setup.limits();
        this.window = new CommandWindow(setup.expCmdSn(), limits.commandsPerSession());
        this.statSn = setup.statSn();
        this.parameters = setup.parameters();
        this.taskManagement = new TaskManagementService(this, setup);
        this.text = new TextService(this);
    }

    // ---- what others ask

    TargetDevice device() {
        return setup.target().device();
    }

    NegotiatedParameters parameters() {
        return parameters;
    }

    Nexus nexus() {
        return setup.nexus();
    }

    int tsih() {
        return setup.tsih();
    }

    int cid() {
        return setup.cid();
    }

    /** What operators see of it; any thread may call. */
    SessionInfo info() {
        SocketAddress remote = channel.remoteAddress();
        return new SessionInfo(
                setup.target().name(),
                setup.nexus().initiatorName(),
                setup.nexus().isid(),
                setup.tsih(),
                String.valueOf(remote),
                since,
                counters.commands(),
                counters.readBytes(),
                counters.writtenBytes());
    }

    CommandWindow window() {
        return window;
    }

    @Override
    public int expCmdSn() {
        return window.expCmdSn();
    }

    @Override
    public int initiatorMaxRecvDataSegmentLength() {
        return parameters.initiatorMaxRecvDataSegmentLength();
    }

    /** Text in full feature phase: SendTargets of this target, and a new MaxRecvDataSegmentLength. */
    @Override
    public List<KeyValue> answer(List<KeyValue> pairs) {
        List<KeyValue> answers = new ArrayList<>();
        switch (setup.negotiation().receive(pairs, LoginStage.FULL_FEATURE)) {
            case Negotiation.Failed failed -> end(failed.why());
            case Negotiation.Answered answered -> {
                answers.addAll(answered.answers());
                InetSocketAddress local = (InetSocketAddress) channel.localAddress();
                for (KeyValue pair : answered.forCaller()) {
                    answers.addAll(
                            pair.key().equals(TextKey.SEND_TARGETS.text())
                                    ? SendTargets.answer(
                                            setup.directory(),
                                            nexus().initiatorName(),
                                            setup.target(),
                                            pair.value(),
                                            local)
                                    : List.of(new KeyValue(pair.key(), "Reject")));
                }
                parameters = parameters.withInitiatorMaxRecvDataSegmentLength(
                        setup.negotiation().connection().maxSendDataSegmentLength());
            }
        }
        return answers;
    }

    /** Runs on the session's loop: at once if that is where the caller is. */
    void execute(Runnable action) {
        if (channel.eventLoop().inEventLoop()) {
            action.run();
        } else {
            channel.eventLoop().execute(action);
        }
    }

    /** Full feature phase begins: called on the loop, after the last login response was written. */
    void begin() {
        device().nexusEstablished(nexus());
        schedulePing();
    }

    // ---- from the network

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
        heardNanos = System.nanoTime();
        pingedNanos = 0;
        reading = true;
        if (!(message instanceof DecodeResult result)) {
            ctx.fireChannelRead(message);
            return;
        }
        switch (result) {
            case DecodeResult.Decoded(Pdu pdu) -> {
                if (ending) {
                    pdu.release();
                } else {
                    received(pdu);
                }
            }
            case DecodeResult.Violated(PduViolation violation) -> violated(violation);
        }
    }

    @Override
    public void channelReadComplete(ChannelHandlerContext ctx) {
        reading = false;
        ctx.flush();
    }

    @Override
    public void channelWritabilityChanged(ChannelHandlerContext ctx) {
        heardNanos = System.nanoTime();
        ctx.channel().config().setAutoRead(ctx.channel().isWritable());
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) {
        end("the connection ended");
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        if (cause instanceof java.io.IOException) {
            end("the connection broke: " + cause.getMessage());
        } else {
            log.error("{}: closing the session after an error of ours", this, cause);
            end("an internal error");
        }
    }

    private void received(Pdu pdu) {
        switch (pdu) {
            case Pdu.NumberedRequest request -> numbered(request);
            case Pdu.DataOut dataOut -> dataOut(dataOut);
            case Pdu.SnackRequest snack -> reject(RejectReason.SNACK_REJECT, snack);
            case Pdu.TargetPdu wrongWay -> {
                reject(RejectReason.PROTOCOL_ERROR, wrongWay);
                end("a target's PDU came from the initiator");
            }
        }
    }

    private void numbered(Pdu.NumberedRequest request) {
        if (request instanceof Pdu.LoginRequest) {
            reject(RejectReason.PROTOCOL_ERROR, request);
            end("a login request in full feature phase");
            return;
        }
        if (request.immediate()) {
            carryOut(request);
            return;
        }
        switch (window.arrival(request.cmdSn())) {
            case NEXT -> {
                window.advance();
                carryOut(request);
                releaseEarly();
            }
            case EARLY -> {
                if (early.containsKey(request.cmdSn())) {
                    request.release();
                } else {
                    early.put(request.cmdSn(), new HeldRequest(request));
                }
            }
            case OUTSIDE -> request.release();
        }
    }

    /** A request that came before its turn. */
    private final class HeldRequest implements Runnable {
        private Pdu.@Nullable NumberedRequest request;

        HeldRequest(Pdu.NumberedRequest request) {
            this.request = request;
        }

        @Override
        public void run() {
            Pdu.NumberedRequest held = request;
            request = null;
            if (held != null) {
                carryOut(held);
            }
        }

        /** Aborted before its turn: its number counts as received, and nothing is done. */
        void plug() {
            if (request != null) {
                request.release();
                request = null;
            }
        }

        boolean isTaskOf(Predicate<Pdu.ScsiCommandPdu> which) {
            return request instanceof Pdu.ScsiCommandPdu command && which.test(command);
        }
    }

    private void releaseEarly() {
        for (Runnable next = early.remove(window.expCmdSn());
                next != null && !ending;
                next = early.remove(window.expCmdSn())) {
            window.advance();
            next.run();
        }
    }

    private void carryOut(Pdu.NumberedRequest request) {
        switch (request) {
            case Pdu.ScsiCommandPdu command -> command(command);
            case Pdu.TaskManagementRequest management -> taskManagement.request(management);
            case Pdu.NopOut nop -> nopOut(nop);
            case Pdu.TextRequest textRequest -> text.request(textRequest);
            case Pdu.LogoutRequest logout -> logout(logout);
            case Pdu.LoginRequest login2 -> login2.release();
        }
    }

    // ---- SCSI commands

    private void command(Pdu.ScsiCommandPdu pdu) {
        if (tasks.containsKey(pdu.initiatorTaskTag())) {
            reject(RejectReason.TASK_IN_PROGRESS, pdu);
            return;
        }
        if (pdu.immediate() && immediateUnderWay >= limits.immediatePerSession()) {
            reject(RejectReason.TOO_MANY_IMMEDIATE_COMMANDS, pdu);
            return;
        }
        String wrong = wrongInCommand(pdu);
        if (wrong != null) {
            reject(RejectReason.PROTOCOL_ERROR, pdu);
            end(wrong);
            return;
        }
        int expected = clamp(pdu.expectedDataTransferLength());
        int readLength = pdu.read() ? (pdu.write() ? clamp(pdu.bidirectionalReadLength()) : expected) : 0;
        int writeLength = pdu.write() ? expected : 0;
        ScsiCommand command = new ScsiCommand(
                nexus(),
                pdu.lun(),
                pdu.initiatorTaskTag(),
                pdu.cdb(),
                attribute(pdu.attribute()),
                readLength,
                writeLength);
        WriteTransfer write = null;
        if (pdu.write()) {
            write = new WriteTransfer(
                    channel.alloc(), writeLength, parameters().firstBurstLength(), !pdu.isFinal(), pdu.data());
        } else {
            pdu.release();
        }
        SessionTask task = new SessionTask(this, command, pdu.immediate(), pdu.cmdSn(), write);
        tasks.put(task.tag(), task);
        immediateUnderWay += pdu.immediate() ? 1 : 0;
        counters.command();
        if (!waiting.isEmpty() || !takeBytes(task)) {
            waiting.addLast(task);
        } else {
            task.start();
        }
    }

    private @Nullable String wrongInCommand(Pdu.ScsiCommandPdu pdu) {
        int immediateBytes = pdu.data().readableBytes();
        NegotiatedParameters negotiated = parameters();
        if (immediateBytes > 0) {
            if (!pdu.write()) {
                return "immediate data with a command that writes nothing";
            }
            if (!negotiated.immediateData()) {
                return "immediate data although ImmediateData=No";
            }
            if (immediateBytes > negotiated.firstBurstLength()
                    || immediateBytes > clamp(pdu.expectedDataTransferLength())) {
                return "immediate data beyond FirstBurstLength or the expected length";
            }
        }
        if (!pdu.isFinal() && (!pdu.write() || negotiated.initialR2t())) {
            return "unsolicited data announced although " + (pdu.write() ? "InitialR2T=Yes" : "nothing is written");
        }
        return null;
    }

    /** Lengths are unsigned on the wire; nothing we serve comes near 2 GiB. */
    private static int clamp(int unsigned) {
        return unsigned < 0 ? Integer.MAX_VALUE : unsigned;
    }

    private static TaskAttribute attribute(int code) {
        return switch (code) {
            case 2 -> TaskAttribute.ORDERED;
            case 3 -> TaskAttribute.HEAD_OF_QUEUE;
            case 4 -> TaskAttribute.ACA;
            default -> TaskAttribute.SIMPLE;
        };
    }

    /** A session may always have one command, however large and however full the process is. */
    private boolean takeBytes(SessionTask task) {
        long bytes = task.heldBytes();
        if (heldBytes == 0) {
            setup.inFlight().take(bytes);
        } else if (heldBytes + bytes > limits.bytesPerSession()) {
            return false;
        } else if (!setup.inFlight().tryTake(bytes)) {
            if (!retryScheduled) {
                retryScheduled = true;
                setup.inFlight().whenFree(() -> channel.eventLoop().execute(this::retryWaiting));
            }
            return false;
        }
        heldBytes += bytes;
        return true;
    }

    private void retryWaiting() {
        retryScheduled = false;
        startWaiting();
    }

    private void startWaiting() {
        while (!ending) {
            SessionTask next = waiting.peekFirst();
            if (next == null || !takeBytes(next)) {
                return;
            }
            waiting.removeFirst();
            next.start();
        }
    }

    private void giveBytes(long bytes) {
        heldBytes -= bytes;
        setup.inFlight().give(bytes);
        if (!waiting.isEmpty()) {
            channel.eventLoop().execute(this::startWaiting);
        }
    }

    private void dataOut(Pdu.DataOut pdu) {
        SessionTask task = tasks.get(pdu.initiatorTaskTag());
        if (task == null) {
            // Data of a task that was aborted or ended meanwhile (RFC 7143 11.5.1): of no use to anybody.
            pdu.release();
            return;
        }
        counters.written(pdu.data().readableBytes());
        String wrong = task.dataOut(pdu);
        if (wrong != null) {
            setup.refusals().log(toString(), "wrong Data-Out: " + wrong);
            if (task.writes()) {
                // The command ends with ABORTED COMMAND, which says all: at error recovery level 0 a sequence error is
                // the
                // task's affair (RFC 7143 7.9), while libiscsi ends its session at any Reject.
                return;
            }
            // Its data were released; the header is what a Reject shows.
            reject(
                    RejectReason.PROTOCOL_ERROR,
                    new Pdu.DataOut(
                            pdu.isFinal(),
                            pdu.lun(),
                            pdu.initiatorTaskTag(),
                            pdu.targetTransferTag(),
                            pdu.expStatSn(),
                            pdu.dataSn(),
                            pdu.bufferOffset(),
                            Unpooled.EMPTY_BUFFER));
        }
    }

    /** Sends an R2T. */
    void solicit(SessionTask task, WriteTransfer write) {
        int offset = write.solicitOffset();
        int r2tSn = write.r2tSn();
        int tag = nextTransferTag;
        nextTransferTag = tag + 1 == Pdu.NO_TAG ? 1 : tag + 1;
        int length = write.solicit(tag, parameters().maxBurstLength());
        send(new Pdu.ReadyToTransfer(
                task.lun(), task.tag(), tag, statSn, window.expCmdSn(), window.maxCmdSn(), r2tSn, offset, length));
    }

    /** Sends data and status of a command; takes {@code data} over. */
    void finish(
            SessionTask task, ScsiResponse answer, ByteBuf data, ResidualKind residual, int residualCount, int r2ts) {
        forget(task);
        if (ending) {
            data.release();
            giveBytes(task.heldBytes());
            return;
        }
        counters.read(data.readableBytes());
        boolean collapsed = data.isReadable() && answer.sense().length == 0;
        int pdus = sendData(task, answer, data, collapsed, residual, residualCount);
        if (!collapsed) {
            send(new Pdu.ScsiResponsePdu(
                    ResidualKind.NONE,
                    residual,
                    0,
                    answer.status(),
                    task.tag(),
                    0,
                    statSn++,
                    window.expCmdSn(),
                    window.maxCmdSn(),
                    pdus + r2ts,
                    0,
                    residualCount,
                    senseSegment(answer.sense())));
        }
        // Data belong to the session until they are on their way: a slow reader holds its own bytes only.
        long bytes = task.heldBytes();
        if (pdus > 0 && !channel.isWritable()) {
            channel.writeAndFlush(Unpooled.EMPTY_BUFFER).addListener(_ -> giveBytes(bytes));
        } else {
            giveBytes(bytes);
        }
    }

    private int sendData(
            SessionTask task,
            ScsiResponse answer,
            ByteBuf data,
            boolean collapsed,
            ResidualKind residual,
            int residualCount) {
        int total = data.readableBytes();
        int segment = parameters().initiatorMaxRecvDataSegmentLength();
        int burst = parameters().maxBurstLength();
        int offset = 0;
        int dataSn = 0;
        while (offset < total) {
            int burstLeft = burst - offset % burst;
            int length = Math.min(Math.min(segment, burstLeft), total - offset);
            boolean last = offset + length == total;
            boolean withStatus = last && collapsed;
            send(new Pdu.DataIn(
                    last || length == burstLeft,
                    false,
                    withStatus ? residual : ResidualKind.NONE,
                    withStatus,
                    withStatus ? answer.status() : 0,
                    0,
                    task.tag(),
                    Pdu.NO_TAG,
                    withStatus ? statSn++ : 0,
                    window.expCmdSn(),
                    window.maxCmdSn(),
                    dataSn++,
                    offset,
                    withStatus ? residualCount : 0,
                    data.readRetainedSlice(length)));
            offset += length;
        }
        data.release();
        return dataSn;
    }

    private static ByteBuf senseSegment(byte[] sense) {
        if (sense.length == 0) {
            return Unpooled.EMPTY_BUFFER;
        }
        return Unpooled.buffer(2 + sense.length).writeShort(sense.length).writeBytes(sense);
    }

    /** The task was aborted; nobody is told. */
    void dropped(SessionTask task) {
        boolean hadBytes = !waiting.remove(task);
        forget(task);
        if (hadBytes) {
            giveBytes(task.heldBytes());
        }
    }

    private void forget(SessionTask task) {
        tasks.remove(task.tag());
        immediateUnderWay -= task.immediate() ? 1 : 0;
        window.grant(tasks.size() - immediateUnderWay + early.size());
    }

    // ---- for task management

    @Nullable
    SessionTask task(int tag) {
        return tasks.get(tag);
    }

    /** Drops the commands that the device does not know yet: waiting for their turn or for room. */
    void dropUnstarted(Predicate<SessionTask> which) {
        for (SessionTask task : new ArrayList<>(waiting)) {
            if (which.test(task)) {
                task.drop();
            }
        }
    }

    /** Plugs commands that came early and were numbered before {@code cmdSn}. */
    void plugEarly(int cmdSn, Predicate<Pdu.ScsiCommandPdu> which) {
        early.forEach((sn, held) -> {
            if (SerialNumber.lessThan(sn, cmdSn) && held instanceof HeldRequest request && request.isTaskOf(which)) {
                request.plug();
            }
        });
    }

    /** The number of a command that never came, or came early, counts as received (RFC 7143 11.5.1, ABORT TASK). */
    void plug(int cmdSn) {
        Runnable held = early.get(cmdSn);
        if (held instanceof HeldRequest request) {
            request.plug();
        } else {
            early.put(cmdSn, () -> {});
        }
        releaseEarly();
    }

    // ---- NOP, log-out, rejects

    private void nopOut(Pdu.NopOut nop) {
        if (nop.initiatorTaskTag() == Pdu.NO_TAG) {
            // The answer to our ping, or no more than an acknowledgement.
            nop.release();
            return;
        }
        ByteBuf echo = nop.data();
        int limit = parameters().initiatorMaxRecvDataSegmentLength();
        if (echo.readableBytes() > limit) {
            echo.writerIndex(echo.readerIndex() + limit);
        }
        send(new Pdu.NopIn(
                nop.lun(), nop.initiatorTaskTag(), Pdu.NO_TAG, statSn++, window.expCmdSn(), grantedMaxCmdSn(), echo));
    }

    private void logout(Pdu.LogoutRequest request) {
        // Reasons of RFC 7143 11.14.1: 0 the session, 1 this connection, 2 a connection for recovery.
        int response = switch (request.reasonCode()) {
            case 0 -> 0;
            case 1 -> request.cid() == setup.cid() ? 0 : 1;
            case 2 -> 2;
            default -> -1;
        };
        if (response < 0) {
            reject(RejectReason.INVALID_PDU_FIELD, request);
            return;
        }
        if (response > 0) {
            send(logoutResponse(request, response));
            return;
        }
        log.info("{}: logged out", this);
        finishTasks(() -> {
            if (channel.isActive()) {
                Pdu answer = logoutResponse(request, 0);
                channel.writeAndFlush(answer).addListener(_ -> channel.close());
            }
        });
    }

    private Pdu.LogoutResponse logoutResponse(Pdu.LogoutRequest request, int response) {
        return new Pdu.LogoutResponse(
                response, request.initiatorTaskTag(), statSn++, window.expCmdSn(), grantedMaxCmdSn(), 0, 0);
    }

    private void violated(PduViolation violation) {
        if (ending) {
            return;
        }
        if (violation.kind().fatal()) {
            end("the initiator broke the protocol: " + violation);
            return;
        }
        log.warn("{}: {}", this, violation);
        RejectReason reason = switch (violation.kind()) {
            case DATA_DIGEST -> RejectReason.DATA_DIGEST_ERROR;
            case UNKNOWN_OPCODE -> RejectReason.COMMAND_NOT_SUPPORTED;
            case BAD_FIELD -> RejectReason.INVALID_PDU_FIELD;
            case BAD_AHS, HEADER_DIGEST, TOO_LONG -> RejectReason.PROTOCOL_ERROR;
        };
        sendReject(reason, Unpooled.wrappedBuffer(violation.header()));
        Rejected rejected = Rejected.of(violation);
        if (violation.kind() == PduViolation.Kind.DATA_DIGEST) {
            SessionTask task = rejected.isDataOut() ? tasks.get(violation.initiatorTaskTag()) : null;
            if (task != null) {
                task.dataOutDamaged(rejected.targetTransferTag(), rejected.isFinal());
            }
        } else if (rejected.numbered() && window.arrival(rejected.cmdSn()) == CommandWindow.Arrival.NEXT) {
            window.advance();
            releaseEarly();
        }
    }

    /** Rejects a PDU and releases it. */
    @Override
    public void reject(RejectReason reason, Pdu pdu) {
        sendReject(reason, Rejected.header(pdu, channel.alloc()));
    }

    private void sendReject(RejectReason reason, ByteBuf header) {
        send(new Pdu.Reject(reason.code(), statSn++, window.expCmdSn(), grantedMaxCmdSn(), 0, header));
    }

    // ---- sending

    @Override
    public int takeStatSn() {
        return statSn++;
    }

    /** MaxCmdSN after opening the window as far as commands under way allow. */
    @Override
    public int grantedMaxCmdSn() {
        window.grant(tasks.size() - immediateUnderWay + early.size());
        return window.maxCmdSn();
    }

    /** Writes a PDU; flushes are gathered: at the end of a read, or else of the loop's turn. */
    @Override
    public void send(Pdu pdu) {
        channel.write(pdu, channel.voidPromise());
        if (!reading && !flushScheduled) {
            flushScheduled = true;
            channel.eventLoop().execute(() -> {
                flushScheduled = false;
                channel.flush();
            });
        }
    }

    // ---- is the peer alive

    private void schedulePing() {
        channel.eventLoop().schedule(this::ping, Math.max(1, limits.idlePingMillis() / 4), TimeUnit.MILLISECONDS);
    }

    private void ping() {
        if (ending) {
            return;
        }
        long now = System.nanoTime();
        if (pingedNanos != 0 && now - pingedNanos > TimeUnit.MILLISECONDS.toNanos(limits.pingReplyMillis())) {
            end("no answer to a ping within " + limits.pingReplyMillis() + " ms: the initiator seems dead");
            return;
        }
        if (pingedNanos == 0 && now - heardNanos > TimeUnit.MILLISECONDS.toNanos(limits.idlePingMillis())) {
            pingedNanos = now;
            channel.writeAndFlush(new Pdu.NopIn(
                    0,
                    Pdu.NO_TAG,
                    nextTransferTag++,
                    statSn,
                    window.expCmdSn(),
                    grantedMaxCmdSn(),
                    Unpooled.EMPTY_BUFFER));
        }
        schedulePing();
    }

    // ---- the end

    /** Asks the initiator to log out, and drops the session if it has not within {@code seconds}. On the loop. */
    void requestLogout(int seconds, String why) {
        if (ending) {
            return;
        }
        send(asyncMessage(ASYNC_LOGOUT_REQUEST, 0, 0, seconds));
        channel.eventLoop().schedule(() -> drop(why), seconds, TimeUnit.SECONDS);
    }

    /** Ends the session with an Async Message that says so. On the loop. */
    void drop(String why) {
        if (!ending) {
            channel.writeAndFlush(asyncMessage(ASYNC_DROP_ALL, setup.cid(), 0, 0));
            end(why);
        }
    }

    private Pdu.AsyncMessage asyncMessage(int event, int parameter1, int parameter2, int parameter3) {
        return new Pdu.AsyncMessage(
                0xffffffffffffffffL,
                statSn++,
                window.expCmdSn(),
                window.maxCmdSn(),
                event,
                0,
                parameter1,
                parameter2,
                parameter3,
                Unpooled.EMPTY_BUFFER);
    }

    /** Closes the connection and ends every task. Calling it again does nothing. On the loop. */
    void end(String why) {
        if (ending) {
            channel.close();
            return;
        }
        log.info("{}: session ends: {}", this, why);
        finishTasks(() -> {});
        channel.flush();
        channel.close();
    }

    /** As {@link #end}; {@code then} runs on the loop once no write of this session can land any more, or the wait is over. */
    void end(String why, Runnable then) {
        if (ended) {
            then.run();
            return;
        }
        whenEnded.add(then);
        end(why);
    }

    private void finishTasks(Runnable then) {
        ending = true;
        early.values().forEach(held -> {
            if (held instanceof HeldRequest request) {
                request.plug();
            }
        });
        early.clear();
        text.close();
        for (SessionTask task : tasks.values().toArray(new SessionTask[0])) {
            task.drop();
        }
        Consumer<Boolean> lost = definite -> execute(() -> {
            if (!definite) {
                log.warn(
                        "{}: writes under way when the session ended have an unknown fate; their blocks stay fenced",
                        this);
            }
            ended = true;
            setup.whenEnded().accept(this);
            then.run();
            whenEnded.forEach(Runnable::run);
            whenEnded.clear();
        });
        device().nexusLost(nexus(), limits.taskEndMillis(), lost);
    }

    @Override
    public String toString() {
        return nexus().initiatorName() + " at " + setup.target().name() + " from " + channel.remoteAddress();
    }
}
