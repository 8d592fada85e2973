package dev.sanway.block;

import static dev.sanway.block.BlockOutcome.DONE;

import dev.sanway.file.OwnFiles;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The blocking half of {@link FileDevice}: an open, locked file or disk, and requests carried out on it. Any thread, several
 * at once; it knows no order and no durability but what {@link #sync} does.
 */
final class FileBlocks implements AutoCloseable {
    static final int PAGE_BYTES = 4096;
    private static final int MAX_STATUS_EXTENTS = 256;
    /** How many blocks after an I/O error are tried one by one; a bad disk may take seconds for each. */
    private static final int MAX_BLOCKS_TRIED_SINGLY = 256;

    private final Path path;
    private final FileChannel channel;
    private final @Nullable LinuxFile linux;
    private final boolean regularFile;
    private final boolean punches;
    private final int blockSizeBytes;
    /** Where the page cache is passed by; zeroing and status still go the usual way. */
    private final @Nullable DirectFile direct;

    private FileBlocks(
            Path path, FileChannel channel, @Nullable LinuxFile linux, @Nullable DirectFile direct, int blockSizeBytes)
            throws IOException {
        this.direct = direct;
        this.path = path;
        this.channel = channel;
        this.linux = linux;
        this.blockSizeBytes = blockSizeBytes;
        this.regularFile = Files.isRegularFile(path);
        // Beyond the end there is nothing to lose, and KEEP_SIZE keeps the end where it is. A disk has no beyond: there
        // the first unmap shows what the disk can do, and zeroes are written if it cannot.
        long beyond = (channel.size() / PAGE_BYTES + 2) * PAGE_BYTES;
        this.punches = linux != null && (!regularFile || linux.punchHole(beyond, PAGE_BYTES) == 0);
    }

    static void create(Path path, long sizeBytes, FileDevice.Allocation allocation) throws IOException {
        boolean made = false;
        try (FileChannel channel = FileChannel.open(
                path, Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE), OwnFiles.file())) {
            made = true;
            try (LinuxFile linux = LinuxFile.open(path)) {
                extend(channel, linux, sizeBytes);
                if (allocation == FileDevice.Allocation.PREALLOCATED) {
                    preallocate(channel, linux, 0, sizeBytes);
                }
            }
            channel.force(true);
        } catch (IOException failure) {
            if (made) {
                Files.deleteIfExists(path);
            }
            throw failure;
        }
        Path parent = path.toAbsolutePath().getParent();
        if (parent != null) {
            try (FileChannel directory = FileChannel.open(parent, StandardOpenOption.READ)) {
                directory.force(true);
            }
        }
    }

    static FileBlocks open(Path path, int blockSizeBytes, boolean directIo) throws IOException {
        if (directIo && blockSizeBytes % DirectFile.ALIGNMENT_BYTES != 0) {
            throw new IOException(
                    "directIo wants blocks of " + DirectFile.ALIGNMENT_BYTES + " bytes, not of " + blockSizeBytes);
        }
        FileChannel channel = FileChannel.open(path, StandardOpenOption.READ, StandardOpenOption.WRITE);
        LinuxFile linux = null;
        DirectFile direct = null;
        try {
            linux = LinuxFile.open(path);
            if (!lock(channel, linux)) {
                throw new IOException(path + " is in use by another process or is opened twice");
            }
            direct = directIo ? DirectFile.open(path) : null;
            return new FileBlocks(path, channel, linux, direct, blockSizeBytes);
        } catch (IOException | RuntimeException failure) {
            if (direct != null) {
                direct.close();
            }
            if (linux != null) {
                linux.close();
            }
            channel.close();
            throw failure;
        }
    }

    Path path() {
        return path;
    }

    long sizeBytes() throws IOException {
        return channel.size();
    }

    /** Whether holes can be made, so that unmapped blocks are given back and read as zeroes. */
    boolean punches() {
        return punches;
    }

    /** What may be done without a thread; null where the system cannot tell. */
    @Nullable
    UnwaitingFile unwaiting() {
        return linux == null || !regularFile || direct != null ? null : new UnwaitingFile(linux);
    }

    /** What was written before the call is durable after it. */
    void sync() throws IOException {
        channel.force(false);
    }

    /** Makes a file that long, durably; of a disk only checks that it is. */
    void grow(long sizeBytes, FileDevice.Allocation allocation) throws IOException {
        long before = channel.size();
        if (!regularFile) {
            if (before < sizeBytes) {
                throw new IOException(path + " has only " + before + " bytes");
            }
            return;
        }
        extend(channel, linux, sizeBytes);
        if (allocation == FileDevice.Allocation.PREALLOCATED && sizeBytes > before) {
            preallocate(channel, linux, before, sizeBytes - before);
        }
        channel.force(true);
    }

    /** Ends the opening, and its lock. */
    @Override
    public void close() throws IOException {
        try {
            if (direct != null) {
                direct.close();
            }
            channel.close();
        } finally {
            if (linux != null) {
                linux.close();
            }
        }
    }

    /**
     * Carries a request out.
     *
     * @param into where a read goes; borrowed, and handed on with the outcome if there is one with data
     */
    BlockOutcome carryOut(BlockRequest request, @Nullable ByteBuf into) {
        return switch (request) {
            case BlockRequest.Read read -> read(read, Objects.requireNonNull(into));
            case BlockRequest.Write write -> write(write);
            case BlockRequest.Unmap unmap -> unmap(unmap);
            case BlockRequest.WriteZeroes zeroes -> zero(zeroes);
            case BlockRequest.Status status -> status(status);
            case BlockRequest.Flush _, BlockRequest.CompareAndWrite _, BlockRequest.OrWrite _ ->
                throw new IllegalStateException("not for the threads: " + request);
        };
    }

    private BlockOutcome read(BlockRequest.Read read, ByteBuf into) {
        int length = read.blockCount() * blockSizeBytes;
        long offset = read.lba() * blockSizeBytes;
        try {
            readFully(into, 0, length, offset);
        } catch (IOException _) {
            for (int block = 0; block < read.blockCount(); block++) {
                try {
                    readFully(into, block * blockSizeBytes, blockSizeBytes, offset + (long) block * blockSizeBytes);
                } catch (IOException _) {
                    return BlockOutcome.failed(new BlockFailure.Unreadable(read.lba() + block));
                }
                if (block == MAX_BLOCKS_TRIED_SINGLY) {
                    return BlockOutcome.failed(new BlockFailure.Unreadable(read.lba() + block + 1));
                }
            }
        }
        into.writerIndex(length);
        return new BlockOutcome.Data(into);
    }

    private void readFully(ByteBuf into, int index, int lengthBytes, long offset) throws IOException {
        if (direct != null) {
            direct.read(into, index, lengthBytes, offset);
            return;
        }
        ByteBuffer bytes = into.nioBuffer(index, lengthBytes);
        long at = offset;
        while (bytes.hasRemaining()) {
            int count = channel.read(bytes, at);
            if (count < 0) {
                throw new IOException(path + " became shorter");
            }
            at += count;
        }
    }

    private static void writeFully(FileChannel channel, ByteBuffer bytes, long offset) throws IOException {
        long at = offset;
        while (bytes.hasRemaining()) {
            at += channel.write(bytes, at);
        }
    }

    private BlockOutcome write(BlockRequest.Write write) {
        long at = write.lba() * blockSizeBytes;
        try {
            if (direct != null) {
                direct.write(
                        write.data(), write.data().readerIndex(), write.data().readableBytes(), at);
                return DONE;
            }
            for (ByteBuffer piece : write.data().nioBuffers()) {
                int length = piece.remaining();
                writeFully(channel, piece, at);
                at += length;
            }
            return DONE;
        } catch (IOException failure) {
            if (outOfSpace(failure)) {
                return BlockOutcome.failed(new BlockFailure.OutOfSpace());
            }
        }
        ByteBuf data = write.data();
        for (int block = 0; block < write.blockCount(); block++) {
            try {
                int index = data.readerIndex() + block * blockSizeBytes;
                long blockOffset = (write.lba() + block) * blockSizeBytes;
                if (direct != null) {
                    direct.write(data, index, blockSizeBytes, blockOffset);
                } else {
                    writeFully(channel, data.nioBuffer(index, blockSizeBytes), blockOffset);
                }
            } catch (IOException failure) {
                return BlockOutcome.failed(
                        outOfSpace(failure)
                                ? new BlockFailure.OutOfSpace()
                                : new BlockFailure.Unwritable(write.lba() + block));
            }
            if (block == MAX_BLOCKS_TRIED_SINGLY) {
                return BlockOutcome.failed(new BlockFailure.Unwritable(write.lba() + block + 1));
            }
        }
        return DONE;
    }

    private static boolean outOfSpace(IOException failure) {
        // The JDK passes on the C library's words and no number.
        String message = String.valueOf(failure.getMessage());
        return message.contains("No space left") || message.contains("quota exceeded");
    }

    private BlockOutcome unmap(BlockRequest.Unmap unmap) {
        if (!punches) {
            return DONE;
        }
        for (BlockRange range : unmap.ranges()) {
            BlockOutcome outcome =
                    punchOrZero(range.lba(), range.lba() * blockSizeBytes, range.blockCount() * blockSizeBytes);
            if (!(outcome instanceof BlockOutcome.Done)) {
                return outcome;
            }
        }
        return DONE;
    }

    private BlockOutcome punchOrZero(long lba, long offset, long length) {
        if (length == 0) {
            return DONE;
        }
        int errno = linux == null ? LinuxFile.EOPNOTSUPP : linux.punchHole(offset, length);
        return errno == 0 ? DONE : zeroByWriting(lba, offset, length);
    }

    private BlockOutcome zero(BlockRequest.WriteZeroes zeroes) {
        long offset = zeroes.lba() * blockSizeBytes;
        long length = zeroes.blockCount() * blockSizeBytes;
        if (zeroes.mayUnmap()) {
            return punchOrZero(zeroes.lba(), offset, length);
        }
        if (length == 0 || (linux != null && linux.zeroRange(offset, length) == 0)) {
            return DONE;
        }
        return zeroByWriting(zeroes.lba(), offset, length);
    }

    private BlockOutcome zeroByWriting(long lba, long offset, long length) {
        try {
            writeZeroes(channel, offset, length);
            return DONE;
        } catch (IOException failure) {
            return BlockOutcome.failed(
                    outOfSpace(failure) ? new BlockFailure.OutOfSpace() : new BlockFailure.Unwritable(lba));
        }
    }

    private static void writeZeroes(FileChannel channel, long offset, long length) throws IOException {
        ByteBuf zeroes = ByteBufAllocator.DEFAULT.directBuffer((int) Math.min(length, 1 << 20));
        try {
            zeroes.writeZero(zeroes.capacity());
            long at = offset;
            while (at < offset + length) {
                int run = (int) Math.min(zeroes.readableBytes(), offset + length - at);
                writeFully(channel, zeroes.nioBuffer(0, run), at);
                at += run;
            }
        } finally {
            zeroes.release();
        }
    }

    private BlockOutcome status(BlockRequest.Status status) {
        if (linux == null || !regularFile || status.blockCount() == 0) {
            return new BlockOutcome.Status(
                    status.blockCount() == 0
                            ? List.of()
                            : List.of(new BlockOutcome.Status.Extent(status.lba(), status.blockCount(), true)));
        }
        List<BlockOutcome.Status.Extent> extents = new ArrayList<>();
        long lba = status.lba();
        long end = lba + status.blockCount();
        while (lba < end && extents.size() < MAX_STATUS_EXTENTS) {
            long data = linux.seekData(lba * blockSizeBytes);
            if (data < 0) {
                // ENXIO: a hole up to the end. Anything else: not known, and mapped is always true enough.
                extents.add(new BlockOutcome.Status.Extent(lba, end - lba, data != -LinuxFile.ENXIO));
                return new BlockOutcome.Status(extents);
            }
            long firstMapped = Math.min(end, data / blockSizeBytes);
            if (firstMapped > lba) {
                extents.add(new BlockOutcome.Status.Extent(lba, firstMapped - lba, false));
                lba = firstMapped;
            }
            if (lba < end) {
                long hole = linux.seekHole(lba * blockSizeBytes);
                // A block that holds any data at all counts as mapped.
                long firstUnmapped =
                        hole < 0 ? end : Math.min(end, Math.max(lba + 1, -Math.floorDiv(-hole, blockSizeBytes)));
                extents.add(new BlockOutcome.Status.Extent(lba, firstUnmapped - lba, true));
                lba = firstUnmapped;
            }
        }
        return new BlockOutcome.Status(extents);
    }

    private static void extend(FileChannel channel, @Nullable LinuxFile linux, long sizeBytes) throws IOException {
        if (channel.size() >= sizeBytes) {
            return;
        }
        if (linux == null) {
            channel.write(ByteBuffer.allocate(1), sizeBytes - 1);
            return;
        }
        int errno = linux.truncate(sizeBytes);
        if (errno != 0) {
            throw new IOException("cannot make the file " + sizeBytes + " bytes long (errno " + errno + ")");
        }
    }

    private static void preallocate(FileChannel channel, @Nullable LinuxFile linux, long offset, long length)
            throws IOException {
        int errno = linux == null ? LinuxFile.EOPNOTSUPP : linux.allocate(offset, length);
        if (errno == LinuxFile.EOPNOTSUPP) {
            writeZeroes(channel, offset, length);
        } else if (errno == LinuxFile.ENOSPC || errno == LinuxFile.EDQUOT) {
            throw new IOException("no space left for " + length + " bytes");
        } else if (errno != 0) {
            throw new IOException("cannot allocate " + length + " bytes (errno " + errno + ")");
        }
    }

    private static boolean lock(FileChannel channel, @Nullable LinuxFile linux) throws IOException {
        if (linux != null) {
            return linux.tryLock();
        }
        try {
            return channel.tryLock() != null;
        } catch (OverlappingFileLockException _) {
            return false;
        }
    }
}
