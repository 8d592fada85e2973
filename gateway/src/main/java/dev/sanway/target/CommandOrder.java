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
    private record Held(Pdu.@Nullable NumberedRequest request, long bytes) {}

    private static final Held PLUG = new Held(null, 0);

    private final CommandWindow window;
    private final SessionMemory memory;
    private final Consumer<Pdu.NumberedRequest> carryOut;
    private final TreeMap<Integer, Held> early = new TreeMap<>(SessionOrder.BY_SERIAL);
    private boolean closed;

    /** {@code carryOut} takes requests over, in order. */
    CommandOrder(CommandWindow window, SessionMemory memory, Consumer<Pdu.NumberedRequest> carryOut) {
        this.window = window;
        this.memory = memory;
        this.carryOut = carryOut;
    }

    /**
     * Takes a request over.
     *
     * @return false: it came before its turn, and there is no memory to hold it until then
     */
    boolean received(Pdu.NumberedRequest request) {
        if (request.immediate()) {
            carryOut.accept(request);
            return true;
        }
        switch (window.arrival(request.cmdSn())) {
            case NEXT -> {
                window.advance();
                carryOut.accept(request);
                releaseEarly();
            }
            case EARLY -> {
                if (early.containsKey(request.cmdSn())) {
                    request.release();
                    return true;
                }
                long bytes = SessionTask.COMMAND_BYTES + request.data().readableBytes();
                if (!memory.tryKeep(bytes)) {
                    request.release();
                    return false;
                }
                early.put(request.cmdSn(), new Held(request, bytes));
            }
            case OUTSIDE -> request.release();
        }
        return true;
    }

    private void letGo(Held held) {
        memory.giveKept(held.bytes());
        if (held.request() != null) {
            held.request().release();
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
            memory.giveKept(next.bytes());
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
                letGo(held);
                plugged.add(sn);
            }
        });
        plugged.forEach(sn -> early.put(sn, PLUG));
    }

    /** The number of a command that never came, or came early, counts as received (RFC 7143 11.5.1, ABORT TASK). */
    void plug(int cmdSn) {
        Held held = early.put(cmdSn, PLUG);
        if (held != null) {
            letGo(held);
        }
        releaseEarly();
    }

    /** Drops everything; nothing more is carried out. */
    void close() {
        closed = true;
        early.values().forEach(this::letGo);
        early.clear();
    }
}
