package dev.sanway.target.lun;

import static dev.sanway.scsi.Opcode.*;
import static dev.sanway.target.lun.CommandSpec.Reserved.ALLOWED;
import static dev.sanway.target.lun.CommandSpec.Reserved.CONFLICTS;
import static dev.sanway.target.lun.CommandSpec.Reserved.OWN_RULES;
import static dev.sanway.target.lun.CommandSpec.Reserved.READS;
import static dev.sanway.target.lun.CommandSpec.Trait.DESPITE_RESERVE_6;
import static dev.sanway.target.lun.CommandSpec.Trait.DESPITE_UNIT_ATTENTION;
import static dev.sanway.target.lun.CommandSpec.Trait.WRITES_MEDIUM;

import dev.sanway.scsi.BigEndian;
import dev.sanway.target.lun.CommandSpec.Handler;
import dev.sanway.target.lun.CommandSpec.Reserved;
import dev.sanway.target.lun.CommandSpec.Trait;
import dev.sanway.target.lun.CommandSpec.Working;
import java.util.EnumSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Every command that a logical unit carries out. Validation, dispatch, and REPORT SUPPORTED OPERATION CODES come from these rows.
 *
 * <p>The usage column holds one byte for each of the CDB's: the operation code, then ones for the bits that are looked at or may
 * be ignored. RDPROTECT and its kin, ANCHOR, SP and NACA are zero there, and so refused.
 */
final class CommandTable {
    private static final int SECONDS_SHORT = 10;
    private static final int SECONDS_MEDIUM = 30;
    private static final int SECONDS_LONG = 60;

