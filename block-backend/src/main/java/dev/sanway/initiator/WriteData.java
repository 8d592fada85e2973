package dev.sanway.initiator;

import dev.sanway.iscsi.Pdu;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.util.ArrayDeque;
import java.util.function.IntSupplier;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * The Data-Out PDUs of a connection (RFC 7143 section 11.7). What an R2T asks for is sent a burst at a time while the unit reads:
 * what it does not read is not produced, and until then only the R2T is kept. Confined to the connection's loop.
 */
final class WriteData {
    /** Data that the unit asked for and that wait until it reads. */
    private record Burst(ScsiTask task, Solicitation of, Pdu.ReadyToTransfer r2t) {}

    private final Outgoing outgoing;
    private final int maxSegmentLengthBytes;
    private final IntSupplier expStatSn;
    private final Predicate<ScsiTask> inFlight;
    private final ArrayDeque<Burst> bursts = new ArrayDeque<>();

    /**
     * @param maxSegmentLengthBytes what the unit declared
     * @param expStatSn the next status that is expected, as each PDU tells it
     * @param inFlight whether a task is still waiting for its answer
     */
    WriteData(Outgoing outgoing, int maxSegmentLengthBytes, IntSupplier expStatSn, Predicate<ScsiTask> inFlight) {
        this.outgoing = outgoing;
        this.maxSegmentLengthBytes = maxSegmentLengthBytes;
        this.expStatSn = expStatSn;
        this.inFlight = inFlight;
    }

    /** Sends what follows a command without being asked for. */
    void sendUnsolicited(ScsiTask task, int from, int to) {
        send(task, Pdu.NO_TAG, from, to, null);
    }

    /** Sends what an R2T asks for, now or when the unit reads; it was found to be in order. */
    void sendSolicited(ScsiTask task, Solicitation of, Pdu.ReadyToTransfer r2t) {
        bursts.add(new Burst(task, of, r2t));
        sendWhileThereIsRoom();
    }

    /** To be called when there is room again. */
    void sendWhileThereIsRoom() {
        while (outgoing.hasRoom()) {
            Burst burst = bursts.poll();
            if (burst == null) {
                return;
            }
            if (inFlight.test(burst.task)) {
                Pdu.ReadyToTransfer r2t = burst.r2t;
                int from = r2t.bufferOffset();
                int to = from + r2t.desiredDataTransferLength();
                send(burst.task, r2t.targetTransferTag(), from, to, burst.of::served);
            }
        }
    }

    /** Nothing of what waits is sent any more. */
    void clear() {
        bursts.clear();
    }

    private void send(ScsiTask task, int targetTransferTag, int from, int to, @Nullable Runnable gone) {
        int dataSn = 0;
        for (int at = from; at < to; at += maxSegmentLengthBytes) {
            int length = Math.min(maxSegmentLengthBytes, to - at);
            boolean last = at + length == to;
            Pdu data = new Pdu.DataOut(
                    last,
                    task.lun,
                    task.tag,
                    targetTransferTag,
                    expStatSn.getAsInt(),
                    dataSn++,
                    at,
                    slice(task.dataOut, at, length));
            if (last && gone != null) {
                outgoing.write(data, gone);
            } else {
                outgoing.write(data);
            }
        }
    }

    /** A part of a task's data; the caller owns it. */
    static ByteBuf slice(ByteBuf data, int at, int length) {
        return length == 0 ? Unpooled.EMPTY_BUFFER : data.retainedSlice(data.readerIndex() + at, length);
    }
}
