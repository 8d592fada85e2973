package dev.sanway.target;

import dev.sanway.iscsi.AsyncEvent;
import dev.sanway.iscsi.DecodeResult;
import dev.sanway.iscsi.KeyValue;
import dev.sanway.iscsi.LoginStage;
import dev.sanway.iscsi.Negotiation;
import dev.sanway.iscsi.Pdu;
import dev.sanway.iscsi.Pdu.ResidualKind;
import dev.sanway.iscsi.PduDecoder;
import dev.sanway.iscsi.PduViolation;
import dev.sanway.iscsi.RejectReason;
import dev.sanway.iscsi.TextKey;
import dev.sanway.target.lun.Nexus;
import dev.sanway.target.lun.ScsiCommand;
import dev.sanway.target.lun.ScsiResponse;
import dev.sanway.target.lun.TargetDevice;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.util.collection.IntObjectHashMap;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.IntPredicate;
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
final class Session extends ChannelInboundHandlerAdapter implements TextService.Owner, ResponseWriter.Unsent {

    private static final Logger log = LoggerFactory.getLogger(Session.class);

    private final Channel channel;
    private final Holdback holdback;
    private final SessionMemory memory;
    private final SessionSetup setup;
    private final TargetLimits limits;
    private final Instant since = Instant.now();
    private final CommandWindow window;
    private final CommandOrder order;
    private final ResponseWriter writer;
    private final PeerWatch watch;
    private final IntObjectHashMap<SessionTask> tasks = new IntObjectHashMap<>();
    private final TaskAdmission admission;
    private final TaskManagementService taskManagement;
    private final TextService text;
    private final SessionCounters counters = new SessionCounters();
    private final IntPredicate atWork = tasks::containsKey;
    private final List<Runnable> whenEnded = new ArrayList<>();

    private NegotiatedParameters parameters;
    private int immediateUnderWay;
    private int tick;
    private boolean ending;
    private boolean ended;

    /** {@code decoder} and {@code valve} are the channel's. */
    Session(Channel channel, SessionSetup setup, PduDecoder decoder, ReadValve valve) {
        this.channel = channel;
        this.setup = setup;
        this.memory = setup.memory();
        this.holdback = new Holdback(channel, decoder, valve, memory);
        this.limits = setup.limits();
        this.parameters = setup.parameters();
        this.window = new CommandWindow(setup.expCmdSn(), limits.commandsPerSession());
        this.order = new CommandOrder(window, memory, this::carryOut);
        this.writer = new ResponseWriter(channel, window, this::underWay, setup.statSn(), this);
        this.watch = new PeerWatch(
                channel,
                limits,
                writer::ping,
                () -> end("no answer to a ping within " + limits.pingReplyMillis() + " ms: the initiator seems dead"),
                this::lookAtData);
        this.admission = new TaskAdmission(channel.eventLoop(), memory);
        this.taskManagement = new TaskManagementService(this, setup);
        this.text = new TextService(this);
    }

    // ---- what others ask

    TargetDevice device() {
        return setup.target().device();
    }

    TargetLimits limits() {
        return limits;
    }

    SessionMemory memory() {
        return memory;
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
        watch.start();
    }