    private static final List<CommandSpec> ROWS = List.of(
            // name, CDB usage, reservations, bytes held (if not parameter data only), handler, section, traits
            row("TEST UNIT READY", "00 00 00 00 00 00", ALLOWED, InquiryCommands::testUnitReady, "SPC-4 6.47"),
            row(
                    "REQUEST SENSE",
                    "03 01 00 00 FF 00",
                    ALLOWED,
                    InquiryCommands::requestSense,
                    "SPC-4 6.39",
                    DESPITE_UNIT_ATTENTION,
                    DESPITE_RESERVE_6),
            new CommandSpec(
                    FORMAT_UNIT,
                    CommandSpec.NO_SERVICE_ACTION,
                    "FORMAT UNIT",
                    usage("04 00 00 00 00 00"),
                    CONFLICTS,
                    EnumSet.of(WRITES_MEDIUM),
                    ProvisioningCommands::formats,
                    SECONDS_LONG,
                    WorkingBytes::parameters,
                    ProvisioningCommands::formatUnit,
                    "SBC-3 5.4"),
            row("READ(6)", "08 1F FF FF FF 00", READS, WorkingBytes::read, MediumCommands::read, "SBC-3 5.11"),
            row(
                    "WRITE(6)",
                    "0A 1F FF FF FF 00",
                    CONFLICTS,
                    WorkingBytes::write,
                    MediumCommands::write,
                    "SBC-3 5.35",
                    WRITES_MEDIUM),
            row(
                    "INQUIRY",
                    "12 01 FF FF FF 00",
                    ALLOWED,
                    InquiryCommands::inquiry,
                    "SPC-4 6.6",
                    DESPITE_UNIT_ATTENTION,
                    DESPITE_RESERVE_6),
            row("MODE SELECT(6)", "15 10 00 00 FF 00", CONFLICTS, ModeCommands::modeSelect, "SPC-4 6.11"),
            row("RESERVE(6)", "16 00 00 00 00 00", OWN_RULES, ReservationCommands::reserve6, "SPC-2 7.20"),
            row(
                    "RELEASE(6)",
                    "17 00 00 00 00 00",
                    OWN_RULES,
                    ReservationCommands::release6,
                    "SPC-2 7.16",
                    DESPITE_RESERVE_6),
            row("MODE SENSE(6)", "1A 08 FF FF FF 00", CONFLICTS, ModeCommands::modeSense, "SPC-4 6.13"),
            row("START STOP UNIT", "1B 01 00 0F F7 00", CONFLICTS, DiagnosticCommands::startStop, "SBC-3 5.25"),
            row(
                    "RECEIVE DIAGNOSTIC RESULTS",
                    "1C 01 FF FF FF 00",
                    CONFLICTS,
                    DiagnosticCommands::receiveDiagnostic,
                    "SPC-4 6.30"),
            row("SEND DIAGNOSTIC", "1D F7 00 FF FF 00", CONFLICTS, DiagnosticCommands::sendDiagnostic, "SPC-4 6.43"),
            row(
                    "PREVENT ALLOW MEDIUM REMOVAL",
                    "1E 00 00 00 03 00",
                    CONFLICTS,
                    DiagnosticCommands::preventAllow,
                    "SPC-4 6.20"),
            row(
                    "READ CAPACITY(10)",
                    "25 00 00 00 00 00 00 00 00 00",
                    ALLOWED,
                    InquiryCommands::readCapacity10,
                    "SBC-3 5.15"),
            row(
                    "READ(10)",
                    "28 18 FF FF FF FF 1F FF FF 00",
                    READS,
                    WorkingBytes::read,
                    MediumCommands::read,
                    "SBC-3 5.12"),
            row(
                    "WRITE(10)",
                    "2A 18 FF FF FF FF 1F FF FF 00",
                    CONFLICTS,
                    WorkingBytes::write,
                    MediumCommands::write,
                    "SBC-3 5.36",
                    WRITES_MEDIUM),
            row(
                    "WRITE AND VERIFY(10)",
                    "2E 16 FF FF FF FF 1F FF FF 00",
                    CONFLICTS,
                    WorkingBytes::writeAndVerify,
                    MediumCommands::writeAndVerify,
                    "SBC-3 5.39",
                    WRITES_MEDIUM),
            row(
                    "VERIFY(10)",
                    "2F 16 FF FF FF FF 1F FF FF 00",
                    READS,
                    WorkingBytes::verify,
                    MediumCommands::verify,
                    "SBC-3 5.31"),
            row("PRE-FETCH(10)", "34 02 FF FF FF FF 1F FF FF 00", READS, MediumCommands::preFetch, "SBC-3 5.8"),
            row(
                    "SYNCHRONIZE CACHE(10)",
                    "35 06 FF FF FF FF 1F FF FF 00",
                    CONFLICTS,
                    MediumCommands::synchronizeCache,
                    "SBC-3 5.26"),
            row(
                    "READ DEFECT DATA(10)",
                    "37 00 1F 00 00 00 00 FF FF 00",
                    READS,
                    DiagnosticCommands::readDefectData,
                    "SBC-3 5.17"),
            row(
                    "WRITE SAME(10)",
                    "41 08 FF FF FF FF 1F FF FF 00",
                    CONFLICTS,
                    WorkingBytes::writeSame,
                    ProvisioningCommands::writeSame,
                    "SBC-3 5.42",
                    WRITES_MEDIUM),
            new CommandSpec(
                    UNMAP,
                    CommandSpec.NO_SERVICE_ACTION,
                    "UNMAP",
                    usage("42 00 00 00 00 00 1F FF FF 00"),
                    CONFLICTS,
                    EnumSet.of(WRITES_MEDIUM),
                    LogicalUnit::unmaps,
                    SECONDS_LONG,
                    WorkingBytes::parameters,
                    ProvisioningCommands::unmap,
                    "SBC-3 5.28"),
            row(
                    "LOG SENSE",
                    "4D 00 FF FF 00 FF FF FF FF 00",
                    ALLOWED,
                    DiagnosticCommands::logSense,
                    "SPC-4 6.9",
                    DESPITE_RESERVE_6),
            row("MODE SELECT(10)", "55 10 00 00 00 00 00 FF FF 00", CONFLICTS, ModeCommands::modeSelect, "SPC-4 6.12"),
            row("MODE SENSE(10)", "5A 18 FF FF 00 00 00 FF FF 00", CONFLICTS, ModeCommands::modeSense, "SPC-4 6.14"),
            reserveIn("READ KEYS", SA_READ_KEYS, ReservationCommands::readKeys, "SPC-4 6.15.2"),
            reserveIn("READ RESERVATION", SA_READ_RESERVATION, ReservationCommands::readReservation, "SPC-4 6.15.3"),
            reserveIn(
                    "REPORT CAPABILITIES",
                    SA_REPORT_CAPABILITIES,
                    ReservationCommands::reportCapabilities,
                    "SPC-4 6.15.4"),
            reserveIn("READ FULL STATUS", SA_READ_FULL_STATUS, ReservationCommands::readFullStatus, "SPC-4 6.15.5"),
            reserveOut("REGISTER", SA_REGISTER),
            reserveOut("RESERVE", SA_RESERVE),
            reserveOut("RELEASE", SA_RELEASE),
            reserveOut("CLEAR", SA_CLEAR),
            reserveOut("PREEMPT", SA_PREEMPT),
            reserveOut("PREEMPT AND ABORT", SA_PREEMPT_AND_ABORT),
            reserveOut("REGISTER AND IGNORE EXISTING KEY", SA_REGISTER_AND_IGNORE_EXISTING_KEY),
            reserveOut("REGISTER AND MOVE", SA_REGISTER_AND_MOVE),
            row(
                    "READ(16)",
                    "88 19 FF FF FF FF FF FF FF FF FF FF FF FF DF 00",
                    READS,
                    WorkingBytes::read,
                    MediumCommands::read,
                    "SBC-3 5.14"),
            row(
                    "COMPARE AND WRITE",
                    "89 18 FF FF FF FF FF FF FF FF 00 00 00 FF 1F 00",
                    CONFLICTS,
                    WorkingBytes::compareAndWrite,
                    MediumCommands::compareAndWrite,
                    "SBC-3 5.2",
                    WRITES_MEDIUM),
            row(
                    "WRITE(16)",
                    "8A 19 FF FF FF FF FF FF FF FF FF FF FF FF DF 00",
                    CONFLICTS,
                    WorkingBytes::write,
                    MediumCommands::write,
                    "SBC-3 5.38",
                    WRITES_MEDIUM),
            row(
                    "ORWRITE(16)",
                    "8B 18 FF FF FF FF FF FF FF FF FF FF FF FF 1F 00",
                    CONFLICTS,
                    WorkingBytes::orWrite,
                    MediumCommands::orWrite,
                    "SBC-3 5.7",
                    WRITES_MEDIUM),
            row(
                    "WRITE AND VERIFY(16)",
                    "8E 16 FF FF FF FF FF FF FF FF FF FF FF FF 1F 00",
                    CONFLICTS,
                    WorkingBytes::writeAndVerify,
                    MediumCommands::writeAndVerify,
                    "SBC-3 5.41",
                    WRITES_MEDIUM),
            row(
                    "VERIFY(16)",
                    "8F 16 FF FF FF FF FF FF FF FF FF FF FF FF 1F 00",
                    READS,
                    WorkingBytes::verify,
                    MediumCommands::verify,
                    "SBC-3 5.33"),
            row(
                    "PRE-FETCH(16)",
                    "90 02 FF FF FF FF FF FF FF FF FF FF FF FF 1F 00",
                    READS,
                    MediumCommands::preFetch,
                    "SBC-3 5.9"),
            row(
                    "SYNCHRONIZE CACHE(16)",
                    "91 06 FF FF FF FF FF FF FF FF FF FF FF FF 1F 00",
                    CONFLICTS,
                    MediumCommands::synchronizeCache,
                    "SBC-3 5.27"),
            row(
                    "WRITE SAME(16)",
                    "93 09 FF FF FF FF FF FF FF FF FF FF FF FF 1F 00",
                    CONFLICTS,
                    WorkingBytes::writeSame,
                    ProvisioningCommands::writeSame,
                    "SBC-3 5.43",
                    WRITES_MEDIUM),
            action(
                    "READ CAPACITY(16)",
                    SA_READ_CAPACITY_16,
                    "9E 00 00 00 00 00 00 00 00 00 FF FF FF FF 00 00",
                    ALLOWED,
                    InquiryCommands::readCapacity16,
                    "SBC-3 5.16"),
            action(
                    "GET LBA STATUS",
                    SA_GET_LBA_STATUS,
                    "9E 00 FF FF FF FF FF FF FF FF FF FF FF FF 00 00",
                    READS,
                    ProvisioningCommands::getLbaStatus,
                    "SBC-3 5.6"),
            row(
                    "REPORT LUNS",
                    "A0 00 FF 00 00 00 FF FF FF FF 00 00",
                    ALLOWED,
                    ReportCommands::reportLuns,
                    "SPC-4 6.33",
                    DESPITE_UNIT_ATTENTION,
                    DESPITE_RESERVE_6),
            action(
                    "REPORT IDENTIFYING INFORMATION",
                    SA_REPORT_IDENTIFYING_INFORMATION,
                    "A3 00 00 00 00 00 FF FF FF FF FE 00",
                    ALLOWED,
                    ReportCommands::reportIdentifyingInformation,
                    "SPC-4 6.32",
                    DESPITE_RESERVE_6),
            action(
                    "REPORT TARGET PORT GROUPS",
                    SA_REPORT_TARGET_PORT_GROUPS,
                    "A3 E0 00 00 00 00 FF FF FF FF 00 00",
                    ALLOWED,
                    ReportCommands::reportTargetPortGroups,
                    "SPC-4 6.37",
                    DESPITE_RESERVE_6),
            action(
                    "REPORT SUPPORTED OPERATION CODES",
                    SA_REPORT_SUPPORTED_OPERATION_CODES,
                    "A3 00 87 FF FF FF FF FF FF FF 00 00",
                    CONFLICTS,
                    ReportCommands::reportSupportedOperationCodes,
                    "SPC-4 6.35"),
            action(
                    "REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS",
                    SA_REPORT_SUPPORTED_TASK_MANAGEMENT_FUNCTIONS,
                    "A3 00 80 00 00 00 FF FF FF FF 00 00",
                    CONFLICTS,
                    ReportCommands::reportSupportedTaskManagement,
                    "SPC-4 6.36"),
            row(
                    "READ(12)",
                    "A8 18 FF FF FF FF FF FF FF FF 1F 00",
                    READS,
                    WorkingBytes::read,
                    MediumCommands::read,
                    "SBC-3 5.13"),
            row(
                    "WRITE(12)",
                    "AA 18 FF FF FF FF FF FF FF FF 1F 00",
                    CONFLICTS,
                    WorkingBytes::write,
                    MediumCommands::write,
                    "SBC-3 5.37",
                    WRITES_MEDIUM),
            row(
                    "WRITE AND VERIFY(12)",
                    "AE 16 FF FF FF FF FF FF FF FF 1F 00",
                    CONFLICTS,
                    WorkingBytes::writeAndVerify,
                    MediumCommands::writeAndVerify,
                    "SBC-3 5.40",
                    WRITES_MEDIUM),
            row(
                    "VERIFY(12)",
                    "AF 16 FF FF FF FF FF FF FF FF 1F 00",
                    READS,
                    WorkingBytes::verify,
                    MediumCommands::verify,
                    "SBC-3 5.32"),
            row(
                    "READ DEFECT DATA(12)",
                    "B7 1F 00 00 00 00 FF FF FF FF 00 00",
                    READS,
                    DiagnosticCommands::readDefectData,
                    "SBC-3 5.18"));

