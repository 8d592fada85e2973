package dev.sanway.scsi;

import java.util.List;

/**
 * Builds command descriptor blocks for the initiator's side. LBAs and counts are logical blocks; what does not fit a field is
 * our bug and throws IllegalArgumentException. Any thread.
 */
public final class Cdb {
    private static final long MAX_10_LBA = 0xFFFF_FFFFL;

    private Cdb() {}

    /** TEST UNIT READY (SPC-4 6.47). */
    public static byte[] testUnitReady() {
        return new byte[6];
    }

    /** REQUEST SENSE in fixed or descriptor format (SPC-4 6.39). */
    public static byte[] requestSense(boolean descriptorFormat, int allocationLengthBytes) {
        byte[] cdb = new byte[6];
        cdb[0] = Opcode.REQUEST_SENSE;
        cdb[1] = (byte) (descriptorFormat ? 1 : 0);
        cdb[4] = (byte) checked(allocationLengthBytes, 0xFF);
        return cdb;
    }

    /** INQUIRY for the standard data (SPC-4 6.6). */
    public static byte[] inquiry(int allocationLengthBytes) {
        byte[] cdb = new byte[6];
        cdb[0] = Opcode.INQUIRY;
        BigEndian.put16(cdb, 3, (int) checked(allocationLengthBytes, 0xFFFF));
        return cdb;
    }

    /** INQUIRY for a vital product data page (SPC-4 6.6). */
    public static byte[] inquiryVpd(int pageCode, int allocationLengthBytes) {
        byte[] cdb = inquiry(allocationLengthBytes);
        cdb[1] = 1;
        cdb[2] = (byte) pageCode;
        return cdb;
    }

    /** REPORT LUNS (SPC-4 6.33). */
    public static byte[] reportLuns(int selectReport, int allocationLengthBytes) {
        byte[] cdb = new byte[12];
        cdb[0] = (byte) Opcode.REPORT_LUNS;
        cdb[2] = (byte) selectReport;
        BigEndian.put32(cdb, 6, allocationLengthBytes);
        return cdb;
    }

    /** READ CAPACITY(10) (SBC-3 5.15). */
    public static byte[] readCapacity10() {
        byte[] cdb = new byte[10];
        cdb[0] = Opcode.READ_CAPACITY_10;
        return cdb;
    }

    /** READ CAPACITY(16) (SBC-3 5.16). */
    public static byte[] readCapacity16(int allocationLengthBytes) {
        return serviceActionIn16(Opcode.SA_READ_CAPACITY_16, 0, allocationLengthBytes);
    }

    /** GET LBA STATUS (SBC-3 5.6). */
    public static byte[] getLbaStatus(long lba, int allocationLengthBytes) {
        return serviceActionIn16(Opcode.SA_GET_LBA_STATUS, lba, allocationLengthBytes);
    }

    private static byte[] serviceActionIn16(int serviceAction, long lba, int allocationLengthBytes) {
        byte[] cdb = new byte[16];
        cdb[0] = (byte) Opcode.SERVICE_ACTION_IN_16;
        cdb[1] = (byte) serviceAction;
        BigEndian.put64(cdb, 2, lba);
        BigEndian.put32(cdb, 10, allocationLengthBytes);
        return cdb;
    }

    /** READ(10) (SBC-3 5.12). */
    public static byte[] read10(long lba, int blockCount, boolean forceUnitAccess) {
        return medium10(Opcode.READ_10, forceUnitAccess ? 0x08 : 0, lba, blockCount);
    }

    /** READ(16) (SBC-3 5.14). */
    public static byte[] read16(long lba, int blockCount, boolean forceUnitAccess) {
        return medium16(Opcode.READ_16, forceUnitAccess ? 0x08 : 0, lba, blockCount);
    }

    /** WRITE(10) (SBC-3 5.36). */
    public static byte[] write10(long lba, int blockCount, boolean forceUnitAccess) {
        return medium10(Opcode.WRITE_10, forceUnitAccess ? 0x08 : 0, lba, blockCount);
    }

    /** WRITE(16) (SBC-3 5.38). */
    public static byte[] write16(long lba, int blockCount, boolean forceUnitAccess) {
        return medium16(Opcode.WRITE_16, forceUnitAccess ? 0x08 : 0, lba, blockCount);
    }

    /** VERIFY(16) (SBC-3 5.33); {@code bytchk} 0, 1 or 3. */
    public static byte[] verify16(long lba, int blockCount, int bytchk) {
        return medium16(Opcode.VERIFY_16, bytchk << 1, lba, blockCount);
    }

