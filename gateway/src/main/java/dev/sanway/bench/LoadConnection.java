package dev.sanway.bench;

import dev.sanway.initiator.LoginExchange;
import dev.sanway.iscsi.ConnectionParameters;
import dev.sanway.iscsi.DecodeResult;
import dev.sanway.iscsi.Digest;
import dev.sanway.iscsi.Direction;
import dev.sanway.iscsi.Isid;
import dev.sanway.iscsi.KeyValue;
import dev.sanway.iscsi.LoginStage;
import dev.sanway.iscsi.LogoutReason;
import dev.sanway.iscsi.Opcode;
import dev.sanway.iscsi.Pdu;
import dev.sanway.iscsi.PduEncoder;
import dev.sanway.iscsi.PduFraming;
import dev.sanway.iscsi.PduParser;
import dev.sanway.iscsi.SenseSegment;
import dev.sanway.iscsi.SerialNumber;
import dev.sanway.iscsi.SessionParameters;
import dev.sanway.iscsi.TaskAttribute;
import dev.sanway.iscsi.Text;
import dev.sanway.scsi.SenseData;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * An initiator's connection that is made for load: a request costs a header in a shared buffer on the way out and two small
 * records on the way in. Task tags are chosen by the owner. What sets it apart from the initiator of the gateway, which is
 * nearly as lean: nothing is retried, queued or sent again after a reconnect, so that what is measured and verified is what
 * the target did; whatever goes wrong ends the connection. Confined to the channel's loop.
 */
final class LoadConnection extends ChannelInboundHandlerAdapter {

    /** What it tells its owner; after {@link #ended} nothing. */
    interface Owner {
        void loggedIn(SessionParameters session);

        /** Data of a read; {@code data} is borrowed. False: that was not asked for. */
        boolean dataIn(int tag, int offset, ByteBuf data);

        /** Data to write for a task, from {@code offset} on; borrowed. Null: that was not offered. */
        @Nullable
        ByteBuf dataOut(int tag, int offset, int lengthBytes);

        /** A task is over. */
        void answered(int tag, int status, @Nullable SenseData sense);

        /** A burst of answers was handled: commands may be sent; they go out together afterwards. */
        void turn();

        void ended(String why, boolean refusedByTarget);
    }

    /** Bytes of a data segment that we take; what {@code NegotiationWishes.initiator} declares. */
    private static final int MAX_RECV_DATA_SEGMENT_LENGTH = 262144;

    /** Data up to so many bytes are copied behind their header: that is cheaper than one more buffer to gather. */
    private static final int COPY_AT_MOST_BYTES = 16384;

    private static final int BATCH_BYTES = 131072;
    private static final int COMMANDS_AT_ONCE = 16;

    private enum Phase {
        LOGIN,
        FULL_FEATURE,
        ENDED
    }

    private final LoginExchange login;
    private final Isid isid;
    private final Owner owner;
    private final PduFraming framing = new PduFraming(Direction.TO_INITIATOR, MAX_RECV_DATA_SEGMENT_LENGTH);
    private final Consumer<DecodeResult> sink = this::decoded;
    private final Text.Gathering text = new Text.Gathering();

    private @Nullable Channel channel;
    private Phase phase = Phase.LOGIN;
    private LoginStage stage = LoginStage.SECURITY;
    private LoginStage nextStage = LoginStage.SECURITY;

    private boolean headerDigest;
    private boolean dataDigest;
    private int maxSendDataSegmentLength;
    private int immediateAtMost;
    private int unsolicitedAtMost;

    private int cmdSn = 1;
    private int expStatSn;
    private int maxCmdSn = 1;
    private boolean loggingOut;

    private @Nullable ByteBuf batch;
    private int commandsInBatch;

    LoadConnection(LoginExchange login, Isid isid, Owner owner) {
        this.login = login;
        this.isid = isid;
        this.owner = owner;
    }

    @Override
    public void handlerAdded(ChannelHandlerContext ctx) {
        channel = ctx.channel();
    }

