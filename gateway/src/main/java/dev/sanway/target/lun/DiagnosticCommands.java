package dev.sanway.target.lun;

import dev.sanway.scsi.BigEndian;
import dev.sanway.scsi.Opcode;
import java.io.ByteArrayOutputStream;

/** Logs, diagnostics and what a disk drive would do with its motor and its door. */
final class DiagnosticCommands {
    private static final int SUPPORTED_PAGES = 0x00;
    private static final int LOGICAL_BLOCK_PROVISIONING = 0x0C;
    private static final int ALL_SUBPAGES = 0xFF;

    private DiagnosticCommands() {}

    // ---- LOG SENSE (SPC-4 6.9, 7.3; SBC-3 6.4)

    static void logSense(Task task) {
        byte[] cdb = task.cdb();
        int page = cdb[2] & 0x3F;
        int subpage = BigEndian.u8(cdb, 3);
        boolean thin = task.unit.unmaps();
        byte[] parameters;
        if (page == SUPPORTED_PAGES && subpage == 0) {
            parameters = thin ? new byte[] {SUPPORTED_PAGES, LOGICAL_BLOCK_PROVISIONING} : new byte[] {0};
        } else if (page == SUPPORTED_PAGES && subpage == ALL_SUBPAGES) {
            parameters = thin
                    ? new byte[] {SUPPORTED_PAGES, 0, SUPPORTED_PAGES, (byte) ALL_SUBPAGES, 0x0C, 0}
                    : new byte[] {SUPPORTED_PAGES, 0, SUPPORTED_PAGES, (byte) ALL_SUBPAGES};
        } else if (page == LOGICAL_BLOCK_PROVISIONING && subpage == 0 && thin) {
            parameters = provisioning(task.unit, BigEndian.u16(cdb, 5));
        } else {
            // The pointer is to the field that is wrong first: the subpage if the page is there.
            boolean pageExists = page == SUPPORTED_PAGES || (page == LOGICAL_BLOCK_PROVISIONING && thin);
            task.invalidField(pageExists ? 3 : 2, pageExists ? -1 : 5);
            return;
        }
        byte[] data = new byte[4 + parameters.length];
        data[0] = (byte) (page | (subpage == 0 ? 0 : 0x40));
        data[1] = (byte) subpage;
        BigEndian.put16(data, 2, parameters.length);
        System.arraycopy(parameters, 0, data, 4, parameters.length);
        task.good(data, BigEndian.u16(cdb, 7));
    }

    /** Parameter 0003h, the percentage that is left, once the device has said; nothing before. */
    private static byte[] provisioning(LogicalUnit unit, int parameterPointer) {
        ByteArrayOutputStream parameters = new ByteArrayOutputStream();
        int used = unit.spaceUsedPercent();
        if (used >= 0 && parameterPointer <= 3) {
            byte[] left = new byte[8];
            BigEndian.put16(left, 0, 0x0003);
            left[2] = 0x03; // binary list
            left[3] = 4;
            BigEndian.put16(left, 4, Math.max(0, 100 - used));
            parameters.writeBytes(left);
        }
        return parameters.toByteArray();
    }

    // ---- SEND DIAGNOSTIC, RECEIVE DIAGNOSTIC RESULTS (SPC-4 6.43, 6.30)

    /** The default self-test, which passes; anything else is refused. */
    static void sendDiagnostic(Task task) {
        byte[] cdb = task.cdb();
        if ((cdb[1] & 0xE0) != 0) {
            task.invalidField(1, 7);
        } else if (BigEndian.u16(cdb, 3) != 0) {
            task.invalidField(3, -1);
        } else {
            task.good();
        }
    }

    static void receiveDiagnostic(Task task) {
        byte[] cdb = task.cdb();
        if ((cdb[1] & 1) != 0 && cdb[2] != 0) {
            task.invalidField(2, -1);
            return;
        }
        task.good(new byte[] {0, 0, 0, 1, 0}, BigEndian.u16(cdb, 3));
    }

    // ---- READ DEFECT DATA (SBC-3 5.17, 5.18): there is no defect list

    static void readDefectData(Task task) {
        byte[] cdb = task.cdb();
        boolean twelve = BigEndian.u8(cdb, 0) == Opcode.READ_DEFECT_DATA_12;
        byte[] data = new byte[twelve ? 8 : 4];
        data[1] = (byte) (cdb[twelve ? 1 : 2] & 0x1F);
        task.good(data, twelve ? BigEndian.i32(cdb, 6) : BigEndian.u16(cdb, 7));
    }

    // ---- START STOP UNIT, PREVENT ALLOW MEDIUM REMOVAL (SBC-3 5.25, SPC-4 6.20)

    /**
     * Starting and stopping do nothing: other hosts may share the unit, and a volume has no motor. The medium cannot be ejected,
     * which LOEJ asks for.
     */
    static void startStop(Task task) {
        byte[] cdb = task.cdb();
        boolean powerCondition = (cdb[4] & 0xF0) != 0;
        if (!powerCondition && (cdb[4] & 0x02) != 0) {
            task.invalidField(4, 1);
            return;
        }
        task.good();
    }

    static void preventAllow(Task task) {
        int prevent = task.cdb()[4] & 0x03;
        if (prevent > 1) {
            task.invalidField(4, 1);
            return;
        }
        task.nexus().preventsRemoval = prevent == 1;
        task.good();
    }
}