    /** SYNCHRONIZE CACHE(10) (SBC-3 5.26); {@code blockCount} 0: to the end. Without IMMED. */
    public static byte[] synchronizeCache10(long lba, int blockCount) {
        return medium10(Opcode.SYNCHRONIZE_CACHE_10, 0, lba, blockCount);
    }

    /** SYNCHRONIZE CACHE(16) (SBC-3 5.27); {@code blockCount} 0: to the end. Without IMMED. */
    public static byte[] synchronizeCache16(long lba, int blockCount) {
        return medium16(Opcode.SYNCHRONIZE_CACHE_16, 0, lba, blockCount);
    }

    /** COMPARE AND WRITE (SBC-3 5.2); its data-out is the compare instance, then the write instance. */
    public static byte[] compareAndWrite(long lba, int blockCount, boolean forceUnitAccess) {
        byte[] cdb = new byte[16];
        cdb[0] = (byte) Opcode.COMPARE_AND_WRITE;
        cdb[1] = (byte) (forceUnitAccess ? 0x08 : 0);
        BigEndian.put64(cdb, 2, lba);
        cdb[13] = (byte) checked(blockCount, 0xFF);
        return cdb;
    }

    /** WRITE SAME(10) (SBC-3 5.42); its data-out is one block. */
    public static byte[] writeSame10(long lba, int blockCount, boolean unmap) {
        return medium10(Opcode.WRITE_SAME_10, unmap ? 0x08 : 0, lba, blockCount);
    }

    /** WRITE SAME(16) (SBC-3 5.43); its data-out is one block, or nothing if {@code noDataOut} (NDOB). */
    public static byte[] writeSame16(long lba, int blockCount, boolean unmap, boolean noDataOut) {
        return medium16(Opcode.WRITE_SAME_16, (unmap ? 0x08 : 0) | (noDataOut ? 0x01 : 0), lba, blockCount);
    }

    /** UNMAP (SBC-3 5.31); its data-out is {@link #unmapParameters}. */
    public static byte[] unmap(int parameterListLengthBytes) {
        byte[] cdb = new byte[10];
        cdb[0] = Opcode.UNMAP;
        BigEndian.put16(cdb, 7, (int) checked(parameterListLengthBytes, 0xFFFF));
        return cdb;
    }

    /** One block descriptor of UNMAP. */
    public record UnmapRange(long lba, long blockCount) {}

    /** UNMAP's parameter list (SBC-3 5.31.2): 8 bytes, then 16 for each range. */
    public static byte[] unmapParameters(List<UnmapRange> ranges) {
        byte[] list = new byte[8 + 16 * ranges.size()];
        BigEndian.put16(list, 0, (int) checked(list.length - 2, 0xFFFF));
        BigEndian.put16(list, 2, list.length - 8);
        int at = 8;
        for (UnmapRange range : ranges) {
            BigEndian.put64(list, at, range.lba());
            BigEndian.put32(list, at + 8, checked(range.blockCount(), 0xFFFF_FFFFL));
            at += 16;
        }
        return list;
    }

    /** MODE SENSE(6) of current values without block descriptors (SPC-4 6.13). */
    public static byte[] modeSense6(int pageCode, int subpageCode, int allocationLengthBytes) {
        byte[] cdb = new byte[6];
        cdb[0] = Opcode.MODE_SENSE_6;
        cdb[1] = 0x08;
        cdb[2] = (byte) (pageCode & 0x3F);
        cdb[3] = (byte) subpageCode;
        cdb[4] = (byte) checked(allocationLengthBytes, 0xFF);
        return cdb;
    }

    private static byte[] medium10(int opcode, int flags, long lba, int blockCount) {
        byte[] cdb = new byte[10];
        cdb[0] = (byte) opcode;
        cdb[1] = (byte) flags;
        BigEndian.put32(cdb, 2, checked(lba, MAX_10_LBA));
        BigEndian.put16(cdb, 7, (int) checked(blockCount, 0xFFFF));
        return cdb;
    }

    private static byte[] medium16(int opcode, int flags, long lba, int blockCount) {
        byte[] cdb = new byte[16];
        cdb[0] = (byte) opcode;
        cdb[1] = (byte) flags;
        BigEndian.put64(cdb, 2, checked(lba, Long.MAX_VALUE));
        BigEndian.put32(cdb, 10, checked(blockCount, Integer.MAX_VALUE));
        return cdb;
    }

    private static long checked(long value, long max) {
        if (value < 0 || value > max) {
            throw new IllegalArgumentException(value + " does not fit a field of at most " + max);
        }
        return value;
    }
}