    @Override
    public void channelActive(ChannelHandlerContext ctx) {
        step(login.begin());
        flush();
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) {
        end(loggingOut ? "logged out" : "the target closed the connection", false);
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        end(
                cause instanceof java.io.IOException
                        ? "the connection broke: " + cause.getMessage()
                        : "a fault of the load generator: " + cause,
                false);
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
        ByteBuf bytes = (ByteBuf) message;
        try {
            framing.feed(bytes, sink);
        } finally {
            bytes.release();
        }
        if (phase == Phase.FULL_FEATURE) {
            owner.turn();
            if (commandsInBatch >= COMMANDS_AT_ONCE) {
                flush();
            }
        }
    }

    @Override
    public void channelReadComplete(ChannelHandlerContext ctx) {
        flush();
    }

    private void decoded(DecodeResult result) {
        switch (result) {
            case DecodeResult.Violated violated -> end("the target sent a bad PDU: " + violated.violation(), false);
            case DecodeResult.Decoded(Pdu pdu) -> {
                if (phase == Phase.ENDED || !(pdu instanceof Pdu.TargetPdu fromTarget)) {
                    pdu.release();
                } else {
                    received(fromTarget);
                }
            }
        }
    }

    private void received(Pdu.TargetPdu pdu) {
        if ((phase == Phase.LOGIN) != (pdu instanceof Pdu.LoginResponse)) {
            pdu.release();
            end("the target sent " + pdu.opcode() + " out of place", false);
            return;
        }
        if (SerialNumber.lessThan(maxCmdSn, pdu.maxCmdSn())) {
            maxCmdSn = pdu.maxCmdSn();
        }
        switch (pdu) {
            case Pdu.DataIn dataIn -> dataIn(dataIn);
            case Pdu.ScsiResponsePdu response -> scsiResponse(response);
            case Pdu.ReadyToTransfer r2t -> readyToTransfer(r2t);
            case Pdu.LoginResponse response -> loginResponse(response);
            case Pdu.NopIn nop -> nopIn(nop);
            case Pdu.LogoutResponse _ -> close();
            case Pdu.AsyncMessage message -> {
                message.release();
                expStatSn = message.statSn() + 1;
                // SCSI events (0) and messages of the vendor's own change nothing; the others end the session.
                if (message.asyncEvent() != 0 && message.asyncEvent() != 255) {
                    end("the target ends the session (asynchronous event " + message.asyncEvent() + ")", false);
                }
            }
            case Pdu.Reject reject -> {
                reject.release();
                end("the target rejected a PDU, reason " + reject.reason(), false);
            }
            case Pdu.TaskManagementResponse _, Pdu.TextResponse _ -> {
                pdu.release();
                end("the target sent " + pdu.opcode() + ", which nobody asked for", false);
            }
        }
    }

    // ---- login

    private void loginResponse(Pdu.LoginResponse response) {
        if (response.statusClass() == 0) {
            expStatSn = response.statSn() + 1;
            maxCmdSn = response.maxCmdSn();
        }
        if (!text.add(response.data())) {
            end("the target's login text is too long", false);
        } else if (response.continues() && response.statusClass() == 0) {
            sendLogin(false, List.of());
        } else {
            switch (text.parse(false)) {
                case Text.Malformed malformed -> end("the target's login text: " + malformed.detail(), false);
                case Text.Parsed parsed ->
                    step(login.receive(
                            response.transit(),
                            response.nextStage(),
                            response.statusClass(),
                            response.statusDetail(),
                            parsed.pairs()));
            }
        }
    }

    private void step(LoginExchange.Step step) {
        switch (step) {
            case LoginExchange.Send send -> {
                stage = send.stage();
                nextStage = send.next();
                sendLogin(send.transit(), send.keys());
            }
            case LoginExchange.Moved moved ->
                end("the target sends us to " + moved.to() + ", which is not followed here: name that address", true);
            case LoginExchange.Refused refused -> end(refused.why(), refused.byUnit());
            case LoginExchange.Done(SessionParameters session, ConnectionParameters connection) -> {
                headerDigest = connection.headerDigest();
                dataDigest = connection.dataDigest();
                framing.setDigests(headerDigest, dataDigest);
                maxSendDataSegmentLength = connection.maxSendDataSegmentLength();
                immediateAtMost =
                        session.immediateData() ? Math.min(session.firstBurstLength(), maxSendDataSegmentLength) : 0;
                unsolicitedAtMost = session.initialR2T() ? immediateAtMost : session.firstBurstLength();
                phase = Phase.FULL_FEATURE;
                owner.loggedIn(session);
            }
        }
    }

