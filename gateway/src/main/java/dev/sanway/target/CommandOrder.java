package dev.sanway.target;

import dev.sanway.iscsi.Pdu;
import dev.sanway.iscsi.SerialNumber;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Brings the numbered requests of one session into the order of their CmdSN (RFC 7143 4.2.2.1): immediate ones pass at once,
 * early ones are held, those outside the window and duplicates are ignored in silence. Confined to the session's loop.
 */
final class CommandOrder {

    /** A request that came before its turn; null: aborted before it, or never to come, its number counts as received. */
    private record Held(Pdu.@Nullable NumberedRequest request) {
        void release() {
            if (request != null) {
                request.release();
            }
        }
    }

    private static final Held PLUG = new Held(null);

    private final CommandWindow window;
    private final Consumer<Pdu.NumberedRequest> carryOut;
    private final TreeMap<Integer, Held> early = new TreeMap<>(SessionOrder.BY_SERIAL);
    private boolean closed;

    /** {@code carryOut} takes requests over, in order. */
    CommandOrder(CommandWindow window, Consumer<Pdu.NumberedRequest> carryOut) {
        this.window = window;
        this.carryOut = carryOut;
    }

    /** Takes a request over. */
    void received(Pdu.NumberedRequest request) {
        if (request.immediate()) {
            carryOut.accept(request);
            return;
        }
        switch (window.arrival(request.cmdSn())) {
            case NEXT -> {
                window.advance();
                carryOut.accept(request);
                releaseEarly();
            }
            case EARLY -> {
                if (early.putIfAbsent(request.cmdSn(), new Held(request)) != null) {
                    request.release();
                }
            }
            case OUTSIDE -> request.release();
        }
    }

    /**
     * The request that is just being carried out was rejected instead: its number counts as not received, and the initiator plugs
     * the gap (RFC 7143 7.3), by another request under this number or by aborting the task. What follows waits until then. Told
     * before the Reject goes out, which shows ExpCmdSN.
     *
     * <p>Linux lets such a command time out and aborts it, which {@link #plug}s the gap. libiscsi fails it and plugs nothing, so its
     * next commands time out, and it logs in anew; but neither sends what is rejected, unless the network damaged it.
     */
    void rejected(Pdu.NumberedRequest request) {
        if (!request.immediate() && request.cmdSn() == window.expCmdSn() - 1) {
            window.takeBack();
        }
    }

    private void releaseEarly() {
        for (Held next = early.remove(window.expCmdSn());
                next != null && !closed;
                next = early.remove(window.expCmdSn())) {
            window.advance();
            if (next.request() != null) {
                carryOut.accept(next.request());
            }
        }
    }

    /** How many are held. */
    int held() {
        return early.size();
    }

    /** Drops commands that came early and were numbered before {@code cmdSn}. */
    void plugEarly(int cmdSn, Predicate<Pdu.ScsiCommandPdu> which) {
        List<Integer> plugged = new ArrayList<>();
        early.forEach((sn, held) -> {
            if (SerialNumber.lessThan(sn, cmdSn)
                    && held.request() instanceof Pdu.ScsiCommandPdu command
                    && which.test(command)) {
                held.release();
                plugged.add(sn);
            }
        });
        plugged.forEach(sn -> early.put(sn, PLUG));
    }

    /** The number of a command that never came, or came early, counts as received (RFC 7143 11.5.1, ABORT TASK). */
    void plug(int cmdSn) {
        Held held = early.put(cmdSn, PLUG);
        if (held != null) {
            held.release();
        }
        releaseEarly();
    }

    /** Drops everything; nothing more is carried out. */
    void close() {
        closed = true;
        early.values().forEach(Held::release);
        early.clear();
    }
}
