package dev.sanway.target.lun;

import dev.sanway.block.BlockOutcome;
import dev.sanway.block.BlockRange;
import dev.sanway.block.BlockRequest;
import dev.sanway.block.Geometry;
import dev.sanway.block.Limits;
import dev.sanway.scsi.AdditionalSense;
import dev.sanway.scsi.BigEndian;
import dev.sanway.scsi.Opcode;
import dev.sanway.scsi.SenseData;
import dev.sanway.target.lun.MediumCommands.Extent;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Commands that give blocks back, fill them, or tell which are backed: UNMAP, WRITE SAME, GET LBA STATUS, FORMAT UNIT. */
final class ProvisioningCommands {
    private static final int UNMAP = 0x08;
    private static final int NDOB = 0x01;
    private static final int MAX_STATUS_EXTENTS = 4096;

    /** What is zeroed at a time where zeroes may have to be written. */
    private static final int ZEROES_PIECE_BYTES = 1 << 20;

    /** What is given back at a time: that is quick, and takes a command to each unit concerned. */
    private static final int UNMAP_PIECE_BYTES = 256 << 20;

    private ProvisioningCommands() {}

    // ---- UNMAP (SBC-3 5.28)

    static void unmap(Task task) {
        int length = BigEndian.u16(task.cdb(), 7);
        if (length == 0) {
            task.dataOutLength(0);
            task.good();
            return;
        }
        if (length < 8) {
            task.dataOutLength(length);
            task.illegal(AdditionalSense.PARAMETER_LIST_LENGTH_ERROR);
            return;
        }
        task.wantWholeData(length, data -> {
            byte[] list = bytes(data);
            unmapListed(task, list);
        });
    }

    /** Copies and releases. */
    static byte[] bytes(ByteBuf data) {
        try {
            byte[] copy = new byte[data.readableBytes()];
            data.readBytes(copy);
            return copy;
        } finally {
            data.release();
        }
    }

    private static void unmapListed(Task task, byte[] list) {
        // A list that is cut off counts as far as it goes, whole descriptors only.
        int end = Math.min(list.length, 8 + BigEndian.u16(list, 2));
        int descriptors = (end - 8) / 16;
        if (descriptors > InquiryCommands.MAX_UNMAP_DESCRIPTORS) {
            task.check(SenseData.invalidParameter(2, -1));
            return;
        }
        ArrayDeque<BlockRange> ranges = new ArrayDeque<>(descriptors);
        for (int i = 0; i < descriptors; i++) {
            long lba = BigEndian.i64(list, 8 + 16 * i);
            long count = BigEndian.u32(list, 16 + 16 * i);
            if (!MediumCommands.onMedium(task, lba, count)) {
                return;
            }
            if (count > 0) {
                ranges.add(new BlockRange(lba, count));
            }
        }
        unmap(task, ranges);
    }

    private static void unmap(Task task, ArrayDeque<BlockRange> left) {
        if (left.isEmpty()) {
            task.good();
            return;
        }
        List<BlockRange> piece = takePiece(task, left);
        task.piece(() -> new BlockRequest.Unmap(piece), outcome -> {
            switch (outcome) {
                case BlockOutcome.Done _ -> unmap(task, left);
                case BlockOutcome.Failed _, BlockOutcome.Data _, BlockOutcome.Status _ ->
                    MediumCommands.finish(task, outcome);
            }
        });
    }

    /** As many ranges, the last one perhaps in part, as make a piece; at least one. */
    private static List<BlockRange> takePiece(Task task, ArrayDeque<BlockRange> left) {
        List<BlockRange> piece = new ArrayList<>();
        long room = longestPiece(task, UNMAP_PIECE_BYTES);
        while (room > 0 && !left.isEmpty()) {
            BlockRange range = left.removeFirst();
            long end = pieceEnd(task, range.lba(), range.blockCount(), room);
            if (end > range.lba()) {
                piece.add(new BlockRange(range.lba(), end - range.lba()));
            }
            if (end < range.end()) {
                left.addFirst(new BlockRange(end, range.end() - end));
                break;
            }
            room -= range.blockCount();
        }
        return piece;
    }

    /** Blocks of a piece: never so few that no granule's end is among them. */
    private static long longestPiece(Task task, int bytes) {
        return Math.max(
                bytes / MediumCommands.blockSize(task),
                2L * task.unit.device().limits().unmapGranularityBlocks());
    }

    /** Where a piece of at most {@code room} blocks ends: at a granule's end, unless it is the last, so that none is cut in two. */
    private static long pieceEnd(Task task, long lba, long blockCount, long room) {
        if (blockCount <= room) {
            return lba + blockCount;
        }
        Limits limits = task.unit.device().limits();
        long end = lba + room;
        return limits.unmapGranularityBlocks() == 0
                ? end
                : Math.max(
                        lba, end - Math.floorMod(end - limits.unmapAlignmentBlocks(), limits.unmapGranularityBlocks()));
    }

    // ---- WRITE SAME (SBC-3 5.42, 5.43)

