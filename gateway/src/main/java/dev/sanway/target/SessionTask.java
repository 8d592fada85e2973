package dev.sanway.target;

import dev.sanway.iscsi.Pdu;
import dev.sanway.iscsi.Pdu.ResidualKind;
import dev.sanway.scsi.StatusCode;
import dev.sanway.target.lun.ScsiCommand;
import dev.sanway.target.lun.ScsiResponse;
import dev.sanway.target.lun.ScsiTask;
import dev.sanway.target.lun.TaskListener;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import org.jspecify.annotations.Nullable;

/**
 * One SCSI command as the transport sees it: its data, its residuals, its status. Confined to the session's loop; the device
 * may call from another one.
 *
 * <pre>
 *   WAITING ──start──▶ STARTED ──response──▶ DRAINING ──last Data-Out──▶ ENDED
 *      │                  │  └──────────────no data due────────────────▶ ENDED
 *      └──────────────────┴──abort, end of session─────────────────────▶ ENDED
 * </pre>
 */
final class SessionTask implements TaskListener {

    private enum State {
        /** Not yet given to the device: the session's bytes are used up. */
        WAITING,
        /** The device has it. */
        STARTED,
        /** Answered by the device, but data that the initiator was entitled to send is still to come. */
        DRAINING,
        ENDED
    }

    private static final int GOOD = 0;

    /** What a command holds beyond its data: objects, headers. A generous guess. */
    static final long COMMAND_BYTES = 2048;

    /** What a Data-In PDU holds beyond its data until the socket has taken it. */
    private static final int DATA_IN_BYTES = 512;

    /** Additional sense codes and qualifiers (SPC-4 table F.1; RFC 7143 11.4.7.2). */
    private static final int PROTOCOL_SERVICE_CRC_ERROR = 0x4705;

    private static final int DATA_PHASE_ERROR = 0x4b00;

    private static final int INITIATOR_RESPONSE_TIMEOUT = 0x4b06;

    private final Session session;
    private final ScsiCommand command;
    private final boolean immediate;
    private final int cmdSn;
    private final @Nullable WriteTransfer write;
    private final long neededBytes;
    private long takenBytes;
    private long keptBytes;
    /** When data last came or were asked for, by the session's clock. */
    private int dataTick;

    private State state = State.WAITING;
    private @Nullable ScsiTask device;
    private @Nullable ScsiResponse response;
    private boolean dataDelivered;
    private int additionalSense = PROTOCOL_SERVICE_CRC_ERROR;

    SessionTask(Session session, ScsiCommand command, boolean immediate, int cmdSn, @Nullable WriteTransfer write) {
        this.session = session;
        this.command = command;
        this.immediate = immediate;
        this.cmdSn = cmdSn;
        this.write = write;
        this.neededBytes = needed();
        this.dataTick = session.tick();
    }

    /**
     * What the device may hold for it, or what the initiator may send before it is asked, whichever is more. Not what he announces,
     * which may be 4 GiB for a command of one block.
     */
    private long needed() {
        long working = session.device().workingBytes(command);
        long pdus = Math.min(working, command.readLengthBytes())
                / session.parameters().initiatorMaxRecvDataSegmentLength();
        long data = Math.max(working + pdus * DATA_IN_BYTES, write == null ? 0 : write.unsolicitedBytes());
        // With all that there is to itself it goes on, however little that is.
        return Math.min(COMMAND_BYTES + data, session.limits().bytesInAll());
    }

    int tag() {
        return command.tag();
    }

    long lun() {
        return command.lun();
    }

    int cmdSn() {
        return cmdSn;
    }

    boolean immediate() {
        return immediate;
    }

    // ---- memory, see TaskAdmission

    /** What it holds at most once it was started, in bytes. */
    long neededBytes() {
        return neededBytes;
    }

    /** What of it is in memory already, in bytes. */
    long arrivedBytes() {
        return Math.min(neededBytes, COMMAND_BYTES + (write == null ? 0 : write.receivedBytes()));
    }

    /** Counted for it since it was started. */
    long takenBytes() {
        return takenBytes;
    }

    /** Counted for it while it waits. */
    long keptBytes() {
        return keptBytes;
    }

    void memoryTaken() {
        takenBytes = neededBytes;
        keptBytes = 0;
    }

    void memoryKept() {
        keptBytes = arrivedBytes();
        if (write != null) {
            write.compact();
        }
    }

    /** There is no memory for it: it ends with TASK SET FULL once the data have come that were announced. */
    void refuse() {
        state = State.DRAINING;
        response = ScsiResponse.status(StatusCode.TASK_SET_FULL);
        if (write != null) {
            write.discard();
        }
        endIfDrained();
        if (state != State.ENDED) {
            keptBytes = COMMAND_BYTES;
        }
    }

    boolean waiting() {
        return state == State.WAITING;
    }

    void start() {
        state = State.STARTED;
        ScsiTask started = session.device().start(command, this);
        device = started;
        // The device may have asked for the data before it returned.
        deliverIfComplete();
    }

    // ---- from the device, on its loop

    @Override
    public void dataOutWanted(ScsiTask task, int lengthBytes) {
        session.execute(() -> {
            if (state != State.STARTED || write == null) {
                return;
            }
            device = task;
            write.want(lengthBytes);
            deliverIfComplete();
        });
    }

    @Override
    public boolean othersAtWork() {
        return session.memory().othersHold();
    }

