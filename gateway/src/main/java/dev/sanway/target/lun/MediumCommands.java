package dev.sanway.target.lun;

import dev.sanway.block.BlockOutcome;
import dev.sanway.block.BlockRequest;
import dev.sanway.block.Mismatch;
import dev.sanway.scsi.AdditionalSense;
import dev.sanway.scsi.BigEndian;
import dev.sanway.scsi.SenseData;
import dev.sanway.scsi.SenseKey;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.util.function.Consumer;

/** Commands that transfer or check blocks: READ, WRITE, VERIFY, COMPARE AND WRITE and their kin (SBC-3 5). */
final class MediumCommands {
    /** What a piece of a long command reads or writes at most: enough for speed, and little enough for others to get in between. */
    static final int PIECE_BYTES = 256 << 10;

    private static final int FUA = 0x08;

    private MediumCommands() {}

    /**
     * The blocks that a CDB names.
     *
     * @param lba unsigned in the CDB; negative here if it does not fit
     * @param blockCount TRANSFER LENGTH or its like
     * @param countAt byte offset of the latter in the CDB
     */
    record Extent(long lba, long blockCount, int countAt) {
        /** Reads a CDB of any of the usual layouts, told apart by the operation code's group (SPC-4 4.2.5.1). */
        static Extent of(byte[] cdb) {
            return switch (BigEndian.u8(cdb, 0) >> 5) {
                case 0 -> {
                    int count = BigEndian.u8(cdb, 4);
                    yield new Extent(BigEndian.u24(cdb, 1) & 0x1F_FFFF, count == 0 ? 256 : count, 4);
                }
                case 1, 2 -> new Extent(BigEndian.u32(cdb, 2), BigEndian.u16(cdb, 7), 7);
                case 5 -> new Extent(BigEndian.u32(cdb, 2), BigEndian.u32(cdb, 6), 6);
                default -> new Extent(BigEndian.i64(cdb, 2), BigEndian.u32(cdb, 10), 10);
            };
        }
    }

    /** Whether the extent lies on the medium; if not, the task has been ended. */
    static boolean onMedium(Task task, long lba, long blockCount) {
        long capacity = task.unit.device().geometry().blockCount();
        if (lba < 0 || lba > capacity || blockCount > capacity - lba) {
            task.illegal(AdditionalSense.LBA_OUT_OF_RANGE);
            return false;
        }
        return true;
    }

    /** As {@link #onMedium}, and within the longest transfer. */
    private static boolean transferable(Task task, Extent extent) {
        if (extent.blockCount() > task.unit.device().limits().maxTransferBlocks()) {
            task.invalidField(extent.countAt(), -1);
            return false;
        }
        return onMedium(task, extent.lba(), extent.blockCount());
    }

    static int blockSize(Task task) {
        return task.unit.device().geometry().blockSizeBytes();
    }

    private static boolean forceUnitAccess(Task task) {
        boolean asked = BigEndian.u8(task.cdb(), 0) >> 5 != 0 && (task.cdb()[1] & FUA) != 0;
        return asked || task.unit.forcesUnitAccess();
    }

    /** Ends the task by the outcome of its last request. */
    static void finish(Task task, BlockOutcome outcome) {
        switch (outcome) {
            case BlockOutcome.Done _ -> task.good();
            case BlockOutcome.Data data -> task.good(data.bytes());
            case BlockOutcome.Failed failed -> FailureSense.end(task, failed.failure());
            case BlockOutcome.Status _ -> throw new IllegalStateException("a status was not asked for");
        }
    }

    // ---- READ (SBC-3 5.11 to 5.14)

    static void read(Task task) {
        Extent extent = Extent.of(task.cdb());
        if (!transferable(task, extent)) {
            return;
        }
        if (extent.blockCount() == 0) {
            task.good();
            return;
        }
        task.submit(
                new BlockRequest.Read(extent.lba(), (int) extent.blockCount(), forceUnitAccess(task)),
                outcome -> finish(task, outcome));
    }

    // ---- WRITE (SBC-3 5.35 to 5.38)

    static void write(Task task) {
        Extent extent = Extent.of(task.cdb());
        if (!transferable(task, extent)) {
            return;
        }
        wantBlocks(task, extent, data -> {
            int blocks = data.readableBytes() / blockSize(task);
            if (blocks == 0) {
                data.release();
                task.good();
                return;
            }
            task.submit(
                    new BlockRequest.Write(extent.lba(), blocks, data, forceUnitAccess(task)),
                    outcome -> finish(task, outcome));
        });
    }