    /** Rows by operation code, then by service action (the only entry if there are none). */
    private static final @Nullable CommandSpec[][] BY_OPCODE = index();

    private CommandTable() {}

    private static CommandSpec row(
            String name, String usage, Reserved reserved, Handler handler, String section, Trait... traits) {
        return row(name, usage, reserved, WorkingBytes::parameters, handler, section, traits);
    }

    private static CommandSpec row(
            String name,
            String usage,
            Reserved reserved,
            Working working,
            Handler handler,
            String section,
            Trait... traits) {
        byte[] bytes = usage(usage);
        return new CommandSpec(
                BigEndian.u8(bytes, 0),
                CommandSpec.NO_SERVICE_ACTION,
                name,
                bytes,
                reserved,
                Set.of(traits),
                CommandTable::always,
                reserved == ALLOWED ? SECONDS_SHORT : SECONDS_MEDIUM,
                working,
                handler,
                section);
    }

    private static CommandSpec action(
            String name,
            int serviceAction,
            String usage,
            Reserved reserved,
            Handler handler,
            String section,
            Trait... traits) {
        byte[] bytes = usage(usage);
        bytes[1] |= (byte) serviceAction;
        return new CommandSpec(
                BigEndian.u8(bytes, 0),
                serviceAction,
                name,
                bytes,
                reserved,
                Set.of(traits),
                CommandTable::always,
                SECONDS_SHORT,
                WorkingBytes::parameters,
                handler,
                section);
    }

