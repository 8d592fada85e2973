package dev.sanway.block;

import io.netty.buffer.ByteBuf;
import java.nio.ByteBuffer;

/** Compares bytes of two buffers, composites included, as fast as the machine can. */
public final class Mismatch {

    private Mismatch() {}

    /**
     * Offset of the first difference between two runs of {@code length} bytes; -1 if there is none. The buffers' indices stay as
     * they are.
     */
    public static int find(ByteBuf one, int oneIndex, ByteBuf other, int otherIndex, int length) {
        if (length == 0) {
            return -1;
        }
        ByteBuffer[] left = one.nioBuffers(oneIndex, length);
        ByteBuffer[] right = other.nioBuffers(otherIndex, length);
        int done = 0;
        int l = 0;
        int r = 0;
        while (done < length) {
            ByteBuffer a = left[l];
            ByteBuffer b = right[r];
            int run = Math.min(a.remaining(), b.remaining());
            int difference = a.slice(a.position(), run).mismatch(b.slice(b.position(), run));
            if (difference >= 0) {
                return done + difference;
            }
            done += run;
            a.position(a.position() + run);
            b.position(b.position() + run);
            l += a.hasRemaining() ? 0 : 1;
            r += b.hasRemaining() ? 0 : 1;
        }
        return -1;
    }
}
