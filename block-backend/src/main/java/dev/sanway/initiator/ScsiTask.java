package dev.sanway.initiator;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.CompositeByteBuf;
import io.netty.buffer.Unpooled;
import java.util.Arrays;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A SCSI command on its way to a unit, through as many connections as it takes. Confined to the session's loop.
 *
 * <pre>
 *   WAITING ── sent ──▶ SENT ── answered ──▶ ENDED
 *      ▲ │ cancelled,      │ │
 *      │ │ never sent      │ └─ cancelled ──▶ ABORTING ── abort complete, answered ──▶ ENDED
 *      │ └──▶ ENDED        ▼                     │
 *      ├── connection lost ┘                     │ connection lost
 *      └─────────────────────────────────────────┘ (doomed: ends as Aborted once the old session is ended)
 *   any ── deadline ──▶ ENDED
 * </pre>
 */
final class ScsiTask {
    enum State {
        WAITING,
        SENT,
        ABORTING,
        ENDED
    }

    final long lun;
    final byte[] cdb;
    final int attribute;
    /** Owned until the end, so that it can be sent again; empty if nothing is written. */
    final ByteBuf dataOut;

    final int expectedDataIn;
    final long deadlineNanos;
    private final Consumer<ScsiResult> completion;

    final LunQueue queue;
    State state = State.WAITING;
    /** Sent on a connection that broke: it may still be at work there until the old session is ended. */
    boolean fateUnknown;
    /** Cancelled while its fate was unknown: ends as Aborted when the fate is known. */
    boolean doomed;

    int tag;
    int cmdSn;
    long abortDeadlineNanos;
    int rejections;
    private @Nullable ByteBuf received;
    /** What was received once it has a second piece. */
    private @Nullable CompositeByteBuf pieces;

    ScsiTask(
            LunQueue queue,
            long lun,
            byte[] cdb,
            int attribute,
            ByteBuf dataOut,
            int expectedDataIn,
            long deadlineNanos,
            Consumer<ScsiResult> completion) {
        this.queue = queue;
        this.lun = lun;
        this.cdb = cdb.length < 16 ? Arrays.copyOf(cdb, 16) : cdb;
        this.attribute = attribute;
        this.dataOut = dataOut;
        this.expectedDataIn = expectedDataIn;
        this.deadlineNanos = deadlineNanos;
        this.completion = completion;
    }

    int receivedBytes() {
        return received == null ? 0 : received.readableBytes();
    }

    /** Takes the next piece of Data-In over. */
    void receive(ByteBuf piece) {
        ByteBuf first = received;
        CompositeByteBuf several = pieces;
        if (first == null) {
            received = piece;
        } else if (several != null) {
            several.addComponent(true, piece);
        } else {
            several = ByteBufAllocator.DEFAULT.compositeBuffer(Integer.MAX_VALUE);
            several.addComponent(true, first).addComponent(true, piece);
            received = several;
            pieces = several;
        }
    }

    /** What was received, given to the caller. */
    ByteBuf takeReceived() {
        ByteBuf taken = received;
        received = null;
        pieces = null;
        return taken == null ? Unpooled.EMPTY_BUFFER : taken;
    }

    /** Makes it as if it had never been sent, but for its fate. */
    void rewind() {
        takeReceived().release();
        fateUnknown = true;
        if (state == State.ABORTING) {
            doomed = true;
        }
        state = State.WAITING;
    }

    /** Ends the task and tells whoever waits. */
    void end(ScsiResult result) {
        if (state == State.ENDED) {
            throw new IllegalStateException("ended twice");
        }
        state = State.ENDED;
        takeReceived().release();
        dataOut.release();
        completion.accept(result);
    }
}