    private static CommandSpec reserveIn(String name, int serviceAction, Handler handler, String section) {
        return action(
                "PERSISTENT RESERVE IN, " + name,
                serviceAction,
                "5E 00 00 00 00 00 00 FF FF 00",
                ALLOWED,
                handler,
                section);
    }

    private static CommandSpec reserveOut(String name, int serviceAction) {
        return action(
                "PERSISTENT RESERVE OUT, " + name,
                serviceAction,
                "5F 00 FF 00 00 FF FF FF FF 00",
                OWN_RULES,
                ReservationCommands::out,
                "SPC-4 6.16");
    }

    private static boolean always(LogicalUnit unit) {
        return true;
    }

    private static byte[] usage(String hex) {
        return HexFormat.ofDelimiter(" ").parseHex(hex);
    }

    private static @Nullable CommandSpec[][] index() {
        CommandSpec[][] index = new CommandSpec[256][];
        for (CommandSpec row : ROWS) {
            if (!row.hasServiceAction()) {
                index[row.opcode()] = new CommandSpec[] {row};
                continue;
            }
            if (index[row.opcode()] == null) {
                index[row.opcode()] = new CommandSpec[32];
            }
            index[row.opcode()][row.serviceAction()] = row;
        }
        return index;
    }

    static List<CommandSpec> rows() {
        return ROWS;
    }

