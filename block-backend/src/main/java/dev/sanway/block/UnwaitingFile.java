package dev.sanway.block;

import io.netty.buffer.ByteBuf;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;

/**
 * What an event loop may do with a file itself, because it waits for no disk. A file in memory (tmpfs) never does. On other
 * file systems the kernel is told not to wait (RWF_NOWAIT): it reads what its page cache holds and refuses the rest, and
 * file systems that can take writes into the cache without waiting do so; one that cannot says so the first time and is not
 * asked again. What is refused, or done in part only, the caller gives to a thread that may wait, whole.
 *
 * <p>Confined to the device's owner. Nothing is allocated for a request whose data are one piece of memory.
 */
final class UnwaitingFile {
    /** Copying more at a time would keep the loop's other connections waiting. */
    static final int MAX_BYTES = 256 << 10;

    private static final int MAX_PIECES = 64;
    private static final int PIECE_BYTES = 2 * Long.BYTES;

    private final LinuxFile file;
    private final int flags;
    private final MemorySegment vector;
    private final MemorySegment state;
    private boolean reads = true;
    private boolean writes = true;

    /** {@code file} stays the caller's. */
    UnwaitingFile(LinuxFile file) {
        this.file = file;
        this.flags = file.inMemory() ? 0 : LinuxFile.RWF_NOWAIT;
        // Lives as long as this object: not closed, so that a late request cannot meet freed memory.
        Arena arena = Arena.ofAuto();
        this.vector = arena.allocate((long) MAX_PIECES * PIECE_BYTES, Long.BYTES);
        this.state = LinuxFile.newCallState(arena);
    }

    /** Reads into the buffer's writable bytes; false: not done, and to be done by a thread. Indexes do not move. */
    boolean read(ByteBuf into, int lengthBytes, long offset) {
        if (!reads || lengthBytes > MAX_BYTES || !into.hasMemoryAddress()) {
            return false;
        }
        piece(0, into.memoryAddress() + into.writerIndex(), lengthBytes);
        long result = file.readVector(vector, 1, offset, flags, state);
        reads &= result != -LinuxFile.EOPNOTSUPP;
        return result == lengthBytes;
    }

    /** Writes the readable bytes; false: perhaps a part landed, and all of it is to be done by a thread. Indexes do not move. */
    boolean write(ByteBuf data, long offset) {
        int length = data.readableBytes();
        if (!writes || length > MAX_BYTES) {
            return false;
        }
        int pieces = pieces(data);
        if (pieces == 0) {
            return false;
        }
        long result = file.writeVector(vector, pieces, offset, flags, state);
        writes &= result != -LinuxFile.EOPNOTSUPP;
        return result == length;
    }

    private int pieces(ByteBuf data) {
        if (data.hasMemoryAddress()) {
            piece(0, data.memoryAddress() + data.readerIndex(), data.readableBytes());
            return 1;
        }
        if (data.nioBufferCount() > MAX_PIECES) {
            return 0;
        }
        int count = 0;
        for (ByteBuffer part : data.nioBuffers()) {
            if (!part.isDirect()) {
                return 0;
            }
            piece(count++, MemorySegment.ofBuffer(part).address(), part.remaining());
        }
        return count;
    }

    private void piece(int index, long address, int lengthBytes) {
        vector.setAtIndex(ValueLayout.JAVA_LONG, 2L * index, address);
        vector.setAtIndex(ValueLayout.JAVA_LONG, 2L * index + 1, lengthBytes);
    }
}
