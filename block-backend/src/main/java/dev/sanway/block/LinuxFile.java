package dev.sanway.block;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.VarHandle;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * What {@code FileChannel} cannot say to a Linux file: holes, allocation, and a lock that belongs to the open file and not
 * to the process. (A POSIX lock would be dropped when any other descriptor of the file is closed.) Calls block.
 */
final class LinuxFile implements AutoCloseable {
    static final int ENXIO = 6;
    static final int ENOSPC = 28;
    static final int EDQUOT = 122;
    static final int EOPNOTSUPP = 95;
    private static final int EINTR = 4;
    private static final int EWOULDBLOCK = 11;

    private static final int O_RDWR = 2;
    private static final int O_CLOEXEC = 0x80000;
    /** The one flag that differs between the processors that we know. */
    private static final int O_DIRECT = System.getProperty("os.arch", "").equals("aarch64") ? 0x10000 : 0x4000;

    private static final int LOCK_EX = 2;
    private static final int LOCK_NB = 4;
    private static final int FALLOC_FL_KEEP_SIZE = 1;
    private static final int FALLOC_FL_PUNCH_HOLE = 2;
    private static final int FALLOC_FL_ZERO_RANGE = 0x10;
    private static final int SEEK_DATA = 3;
    private static final int SEEK_HOLE = 4;

    /** The call fails with {@link #EAGAIN} rather than wait for a disk. */
    static final int RWF_NOWAIT = 8;

    static final int EAGAIN = 11;

    private static final long TMPFS_MAGIC = 0x01021994;
    private static final long RAMFS_MAGIC = 0x858458f6L;
    /** More than struct statfs has; its first word is the type. */
    private static final int STATFS_BYTES = 256;

    private final int descriptor;

    private LinuxFile(int descriptor) {
        this.descriptor = descriptor;
    }

    /** The C library's functions, bound once; null on other systems. */
    private static final @Nullable Calls CALLS = bind();

    private record Calls(
            MethodHandle open,
            MethodHandle close,
            MethodHandle flock,
            MethodHandle fallocate,
            MethodHandle lseek,
            MethodHandle ftruncate,
            MethodHandle fstatfs,
            MethodHandle preadv2,
            MethodHandle pwritev2,
            StructLayout state,
            VarHandle errno) {}

    private static @Nullable Calls bind() {
        if (!System.getProperty("os.name", "").equals("Linux") || ValueLayout.ADDRESS.byteSize() != Long.BYTES) {
            return null;
        }
        ValueLayout.OfInt i = ValueLayout.JAVA_INT;
        ValueLayout.OfLong l = ValueLayout.JAVA_LONG;
        StructLayout state = Linker.Option.captureStateLayout();
        return new Calls(
                function("open", FunctionDescriptor.of(i, ValueLayout.ADDRESS, i), Linker.Option.firstVariadicArg(2)),
                function("close", FunctionDescriptor.of(i, i)),
                function("flock", FunctionDescriptor.of(i, i, i)),
                function("fallocate", FunctionDescriptor.of(i, i, i, l, l)),
                function("lseek", FunctionDescriptor.of(l, i, l, i)),
                function("ftruncate", FunctionDescriptor.of(i, i, l)),
                function("fstatfs", FunctionDescriptor.of(i, i, ValueLayout.ADDRESS)),
                function("preadv2", FunctionDescriptor.of(l, i, ValueLayout.ADDRESS, i, l, i)),
                function("pwritev2", FunctionDescriptor.of(l, i, ValueLayout.ADDRESS, i, l, i)),
                state,
                state.varHandle(MemoryLayout.PathElement.groupElement("errno")));
    }

    @SuppressWarnings("restricted") // the launcher grants native access
    private static MethodHandle function(String name, FunctionDescriptor type, Linker.Option... options) {
        Linker linker = Linker.nativeLinker();
        Linker.Option[] all = new Linker.Option[options.length + 1];
        all[0] = Linker.Option.captureCallState("errno");
        System.arraycopy(options, 0, all, 1, options.length);
        return linker.downcallHandle(linker.defaultLookup().findOrThrow(name), type, all);
    }

    /** Opens for reading and writing; null where this system has no such calls. */
    static @Nullable LinuxFile open(Path path) throws IOException {
        return open(path, 0);
    }

    /** As {@link #open(Path)}, past the page cache. */
    static @Nullable LinuxFile openDirect(Path path) throws IOException {
        return open(path, O_DIRECT);
    }

    private static @Nullable LinuxFile open(Path path, int flags) throws IOException {
        Calls calls = CALLS;
        if (calls == null) {
            return null;
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment state = arena.allocate(calls.state());
            int descriptor = (int)
                    calls.open().invokeExact(state, arena.allocateFrom(path.toString()), O_RDWR | O_CLOEXEC | flags);
            if (descriptor < 0) {
                throw new IOException("cannot open " + path + " (errno " + errno(calls, state) + ")");
            }
            return new LinuxFile(descriptor);
        } catch (Throwable thrown) {
            throw rethrown(thrown);
        }
    }

