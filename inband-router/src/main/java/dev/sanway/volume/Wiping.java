package dev.sanway.volume;

import dev.sanway.block.BlockDevice;
import dev.sanway.block.BlockFailure;
import dev.sanway.block.BlockRequest;
import dev.sanway.pool.ControlIo;
import dev.sanway.pool.DeviceFailedException;
import dev.sanway.pool.UnitVolume;
import io.netty.buffer.Unpooled;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;

/** Overwrites a stretch of a device with zeroes, durably, by the cheapest means that guarantees them. */
final class Wiping {
    private static final int WRITE_BYTES = 1 << 20;
    private static final long ZERO_REQUEST_BYTES = 32L << 20;
    private static final int LANES = 16;
    private static final long UNMAP_REQUEST_BYTES = 1L << 30;
    private static final byte[] ZEROES = new byte[WRITE_BYTES];

    private Wiping() {}

    /** How much to wipe in one go, so that progress is seen and a restart repeats little. */
    static long stretchBytes(BlockDevice device) {
        return device.limits().unmappedReadsZeroes() ? 16L << 30 : 256L << 20;
    }

    /** Zeroes that are on the medium when the future completes; on the device's owner. */
    static CompletableFuture<Void> wipe(BlockDevice device, long startBytes, long lengthBytes) {
        int blockSize = device.geometry().blockSizeBytes();
        BlockRequest flush = new BlockRequest.Flush(startBytes / blockSize, lengthBytes / blockSize);
        return inLanes(device, startBytes, lengthBytes)
                .thenCompose(_ -> ControlIo.submit(device, flush, "flushing after wiping"))
                .thenApply(_ -> null);
    }

    /** Giving space back is all latency, so that several parts go on at once; written zeroes fill the line by themselves. */
    private static CompletableFuture<Void> inLanes(BlockDevice device, long startBytes, long lengthBytes) {
        int lanes = device.limits().unmappedReadsZeroes() && lengthBytes >= UNMAP_REQUEST_BYTES ? LANES : 1;
        long laneBytes = Math.ceilDiv(lengthBytes, lanes * UnitVolume.ALIGNMENT_BYTES) * UnitVolume.ALIGNMENT_BYTES;
        long end = startBytes + lengthBytes;
        List<CompletableFuture<Void>> all = new ArrayList<>();
        for (long from = startBytes; from < end; from += laneBytes) {
            all.add(zero(device, from, Math.min(from + laneBytes, end)));
        }
        return CompletableFuture.allOf(all.toArray(new CompletableFuture<?>[0]));
    }

    /** One bounded request after the other, so that each ends well within the time a unit is given. */
    private static CompletableFuture<Void> zero(BlockDevice device, long fromBytes, long endBytes) {
        if (fromBytes == endBytes) {
            return CompletableFuture.completedFuture(null);
        }
        int blockSize = device.geometry().blockSizeBytes();
        boolean mayUnmap = device.limits().unmappedReadsZeroes();
        long length = Math.min(mayUnmap ? UNMAP_REQUEST_BYTES : ZERO_REQUEST_BYTES, endBytes - fromBytes);
        BlockRequest zeroes = new BlockRequest.WriteZeroes(fromBytes / blockSize, length / blockSize, mayUnmap, false);
        return ControlIo.submit(device, zeroes, "wiping")
                .<Void>thenApply(_ -> null)
                .exceptionallyCompose(failure -> {
                    Throwable cause = failure instanceof CompletionException ? failure.getCause() : failure;
                    return cause instanceof DeviceFailedException failed
                                    && failed.failure() instanceof BlockFailure.Unsupported
                            ? write(device, fromBytes, fromBytes + length)
                            : CompletableFuture.failedFuture(failure);
                })
                // Always by way of the owner's queue: a device that answers at once must not build up a stack.
                .thenComposeAsync(_ -> zero(device, fromBytes + length, endBytes), device.owner());
    }

    /** For units that know no WRITE SAME. */
    private static CompletableFuture<Void> write(BlockDevice device, long fromBytes, long endBytes) {
        if (fromBytes == endBytes) {
            return CompletableFuture.completedFuture(null);
        }
        int blockSize = device.geometry().blockSizeBytes();
        int most = Math.min(WRITE_BYTES, device.limits().maxTransferBlocks() * blockSize);
        int length = (int) Math.min(most, endBytes - fromBytes);
        return ControlIo.submit(
                        device,
                        new BlockRequest.Write(
                                fromBytes / blockSize,
                                length / blockSize,
                                Unpooled.wrappedBuffer(ZEROES, 0, length),
                                false),
                        "wiping")
                .thenComposeAsync(_ -> write(device, fromBytes + length, endBytes), device.owner());
    }
}