    /**
     * Solicits the data of a write. An initiator whose expected length is shorter than the CDB's gets that many whole blocks
     * written and a residual; part of a block is refused, since the rest of the block would be made up. One who expects to read
     * instead is refused as well: GOOD would be a lie.
     */
    private static void wantBlocks(Task task, Extent extent, Consumer<ByteBuf> then) {
        long wanted = extent.blockCount() * blockSize(task);
        task.dataOutLength(wanted);
        long offered = Math.min(wanted, task.command().writeLengthBytes());
        boolean otherWay = wanted > 0 && task.command().readLengthBytes() > 0;
        if (otherWay || offered % blockSize(task) != 0) {
            task.illegal(AdditionalSense.INVALID_FIELD_IN_INFORMATION_UNIT);
            return;
        }
        task.wantData((int) offered, then);
    }

    // ---- WRITE AND VERIFY (SBC-3 5.39 to 5.41)

    static void writeAndVerify(Task task) {
        Extent extent = Extent.of(task.cdb());
        int bytchk = byteCheck(task.cdb());
        if (bytchk > 1) {
            task.invalidField(1, 2);
            return;
        }
        if (!transferable(task, extent)) {
            return;
        }
        wantBlocks(task, extent, data -> {
            int blocks = data.readableBytes() / blockSize(task);
            if (blocks == 0) {
                data.release();
                task.good();
                return;
            }
            if (bytchk == 1) {
                task.hold(data.retainedDuplicate());
            }
            // What is verified is the medium, so the write goes there first.
            task.submit(new BlockRequest.Write(extent.lba(), blocks, data, true), outcome -> {
                switch (outcome) {
                    case BlockOutcome.Done _ -> {
                        if (bytchk == 1) {
                            compare(task, extent.lba(), blocks, 0);
                        } else {
                            check(task, extent.lba(), blocks);
                        }
                    }
                    case BlockOutcome.Failed _, BlockOutcome.Data _, BlockOutcome.Status _ -> finish(task, outcome);
                }
            });
        });
    }

    // ---- VERIFY (SBC-3 5.31 to 5.33)

    static void verify(Task task) {
        Extent extent = Extent.of(task.cdb());
        switch (byteCheck(task.cdb())) {
            case 0 -> {
                if (onMedium(task, extent.lba(), extent.blockCount())) {
                    check(task, extent.lba(), extent.blockCount());
                }
            }
            case 1 -> {
                if (transferable(task, extent)) {
                    task.wantWholeData(extent.blockCount() * blockSize(task), data -> {
                        task.hold(data);
                        compare(task, extent.lba(), (int) extent.blockCount(), 0);
                    });
                }
            }
            case 3 -> {
                if (!onMedium(task, extent.lba(), extent.blockCount())) {
                    return;
                }
                if (extent.blockCount() == 0) {
                    task.good();
                    return;
                }
                task.wantWholeData(blockSize(task), data -> {
                    // A copy, for a slice would keep all that came with it.
                    task.hold(Unpooled.wrappedBuffer(ProvisioningCommands.bytes(data)));
                    compareEach(task, extent.lba(), extent.blockCount(), 0);
                });
            }
            default -> task.invalidField(1, 2);
        }
    }

    /** BYTCHK: 0 reads only, 1 compares with as much data, 3 compares each block with one. */
    static int byteCheck(byte[] cdb) {
        return cdb[1] >> 1 & 0x03;
    }

    static int pieceBlocks(Task task, long blockCount) {
        int longest = Math.min(task.unit.device().limits().maxTransferBlocks(), PIECE_BYTES / blockSize(task));
        return (int) Math.min(longest, blockCount);
    }

    /** Reads a piece and looks at it; {@code then} borrows the data, and ends the task or goes on. */
    private static void readPiece(Task task, long lba, int blockCount, Consumer<ByteBuf> then) {
        task.piece(() -> new BlockRequest.Read(lba, blockCount, true), outcome -> {
            switch (outcome) {
                case BlockOutcome.Data data -> {
                    try {
                        then.accept(data.bytes());
                    } finally {
                        data.bytes().release();
                    }
                }
                case BlockOutcome.Failed _, BlockOutcome.Done _, BlockOutcome.Status _ -> finish(task, outcome);
            }
        });
    }

    /** Reads a run to see that it can be read. */
    private static void check(Task task, long lba, long blockCount) {
        if (blockCount == 0) {
            task.good();
            return;
        }
        int piece = pieceBlocks(task, blockCount);
        readPiece(task, lba, piece, _ -> check(task, lba + piece, blockCount - piece));
    }

    /** Compares a run with the bytes that the task holds; {@code done} blocks of it have been. */
    private static void compare(Task task, long lba, int blockCount, int done) {
        if (blockCount == done) {
            task.good();
            return;
        }
        int size = blockSize(task);
        int piece = pieceBlocks(task, blockCount - done);
        readPiece(task, lba + done, piece, read -> {
            int difference = firstDifference(read, 0, task.held(), done * size, piece * size);
            if (difference < 0) {
                compare(task, lba, blockCount, done + piece);
            } else {
                miscompare(task, (long) done * size + difference);
            }
        });
    }

