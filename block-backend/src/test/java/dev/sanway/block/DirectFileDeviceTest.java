package dev.sanway.block;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Path;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A file past the page cache; with smaller blocks than a page it is opened the usual way, for it is refused then. */
class DirectFileDeviceTest extends BlockDeviceContract {
    private static final Identity IDENTITY = new Identity(UUID.randomUUID(), "direct");

    @TempDir
    Path directory;

    private final IoThreads threads = new IoThreads("test-io", 4, 1000);

    @Override
    protected BlockDevice open(int blockSizeBytes, long blockCount) throws IOException {
        Path path = directory.resolve("volume");
        FileDevice.create(path, blockCount * blockSizeBytes, FileDevice.Allocation.SPARSE);
        return blockSizeBytes % 4096 == 0
                ? FileDevice.openDirect(path, blockSizeBytes, IDENTITY, owner, threads)
                : FileDevice.open(path, blockSizeBytes, IDENTITY, owner, threads);
    }

    @Override
    protected void afterClose() {
        threads.close();
    }

    @Test
    void blocksSmallerThanAPageAreRefused() throws IOException {
        Path path = directory.resolve("small");
        FileDevice.create(path, 1 << 20, FileDevice.Allocation.SPARSE);
        assertThatThrownBy(() -> FileDevice.openDirect(path, 512, IDENTITY, owner, threads))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("4096");
    }
}
