package dev.sanway.initiator;

import dev.sanway.iscsi.Pieces;
import io.netty.buffer.ByteBuf;
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

    /** Pieces of Data-In that keep the buffers they came in; beyond, the data are gathered in one buffer. */
    static final int MAX_PIECES = 256;

    /** A piece of a larger whole that is shorter is copied, for it may keep a buffer of 64 KiB. */
    private static final int SMALL_PIECE_BYTES = 8192;

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
    /** How far its data were asked for where it was sent last. */
    @Nullable
    Solicitation solicitation;

    private final Pieces received = new Pieces(MAX_PIECES, SMALL_PIECE_BYTES);

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
        return received.lengthBytes();
    }

    /** Takes the next piece of Data-In over. */
    void receive(ByteBuf piece) {
        received.add(piece, expectedDataIn);
    }

    /** What was received, given to the caller. */
    ByteBuf takeReceived() {
        return received.take();
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
