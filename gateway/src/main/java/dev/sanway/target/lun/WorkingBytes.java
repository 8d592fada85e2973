package dev.sanway.target.lun;

import dev.sanway.scsi.BigEndian;
import dev.sanway.target.lun.MediumCommands.Extent;

/**
 * How many bytes a logical unit holds for a command at most, a column of the {@link CommandTable}: the data that the CDB asks for
 * or brings, however long the initiator says they are, and what the work takes besides. A command that will be refused holds
 * nothing. Any thread.
 */
final class WorkingBytes {
    /** The longest parameter data, either way: a list of 16,384 logical unit numbers. */
    static final int MAX_PARAMETER_BYTES = 128 << 10;

    private WorkingBytes() {}

    /** Parameter data; they are cut to what the initiator expects before they wait for anything. */
    static long parameters(ScsiCommand command) {
        return Math.min(Math.max(command.readLengthBytes(), command.writeLengthBytes()), MAX_PARAMETER_BYTES);
    }

    static long parameters(LogicalUnit unit, ScsiCommand command) {
        return parameters(command);
    }

    /** READ: all that the CDB names is read, though the initiator may expect less. */
    static long read(LogicalUnit unit, ScsiCommand command) {
        return transfer(unit, Extent.of(command.cdb()).blockCount());
    }

    static long write(LogicalUnit unit, ScsiCommand command) {
        return Math.min(read(unit, command), command.writeLengthBytes());
    }

    static long writeAndVerify(LogicalUnit unit, ScsiCommand command) {
        long data = write(unit, command);
        return data + Math.min(data, MediumCommands.PIECE_BYTES);
    }

    /** A piece that was read, and what it is compared with: nothing, all of it, or a block. */
    static long verify(LogicalUnit unit, ScsiCommand command) {
        long blocks = Extent.of(command.cdb()).blockCount();
        long piece = Math.min(blocks * blockSize(unit), MediumCommands.PIECE_BYTES);
        return switch (MediumCommands.byteCheck(command.cdb())) {
            case 0 -> piece;
            case 1 -> piece + transfer(unit, blocks);
            case 3 -> piece + blockSize(unit);
            default -> 0;
        };
    }

    /** What is to be compared and what is to be written, and what was read. */
    static long compareAndWrite(LogicalUnit unit, ScsiCommand command) {
        int blocks = BigEndian.u8(command.cdb(), 13);
        return blocks > InquiryCommands.maxCompareAndWriteBlocks(unit) ? 0 : 3L * blocks * blockSize(unit);
    }

    /** The data, what was read, and the result. */
    static long orWrite(LogicalUnit unit, ScsiCommand command) {
        return 3 * read(unit, command);
    }

    /** The block, and a piece of nothing else. */
    static long writeSame(LogicalUnit unit, ScsiCommand command) {
        long blocks = Extent.of(command.cdb()).blockCount();
        return blockSize(unit) + Math.min(blocks * blockSize(unit), MediumCommands.PIECE_BYTES);
    }

    private static long transfer(LogicalUnit unit, long blockCount) {
        return blockCount > unit.device().limits().maxTransferBlocks() ? 0 : blockCount * blockSize(unit);
    }

    private static long blockSize(LogicalUnit unit) {
        return unit.device().geometry().blockSizeBytes();
    }
}