    private void sendLogin(boolean transit, List<KeyValue> keys) {
        send(new Pdu.LoginRequest(
                transit,
                false,
                stage.code(),
                transit ? nextStage.code() : 0,
                0,
                0,
                isid,
                0,
                1,
                0,
                cmdSn,
                expStatSn,
                Text.build(keys)));
    }

    // ---- commands

    /** Whether the target takes another command. */
    boolean canSend() {
        return phase == Phase.FULL_FEATURE && !loggingOut && SerialNumber.lessOrEqual(cmdSn, maxCmdSn);
    }

    /**
     * Sends a command, with as much of its data as the target takes unasked; {@link #canSend} said yes. It goes out with
     * the next {@link #flush}.
     *
     * @param tag not {@link Pdu#NO_TAG}, and of no other task under way
     * @param cdbHigh the first eight bytes of the CDB
     * @param cdbLow the other eight
     */
    void command(int tag, long lun, long cdbHigh, long cdbLow, int dataInBytes, int dataOutBytes) {
        int immediate = Math.min(dataOutBytes, immediateAtMost);
        int unsolicited = Math.min(dataOutBytes, unsolicitedAtMost);
        int flags = TaskAttribute.SIMPLE.code()
                | (unsolicited == immediate ? 0x80 : 0)
                | (dataInBytes > 0 ? 0x40 : 0)
                | (dataOutBytes > 0 ? 0x20 : 0);
        ByteBuf out = batch();
        int start = out.writerIndex();
        out.writeInt(Opcode.SCSI_COMMAND.code() << 24 | flags << 16);
        out.writeInt(immediate);
        out.writeLong(lun);
        out.writeInt(tag);
        out.writeInt(dataInBytes + dataOutBytes);
        out.writeInt(cmdSn++);
        out.writeInt(expStatSn);
        out.writeLong(cdbHigh);
        out.writeLong(cdbLow);
        commandsInBatch++;
        endHeader(out, start);
        if (immediate > 0) {
            append(tag, 0, immediate);
        }
        if (unsolicited > immediate) {
            dataOut(tag, lun, Pdu.NO_TAG, immediate, unsolicited);
        }
    }

    private void dataOut(int tag, long lun, int targetTransferTag, int from, int to) {
        int dataSn = 0;
        for (int at = from; at < to; ) {
            int length = Math.min(maxSendDataSegmentLength, to - at);
            ByteBuf out = batch();
            int start = out.writerIndex();
            out.writeInt(Opcode.DATA_OUT.code() << 24 | (at + length == to ? 0x80 << 16 : 0));
            out.writeInt(length);
            out.writeLong(lun);
            out.writeInt(tag);
            out.writeInt(targetTransferTag);
            out.writeInt(0);
            out.writeInt(expStatSn);
            out.writeInt(0);
            out.writeInt(dataSn++);
            out.writeInt(at);
            out.writeInt(0);
            endHeader(out, start);
            if (!append(tag, at, length)) {
                return;
            }
            at += length;
        }
    }

    private void endHeader(ByteBuf out, int start) {
        if (headerDigest) {
            out.writeInt(Digest.of(out, start, PduParser.BHS_LENGTH, 0));
        }
    }

    /** Appends a data segment; its length is a multiple of four, as that of blocks is. */
    private boolean append(int tag, int offset, int lengthBytes) {
        ByteBuf data = owner.dataOut(tag, offset, lengthBytes);
        if (data == null) {
            end("the target asks for data outside of a command's", false);
            return false;
        }
        int from = data.readerIndex();
        if (lengthBytes <= COPY_AT_MOST_BYTES) {
            batch().writeBytes(data, from, lengthBytes);
        } else {
            Channel to = writeBatch();
            to.write(data.retainedSlice(from, lengthBytes), to.voidPromise());
        }
        if (dataDigest) {
            batch().writeInt(Digest.of(data, from, lengthBytes, 0));
        }
        return true;
    }

