package dev.sanway.target.lun;

import dev.sanway.block.Geometry;
import dev.sanway.scsi.AdditionalSense;
import dev.sanway.scsi.BigEndian;
import dev.sanway.scsi.Opcode;
import dev.sanway.scsi.SenseData;

/** MODE SENSE and MODE SELECT (SPC-4 6.11 to 6.14). */
final class ModeCommands {
    private static final int DBD = 0x08;
    private static final int LLBAA = 0x10;
    private static final int WP = 0x80;
    private static final int DPOFUA = 0x10;
    private static final int SAVED_VALUES = 3;

    private ModeCommands() {}

    static void modeSense(Task task) {
        byte[] cdb = task.cdb();
        boolean ten = BigEndian.u8(cdb, 0) == Opcode.MODE_SENSE_10;
        int pageControl = BigEndian.u8(cdb, 2) >> 6;
        if (pageControl == SAVED_VALUES) {
            task.illegal(AdditionalSense.SAVING_PARAMETERS_NOT_SUPPORTED);
            return;
        }
        int subpage = BigEndian.u8(cdb, 3);
        byte[] pages = task.unit.modes().sense(pageControl, cdb[2] & 0x3F, subpage);
        if (pages == null) {
            task.invalidField(2, 5);
            return;
        }
        byte[] descriptor = (cdb[1] & DBD) != 0
                ? new byte[0]
                : blockDescriptor(task.unit.device().geometry(), ten && (cdb[1] & LLBAA) != 0);
        int header = ten ? 8 : 4;
        byte[] data = new byte[header + descriptor.length + pages.length];
        boolean protectedNow =
                task.unit.device().limits().readOnly() || task.unit.modes().softwareWriteProtected();
        byte specific = (byte) ((protectedNow ? WP : 0) | DPOFUA);
        if (ten) {
            BigEndian.put16(data, 0, data.length - 2);
            data[3] = specific;
            data[4] = (byte) (descriptor.length == 16 ? 1 : 0);
            BigEndian.put16(data, 6, descriptor.length);
        } else {
            data[0] = (byte) (data.length - 1);
            data[2] = specific;
            data[3] = (byte) descriptor.length;
        }
        System.arraycopy(descriptor, 0, data, header, descriptor.length);
        System.arraycopy(pages, 0, data, header + descriptor.length, pages.length);
        task.good(data, ten ? BigEndian.u16(cdb, 7) : BigEndian.u8(cdb, 4));
    }

    /** The short or long LBA mode parameter block descriptor (SBC-3 6.5.2). */
    private static byte[] blockDescriptor(Geometry geometry, boolean longLba) {
        byte[] descriptor = new byte[longLba ? 16 : 8];
        if (longLba) {
            BigEndian.put64(descriptor, 0, geometry.blockCount());
            BigEndian.put32(descriptor, 12, geometry.blockSizeBytes());
        } else {
            BigEndian.put32(descriptor, 0, Math.min(geometry.blockCount(), 0xFFFF_FFFFL));
            BigEndian.put24(descriptor, 5, geometry.blockSizeBytes());
        }
        return descriptor;
    }

    static void modeSelect(Task task) {
        byte[] cdb = task.cdb();
        boolean ten = BigEndian.u8(cdb, 0) == Opcode.MODE_SELECT_10;
        int length = ten ? BigEndian.u16(cdb, 7) : BigEndian.u8(cdb, 4);
        if (length == 0) {
            task.dataOutLength(0);
            task.good();
            return;
        }
        if ((cdb[1] & 0x10) == 0) {
            task.invalidField(1, 4); // PF: without it the pages' format is a vendor's
            return;
        }
        task.wantWholeData(length, data -> select(task, ProvisioningCommands.bytes(data), ten));
    }

    private static void select(Task task, byte[] list, boolean ten) {
        int header = ten ? 8 : 4;
        if (list.length < header) {
            task.illegal(AdditionalSense.PARAMETER_LIST_LENGTH_ERROR);
            return;
        }
        int descriptorLength = ten ? BigEndian.u16(list, 6) : BigEndian.u8(list, 3);
        boolean longLba = ten && (list[4] & 1) != 0;
        if (descriptorLength != 0 && descriptorLength != (longLba ? 16 : 8)) {
            task.check(SenseData.invalidParameter(ten ? 6 : 3, -1));
            return;
        }
        if (list.length < header + descriptorLength) {
            task.illegal(AdditionalSense.PARAMETER_LIST_LENGTH_ERROR);
            return;
        }
        if (descriptorLength > 0 && !sameGeometry(task, list, header, longLba)) {
            return;
        }
        switch (task.unit.modes().select(list, header + descriptorLength)) {
            case ModePages.Selection.Refused refused -> task.check(refused.sense());
            case ModePages.Selection.Accepted accepted -> {
                if (accepted.changed()) {
                    task.unit.attention(AdditionalSense.MODE_PARAMETERS_CHANGED, task.nexus());
                }
                task.good();
            }
        }
    }

    /** Sizes cannot be changed this way; zero and all ones mean "as it is". */
    private static boolean sameGeometry(Task task, byte[] list, int at, boolean longLba) {
        Geometry geometry = task.unit.device().geometry();
        long count = longLba ? BigEndian.i64(list, at) : BigEndian.u32(list, at);
        long size = longLba ? BigEndian.u32(list, at + 12) : BigEndian.u24(list, at + 5);
        long all = longLba ? -1L : 0xFFFF_FFFFL;
        if (count != 0 && count != all && count != geometry.blockCount()) {
            task.check(SenseData.invalidParameter(at, -1));
            return false;
        }
        if (size != geometry.blockSizeBytes()) {
            task.check(SenseData.invalidParameter(at + (longLba ? 12 : 5), -1));
            return false;
        }
        return true;
    }
}
