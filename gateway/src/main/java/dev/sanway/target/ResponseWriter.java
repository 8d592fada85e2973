package dev.sanway.target;

import dev.sanway.iscsi.Pdu;
import dev.sanway.iscsi.Pdu.ResidualKind;
import dev.sanway.iscsi.RejectReason;
import dev.sanway.iscsi.SenseSegment;
import dev.sanway.target.lun.ScsiResponse;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelOutboundBuffer;
import java.util.function.IntSupplier;

/**
 * Writes what a session sends, with the numbers that belong to it (RFC 7143 4.2.2.2, 11.4, 11.7 to 11.9): StatSN, ExpCmdSN and
 * MaxCmdSN. Flushes are gathered: at the end of a read, or else of the loop's turn. Confined to the session's loop.
 *
 * <p>It knows what the socket has not taken yet: the memory of answered commands ({@link #carry}), and how many answers there are
 * that a peer can ask for without end ({@link #unread}).
 */
final class ResponseWriter {

    private final Channel channel;
    private final CommandWindow window;
    private final IntSupplier underWay;
    private int statSn;
    private int nextTransferTag = 1;
    private boolean flushScheduled;
    private boolean reading;

    private final Unsent unsent;
    private long carriedBytes;
    private int unread;
    private boolean markerUnderWay;

    /** Who is told when the socket has taken what was written. */
    interface Unsent {
        /** Memory of answered commands is free. */
        void sent(long bytes);

        /** The peer has taken every answer. */
        void allRead();
    }

    /** {@code underWay} tells how many commands are under way and so not granted again. */
    ResponseWriter(Channel channel, CommandWindow window, IntSupplier underWay, int statSn, Unsent unsent) {
        this.channel = channel;
        this.window = window;
        this.underWay = underWay;
        this.statSn = statSn;
        this.unsent = unsent;
    }

    /** The memory of a command whose answer was written: free when the socket has taken it. */
    void carry(long bytes) {
        carriedBytes += bytes;
    }

    /** Notes an answer to something that a peer may ask without end; how many there are that it may not have read. */
    int unread() {
        return ++unread;
    }

    /** The connection is over: what was carried is not sent any more. */
    void close() {
        long left = carriedBytes;
        carriedBytes = 0;
        unsent.sent(left);
    }

    private void flush() {
        channel.flush();
        if ((carriedBytes > 0 || unread > 0) && !markerUnderWay) {
            settle();
        }
    }

    private void settle() {
        ChannelOutboundBuffer queue = channel.unsafe().outboundBuffer();
        long carried = carriedBytes;
        if (queue == null || queue.isEmpty()) {
            carriedBytes = 0;
            unread = 0;
            unsent.sent(carried);
            unsent.allRead();
            return;
        }
        // One marker behind all that was written; what is written after it waits for the next one.
        markerUnderWay = true;
        carriedBytes = 0;
        int answers = unread;
        channel.writeAndFlush(Unpooled.EMPTY_BUFFER).addListener(_ -> {
            markerUnderWay = false;
            unread -= answers;
            unsent.sent(carried);
            if (unread == 0) {
                unsent.allRead();
            }
            if ((carriedBytes > 0 || unread > 0) && channel.isActive()) {
                settle();
            }
        });
    }

    /** While a read is handled nothing is flushed; its end flushes. */
    void reading(boolean now) {
        reading = now;
        if (!now) {
            flush();
        }
    }

    void send(Pdu pdu) {
        channel.write(pdu, channel.voidPromise());
        if (!reading && !flushScheduled) {
            flushScheduled = true;
            channel.eventLoop().execute(() -> {
                flushScheduled = false;
                flush();
            });
        }
    }

    int takeStatSn() {
        return statSn++;
    }

    int statSn() {
        return statSn;
    }

    int expCmdSn() {
        return window.expCmdSn();
    }

    /** MaxCmdSN after opening the window as far as commands under way allow. */
    int grantedMaxCmdSn() {
        window.grant(underWay.getAsInt());
        return window.maxCmdSn();
    }

