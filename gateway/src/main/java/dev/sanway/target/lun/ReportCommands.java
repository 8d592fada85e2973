package dev.sanway.target.lun;

import dev.sanway.scsi.BigEndian;
import dev.sanway.scsi.LunList;
import dev.sanway.scsi.SenseData;
import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a target supports: REPORT LUNS, REPORT TARGET PORT GROUPS, REPORT SUPPORTED OPERATION CODES and TASK MANAGEMENT FUNCTIONS,
 * REPORT IDENTIFYING INFORMATION.
 */
final class ReportCommands {
    /** The one target port group: every port reaches every unit equally well. */
    static final int TARGET_PORT_GROUP = 1;

    private static final int ALL_COMMANDS = 0;
    private static final int ONE_OPCODE = 1;
    private static final int ONE_SERVICE_ACTION = 2;
    private static final int ONE_EITHER = 3;

    private ReportCommands() {}

    // ---- REPORT LUNS (SPC-4 6.33)

    static void reportLuns(Task task) {
        SenseData refused = checkReportLuns(task.cdb());
        if (refused != null) {
            task.check(refused);
            return;
        }
        task.target.inventoryReported(task.command().nexus());
        task.good(lunList(task.cdb(), task.target).encode(), reportLunsAllocation(task.cdb()));
    }

    static long reportLunsAllocation(byte[] cdb) {
        return BigEndian.u32(cdb, 6);
    }

    /** SELECT REPORT and the least allocation length; null if both are right. */
    static @Nullable SenseData checkReportLuns(byte[] cdb) {
        if (BigEndian.u8(cdb, 2) > 2) {
            return SenseData.invalidCdbField(2, -1);
        }
        return reportLunsAllocation(cdb) < 16 ? SenseData.invalidCdbField(6, -1) : null;
    }

    /** SELECT REPORT 0 and 2: our units; 1: well known units, of which there are none. */
    static LunList lunList(byte[] cdb, HostTarget target) {
        return cdb[2] == 1 ? new LunList(List.of(), false) : target.lunList();
    }

    // ---- REPORT TARGET PORT GROUPS (SPC-4 6.37)

    static void reportTargetPortGroups(Task task) {
        byte[] cdb = task.cdb();
        int format = BigEndian.u8(cdb, 1) >> 5;
        if (format > 1) {
            task.invalidField(1, 7);
            return;
        }
        List<Integer> ports = task.target.portalGroupTags();
        int header = format == 0 ? 4 : 8;
        byte[] data = new byte[header + 8 + 4 * ports.size()];
        BigEndian.put32(data, 0, data.length - 4L);
        if (format == 1) {
            data[4] = 0x10;
        }
        data[header] = 0x00; // active/optimized
        data[header + 1] = 0x01; // AO_SUP
        BigEndian.put16(data, header + 2, TARGET_PORT_GROUP);
        data[header + 7] = (byte) ports.size();
        for (int i = 0; i < ports.size(); i++) {
            BigEndian.put16(data, header + 8 + 4 * i + 2, ports.get(i));
        }
        task.good(data, BigEndian.i32(cdb, 6));
    }

    // ---- REPORT SUPPORTED OPERATION CODES (SPC-4 6.35)

    static void reportSupportedOperationCodes(Task task) {
        byte[] cdb = task.cdb();
        boolean timeouts = (cdb[2] & 0x80) != 0;
        int options = cdb[2] & 0x07;
        int opcode = BigEndian.u8(cdb, 3);
        int serviceAction = BigEndian.u16(cdb, 4);
        byte[] data = switch (options) {
            case ALL_COMMANDS -> allCommands(task.unit, timeouts);
            case ONE_OPCODE ->
                CommandTable.hasServiceActions(opcode)
                        ? null
                        : oneCommand(CommandTable.find(opcode, 0), task.unit, timeouts);
            case ONE_SERVICE_ACTION ->
                CommandTable.hasServiceActions(opcode) || CommandTable.find(opcode, 0) == null
                        ? oneCommand(CommandTable.find(opcode, serviceAction), task.unit, timeouts)
                        : null;
            case ONE_EITHER -> oneCommand(either(opcode, serviceAction), task.unit, timeouts);
            default -> null;
        };
        if (data == null) {
            task.invalidField(options > ONE_EITHER ? 2 : 3, options > ONE_EITHER ? 2 : -1);
        } else {
            task.good(data, BigEndian.i32(cdb, 6));
        }
    }

