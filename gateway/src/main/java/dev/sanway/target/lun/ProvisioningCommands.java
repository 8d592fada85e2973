package dev.sanway.target.lun;

import dev.sanway.block.BlockOutcome;
import dev.sanway.block.BlockRange;
import dev.sanway.block.BlockRequest;
import dev.sanway.block.Geometry;
import dev.sanway.scsi.AdditionalSense;
import dev.sanway.scsi.BigEndian;
import dev.sanway.scsi.Opcode;
import dev.sanway.scsi.SenseData;
import dev.sanway.target.lun.MediumCommands.Extent;
import io.netty.buffer.ByteBuf;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Commands that give blocks back, fill them, or tell which are backed: UNMAP, WRITE SAME, GET LBA STATUS, FORMAT UNIT. */
final class ProvisioningCommands {
    private static final int UNMAP = 0x08;
    private static final int NDOB = 0x01;
    private static final int MAX_STATUS_EXTENTS = 4096;

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
        List<BlockRange> ranges = new ArrayList<>(descriptors);
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
        if (ranges.isEmpty()) {
            task.good();
            return;
        }
        task.submit(new BlockRequest.Unmap(ranges), outcome -> MediumCommands.finish(task, outcome));
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
            zeroes(task, extent, unmap);
            return;
        }
        int size = MediumCommands.blockSize(task);
        if (MediumCommands.mismatched(task, size)) {
            return;
        }
        task.wantData(size, data -> {
            if (isZero(data)) {
                data.release();
                zeroes(task, extent, unmap);
                return;
            }
            task.hold(repeated(task, data, extent.blockCount()));
            fill(task, extent.lba(), extent.blockCount());
        });
    }

    private static void zeroes(Task task, Extent extent, boolean unmap) {
        task.submit(
                new BlockRequest.WriteZeroes(extent.lba(), extent.blockCount(), unmap, task.unit.forcesUnitAccess()),
                outcome -> MediumCommands.finish(task, outcome));
    }

    private static boolean isZero(ByteBuf data) {
        return data.forEachByte(value -> value == 0) < 0;
    }

    /** One step's worth of the block, over and over. Releases the block. */
    private static ByteBuf repeated(Task task, ByteBuf block, long blockCount) {
        int size = MediumCommands.blockSize(task);
        long step = Math.min(task.unit.device().limits().maxTransferBlocks(), MediumCommands.STEP_BYTES / size);
        int copies = (int) Math.min(step, blockCount);
        ByteBuf pattern = block.alloc().buffer(copies * size, copies * size);
        for (int i = 0; i < copies; i++) {
            pattern.writeBytes(block, block.readerIndex(), size);
        }
        block.release();
        return pattern;
    }

    private static void fill(Task task, long lba, long blockCount) {
        if (blockCount == 0) {
            task.good();
            return;
        }
        int size = MediumCommands.blockSize(task);
        ByteBuf pattern = task.held();
        int step = (int) Math.min(pattern.readableBytes() / size, blockCount);
        ByteBuf data = pattern.retainedSlice(pattern.readerIndex(), step * size);
        task.submit(new BlockRequest.Write(lba, step, data, task.unit.forcesUnitAccess()), outcome -> {
            switch (outcome) {
                case BlockOutcome.Done _ -> fill(task, lba + step, blockCount - step);
                case BlockOutcome.Failed _, BlockOutcome.Data _, BlockOutcome.Status _ ->
                    MediumCommands.finish(task, outcome);
            }
        });
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
        if (blocks == 0) {
            task.good();
            return;
        }
        task.submit(
                new BlockRequest.WriteZeroes(0, blocks, true, true), outcome -> MediumCommands.finish(task, outcome));
    }

    /** FORMAT UNIT is there only where it is quick. */
    static boolean formats(LogicalUnit unit) {
        return unit.unmaps() && unit.device().limits().unmappedReadsZeroes();
    }
}