    /** Compares each block of a run with the one block that the task holds. */
    private static void compareEach(Task task, long lba, long blockCount, long done) {
        if (blockCount == done) {
            task.good();
            return;
        }
        int size = blockSize(task);
        int piece = pieceBlocks(task, blockCount - done);
        readPiece(task, lba + done, piece, read -> {
            for (int block = 0; block < piece; block++) {
                int difference = firstDifference(read, block * size, task.held(), 0, size);
                if (difference >= 0) {
                    miscompare(task, (done + block) * size + difference);
                    return;
                }
            }
            compareEach(task, lba, blockCount, done + piece);
        });
    }

    private static void miscompare(Task task, long byteOffset) {
        task.check(SenseData.of(SenseKey.MISCOMPARE, AdditionalSense.MISCOMPARE_DURING_VERIFY)
                .withInformation(byteOffset));
    }

    /** Offset within {@code length} of the first difference, -1 if there is none. */
    private static int firstDifference(ByteBuf read, int readAt, ByteBuf expected, int expectedAt, int length) {
        return Mismatch.find(read, read.readerIndex() + readAt, expected, expected.readerIndex() + expectedAt, length);
    }

    // ---- COMPARE AND WRITE (SBC-3 5.2)

    static void compareAndWrite(Task task) {
        byte[] cdb = task.cdb();
        long lba = BigEndian.i64(cdb, 2);
        int blocks = BigEndian.u8(cdb, 13);
        if (blocks > InquiryCommands.maxCompareAndWriteBlocks(task.unit)) {
            task.invalidField(13, -1);
            return;
        }
        if (!onMedium(task, lba, blocks)) {
            return;
        }
        int half = blocks * blockSize(task);
        task.dataOutLength(2L * half);
        if (task.command().writeLengthBytes() != 2L * half) {
            task.invalidField(13, -1);
            return;
        }
        if (blocks == 0) {
            task.good();
            return;
        }
        task.wantData(2 * half, data -> {
            ByteBuf compare = data.readRetainedSlice(half);
            task.submit(
                    new BlockRequest.CompareAndWrite(lba, blocks, compare, data, forceUnitAccess(task)),
                    outcome -> finish(task, outcome));
        });
    }

    /** Whether the initiator offers another length than the CDB says, where half a transfer makes no sense; ends the task. */
    static boolean mismatched(Task task, long lengthBytes) {
        task.dataOutLength(lengthBytes);
        if (task.command().writeLengthBytes() != lengthBytes) {
            task.illegal(AdditionalSense.INVALID_FIELD_IN_INFORMATION_UNIT);
            return true;
        }
        return false;
    }

    // ---- ORWRITE(16) (SBC-3 5.7)

    static void orWrite(Task task) {
        Extent extent = Extent.of(task.cdb());
        if (!transferable(task, extent)) {
            return;
        }
        task.wantWholeData(extent.blockCount() * blockSize(task), data -> {
            if (extent.blockCount() == 0) {
                data.release();
                task.good();
                return;
            }
            // One uninterrupted series of actions (SBC-3 5.7), so one piece, of whatever length.
            task.hold(data);
            task.piece(
                    () -> new BlockRequest.OrWrite(
                            extent.lba(), (int) extent.blockCount(), data.retainedDuplicate(), forceUnitAccess(task)),
                    outcome -> finish(task, outcome));
        });
    }

    // ---- SYNCHRONIZE CACHE (SBC-3 5.26, 5.27)

    /**
     * IMMED is taken and not used: the answer comes when the blocks are durable, so that a failure has a command to end. That unflushed
     * writes were lost is told by this command whatever blocks it names, and whoever found it out ({@link UntoldLosses}): a command with
     * FUA speaks of its own blocks only.
     */
    static void synchronizeCache(Task task) {
        Extent extent = Extent.of(task.cdb());
        if (!onMedium(task, extent.lba(), extent.blockCount())) {
            return;
        }
        if (losesUntold(task)) {
            return;
        }
        task.submit(new BlockRequest.Flush(extent.lba(), extent.blockCount()), outcome -> {
            // Another's flush may have found it out meanwhile, and this one have been spared for it.
            if (!outcome.equals(BlockOutcome.DONE) || !losesUntold(task)) {
                finish(task, outcome);
            }
        });
    }

    /** Ends the task if its nexus is to be told of a loss. */
    private static boolean losesUntold(Task task) {
        boolean tell = task.unit.losses().take(task.nexus().nexus);
        if (tell) {
            FailureSense.unflushedWritesLost(task);
        }
        return tell;
    }

    // ---- PRE-FETCH (SBC-3 5.8, 5.9)

    /** GOOD and not CONDITION MET: there is no cache that the blocks could be put into. */
    static void preFetch(Task task) {
        Extent extent = Extent.of(task.cdb());
        if (onMedium(task, extent.lba(), extent.blockCount())) {
            task.good();
        }
    }
}
