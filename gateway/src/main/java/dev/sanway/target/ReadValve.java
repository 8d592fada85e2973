package dev.sanway.target;

import dev.sanway.iscsi.PduDecoder;
import java.util.EnumSet;
import java.util.Set;

/** Shuts a connection's decoder for as long as there is a reason to. Confined to the channel's loop. */
final class ReadValve {

    /** Why nothing more is taken from a peer for the moment. */
    enum Reason {
        /** It has not taken what it was answered. */
        ANSWERS,
        /** The socket's queue is full. */
        SOCKET,
        /** Its host's turn is over. */
        TURN,
        /** Its host has more in memory than its part. */
        MEMORY
    }

    private final PduDecoder decoder;
    private final Set<Reason> reasons = EnumSet.noneOf(Reason.class);

    ReadValve(PduDecoder decoder) {
        this.decoder = decoder;
    }

    /** Returns false if it was shut for that reason already. What was read stays; nothing more is read once that is much. */
    boolean shut(Reason reason) {
        if (!reasons.add(reason)) {
            return false;
        }
        decoder.shut();
        return true;
    }

    /** As {@link #shut}, and reads nothing more from the socket: for what may take long. */
    boolean stop(Reason reason) {
        decoder.stopReading();
        return shut(reason);
    }

    boolean isShut(Reason reason) {
        return reasons.contains(reason);
    }

    /** The reason is gone. */
    void open(Reason reason) {
        if (reasons.remove(reason) && reasons.isEmpty()) {
            decoder.open();
        }
    }
}
