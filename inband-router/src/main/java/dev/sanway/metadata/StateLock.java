package dev.sanway.metadata;

import dev.sanway.file.OwnFiles;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * Keeps a state directory to one process. The lock is the kernel's and ends with the process however that ends; the file's
 * content, the holder's process id, is only for the message to the next one.
 */
public final class StateLock implements AutoCloseable {
    /** Within a process the kernel's lock does not hold, and closing another descriptor would even drop it. */
    private static final Set<Path> HELD_HERE = ConcurrentHashMap.newKeySet();

    private final Path file;
    private final FileChannel channel;

    private StateLock(Path file, FileChannel channel) {
        this.file = file;
        this.channel = channel;
    }

    /**
     * Locks a directory, making it if it is not there; from then on it and what is in it is its user's only.
     *
     * @throws MetadataException if another process has it; names that process
     */
    public static StateLock take(Path directory) throws MetadataException {
        try {
            // Before the lock: whoever may open its file, be it for reading, can hold it.
            OwnFiles.tighten(directory);
            Path file = directory.toRealPath().resolve("lock");
            if (!HELD_HERE.add(file)) {
                throw inUse(directory, String.valueOf(ProcessHandle.current().pid()));
            }
            try {
                return new StateLock(file, lock(directory, file));
            } catch (IOException | MetadataException failure) {
                HELD_HERE.remove(file);
                throw failure;
            }
        } catch (IOException failure) {
            throw new MetadataException("cannot lock the state directory " + directory + ": " + failure, failure);
        }
    }

    private static FileChannel lock(Path directory, Path file) throws IOException, MetadataException {
        FileChannel channel = FileChannel.open(
                file,
                Set.of(StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE),
                OwnFiles.file());
        try {
            @Nullable FileLock lock = channel.tryLock();
            if (lock == null) {
                String holder =
                        Files.readString(file, StandardCharsets.US_ASCII).trim();
                throw inUse(directory, holder);
            }
            channel.truncate(0);
            byte[] pid = (ProcessHandle.current().pid() + "\n").getBytes(StandardCharsets.US_ASCII);
            channel.write(ByteBuffer.wrap(pid), 0);
            return channel;
        } catch (IOException | MetadataException failure) {
            channel.close();
            throw failure;
        }
    }

    private static MetadataException inUse(Path directory, String holder) {
        return new MetadataException("the state directory " + directory + " is in use by process "
                + (holder.isEmpty() ? "(unknown)" : holder) + "; two must never run on one state directory");
    }

    @Override
    public void close() {
        try {
            channel.close();
        } catch (IOException _) {
            // The lock ends with the process at the latest.
        }
        HELD_HERE.remove(file);
    }
}