    // ---- from the network

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
        watch.heard();
        writer.reading(true);
        if (!(message instanceof DecodeResult result)) {
            ctx.fireChannelRead(message);
            return;
        }
        switch (result) {
            case DecodeResult.Decoded(Pdu pdu) -> {
                holdback.spend(pdu.data().readableBytes());
                if (ending) {
                    pdu.release();
                } else {
                    received(pdu);
                }
            }
            case DecodeResult.Violated(PduViolation violation) -> {
                holdback.spend(0);
                violated(violation);
            }
        }
    }

    @Override
    public void channelReadComplete(ChannelHandlerContext ctx) {
        writer.reading(false);
        holdback.readEnded(atWork);
    }

    @Override
    public void channelWritabilityChanged(ChannelHandlerContext ctx) {
        watch.heard();
        holdback.socketTakes(ctx.channel().isWritable());
    }

    @Override
    public void sent(long bytes) {
        admission.give(bytes, 0);
    }

    @Override
    public void allRead() {
        holdback.allRead();
    }

    private void answered() {
        holdback.unread(writer.unread());
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) {
        end("the connection ended");
        writer.close();
        holdback.close();
    }

    /** A clock that ticks several times within the time that data may take to come. */
    int tick() {
        return tick;
    }

    private void lookAtData() {
        tick++;
        for (SessionTask task : tasks.values().toArray(new SessionTask[0])) {
            if (task.overdue(PeerWatch.TICKS)) {
                setup.refusals().log(toString(), "a command was aborted: its data did not come");
                task.giveUpData();
            }
        }
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
        } else if (!order.received(request)) {
            end("it sent more ahead of the CmdSN that is due than its host may have in memory");
        }
    }

    private void carryOut(Pdu.NumberedRequest request) {
        if (request.initiatorTaskTag() == Pdu.NO_TAG && !(request instanceof Pdu.NopOut)) {
            // Reserved (RFC 7143 11.2.1.8): there would be no telling whose the answer is.
            reject(RejectReason.PROTOCOL_ERROR, request);
            return;
        }
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
        String wrong = CommandPdu.wrong(pdu, parameters);
        if (wrong != null) {
            reject(RejectReason.PROTOCOL_ERROR, pdu);
            end(wrong);
            return;
        }
        ScsiCommand command = CommandPdu.command(pdu, nexus());
        WriteTransfer write = null;
        if (pdu.write()) {
            counters.written(pdu.data().readableBytes());
            write = new WriteTransfer(
                    channel.alloc(),
                    command.writeLengthBytes(),
                    parameters().firstBurstLength(),
                    !pdu.isFinal(),
                    pdu.data());
        } else {
            pdu.release();
        }
        SessionTask task = new SessionTask(this, command, pdu.immediate(), pdu.cmdSn(), write);
        tasks.put(task.tag(), task);
        immediateUnderWay += pdu.immediate() ? 1 : 0;
        counters.command();
        if (!admission.submit(task)) {
            task.refuse();
            memory.keep(task.keptBytes());
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
        writer.solicit(task, write, parameters.maxBurstLength());
    }

    /** Sends data and status of a command; takes {@code data} over. */
    void finish(
            SessionTask task, ScsiResponse answer, ByteBuf data, ResidualKind residual, int residualCount, int r2ts) {
        forget(task);
        if (ending) {
            data.release();
            admission.give(task.takenBytes(), task.keptBytes());
            return;
        }
        counters.read(data.readableBytes());
        writer.answer(task.tag(), answer, data, residual, residualCount, r2ts, parameters);
        // What it held belongs to the session until the socket has taken the answer: a slow reader holds its own part
        // only.
        writer.carry(task.takenBytes());
        admission.give(0, task.keptBytes());
    }

    /** The task was aborted; nobody is told. */
    void dropped(SessionTask task) {
        forget(task);
        admission.dropped(task);
    }

    private void forget(SessionTask task) {
        tasks.remove(task.tag());
        immediateUnderWay -= task.immediate() ? 1 : 0;
    }

    private int underWay() {
        return tasks.size() - immediateUnderWay + order.held();
    }

    CommandOrder order() {
        return order;
    }

    // ---- for task management

    @Nullable
    SessionTask task(int tag) {
        return tasks.get(tag);
    }

    TaskAdmission admission() {
        return admission;
    }

    // ---- NOP, log-out, rejects

    private void nopOut(Pdu.NopOut nop) {
        if (nop.initiatorTaskTag() == Pdu.NO_TAG) {
            // The answer to our ping, or no more than an acknowledgement.
            nop.release();
            return;
        }
        ByteBuf echo = nop.data();
        Rejected.cut(echo, parameters().initiatorMaxRecvDataSegmentLength());
        send(new Pdu.NopIn(
                nop.lun(),
                nop.initiatorTaskTag(),
                Pdu.NO_TAG,
                writer.takeStatSn(),
                window.expCmdSn(),
                grantedMaxCmdSn(),
                echo));
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
                response, request.initiatorTaskTag(), writer.takeStatSn(), window.expCmdSn(), grantedMaxCmdSn(), 0, 0);
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
        writer.reject(reason, Unpooled.wrappedBuffer(violation.header()));
        answered();
        Rejected rejected = Rejected.of(violation);
        if (violation.kind() == PduViolation.Kind.DATA_DIGEST) {
            SessionTask task = rejected.isDataOut() ? tasks.get(violation.initiatorTaskTag()) : null;
            if (task != null) {
                task.dataOutDamaged(rejected);
            }
        }
    }

    @Override
    public void reject(RejectReason reason, Pdu pdu) {
        if (pdu instanceof Pdu.NumberedRequest request) {
            order.rejected(request);
        }
        writer.reject(reason, pdu);
        answered();
    }

    @Override
    public int takeStatSn() {
        return writer.takeStatSn();
    }

    @Override
    public int grantedMaxCmdSn() {
        return writer.grantedMaxCmdSn();
    }

    @Override
    public void send(Pdu pdu) {
        writer.send(pdu);
        answered();
    }

    // ---- the end

    /** Ends the session with an Async Message that says so. On the loop. */
    void drop(String why) {
        if (!ending) {
            writer.async(AsyncEvent.ALL_CONNECTIONS_DROPPED.code(), 0, 0);
            end(why);
        }
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
        order.close();
        admission.close();
        watch.stop();
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
            memory.close();
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