    /** Whether the operation code is one of ours and has service actions. */
    static boolean hasServiceActions(int opcode) {
        @Nullable CommandSpec @Nullable [] rows = BY_OPCODE[opcode];
        return rows != null && rows.length > 1;
    }

    /** The row for a CDB, null if there is none. */
    static @Nullable CommandSpec find(byte[] cdb) {
        return find(cdb[0] & 0xFF, cdb[1] & 0x1F);
    }

    /** The row; the service action is ignored where there are none. */
    static @Nullable CommandSpec find(int opcode, int serviceAction) {
        @Nullable CommandSpec @Nullable [] rows = BY_OPCODE[opcode];
        if (rows == null) {
            return null;
        }
        if (rows.length == 1) {
            return rows[0];
        }
        return serviceAction < rows.length ? rows[serviceAction] : null;
    }

    /** A CDB for logs. */
    static String describe(byte[] cdb) {
        CommandSpec row = find(cdb);
        String name = row == null
                ? String.format(Locale.ROOT, "operation code %02Xh", cdb[0] & 0xFF)
                        + (hasServiceActions(cdb[0] & 0xFF)
                                ? String.format(Locale.ROOT, " service action %02Xh", cdb[1] & 0x1F)
                                : "")
                : row.name();
        return name + " (" + HexFormat.of().formatHex(cdb) + ")";
    }
}