    /** Reporting options 011b: a command without service actions is meant only with service action zero. */
    private static @Nullable CommandSpec either(int opcode, int serviceAction) {
        boolean absent = !CommandTable.hasServiceActions(opcode) && serviceAction != 0;
        return absent ? null : CommandTable.find(opcode, serviceAction);
    }

    private static byte[] allCommands(LogicalUnit unit, boolean timeouts) {
        List<CommandSpec> rows = new ArrayList<>();
        for (CommandSpec row : CommandTable.rows()) {
            if (row.available().test(unit)) {
                rows.add(row);
            }
        }
        ByteArrayOutputStream data = new ByteArrayOutputStream();
        byte[] header = new byte[4];
        BigEndian.put32(header, 0, rows.size() * (timeouts ? 20L : 8L));
        data.writeBytes(header);
        for (CommandSpec row : rows) {
            byte[] descriptor = new byte[8];
            descriptor[0] = (byte) row.opcode();
            BigEndian.put16(descriptor, 2, row.hasServiceAction() ? row.serviceAction() : 0);
            descriptor[5] = (byte) ((timeouts ? 0x02 : 0) | (row.hasServiceAction() ? 0x01 : 0));
            BigEndian.put16(descriptor, 6, row.cdbLengthBytes());
            data.writeBytes(descriptor);
            if (timeouts) {
                data.writeBytes(timeouts(row));
            }
        }
        return data.toByteArray();
    }

    private static byte[] oneCommand(@Nullable CommandSpec row, LogicalUnit unit, boolean timeouts) {
        if (row == null || !row.available().test(unit)) {
            return new byte[] {0, 0x01, 0, 0}; // SUPPORT 001b: not supported
        }
        ByteArrayOutputStream data = new ByteArrayOutputStream();
        byte[] header = {0, (byte) ((timeouts ? 0x80 : 0) | 0x03), 0, (byte) row.cdbLengthBytes()};
        data.writeBytes(header);
        data.writeBytes(row.usage());
        if (timeouts) {
            data.writeBytes(timeouts(row));
        }
        return data.toByteArray();
    }

    /** The command timeouts descriptor (SPC-4 6.35.4), in seconds. */
    private static byte[] timeouts(CommandSpec row) {
        byte[] descriptor = new byte[12];
        BigEndian.put16(descriptor, 0, 10);
        BigEndian.put32(descriptor, 4, 0);
        BigEndian.put32(descriptor, 8, row.timeoutSeconds());
        return descriptor;
    }

    // ---- REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS (SPC-4 6.36)

    static void reportSupportedTaskManagement(Task task) {
        boolean extended = (task.cdb()[2] & 0x80) != 0;
        byte[] data = new byte[extended ? 16 : 4];
        data[0] = (byte) 0xDA; // ATS, ATSS, CTSS, LURS, TRS
        data[3] = (byte) (data.length - 4);
        task.good(data, BigEndian.i32(task.cdb(), 6));
    }

    // ---- REPORT IDENTIFYING INFORMATION (SPC-4 6.32): there is none, and none can be set

    static void reportIdentifyingInformation(Task task) {
        byte[] cdb = task.cdb();
        int type = BigEndian.u8(cdb, 10) >> 1;
        int allocation = BigEndian.i32(cdb, 6);
        switch (type) {
            case 0x00, 0x02 -> task.good(new byte[4], allocation);
            case 0x7F -> {
                // Both kinds of information, each of at most zero bytes.
                byte[] data = new byte[4 + 8];
                BigEndian.put16(data, 2, 8);
                data[8] = 0x02 << 1;
                task.good(data, allocation);
            }
            default -> task.invalidField(10, 7);
        }
    }
}
