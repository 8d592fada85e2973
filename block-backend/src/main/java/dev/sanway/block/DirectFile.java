package dev.sanway.block;

import io.netty.buffer.ByteBuf;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A file or disk past the page cache (O_DIRECT): what is served does not push other things out of memory, and what is
 * written is not kept twice. Each transfer goes through an aligned buffer of the calling thread, since data from the
 * network lie anywhere. Durability is the same as without: the disk's own cache is flushed by fdatasync. Any thread.
 */
final class DirectFile implements AutoCloseable {
    /** What file systems and disks align to at most; requests are of whole blocks of this size. */
    static final int ALIGNMENT_BYTES = 4096;

    private static final int BUFFER_BYTES = 1 << 20;

    /** A thread's buffer, and the memory for its calls. */
    private record Scratch(ByteBuffer buffer, MemorySegment vector, MemorySegment state) {
        static Scratch make() {
            Arena arena = Arena.ofAuto();
            MemorySegment buffer = arena.allocate(BUFFER_BYTES, ALIGNMENT_BYTES);
            MemorySegment vector = arena.allocate(2L * Long.BYTES, Long.BYTES);
            vector.setAtIndex(ValueLayout.JAVA_LONG, 0, buffer.address());
            return new Scratch(buffer.asByteBuffer(), vector, LinuxFile.newCallState(arena));
        }

        void length(int lengthBytes) {
            buffer.clear().limit(lengthBytes);
            vector.setAtIndex(ValueLayout.JAVA_LONG, 1, lengthBytes);
        }
    }

    private static final ThreadLocal<Scratch> SCRATCH = ThreadLocal.withInitial(Scratch::make);

    private final LinuxFile file;

    private DirectFile(LinuxFile file) {
        this.file = file;
    }

    /** @throws IOException if the system or the file system cannot do it, saying so */
    static DirectFile open(Path path) throws IOException {
        long alignment = Files.getFileStore(path).getBlockSize();
        if (alignment > ALIGNMENT_BYTES) {
            throw new IOException(path + " wants transfers in multiples of " + alignment
                    + " bytes past the page cache; leave \"directIo\" out");
        }
        LinuxFile file;
        try {
            file = LinuxFile.openDirect(path);
        } catch (IOException failure) {
            throw new IOException("past the page cache: " + failure.getMessage() + "; leave \"directIo\" out", failure);
        }
        if (file == null) {
            throw new IOException("this system cannot pass the page cache by; leave \"directIo\" out");
        }
        return new DirectFile(file);
    }

    /** Fills {@code into} from index {@code index} on. */
    void read(ByteBuf into, int index, int lengthBytes, long offset) throws IOException {
        Scratch scratch = SCRATCH.get();
        int done = 0;
        while (done < lengthBytes) {
            scratch.length(Math.min(BUFFER_BYTES, lengthBytes - done));
            int whole = wholeBlocks(file.readVector(scratch.vector(), 1, offset + done, 0, scratch.state()));
            into.setBytes(index + done, scratch.buffer().limit(whole));
            done += whole;
        }
    }

    /** Writes {@code lengthBytes} of {@code data} from index {@code index} on. */
    void write(ByteBuf data, int index, int lengthBytes, long offset) throws IOException {
        Scratch scratch = SCRATCH.get();
        int done = 0;
        while (done < lengthBytes) {
            scratch.length(Math.min(BUFFER_BYTES, lengthBytes - done));
            data.getBytes(index + done, scratch.buffer());
            done += wholeBlocks(file.writeVector(scratch.vector(), 1, offset + done, 0, scratch.state()));
        }
    }

    /** Of what was transferred; the next transfer begins there, and so is aligned. */
    private static int wholeBlocks(long result) throws IOException {
        if (result == -LinuxFile.ENOSPC || result == -LinuxFile.EDQUOT) {
            throw new IOException("No space left on device");
        }
        if (result < ALIGNMENT_BYTES) {
            throw new IOException(result < 0 ? "errno " + -result : "a part of a block only: " + result + " bytes");
        }
        return (int) (result - result % ALIGNMENT_BYTES);
    }

    @Override
    public void close() {
        file.close();
    }
}