    private void readyToTransfer(Pdu.ReadyToTransfer r2t) {
        long end = Integer.toUnsignedLong(r2t.bufferOffset()) + Integer.toUnsignedLong(r2t.desiredDataTransferLength());
        if (r2t.desiredDataTransferLength() == 0 || end > Integer.MAX_VALUE) {
            end("the target asks for data outside of a command's", false);
        } else {
            dataOut(r2t.initiatorTaskTag(), r2t.lun(), r2t.targetTransferTag(), r2t.bufferOffset(), (int) end);
        }
    }

    private void dataIn(Pdu.DataIn pdu) {
        boolean welcome = owner.dataIn(pdu.initiatorTaskTag(), pdu.bufferOffset(), pdu.data());
        pdu.release();
        if (!welcome) {
            end("the target sent data out of order or beyond what was asked for", false);
        } else if (pdu.hasStatus()) {
            expStatSn = pdu.statSn() + 1;
            owner.answered(pdu.initiatorTaskTag(), pdu.status(), null);
        }
    }

    private void scsiResponse(Pdu.ScsiResponsePdu pdu) {
        expStatSn = pdu.statSn() + 1;
        SenseData sense = SenseSegment.read(pdu.data());
        pdu.release();
        if (pdu.response() != 0) {
            end("the target failed to carry out a command (response " + pdu.response() + ")", false);
        } else {
            owner.answered(pdu.initiatorTaskTag(), pdu.status(), sense);
        }
    }

    private void nopIn(Pdu.NopIn pdu) {
        pdu.release();
        if (pdu.targetTransferTag() != Pdu.NO_TAG) {
            send(new Pdu.NopOut(
                    true, pdu.lun(), Pdu.NO_TAG, pdu.targetTransferTag(), cmdSn, expStatSn, Unpooled.EMPTY_BUFFER));
        }
    }

    /** Ends the session in an orderly way; the owner hears {@link Owner#ended}. */
    void logout() {
        if (phase != Phase.FULL_FEATURE) {
            end("closed", false);
        } else if (!loggingOut) {
            loggingOut = true;
            send(new Pdu.LogoutRequest(true, LogoutReason.CLOSE_SESSION.code(), 0, 0, cmdSn, expStatSn));
            flush();
        }
    }

    // ---- sending

    private void send(Pdu pdu) {
        Channel to = writeBatch();
        PduEncoder.encode(pdu, headerDigest, dataDigest, to.alloc(), part -> to.write(part, to.voidPromise()));
    }

    private ByteBuf batch() {
        ByteBuf filling = batch;
        if (filling == null || filling.readableBytes() > BATCH_BYTES) {
            filling = writeBatch().alloc().directBuffer(COPY_AT_MOST_BYTES);
            batch = filling;
        }
        return filling;
    }

    /** Hands the batch to the channel. */
    private Channel writeBatch() {
        Channel to = Objects.requireNonNull(channel);
        ByteBuf filled = batch;
        if (filled != null) {
            batch = null;
            commandsInBatch = 0;
            to.write(filled, to.voidPromise());
        }
        return to;
    }

    /** Sends what was written. */
    void flush() {
        if (phase != Phase.ENDED) {
            writeBatch().flush();
        }
    }

    private void close() {
        Channel to = channel;
        if (to != null) {
            to.close();
        }
    }

    /** Ends the connection at once. */
    void end(String why, boolean refusedByTarget) {
        if (phase == Phase.ENDED) {
            return;
        }
        phase = Phase.ENDED;
        framing.close();
        ByteBuf unsent = batch;
        if (unsent != null) {
            batch = null;
            unsent.release();
        }
        close();
        owner.ended(why, refusedByTarget);
    }
}
