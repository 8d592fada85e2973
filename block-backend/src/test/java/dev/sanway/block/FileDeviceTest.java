package dev.sanway.block;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FileDeviceTest extends BlockDeviceContract {
    private static final Identity IDENTITY = new Identity(UUID.randomUUID(), "file");

    @TempDir
    Path directory;

    private final IoThreads threads = new IoThreads("test-io", 4, 1000);

    @Override
    protected BlockDevice open(int blockSizeBytes, long blockCount) throws IOException {
        return file("volume", blockSizeBytes, blockCount * blockSizeBytes, FileDevice.Allocation.SPARSE);
    }

    private FileDevice file(String name, int blockSizeBytes, long sizeBytes, FileDevice.Allocation allocation)
            throws IOException {
        Path path = directory.resolve(name);
        FileDevice.create(path, sizeBytes, allocation);
        return FileDevice.open(path, blockSizeBytes, IDENTITY, owner, threads);
    }

    @Override
    protected void afterClose() {
        threads.close();
    }

    private static long allocatedBytes(Path path) throws IOException {
        return ((Number) Files.getAttribute(path, "unix:nlink")).longValue() > 0 ? blocksOf(path) * 512 : 0;
    }

    private static long blocksOf(Path path) throws IOException {
        Process stat = new ProcessBuilder("stat", "-c", "%b", path.toString()).start();
        return Long.parseLong(
                new String(stat.getInputStream().readAllBytes(), java.nio.charset.StandardCharsets.US_ASCII).trim());
    }

    @Test
    void keepsWhatWasWrittenAcrossOpenings() throws Exception {
        FileDevice first = file("kept", 512, 1 << 20, FileDevice.Allocation.SPARSE);
        byte[] bytes = new byte[1024];
        Arrays.fill(bytes, (byte) 0x5a);
        new BlockClient(first).writeThrough(17, bytes);
        new BlockClient(first).close();
        FileDevice second = FileDevice.open(directory.resolve("kept"), 512, IDENTITY, owner, threads);
        assertThat(new BlockClient(second).read(17, 2)).isEqualTo(bytes);
        new BlockClient(second).close();
    }

    @Test
    void isOpenedOnlyOnceAtATime() throws Exception {
        FileDevice first = file("once", 512, 1 << 20, FileDevice.Allocation.SPARSE);
        Path path = directory.resolve("once");
        assertThatThrownBy(() -> FileDevice.open(path, 512, IDENTITY, owner, threads))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("in use");
        Process other = new ProcessBuilder("flock", "-n", path.toString(), "true").start();
        assertThat(other.waitFor()).as("another process gets no lock either").isNotZero();
        new BlockClient(first).close();
        new BlockClient(FileDevice.open(path, 512, IDENTITY, owner, threads)).close();
    }

    @Test
    void unmapGivesSpaceBackAndStatusShowsIt() throws Exception {
        FileDevice device = file("holes", 512, 8 << 20, FileDevice.Allocation.SPARSE);
        Path path = directory.resolve("holes");
        BlockClient client = new BlockClient(device);
        Assumptions.assumeTrue(device.limits().unmappedReadsZeroes(), "a file system without holes");
        byte[] bytes = new byte[4 << 20];
        Arrays.fill(bytes, (byte) 1);
        client.write(0, bytes);
        client.flush();
        long full = allocatedBytes(path);
        client.unmap(0, 4096);
        client.flush();
        assertThat(allocatedBytes(path)).isLessThanOrEqualTo(full - (2 << 20));
        assertThat(client.run(new BlockRequest.Status(0, 16384)))
                .isEqualTo(new BlockOutcome.Status(List.of(
                        new BlockOutcome.Status.Extent(0, 4096, false),
                        new BlockOutcome.Status.Extent(4096, 4096, true),
                        new BlockOutcome.Status.Extent(8192, 8192, false))));
        client.close();
    }

    @Test
    void aPreallocatedFileHasItsSpace() throws Exception {
        FileDevice device = file("full", 4096, 8 << 20, FileDevice.Allocation.PREALLOCATED);
        assertThat(allocatedBytes(directory.resolve("full"))).isGreaterThanOrEqualTo(8 << 20);
        new BlockClient(device).close();
    }

    @Test
    void growsAndSaysSo() throws Exception {
        FileDevice device = file("growing", 512, 1 << 20, FileDevice.Allocation.SPARSE);
        BlockClient client = new BlockClient(device);
        List<DeviceEvent> events = new ArrayList<>();
        CompletableFuture<String> grown = new CompletableFuture<>();
        owner.execute(() -> {
            device.addListener(events::add);
            device.grow(4096, FileDevice.Allocation.SPARSE, failure -> grown.complete(String.valueOf(failure)));
        });
        assertThat(BlockClient.await(grown)).isEqualTo("null");
        assertThat(events)
                .containsExactly(
                        new DeviceEvent.CapacityChanged(new Geometry(512, 4096, 2048), new Geometry(512, 4096, 4096)));
        client.write(4095, new byte[512]);
        assertThat(Files.size(directory.resolve("growing"))).isEqualTo(2 << 20);
        client.close();
    }

    @Test
    void aReadBeyondAShortenedFileNamesTheFirstMissingBlock() throws Exception {
        FileDevice device = file("cut", 512, 1 << 20, FileDevice.Allocation.SPARSE);
        BlockClient client = new BlockClient(device);
        try (java.nio.channels.FileChannel channel =
                java.nio.channels.FileChannel.open(directory.resolve("cut"), java.nio.file.StandardOpenOption.WRITE)) {
            channel.truncate(100 * 512);
        }
        assertThat(client.run(new BlockRequest.Read(90, 20, false)))
                .isEqualTo(BlockOutcome.failed(new BlockFailure.Unreadable(100)));
        client.close();
    }

    @Test
    void whatNoThreadHasTakenUpIsCancelledAtOnce() throws Exception {
        IoThreads one = new IoThreads("one", 1, 10);
        CountDownLatch hold = new CountDownLatch(1);
        one.execute(() -> {
            try {
                hold.await();
            } catch (InterruptedException interrupted) {
                throw new IllegalStateException(interrupted);
            }
        });
        Path path = directory.resolve("slow");
        FileDevice.create(path, 1 << 20, FileDevice.Allocation.SPARSE);
        FileDevice device = FileDevice.open(path, 512, IDENTITY, owner, one);
        BlockClient client = new BlockClient(device);
        byte[] bytes = new byte[512];
        Arrays.fill(bytes, (byte) 9);
        BlockClient.Started write = client.start(client.writeOf(0, bytes, false));
        write.cancel();
        assertThat(write.end()).isEqualTo(BlockOutcome.failed(new BlockFailure.Cancelled()));
        hold.countDown();
        assertThat(client.read(0, 1)).as("nothing lands later").isEqualTo(new byte[512]);
        client.close();
        one.close();
    }

    @Test
    void aFullFileSystemIsOutOfSpace() throws Exception {
        Path full = Path.of("/dev/full");
        Assumptions.assumeTrue(Files.exists(full));
        // A character device of size 0: requests go beyond its end on purpose, only the errno matters here.
        FileDevice device = FileDevice.open(full, 512, IDENTITY, owner, threads);
        BlockClient client = new BlockClient(device);
        assertThat(client.run(client.writeOf(0, new byte[512], false)))
                .isEqualTo(BlockOutcome.failed(new BlockFailure.OutOfSpace()));
        client.close();
    }

    private FileDevice syncing(String name, UnaryOperator<FileDevice.Sync> around) throws IOException {
        Path path = directory.resolve(name);
        FileDevice.create(path, 1 << 20, FileDevice.Allocation.SPARSE);
        return FileDevice.open(path, 512, false, IDENTITY, owner, threads, around);
    }

    @Test
    void oneSyncServesAllFlushesThatWaitForItAndNoneThatBeganBefore() throws Exception {
        AtomicInteger syncs = new AtomicInteger();
        CountDownLatch firstBegan = new CountDownLatch(1);
        CountDownLatch letFirstEnd = new CountDownLatch(1);
        FileDevice device = syncing("grouped", real -> () -> {
            if (syncs.incrementAndGet() == 1) {
                firstBegan.countDown();
                try {
                    letFirstEnd.await();
                } catch (InterruptedException interrupted) {
                    throw new IOException(interrupted);
                }
            }
            real.sync();
        });
        BlockClient client = new BlockClient(device);
        BlockClient.Started first = client.start(new BlockRequest.Flush(0, 0));
        firstBegan.await();
        List<BlockClient.Started> later = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            later.add(client.start(new BlockRequest.Flush(i, 1)));
        }
        assertThat(later).noneMatch(each -> each.outcome().isDone());
        letFirstEnd.countDown();
        assertThat(first.end()).isEqualTo(BlockOutcome.DONE);
        later.forEach(each -> assertThat(each.end()).isEqualTo(BlockOutcome.DONE));
        assertThat(syncs).hasValue(2);
        client.writeThrough(0, new byte[512]);
        assertThat(syncs).as("a write through waits for a sync of its own").hasValue(3);
        client.close();
    }

    @Test
    void afterAFailedSyncNothingIsEverAcknowledgedAgain() throws Exception {
        AtomicBoolean failing = new AtomicBoolean(true);
        FileDevice device = syncing("broken", real -> () -> {
            if (failing.get()) {
                throw new IOException("Input/output error");
            }
            real.sync();
        });
        BlockClient client = new BlockClient(device);
        client.write(0, new byte[512]);
        assertThat(client.run(client.writeOf(1, new byte[512], true)))
                .as("written, but not durable")
                .isInstanceOf(BlockOutcome.Failed.class);
        failing.set(false);
        assertThat(client.run(new BlockRequest.Flush(0, 0)))
                .as("the first flush is told of the loss")
                .isEqualTo(BlockOutcome.failed(new BlockFailure.UnflushedWritesLost()));
        assertThat(client.run(new BlockRequest.Flush(0, 0)))
                .as("the kernel would say all is well now")
                .isInstanceOfSatisfying(
                        BlockOutcome.Failed.class,
                        failed -> assertThat(failed.failure()).isInstanceOf(BlockFailure.Broken.class));
        assertThat(client.run(client.writeOf(2, new byte[512], false)))
                .isInstanceOfSatisfying(
                        BlockOutcome.Failed.class,
                        failed -> assertThat(failed.failure()).isInstanceOf(BlockFailure.WriteProtected.class));
        assertThat(client.read(0, 1)).as("reading goes on").hasSize(512);
        client.close();
    }
}
