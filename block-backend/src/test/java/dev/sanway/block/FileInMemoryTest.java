package dev.sanway.block;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.UUID;
import org.junit.jupiter.api.extension.AnnotatedElementContext;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.io.TempDirFactory;

/** A file on tmpfs: its reads and writes are carried out by the owner itself. */
class FileInMemoryTest extends BlockDeviceContract {

    /** Folders in /dev/shm where there is such a thing; elsewhere the usual ones, and the contract holds just as well. */
    static final class InMemory implements TempDirFactory {
        @Override
        public Path createTempDirectory(AnnotatedElementContext element, ExtensionContext context) throws IOException {
            Path memory = Path.of("/dev/shm");
            return Files.isWritable(memory)
                    ? Files.createTempDirectory(memory, "sanway-test")
                    : Files.createTempDirectory("sanway-test");
        }
    }

    @TempDir(factory = InMemory.class)
    Path directory;

    private final IoThreads threads = new IoThreads("test-io", 4, 1000);

    @Override
    protected BlockDevice open(int blockSizeBytes, long blockCount) throws IOException {
        Path path = directory.resolve("volume");
        FileDevice.create(path, blockCount * blockSizeBytes, FileDevice.Allocation.SPARSE);
        return FileDevice.open(path, blockSizeBytes, new Identity(UUID.randomUUID(), "file"), owner, threads);
    }

    @Override
    protected void afterClose() {
        threads.close();
    }
}
