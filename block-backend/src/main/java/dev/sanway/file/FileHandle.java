package dev.sanway.file;

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
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * What a path named at one moment, held fast without being opened for reading: open(2) with {@code O_PATH} waits for no writer
 * of a FIFO and has no effect on a device. What is found out through {@link #path()} is true of what is then read through it,
 * whatever becomes of the name meanwhile. Java's own ways to open a file wait at a FIFO, and cannot be told not to.
 */
final class FileHandle implements AutoCloseable {

    private static final int O_PATH = 0x200000;
    private static final int O_CLOEXEC = 0x80000;
    private static final int ENOENT = 2;
    private static final int EACCES = 13;
    private static final int ENOTDIR = 20;

    /** The C library's functions, bound once; null on other systems, where the name itself has to do. */
    private static final @Nullable Calls CALLS = bind();

    private record Calls(MethodHandle open, MethodHandle close, StructLayout state, VarHandle errno) {}

    private final int descriptor;
    private final Path path;

    private FileHandle(int descriptor, Path path) {
        this.descriptor = descriptor;
        this.path = path;
    }

    @SuppressWarnings("restricted") // the launcher grants native access
    private static @Nullable Calls bind() {
        if (!System.getProperty("os.name", "").equals("Linux") || ValueLayout.ADDRESS.byteSize() != Long.BYTES) {
            return null;
        }
        Linker linker = Linker.nativeLinker();
        StructLayout state = Linker.Option.captureStateLayout();
        return new Calls(
                linker.downcallHandle(
                        linker.defaultLookup().findOrThrow("open"),
                        FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.JAVA_INT),
                        Linker.Option.captureCallState("errno"),
                        Linker.Option.firstVariadicArg(2)),
                linker.downcallHandle(
                        linker.defaultLookup().findOrThrow("close"),
                        FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_INT)),
                state,
                state.varHandle(MemoryLayout.PathElement.groupElement("errno")));
    }

    static FileHandle open(Path file) throws IOException {
        Calls calls = CALLS;
        if (calls == null) {
            return new FileHandle(-1, file);
        }
        int descriptor;
        int errno;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment state = arena.allocate(calls.state());
            descriptor = (int) calls.open().invokeExact(state, arena.allocateFrom(file.toString()), O_PATH | O_CLOEXEC);
            errno = (int) calls.errno().get(state, 0L);
        } catch (Throwable thrown) {
            throw new IOException("a call of the C library failed", thrown);
        }
        if (descriptor < 0) {
            throw switch (errno) {
                case ENOENT, ENOTDIR -> new NoSuchFileException(file.toString());
                case EACCES -> new AccessDeniedException(file.toString());
                default -> new FileSystemException(file.toString(), null, "cannot be opened (errno " + errno + ")");
            };
        }
        return new FileHandle(descriptor, Path.of("/proc/self/fd/" + descriptor));
    }

    /** Names what was found, while this is open. */
    Path path() {
        return path;
    }

    /** Where what was found lies, symbolic links resolved. */
    Path realPath() throws IOException {
        return descriptor < 0 ? path.toRealPath() : Files.readSymbolicLink(path);
    }

    @Override
    public void close() {
        Calls calls = CALLS;
        if (calls != null && descriptor >= 0) {
            try {
                int _ = (int) calls.close().invokeExact(descriptor);
            } catch (Throwable thrown) {
                throw new IllegalStateException("a call of the C library failed", thrown);
            }
        }
    }
}
