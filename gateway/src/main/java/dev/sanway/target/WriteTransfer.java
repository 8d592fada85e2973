package dev.sanway.target;

import dev.sanway.iscsi.Pdu;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.CompositeByteBuf;
import io.netty.buffer.Unpooled;
import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;

/**
 * Gathers the data of one write: immediate data, unsolicited Data-Out, and the bursts that R2Ts ask for (RFC 7143 11.7,
 * 11.8), in order, as slices. DataPDUInOrder and DataSequenceInOrder are always Yes here.
 *
 * <pre>
 *   expected length  |-----------------------------------------|
 *   first burst      |immediate|unsolicited|
 *   R2Ts                                   |burst|burst|burst|
 *   wanted by the CDB|---------------------------------------|   (may be less or more than expected)
 * </pre>
 *
 * Confined to the session's loop. {@link #release} ends it in every case.
 */
final class WriteTransfer {

    /** A burst that was asked for. */
    private record Burst(int targetTransferTag, int offset, int lengthBytes) {
        int end() {
            return offset + lengthBytes;
        }
    }

    /** Beyond so many pieces they are copied into one: a peer may cut its data as small as it likes. */
    private static final int MAX_PIECES = 1024;

    /** A smaller piece of a buffer so many times its size is copied: it would keep the whole buffer. */
    private static final int SMALL_BYTES = 4096;

    private static final int SPARSE = 4;

    private final long expectedLengthBytes;
    private final int firstBurstLengthBytes;
    private final ArrayDeque<Burst> bursts = new ArrayDeque<>();
    private final ByteBufAllocator allocator;
    private final int unsolicitedBytes;
    /** What came; a composite once it has a second piece. */
    private ByteBuf gathered = Unpooled.EMPTY_BUFFER;

    private @Nullable CompositeByteBuf pieces;
    private boolean unsolicitedAwaited;
    private boolean failed;
    private int receivedBytes;
    private int solicitedBytes;
    private int nextDataSn;
    private int nextR2tSn;
    private int wantedBytes = -1;

    /**
     * @param expectedLengthBytes the Expected Data Transfer Length, up to 4 GiB
     * @param unsolicitedAwaited the command's F bit was clear: unsolicited Data-Out follow
     */
    WriteTransfer(
            ByteBufAllocator allocator,
            long expectedLengthBytes,
            int firstBurstLengthBytes,
            boolean unsolicitedAwaited,
            ByteBuf immediateData) {
        this.expectedLengthBytes = expectedLengthBytes;
        this.firstBurstLengthBytes = (int) Math.min(firstBurstLengthBytes, expectedLengthBytes);
        this.allocator = allocator;
        append(immediateData);
        // Where the immediate data fill the first burst nothing can follow, whatever was announced.
        this.unsolicitedAwaited = unsolicitedAwaited && receivedBytes < this.firstBurstLengthBytes;
        this.unsolicitedBytes = this.unsolicitedAwaited ? this.firstBurstLengthBytes : receivedBytes;
    }

    /** How much may come before anything is asked for, immediate data included. */
    int unsolicitedBytes() {
        return unsolicitedBytes;
    }

    private void append(ByteBuf came) {
        ByteBuf data = came.readableBytes() < SMALL_BYTES ? compact(came) : came;
        receivedBytes += data.readableBytes();
        CompositeByteBuf several = pieces;
        if (!data.isReadable()) {
            data.release();
        } else if (several != null) {
            several.addComponent(true, data);
        } else if (gathered.capacity() == 0) {
            gathered = data;
        } else {
            several = allocator.compositeBuffer(MAX_PIECES);
            several.addComponent(true, gathered).addComponent(true, data);
            gathered = several;
            pieces = several;
        }
        solicitedBytes = Math.max(solicitedBytes, receivedBytes);
    }

    private ByteBuf compact(ByteBuf data) {
        ByteBuf whole = data;
        for (ByteBuf under = whole.unwrap(); under != null; under = whole.unwrap()) {
            whole = under;
        }
        if (!data.isReadable() || whole.capacity() / SPARSE <= data.readableBytes()) {
            return data;
        }
        try {
            return allocator.buffer(data.readableBytes(), data.readableBytes()).writeBytes(data);
        } finally {
            data.release();
        }
    }

    /** It has to wait: what came keeps no more memory than it needs. */
    void compact() {
        if (pieces == null) {
            gathered = compact(gathered);
        }
    }

    /** It is refused: what came is let go, what comes is thrown away. */
    void discard() {
        failed = true;
        gathered.release();
        gathered = Unpooled.EMPTY_BUFFER;
        pieces = null;
    }

    /** What is still to come will not be waited for. */
    void abandon() {
        failed = true;
        unsolicitedAwaited = false;
        bursts.clear();
    }

