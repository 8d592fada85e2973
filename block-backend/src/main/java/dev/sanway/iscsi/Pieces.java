package dev.sanway.iscsi;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.CompositeByteBuf;
import io.netty.buffer.Unpooled;
import org.jspecify.annotations.Nullable;

/**
 * Data that come in pieces, put together without copying. Each piece keeps the buffer that it was received in, and costs an
 * object or two, which a peer that sends byte by byte makes many times as large as the data: beyond a number of pieces all of
 * them are copied into one buffer. One thread.
 */
public final class Pieces {
    private final int mostPieces;
    private final int copiedBelowBytes;
    private @Nullable ByteBuf gathered;
    /** What was gathered while it has several pieces. */
    private @Nullable CompositeByteBuf several;
    /** Whether what was gathered is one buffer that has room for the rest. */
    private boolean copied;

    /**
     * @param mostPieces that keep their buffers
     * @param copiedBelowBytes a piece that is shorter, and not all there is, keeps no buffer but its own
     */
    public Pieces(int mostPieces, int copiedBelowBytes) {
        this.mostPieces = mostPieces;
        this.copiedBelowBytes = copiedBelowBytes;
    }

    /** Bytes so far. */
    public int lengthBytes() {
        return gathered == null ? 0 : gathered.readableBytes();
    }

    /**
     * Takes the next piece over.
     *
     * @param wholeBytes how many there will be in all, at most; the same each time
     */
    public void add(ByteBuf piece, int wholeBytes) {
        ByteBuf before = gathered;
        CompositeByteBuf composite = several;
        if (copied && before != null) {
            before.writeBytes(piece);
            piece.release();
        } else if (composite != null && composite.numComponents() >= mostPieces) {
            gathered = copy(piece, copy(composite, ByteBufAllocator.DEFAULT.directBuffer(wholeBytes, wholeBytes)));
            several = null;
            copied = true;
        } else {
            ByteBuf kept = piece.readableBytes() < Math.min(copiedBelowBytes, wholeBytes) ? own(piece) : piece;
            if (before == null) {
                gathered = kept;
            } else if (composite != null) {
                composite.addComponent(true, kept);
            } else {
                composite = ByteBufAllocator.DEFAULT.compositeBuffer(Integer.MAX_VALUE);
                composite.addComponent(true, before).addComponent(true, kept);
                gathered = composite;
                several = composite;
            }
        }
    }

    private static ByteBuf own(ByteBuf piece) {
        return copy(piece, ByteBufAllocator.DEFAULT.directBuffer(piece.readableBytes()));
    }

    private static ByteBuf copy(ByteBuf from, ByteBuf to) {
        to.writeBytes(from);
        from.release();
        return to;
    }

    /** What was gathered, which the caller owns then; empty if nothing was. */
    public ByteBuf take() {
        ByteBuf taken = gathered;
        gathered = null;
        several = null;
        copied = false;
        return taken == null ? Unpooled.EMPTY_BUFFER : taken;
    }
}
