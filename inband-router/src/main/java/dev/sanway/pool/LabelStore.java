package dev.sanway.pool;

import dev.sanway.block.BlockDevice;
import dev.sanway.block.BlockOutcome;
import dev.sanway.block.BlockRequest;
import dev.sanway.block.Geometry;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;

/**
 * Reads and writes labels on LUNs. Futures complete on the LUN's owner; a device's failure ends them with
 * {@link DeviceFailedException}.
 */
public final class LabelStore {
    private static final int COPY_STEP_BYTES = 256 << 10;
    private static final int LAST_WRITE_BYTES = 4096;

    private LabelStore() {}

    /** Judges a LUN by its first and last MiB. A LUN below {@link UnitVolume#MIN_SIZE_BYTES} is foreign. */
    public static CompletableFuture<Label.Reading> read(BlockDevice lun) {
        Geometry geometry = lun.geometry();
        if (geometry.sizeBytes() < UnitVolume.MIN_SIZE_BYTES) {
            return CompletableFuture.completedFuture(new Label.Reading.Foreign(
                    "it has only " + Bytes.text(geometry.sizeBytes()) + "; " + Bytes.text(UnitVolume.MIN_SIZE_BYTES)
                            + " are needed",
                    false));
        }
        long labelBlocks = UnitVolume.LABEL_BYTES / geometry.blockSizeBytes();
        return readBytes(lun, 0, labelBlocks)
                .thenCompose(first -> readBytes(lun, geometry.blockCount() - labelBlocks, labelBlocks)
                        .thenApply(last -> Label.read(first, last)));
    }

    /**
     * Whether the LUN still carries this label: to be asked after every new login, before anything is written.
     *
     * @return false also if the LUN carries another label, or none
     */
    public static CompletableFuture<Boolean> carries(BlockDevice lun, UUID pool, UUID label) {
        return read(lun)
                .thenApply(reading -> reading instanceof Label.Reading.Labelled labelled
                        && labelled.label().pool().equals(pool)
                        && labelled.label().uuid().equals(label));
    }

    /** Writes a label durably in the place of the copy before the last. */
    public static CompletableFuture<Label> write(BlockDevice lun, Label label) {
        byte[] bytes = label.encode();
        int blockSize = lun.geometry().blockSizeBytes();
        CompletableFuture<?> written = CompletableFuture.completedFuture(null);
        int most = (int) Math.min(COPY_STEP_BYTES, (long) lun.limits().maxTransferBlocks() * blockSize);
        for (int at = 0; at < bytes.length; at += most) {
            int from = at;
            int length = Math.min(most, bytes.length - from);
            written = written.thenCompose(_ -> ControlIo.submit(
                    lun,
                    new BlockRequest.Write(
                            (label.offsetBytes() + from) / blockSize,
                            length / blockSize,
                            Unpooled.wrappedBuffer(bytes, from, length),
                            true),
                    "writing the label"));
        }
        // A foreign unit may take FUA lightly; the flush costs nothing here.
        return written.thenCompose(_ -> flush(lun, label.offsetBytes() / blockSize, bytes.length / blockSize))
                .thenApply(_ -> label);
    }

    /** Overwrites a LUN's first and last MiB with zeroes, durably: it is blank then. */
    public static CompletableFuture<Void> erase(BlockDevice lun) {
        Geometry geometry = lun.geometry();
        long blocks = UnitVolume.LABEL_BYTES / geometry.blockSizeBytes();
        // The end first: as long as the beginning stands the LUN still says what it was.
        return zero(lun, geometry.blockCount() - blocks, blocks)
                .thenCompose(_ -> zero(lun, 0, blocks))
                .thenCompose(_ -> flush(lun, geometry.blockCount() - blocks, blocks))
                .thenCompose(_ -> flush(lun, 0, blocks))
                .thenApply(_ -> null);
    }

    /**
     * Flushes what was written here and nothing else: a flush hears of what the unit has lost in its range, once, and that is for
     * the hosts whose writes it was.
     */
    private static CompletableFuture<?> flush(BlockDevice lun, long lba, long blockCount) {
        return ControlIo.submit(lun, new BlockRequest.Flush(lba, blockCount), "flushing the label");
    }

    /**
     * Overwrites the first and last MiB of a LUN with zeroes, durably, when nothing lies on it: it is blank then. Until the last write
     * it bears its label, so that whoever is interrupted finds one or the other.
     *
     * @param label that it bears, which has no partitions and so fits into one write
     */
    public static CompletableFuture<Void> unlabel(BlockDevice lun, Label label) {
        int blockSize = lun.geometry().blockSizeBytes();
        int lastBytes = label.encode().length;
        if (lastBytes > LAST_WRITE_BYTES) {
            throw new IllegalArgumentException("partitions are on " + label.uuid());
        }
        long blocks = UnitVolume.LABEL_BYTES / blockSize;
        long copy = label.offsetBytes() / blockSize;
        long last = lastBytes / blockSize;
        return zero(lun, lun.geometry().blockCount() - blocks, blocks)
                .thenCompose(_ -> zero(lun, 0, copy))
                .thenCompose(_ -> zero(lun, copy + last, blocks - copy - last))
                .thenCompose(_ -> flush(lun, lun.geometry().blockCount() - blocks, blocks))
                .thenCompose(_ -> flush(lun, 0, blocks))
                .thenCompose(_ -> zero(lun, copy, last))
                .thenCompose(_ -> flush(lun, copy, last))
                .thenApply(_ -> null);
    }

    private static CompletableFuture<?> zero(BlockDevice lun, long lba, long blockCount) {
        int blockSize = lun.geometry().blockSizeBytes();
        int most = Math.min(COPY_STEP_BYTES / blockSize, lun.limits().maxTransferBlocks());
        CompletableFuture<?> written = CompletableFuture.completedFuture(null);
        for (long at = 0; at < blockCount; at += most) {
            long from = at;
            int count = (int) Math.min(most, blockCount - from);
            written = written.thenCompose(_ -> ControlIo.submit(
                    lun,
                    new BlockRequest.Write(
                            lba + from, count, Unpooled.wrappedBuffer(new byte[count * blockSize]), true),
                    "erasing"));
        }
        return written;
    }

    private static CompletableFuture<byte[]> readBytes(BlockDevice lun, long lba, long blockCount) {
        int blockSize = lun.geometry().blockSizeBytes();
        byte[] bytes = new byte[Math.toIntExact(blockCount * blockSize)];
        int most =
                Math.max(1, Math.min(COPY_STEP_BYTES / blockSize, lun.limits().maxTransferBlocks()));
        CompletableFuture<?> read = CompletableFuture.completedFuture(null);
        for (int at = 0; at < blockCount; at += most) {
            int from = at;
            int count = (int) Math.min(most, blockCount - from);
            read = read.thenCompose(_ ->
                            ControlIo.submit(lun, new BlockRequest.Read(lba + from, count, true), "reading the label"))
                    .thenAccept(outcome -> copy(outcome, bytes, from * blockSize));
        }
        return read.thenApply(_ -> bytes);
    }

    private static void copy(BlockOutcome outcome, byte[] bytes, int offset) {
        if (!(outcome instanceof BlockOutcome.Data(ByteBuf data))) {
            throw new IllegalStateException("not data: " + outcome);
        }
        byte[] piece = ByteBufUtil.getBytes(data);
        data.release();
        System.arraycopy(piece, 0, bytes, offset, piece.length);
    }
}
