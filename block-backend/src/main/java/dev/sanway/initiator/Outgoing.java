package dev.sanway.initiator;

import dev.sanway.iscsi.Pdu;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.WriteBufferWaterMark;

/**
 * What goes to a unit: PDUs are written as they come and flushed once in an event-loop turn. What a unit does not read stays in
 * the channel's queue, so whoever writes because the unit wants it looks whether there is room first, and answers that the unit
 * asks for without end are refused beyond a number. Confined to the channel's loop.
 */
final class Outgoing {
    /** Bytes in the queue from which on there is no room, the queue's own cost included. */
    static final int HIGH_WATER_BYTES = 1 << 20;

    private static final int LOW_WATER_BYTES = 512 << 10;

    /** Answers that a unit has not read yet. */
    static final int MAX_UNREAD_ANSWERS = 64;

    private final Channel channel;
    private boolean flushScheduled;
    private int unreadAnswers;

    Outgoing(Channel channel) {
        this.channel = channel;
        // Only buffers are written here, and those the channel counts in full.
        channel.config().setWriteBufferWaterMark(new WriteBufferWaterMark(LOW_WATER_BYTES, HIGH_WATER_BYTES));
    }

    /** Whether the unit keeps up with reading. */
    boolean hasRoom() {
        return channel.isWritable();
    }

    void write(Pdu pdu) {
        channel.write(pdu, channel.voidPromise());
        flushSoon();
    }

    /** Writes; {@code gone} is run when the kernel has it, or the connection has ended. */
    void write(Pdu pdu, Runnable gone) {
        ChannelFuture written = channel.write(pdu);
        flushSoon();
        if (written.isDone()) {
            gone.run();
        } else {
            written.addListener(_ -> gone.run());
        }
    }

    /** Writes what the unit asked for; false, and nothing is written, if it has not read so many answers already. */
    boolean answer(Pdu pdu) {
        if (unreadAnswers == MAX_UNREAD_ANSWERS) {
            pdu.release();
            return false;
        }
        unreadAnswers++;
        write(pdu, () -> unreadAnswers--);
        return true;
    }

    private void flushSoon() {
        if (!flushScheduled) {
            flushScheduled = true;
            channel.eventLoop().execute(() -> {
                flushScheduled = false;
                channel.flush();
            });
        }
    }
}