    private interface Call {
        long invoke(Calls calls, MemorySegment state) throws Throwable;
    }

    /** The call's value, or the negative errno. */
    private static long call(Call call) {
        Calls calls = java.util.Objects.requireNonNull(CALLS);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment state = arena.allocate(calls.state());
            while (true) {
                long value = call.invoke(calls, state);
                if (value >= 0) {
                    return value;
                }
                int errno = errno(calls, state);
                if (errno != EINTR) {
                    return -errno;
                }
            }
        } catch (Throwable thrown) {
            throw new IllegalStateException("a call of the C library failed", thrown);
        }
    }

    private static int errno(Calls calls, MemorySegment state) {
        return (int) calls.errno().get(state, 0L);
    }

    private static IOException rethrown(Throwable thrown) {
        return thrown instanceof IOException io ? io : new IOException("a call of the C library failed", thrown);
    }

    /** Whether the file lives in memory, so that no access ever waits for a disk. */
    boolean inMemory() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment found = arena.allocate(STATFS_BYTES, Long.BYTES);
            long result = call((calls, state) -> (int) calls.fstatfs().invokeExact(state, descriptor, found));
            long type = found.get(ValueLayout.JAVA_LONG, 0);
            return result == 0 && (type == TMPFS_MAGIC || type == RAMFS_MAGIC);
        }
    }

    /** Memory for what a call leaves behind, to be used with {@link #readVector} and {@link #writeVector} again and again. */
    static MemorySegment newCallState(Arena arena) {
        return arena.allocate(java.util.Objects.requireNonNull(CALLS).state());
    }

    /**
     * preadv2(2). On the data path: allocates nothing.
     *
     * @param vector {@code count} pairs of address and length
     * @param state from {@link #newCallState}; not used by two threads at once
     * @return bytes read, or the negative errno
     */
    long readVector(MemorySegment vector, int count, long offset, int flags, MemorySegment state) {
        Calls calls = java.util.Objects.requireNonNull(CALLS);
        try {
            while (true) {
                long result = (long) calls.preadv2().invokeExact(state, descriptor, vector, count, offset, flags);
                if (result >= 0 || errno(calls, state) != EINTR) {
                    return result >= 0 ? result : -errno(calls, state);
                }
            }
        } catch (Throwable thrown) {
            throw new IllegalStateException("a call of the C library failed", thrown);
        }
    }

    /** pwritev2(2), as {@link #readVector}. */
    long writeVector(MemorySegment vector, int count, long offset, int flags, MemorySegment state) {
        Calls calls = java.util.Objects.requireNonNull(CALLS);
        try {
            while (true) {
                long result = (long) calls.pwritev2().invokeExact(state, descriptor, vector, count, offset, flags);
                if (result >= 0 || errno(calls, state) != EINTR) {
                    return result >= 0 ? result : -errno(calls, state);
                }
            }
        } catch (Throwable thrown) {
            throw new IllegalStateException("a call of the C library failed", thrown);
        }
    }

    /** Takes the exclusive lock of the file; false if another open file has it, in this process or another. */
    boolean tryLock() throws IOException {
        long result = call((calls, state) -> (int) calls.flock().invokeExact(state, descriptor, LOCK_EX | LOCK_NB));
        if (result == -EWOULDBLOCK) {
            return false;
        }
        if (result < 0) {
            throw new IOException("flock failed (errno " + -result + ")");
        }
        return true;
    }

    /** Gives the range back; it reads as zeroes. 0, or the errno. */
    int punchHole(long offset, long length) {
        return fallocate(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length);
    }

    /** Makes the range read as zeroes and keeps it allocated. 0, or the errno. */
    int zeroRange(long offset, long length) {
        return fallocate(FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, offset, length);
    }

    /** Reserves the range, and makes the file that long. 0, or the errno. */
    int allocate(long offset, long length) {
        return fallocate(0, offset, length);
    }

    private int fallocate(int mode, long offset, long length) {
        return (int)
                -call((calls, state) -> (int) calls.fallocate().invokeExact(state, descriptor, mode, offset, length));
    }

    /** The first offset from {@code offset} on that holds data, or the negative errno ({@link #ENXIO}: none to the end). */
    long seekData(long offset) {
        return call((calls, state) -> (long) calls.lseek().invokeExact(state, descriptor, offset, SEEK_DATA));
    }

    /** The first offset from {@code offset} on that is a hole (the end of the file counts), or the negative errno. */
    long seekHole(long offset) {
        return call((calls, state) -> (long) calls.lseek().invokeExact(state, descriptor, offset, SEEK_HOLE));
    }

    /** Sets the length, without allocating. 0, or the errno. */
    int truncate(long length) {
        return (int) -call((calls, state) -> (int) calls.ftruncate().invokeExact(state, descriptor, length));
    }

    /** Also gives the lock up. */
    @Override
    public void close() {
        long _ = call((calls, state) -> (int) calls.close().invokeExact(state, descriptor));
    }
}