    @Override
    public void completed(ScsiTask task, ScsiResponse answer) {
        session.execute(() -> {
            if (state != State.STARTED) {
                answer.dataIn().release();
                return;
            }
            response = answer;
            state = State.DRAINING;
            endIfDrained();
        });
    }

    @Override
    public void aborted(ScsiTask task) {
        session.execute(this::drop);
    }

    // ---- from the initiator

    /**
     * Takes a Data-Out over. One that is wrong fails the command, not the session: what follows is drained.
     *
     * @return null, or what is wrong with it
     */
    @Nullable
    String dataOut(Pdu.DataOut pdu) {
        if (write == null) {
            pdu.release();
            return "Data-Out for a command that writes nothing";
        }
        dataTick = session.tick();
        String wrong = write.accept(pdu);
        if (wrong != null) {
            additionalSense = DATA_PHASE_ERROR;
        }
        progress();
        return wrong;
    }

    /** Whether data that the initiator owes have not come for so many ticks of the session's clock. */
    boolean overdue(int ticks) {
        return write != null && write.dataAwaited() && state != State.WAITING && session.tick() - dataTick > ticks;
    }

    /** The data that it waits for will not come: it ends. */
    void giveUpData() {
        if (write != null) {
            additionalSense = INITIATOR_RESPONSE_TIMEOUT;
            write.abandon();
            progress();
        }
    }

    /** Whether the initiator announced data for it. */
    boolean writes() {
        return write != null;
    }

    /** A Data-Out came with a wrong data digest: the rest is drained and the command fails (RFC 7143 7.8). */
    void dataOutDamaged(Rejected dataOut) {
        if (write != null) {
            write.damaged(dataOut);
            progress();
        }
    }

    private void progress() {
        if (state == State.DRAINING) {
            endIfDrained();
        } else {
            deliverIfComplete();
        }
    }

    private void deliverIfComplete() {
        ScsiTask task = device;
        if (write == null || task == null || state != State.STARTED || dataDelivered) {
            return;
        }
        if (write.failed() && !write.dataAwaited()) {
            if (!write.wanted()) {
                // Its turn has not come: the device hears of it when it asks.
                return;
            }
            dataDelivered = true;
            task.dataOutFailed(additionalSense >> 8, additionalSense & 0xff);
            return;
        }
        while (!write.failed() && write.canSolicit(session.parameters().maxOutstandingR2t())) {
            dataTick = session.tick();
            session.solicit(this, write);
        }
        if (write.complete()) {
            dataDelivered = true;
            task.dataOut(write.data());
        }
    }

    // ---- the end

    private void endIfDrained() {
        if (write != null && write.dataAwaited()) {
            return;
        }
        ScsiResponse answer = response;
        response = null;
        if (answer == null) {
            return;
        }
        state = State.ENDED;
        int received = write == null ? 0 : write.receivedBytes();
        int r2ts = write == null ? 0 : write.r2tSn();
        releaseWrite();
        answer(answer, received, r2ts);
    }

    private void answer(ScsiResponse answer, int receivedBytes, int r2ts) {
        long expectedRead = command.readLengthBytes();
        long expectedWrite = command.writeLengthBytes();
        ByteBuf data = answer.dataIn();
        int offered = data.readableBytes();
        if (expectedRead == 0 && expectedWrite > 0) {
            // What the CDB asked to be sent, or, where the command failed, what was really taken.
            long asked = Math.max(0, answer.dataOutLengthBytes());
            long moved =
                    answer.status() == GOOD || asked > expectedWrite ? asked : Math.min(receivedBytes, expectedWrite);
            data.release();
            session.finish(
                    this,
                    answer,
                    Unpooled.EMPTY_BUFFER,
                    residual(expectedWrite, moved),
                    residualCount(expectedWrite, moved),
                    r2ts);
            return;
        }
        long wanted = expectedRead == 0 && answer.dataOutLengthBytes() > 0 && answer.status() == GOOD
                ? answer.dataOutLengthBytes()
                : offered;
        session.finish(
                this,
                answer,
                cut(data, (int) Math.min(offered, expectedRead)),
                residual(expectedRead, wanted),
                residualCount(expectedRead, wanted),
                0);
    }

    /** Takes {@code data} over. Where little is left, it does not keep the rest in memory until it was sent. */
    private static ByteBuf cut(ByteBuf data, int lengthBytes) {
        int offered = data.readableBytes();
        if (lengthBytes == offered) {
            return data;
        }
        ByteBuf cut = lengthBytes < offered / 2
                ? data.alloc().buffer(lengthBytes).writeBytes(data, lengthBytes)
                : data.readRetainedSlice(lengthBytes);
        data.release();
        return cut;
    }

    /** As on the wire: unsigned, 32 bits. */
    private static int residualCount(long expected, long moved) {
        return (int) Math.min(Math.abs(expected - moved), 0xffff_ffffL);
    }

    private static ResidualKind residual(long expected, long moved) {
        return moved == expected
                ? ResidualKind.NONE
                : moved < expected ? ResidualKind.UNDERFLOW : ResidualKind.OVERFLOW;
    }

    /** Ends it without an answer: aborted, or the session ended. Calling it again does nothing. */
    void drop() {
        if (state == State.ENDED) {
            return;
        }
        state = State.ENDED;
        releaseWrite();
        ScsiResponse held = response;
        response = null;
        if (held != null) {
            held.dataIn().release();
        }
        session.dropped(this);
    }

    private void releaseWrite() {
        if (write != null) {
            write.release();
        }
    }
}
