package dev.sanway.target.lun;

import dev.sanway.block.Readiness;
import dev.sanway.scsi.BigEndian;
import dev.sanway.scsi.Opcode;
import java.io.ByteArrayOutputStream;
import java.util.List;

/** Logs, diagnostics and what a disk drive would do with its motor and its door. */
final class DiagnosticCommands {
    private static final int SUPPORTED_PAGES = 0x00;
    private static final int LOGICAL_BLOCK_PROVISIONING = 0x0C;
    private static final int INFORMATIONAL_EXCEPTIONS = 0x2F;
    private static final int ALL_SUBPAGES = 0xFF;
    private static final int PERCENTAGE_LEFT = 0x0003;

    /**
     * Parameter 0000h of the informational exceptions page (SPC-4 7.3.10): none has happened, and no temperature is known. smartctl
     * wants the page where there is mode page 1Ch, and counts its absence as a failure.
     */
    private static final byte[] NO_EXCEPTION = {0, 0, 0x03, 4, 0, 0, (byte) 0xFF, 0};

    private DiagnosticCommands() {}

    // ---- LOG SENSE (SPC-4 6.9, 7.3; SBC-3 6.4)

    static void logSense(Task task) {
        byte[] cdb = task.cdb();
        int page = cdb[2] & 0x3F;
        int subpage = BigEndian.u8(cdb, 3);
        List<Integer> pages = pages(task.unit);
        int pointer = BigEndian.u16(cdb, 5);
        byte[] parameters;
        if (page == SUPPORTED_PAGES && subpage == 0) {
            parameters = supported(pages, false);
        } else if (page == SUPPORTED_PAGES && subpage == ALL_SUBPAGES) {
            parameters = supported(pages, true);
        } else if (!pages.contains(page)) {
            // The pointer is to the field that is wrong first: the subpage if the page is there.
            task.invalidField(2, 5);
            return;
        } else if (subpage != 0) {
            task.invalidField(3, -1);
            return;
        } else if (page == LOGICAL_BLOCK_PROVISIONING) {
            parameters = provisioning(task.unit, pointer);
        } else {
            parameters = pointer == 0 ? NO_EXCEPTION.clone() : new byte[0];
        }
        byte[] data = new byte[4 + parameters.length];
        data[0] = (byte) (page | (subpage == 0 ? 0 : 0x40));
        data[1] = (byte) subpage;
        BigEndian.put16(data, 2, parameters.length);
        System.arraycopy(parameters, 0, data, 4, parameters.length);
        task.good(data, BigEndian.u16(cdb, 7));
    }

    /** Provisioning is told of what is thin, as soon as the pool was looked at; there is nothing to tell of anything else. */
    private static List<Integer> pages(LogicalUnit unit) {
        boolean told = unit.config().thin() && unit.unmaps() && unit.spaceUsedPercent() >= 0;
        return told
                ? List.of(SUPPORTED_PAGES, LOGICAL_BLOCK_PROVISIONING, INFORMATIONAL_EXCEPTIONS)
                : List.of(SUPPORTED_PAGES, INFORMATIONAL_EXCEPTIONS);
    }

    private static byte[] supported(List<Integer> pages, boolean withSubpages) {
        ByteArrayOutputStream list = new ByteArrayOutputStream();
        for (int page : pages) {
            list.write(page);
            if (withSubpages) {
                list.write(0);
            }
        }
        if (withSubpages) {
            list.write(SUPPORTED_PAGES);
            list.write(ALL_SUBPAGES);
        }
        return list.toByteArray();
    }

    /** Parameter 0003h, the percentage that is left. */
    private static byte[] provisioning(LogicalUnit unit, int parameterPointer) {
        if (parameterPointer > PERCENTAGE_LEFT) {
            return new byte[0];
        }
        byte[] left = new byte[8];
        BigEndian.put16(left, 0, PERCENTAGE_LEFT);
        left[2] = 0x03; // binary list
        left[3] = 4;
        BigEndian.put16(left, 4, Math.max(0, 100 - unit.spaceUsedPercent()));
        return left;
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
     * Starting and stopping do nothing: other hosts may share the unit, and a volume has no motor. A start fails while the medium is
     * not ready. The medium cannot be ejected, which LOEJ asks for.
     */
    static void startStop(Task task) {
        byte[] cdb = task.cdb();
        boolean powerCondition = (cdb[4] & 0xF0) != 0;
        if (!powerCondition && (cdb[4] & 0x02) != 0) {
            task.invalidField(4, 1);
            return;
        }
        boolean start = !powerCondition && (cdb[4] & 0x01) != 0;
        if (start && task.unit.readiness() instanceof Readiness.Unready why) {
            task.check(FailureSense.of(why));
        } else {
            task.good();
        }
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
