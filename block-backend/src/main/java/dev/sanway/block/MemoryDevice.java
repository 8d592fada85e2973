package dev.sanway.block;

import static dev.sanway.block.BlockOutcome.DONE;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.util.concurrent.EventExecutor;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;

/**
 * Blocks in memory, for tests and for scratch volumes. Sparse: only chunks that hold something take room, so it may be
 * larger than the machine's memory. Every request ends before {@link #submit} returns. Nothing outlives the process.
 */
public final class MemoryDevice implements BlockDevice {
    private static final int CHUNK_BYTES = 64 << 10;
    private static final int MAX_TRANSFER_BYTES = 16 << 20;
    private static final int MAX_STATUS_EXTENTS = 256;

    private final EventExecutor owner;
    private final Identity identity;
    private final HashMap<Long, byte[]> chunks = new HashMap<>();
    private final DeviceListeners listeners = new DeviceListeners();
    private final Limits limits;
    private volatile Geometry geometry;

    public MemoryDevice(EventExecutor owner, Identity identity, Geometry geometry) {
        this.owner = owner;
        this.identity = identity;
        this.geometry = geometry;
        int blockSize = geometry.blockSizeBytes();
        this.limits = new Limits(MAX_TRANSFER_BYTES / blockSize, 0, CHUNK_BYTES / blockSize, 0, true, false, false);
    }

    @Override
    public EventExecutor owner() {
        return owner;
    }

    @Override
    public Geometry geometry() {
        return geometry;
    }

    @Override
    public Limits limits() {
        return limits;
    }

    @Override
    public Identity identity() {
        return identity;
    }

    @Override
    public Readiness readiness() {
        return Readiness.READY;
    }

    @Override
    public BlockOperation submit(BlockRequest request, BlockCompletion completion) {
        completion.completed(carryOut(request));
        return BlockOperation.UNCANCELLABLE;
    }

    private BlockOutcome carryOut(BlockRequest request) {
        return switch (request) {
            case BlockRequest.Read read -> new BlockOutcome.Data(read(bytes(read.lba()), read.blockCount()));
            case BlockRequest.Write write -> {
                try {
                    write(bytes(write.lba()), write.data());
                } finally {
                    write.data().release();
                }
                yield DONE;
            }
            case BlockRequest.Flush _ -> DONE;
            case BlockRequest.Unmap unmap -> {
                unmap.ranges().forEach(range -> clear(bytes(range.lba()), bytes(range.blockCount())));
                yield DONE;
            }
            case BlockRequest.WriteZeroes zeroes -> {
                clear(bytes(zeroes.lba()), bytes(zeroes.blockCount()));
                yield DONE;
            }
            case BlockRequest.Status status -> status(status);
            case BlockRequest.CompareAndWrite _, BlockRequest.OrWrite _ -> {
                BlockRequest.release(request);
                yield BlockOutcome.failed(new BlockFailure.Unsupported());
            }
        };
    }

    private long bytes(long blocks) {
        return blocks * geometry.blockSizeBytes();
    }

    private ByteBuf read(long offset, int blockCount) {
        int length = Math.toIntExact(bytes(blockCount));
        ByteBuf into = ByteBufAllocator.DEFAULT.buffer(length, Math.max(length, 1));
        while (into.writableBytes() > 0 && into.readableBytes() < length) {
            long at = offset + into.readableBytes();
            int inChunk = (int) (at % CHUNK_BYTES);
            int run = Math.min(CHUNK_BYTES - inChunk, length - into.readableBytes());
            byte[] chunk = chunks.get(at / CHUNK_BYTES);
            if (chunk == null) {
                into.writeZero(run);
            } else {
                into.writeBytes(chunk, inChunk, run);
            }
        }
        return into;
    }

    private void write(long offset, ByteBuf data) {
        long at = offset;
        while (data.isReadable()) {
            int inChunk = (int) (at % CHUNK_BYTES);
            int run = Math.min(CHUNK_BYTES - inChunk, data.readableBytes());
            data.readBytes(chunks.computeIfAbsent(at / CHUNK_BYTES, _ -> new byte[CHUNK_BYTES]), inChunk, run);
            at += run;
        }
    }

    private void clear(long offset, long length) {
        if (length / CHUNK_BYTES > chunks.size()) {
            // More chunks in the range than there are at all: look at those that exist.
            long end = offset + length;
            for (Long number : List.copyOf(chunks.keySet())) {
                long start = Math.max(offset, number * CHUNK_BYTES);
                long stop = Math.min(end, (number + 1) * CHUNK_BYTES);
                if (start < stop) {
                    clearInChunk(number, (int) (start - number * CHUNK_BYTES), (int) (stop - start));
                }
            }
            return;
        }
        long at = offset;
        while (at < offset + length) {
            int inChunk = (int) (at % CHUNK_BYTES);
            int run = (int) Math.min(CHUNK_BYTES - inChunk, offset + length - at);
            clearInChunk(at / CHUNK_BYTES, inChunk, run);
            at += run;
        }
    }

    private void clearInChunk(long number, int start, int length) {
        byte[] chunk = chunks.get(number);
        if (chunk == null) {
            return;
        }
        if (length == CHUNK_BYTES) {
            chunks.remove(number);
        } else {
            java.util.Arrays.fill(chunk, start, start + length, (byte) 0);
        }
    }

    private BlockOutcome status(BlockRequest.Status status) {
        List<BlockOutcome.Status.Extent> extents = new ArrayList<>();
        int blocksPerChunk = CHUNK_BYTES / geometry.blockSizeBytes();
        long lba = status.lba();
        long end = lba + status.blockCount();
        long emptyBeyond = chunks.keySet().stream()
                .mapToLong(n -> (n + 1) * blocksPerChunk)
                .max()
                .orElse(0);
        while (lba < end && extents.size() < MAX_STATUS_EXTENTS) {
            long start = lba;
            boolean mapped = chunks.containsKey(lba / blocksPerChunk);
            do {
                lba = lba >= emptyBeyond ? end : Math.min(end, (lba / blocksPerChunk + 1) * blocksPerChunk);
            } while (lba < end && chunks.containsKey(lba / blocksPerChunk) == mapped);
            extents.add(new BlockOutcome.Status.Extent(start, lba - start, mapped));
        }
        return new BlockOutcome.Status(extents);
    }

    /** Changes the number of blocks; what lies beyond a smaller one is gone. On the owner. */
    public void resize(long blockCount) {
        Geometry before = geometry;
        if (blockCount < before.blockCount()) {
            clear(bytes(blockCount), bytes(before.blockCount() - blockCount));
        }
        geometry = before.withBlockCount(blockCount);
        listeners.tell(new DeviceEvent.CapacityChanged(before, geometry));
    }

    /** Bytes of memory that are taken now. */
    public long allocatedBytes() {
        return (long) chunks.size() * CHUNK_BYTES;
    }

    @Override
    public void addListener(DeviceListener listener) {
        listeners.add(listener);
    }

    @Override
    public void removeListener(DeviceListener listener) {
        listeners.remove(listener);
    }

    @Override
    public void close(Runnable whenClosed) {
        chunks.clear();
        whenClosed.run();
    }
}