    static void writeSame(Task task) {
        byte[] cdb = task.cdb();
        Extent extent = Extent.of(cdb);
        boolean unmap = (cdb[1] & UNMAP) != 0;
        boolean noData = BigEndian.u8(cdb, 0) == Opcode.WRITE_SAME_16 && (cdb[1] & NDOB) != 0;
        if (unmap && !task.unit.unmaps()) {
            task.invalidField(1, 3);
            return;
        }
        // WSNZ is one: zero does not mean "to the end".
        if (extent.blockCount() == 0 || extent.blockCount() > InquiryCommands.maxWriteSameBlocks()) {
            task.invalidField(extent.countAt(), -1);
            return;
        }
        if (!MediumCommands.onMedium(task, extent.lba(), extent.blockCount())) {
            return;
        }
        if (noData) {
            task.dataOutLength(0);
            zeroes(task, extent.lba(), extent.blockCount(), unmap, task.unit.forcesUnitAccess());
            return;
        }
        int size = MediumCommands.blockSize(task);
        if (MediumCommands.mismatched(task, size)) {
            return;
        }
        task.wantData(size, data -> {
            byte[] block = bytes(data);
            if (isZero(block)) {
                zeroes(task, extent.lba(), extent.blockCount(), unmap, task.unit.forcesUnitAccess());
            } else {
                fill(task, block, extent.lba(), extent.blockCount());
            }
        });
    }

    private static boolean isZero(byte[] block) {
        for (byte value : block) {
            if (value != 0) {
                return false;
            }
        }
        return true;
    }

    private static void zeroes(Task task, long lba, long blockCount, boolean mayUnmap, boolean forceUnitAccess) {
        if (blockCount == 0) {
            task.good();
            return;
        }
        boolean quick = mayUnmap && task.unit.device().limits().unmappedReadsZeroes();
        long room = longestPiece(task, quick ? UNMAP_PIECE_BYTES : ZEROES_PIECE_BYTES);
        long piece = pieceEnd(task, lba, blockCount, room) - lba;
        task.piece(() -> new BlockRequest.WriteZeroes(lba, piece, mayUnmap, forceUnitAccess), outcome -> {
            switch (outcome) {
                case BlockOutcome.Done _ -> zeroes(task, lba + piece, blockCount - piece, mayUnmap, forceUnitAccess);
                case BlockOutcome.Failed _, BlockOutcome.Data _, BlockOutcome.Status _ ->
                    MediumCommands.finish(task, outcome);
            }
        });
    }

    private static void fill(Task task, byte[] block, long lba, long blockCount) {
        if (blockCount == 0) {
            task.good();
            return;
        }
        int piece = MediumCommands.pieceBlocks(task, blockCount);
        boolean forceUnitAccess = task.unit.forcesUnitAccess();
        task.piece(() -> new BlockRequest.Write(lba, piece, repeated(block, piece), forceUnitAccess), outcome -> {
            switch (outcome) {
                case BlockOutcome.Done _ -> fill(task, block, lba + piece, blockCount - piece);
                case BlockOutcome.Failed _, BlockOutcome.Data _, BlockOutcome.Status _ ->
                    MediumCommands.finish(task, outcome);
            }
        });
    }

    /** The block over and over. It is laid down for each piece anew: a command that waits for its turn holds the block only. */
    private static ByteBuf repeated(byte[] block, int copies) {
        int length = copies * block.length;
        ByteBuf pattern = ByteBufAllocator.DEFAULT.directBuffer(length, length);
        for (int i = 0; i < copies; i++) {
            pattern.writeBytes(block);
        }
        return pattern;
    }

    // ---- GET LBA STATUS (SBC-3 5.6)

    static void getLbaStatus(Task task) {
        long lba = BigEndian.i64(task.cdb(), 2);
        long allocation = BigEndian.u32(task.cdb(), 10);
        if (!MediumCommands.onMedium(task, lba, 1)) {
            return;
        }
        Geometry geometry = task.unit.device().geometry();
        if (lba % (geometry.physicalBlockSizeBytes() / geometry.blockSizeBytes()) != 0) {
            // Blocks are mapped by whole physical blocks, and hosts read a refusal as "mapped". Without a field
            // pointer, since
            // libiscsi's suite, which cannot cope with part of a physical block, takes that for "not supported".
            task.illegal(AdditionalSense.INVALID_FIELD_IN_CDB);
            return;
        }
        long count = task.unit.device().geometry().blockCount() - lba;
        task.submit(new BlockRequest.Status(lba, count), outcome -> {
            switch (outcome) {
                case BlockOutcome.Status status -> task.good(statusData(status), allocation);
                case BlockOutcome.Done _, BlockOutcome.Data _, BlockOutcome.Failed _ ->
                    MediumCommands.finish(task, outcome);
            }
        });
    }

    private static byte[] statusData(BlockOutcome.Status status) {
        List<BlockOutcome.Status.Extent> extents = status.extents();
        int count = Math.min(extents.size(), MAX_STATUS_EXTENTS);
        byte[] data = new byte[8 + 16 * count];
        BigEndian.put32(data, 0, data.length - 4L);
        for (int i = 0; i < count; i++) {
            BlockOutcome.Status.Extent extent = extents.get(i);
            int at = 8 + 16 * i;
            BigEndian.put64(data, at, extent.lba());
            BigEndian.put32(data, at + 8, Math.min(extent.blockCount(), 0xFFFF_FFFFL));
            data[at + 12] = (byte) (extent.mapped() ? 0 : 1);
            if (extent.blockCount() > 0xFFFF_FFFFL) {
                // The field is too short for the whole extent, and what follows must adjoin.
                byte[] shorter = Arrays.copyOf(data, at + 16);
                BigEndian.put32(shorter, 0, shorter.length - 4L);
                return shorter;
            }
        }
        return data;
    }

    // ---- FORMAT UNIT (SBC-3 5.4): a quick erase, where that guarantees zeroes

    static void formatUnit(Task task) {
        long blocks = task.unit.device().geometry().blockCount();
        zeroes(task, 0, blocks, true, true);
    }

    /** FORMAT UNIT is there only where it is quick. */
    static boolean formats(LogicalUnit unit) {
        return unit.unmaps() && unit.device().limits().unmappedReadsZeroes();
    }
}