    /**
     * Takes a Data-Out over.
     *
     * @return null, or what is wrong with it (then it was released and the transfer has {@link #failed})
     */
    @Nullable
    String accept(Pdu.DataOut pdu) {
        if (failed) {
            damaged(Rejected.of(pdu));
            pdu.release();
            return null;
        }
        String wrong = pdu.targetTransferTag() == Pdu.NO_TAG ? checkUnsolicited(pdu) : checkSolicited(pdu);
        if (wrong != null) {
            damaged(Rejected.of(pdu));
            pdu.release();
            return wrong;
        }
        append(pdu.data());
        nextDataSn++;
        if (pdu.isFinal()) {
            nextDataSn = 0;
            if (pdu.targetTransferTag() == Pdu.NO_TAG) {
                unsolicitedAwaited = false;
            } else {
                bursts.removeFirst();
            }
        }
        return null;
    }

    /**
     * A Data-Out is of no use: damaged, or out of its sequence. What else is due is drained, burst by burst, and thrown away; but
     * nothing is waited for that cannot come any more. A burst is over with its last byte, be it marked as final or not, and
     * whoever answers under a tag that he was not given will not answer under the right one.
     */
    void damaged(Rejected pdu) {
        failed = true;
        long end = Integer.toUnsignedLong(pdu.bufferOffset()) + pdu.lengthBytes();
        if (pdu.targetTransferTag() == Pdu.NO_TAG && unsolicitedAwaited) {
            unsolicitedAwaited = !pdu.isFinal() && end < firstBurstLengthBytes;
            return;
        }
        if (bursts.stream().noneMatch(burst -> burst.targetTransferTag() == pdu.targetTransferTag())) {
            unsolicitedAwaited = false;
            bursts.clear();
            return;
        }
        bursts.removeIf(
                burst -> burst.targetTransferTag() == pdu.targetTransferTag() && (pdu.isFinal() || end >= burst.end()));
    }

    /** Whether data were damaged: the command cannot be carried out. */
    boolean failed() {
        return failed;
    }

    private @Nullable String checkUnsolicited(Pdu.DataOut pdu) {
        if (!unsolicitedAwaited) {
            return "unsolicited data after its final PDU";
        }
        int end = receivedBytes + pdu.data().readableBytes();
        if (end > firstBurstLengthBytes) {
            return "unsolicited data beyond FirstBurstLength or the expected length";
        }
        if (end == firstBurstLengthBytes && !pdu.isFinal()) {
            return "final PDU without its F bit";
        }
        return checkPlace(pdu);
    }

    private @Nullable String checkSolicited(Pdu.DataOut pdu) {
        Burst burst = bursts.peekFirst();
        if (unsolicitedAwaited || burst == null || burst.targetTransferTag() != pdu.targetTransferTag()) {
            return "data for another transfer tag than the one that is due";
        }
        int end = receivedBytes + pdu.data().readableBytes();
        if (end > burst.end()) {
            return "data beyond what the R2T asked for";
        }
        if (pdu.isFinal() != (end == burst.end())) {
            return pdu.isFinal() ? "final PDU before the R2T was answered whole" : "final PDU without its F bit";
        }
        return checkPlace(pdu);
    }

    private @Nullable String checkPlace(Pdu.DataOut pdu) {
        if (pdu.bufferOffset() != receivedBytes) {
            return "buffer offset " + Integer.toUnsignedString(pdu.bufferOffset()) + " instead of " + receivedBytes;
        }
        if (pdu.dataSn() != nextDataSn) {
            return "DataSN " + Integer.toUnsignedString(pdu.dataSn()) + " instead of " + nextDataSn;
        }
        return null;
    }

    /** The device wants so many bytes, at most the expected length. */
    void want(int lengthBytes) {
        wantedBytes = (int) Math.min(lengthBytes, expectedLengthBytes);
    }

    /** Whether the device has said what it wants. */
    boolean wanted() {
        return wantedBytes >= 0;
    }

    /** Whether all that is wanted, and all that comes unasked, is here. */
    boolean complete() {
        return wantedBytes >= 0 && !unsolicitedAwaited && bursts.isEmpty() && receivedBytes >= wantedBytes;
    }

    /** Whether Data-Out PDUs for this transfer are still to come. */
    boolean dataAwaited() {
        return unsolicitedAwaited || !bursts.isEmpty();
    }

    /** Whether another R2T should go out now. */
    boolean canSolicit(int maxOutstandingR2t) {
        return wantedBytes > solicitedBytes && !unsolicitedAwaited && bursts.size() < maxOutstandingR2t;
    }

    /** The next R2T's offset. */
    int solicitOffset() {
        return solicitedBytes;
    }

    /** The next R2TSN. */
    int r2tSn() {
        return nextR2tSn;
    }

    /**
     * Notes that an R2T goes out.
     *
     * @return the length that it asks for
     */
    int solicit(int targetTransferTag, int maxBurstLengthBytes) {
        int length = Math.min(maxBurstLengthBytes, wantedBytes - solicitedBytes);
        bursts.addLast(new Burst(targetTransferTag, solicitedBytes, length));
        solicitedBytes += length;
        nextR2tSn++;
        return length;
    }

    int receivedBytes() {
        return receivedBytes;
    }

    /** The data wanted, cut to that length; the caller owns it. To be called once, when {@link #complete}. */
    ByteBuf data() {
        return gathered.readRetainedSlice(wantedBytes);
    }

    void release() {
        gathered.release();
    }
}