    /** A target transfer tag that is not in use; never the reserved one. */
    int newTransferTag() {
        int tag = nextTransferTag;
        nextTransferTag = tag + 1 == Pdu.NO_TAG ? 1 : tag + 1;
        return tag;
    }

    /** Asks for the next burst of a write. */
    void solicit(SessionTask task, WriteTransfer write, int maxBurstLength) {
        int offset = write.solicitOffset();
        int r2tSn = write.r2tSn();
        int tag = newTransferTag();
        int length = write.solicit(tag, maxBurstLength);
        send(new Pdu.ReadyToTransfer(
                task.lun(), task.tag(), tag, statSn, window.expCmdSn(), grantedMaxCmdSn(), r2tSn, offset, length));
    }

    /**
     * Sends data and status of a command, the status with the last data where there is no sense data.
     *
     * @param data taken over; already cut to what the initiator expects
     */
    void answer(
            int tag,
            ScsiResponse answer,
            ByteBuf data,
            ResidualKind residual,
            int residualCount,
            int r2ts,
            NegotiatedParameters parameters) {
        boolean collapsed = data.isReadable() && answer.sense().length == 0;
        int pdus = data(tag, answer, data, collapsed, residual, residualCount, parameters);
        if (!collapsed) {
            send(new Pdu.ScsiResponsePdu(
                    ResidualKind.NONE,
                    residual,
                    0,
                    answer.status(),
                    tag,
                    0,
                    statSn++,
                    window.expCmdSn(),
                    grantedMaxCmdSn(),
                    pdus + r2ts,
                    0,
                    residualCount,
                    SenseSegment.of(answer.sense())));
        }
    }

    private int data(
            int tag,
            ScsiResponse answer,
            ByteBuf data,
            boolean collapsed,
            ResidualKind residual,
            int residualCount,
            NegotiatedParameters parameters) {
        int total = data.readableBytes();
        int burst = parameters.maxBurstLength();
        int offset = 0;
        int dataSn = 0;
        while (offset < total) {
            int burstLeft = burst - offset % burst;
            int length = Math.min(Math.min(parameters.initiatorMaxRecvDataSegmentLength(), burstLeft), total - offset);
            boolean last = offset + length == total;
            boolean withStatus = last && collapsed;
            send(new Pdu.DataIn(
                    last || length == burstLeft,
                    false,
                    withStatus ? residual : ResidualKind.NONE,
                    withStatus,
                    withStatus ? answer.status() : 0,
                    0,
                    tag,
                    Pdu.NO_TAG,
                    withStatus ? statSn++ : 0,
                    window.expCmdSn(),
                    grantedMaxCmdSn(),
                    dataSn++,
                    offset,
                    withStatus ? residualCount : 0,
                    data.readRetainedSlice(length)));
            offset += length;
        }
        data.release();
        return dataSn;
    }

    /** Rejects a PDU and releases it. */
    void reject(RejectReason reason, Pdu pdu) {
        reject(reason, Rejected.header(pdu, channel.alloc()));
    }

    /** {@code header}: of the rejected PDU; taken over. */
    void reject(RejectReason reason, ByteBuf header) {
        send(new Pdu.Reject(reason.code(), statSn++, window.expCmdSn(), grantedMaxCmdSn(), 0, header));
    }

    /** Asks whether the initiator lives: a NOP-In that wants an answer. */
    void ping() {
        channel.writeAndFlush(new Pdu.NopIn(
                0, Pdu.NO_TAG, newTransferTag(), statSn, window.expCmdSn(), grantedMaxCmdSn(), Unpooled.EMPTY_BUFFER));
    }

    /** An Async Message (RFC 7143 11.9) of the session as a whole. */
    void async(int event, int parameter1, int parameter3) {
        channel.writeAndFlush(new Pdu.AsyncMessage(
                0xffffffffffffffffL,
                statSn++,
                window.expCmdSn(),
                grantedMaxCmdSn(),
                event,
                0,
                parameter1,
                0,
                parameter3,
                Unpooled.EMPTY_BUFFER));
    }
}
