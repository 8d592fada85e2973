package dev.sanway.target;

import dev.sanway.iscsi.Opcode;
import dev.sanway.iscsi.PduDecoder;
import dev.sanway.target.ReadValve.Reason;
import io.netty.channel.Channel;
import java.util.function.IntPredicate;

/**
 * Holds a session's peer back: takes nothing more from it while it does not take its answers, while its host's turn on the loop is
 * over, and while its host has more in memory than its part. Confined to the session's loop.
 */
final class Holdback {

    /** Answers that a peer may ask for without end and need not have read: beyond that it gets no more. */
    private static final int UNREAD_ANSWERS = 64;

    private final Channel channel;
    private final PduDecoder decoder;
    private final ReadValve valve;
    private final HostTurns turns;
    private final SessionMemory memory;
    /** Of the decoder, as counted. */
    private int inboundBytes;

    /** {@code decoder} and {@code valve} are the channel's. */
    Holdback(Channel channel, PduDecoder decoder, ReadValve valve, SessionMemory memory) {
        this.channel = channel;
        this.decoder = decoder;
        this.valve = valve;
        this.memory = memory;
        this.turns = memory.host().turns().on(channel.eventLoop());
    }

    /** A PDU with so many bytes of data came. */
    void spend(int dataBytes) {
        if (!turns.spend(dataBytes) && valve.shut(Reason.TURN)) {
            turns.await(() -> valve.open(Reason.TURN));
        }
    }

    /**
     * What came and was not handed on is counted; beyond the host's part no more is read for the moment.
     *
     * @param atWork whether a command with that tag was started: the memory for its data was taken then
     */
    void readEnded(IntPredicate atWork) {
        int now = decoder.heldBytes();
        if (decoder.partialOpcode() == Opcode.DATA_OUT.code() && atWork.test(decoder.partialTag())) {
            now -= decoder.partialBytes();
        }
        int more = now - inboundBytes;
        if (more == 0) {
            return;
        }
        inboundBytes = now;
        if (more < 0) {
            memory.giveKept(-more);
            return;
        }
        memory.keep(more);
        if (!memory.withinBound() && valve.stop(Reason.MEMORY)) {
            memory.host().waited();
            memory.awaitBound(() -> channel.eventLoop().execute(() -> valve.open(Reason.MEMORY)));
        }
    }

    /** The socket's queue is full, or has room again. */
    void socketTakes(boolean more) {
        if (more) {
            valve.open(Reason.SOCKET);
        } else {
            valve.stop(Reason.SOCKET);
        }
    }

    /** There are so many answers that the peer may not have read. */
    void unread(int answers) {
        if (answers > UNREAD_ANSWERS) {
            valve.shut(Reason.ANSWERS);
        }
    }

    /** It has read them all. */
    void allRead() {
        if (valve.isShut(Reason.ANSWERS)) {
            // Not from within the handling of a read.
            channel.eventLoop().execute(() -> valve.open(Reason.ANSWERS));
        }
    }

    /** The connection is over. */
    void close() {
        memory.giveKept(inboundBytes);
        inboundBytes = 0;
    }
}
