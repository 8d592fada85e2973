package dev.sanway.scsi;

import java.util.Optional;

/** Additional sense codes and qualifiers (SPC-4 4.5.6, table 56) that we give or look for. */
public enum AdditionalSense {
    NONE(0x00, 0x00, "no additional sense information"),
    OPERATION_IN_PROGRESS(0x00, 0x16, "operation in progress"),
    NOT_READY(0x04, 0x00, "logical unit not ready, cause not reportable"),
    BECOMING_READY(0x04, 0x01, "logical unit is in process of becoming ready"),
    INITIALIZING_COMMAND_REQUIRED(0x04, 0x02, "logical unit not ready, initializing command required"),
    MANUAL_INTERVENTION_REQUIRED(0x04, 0x03, "logical unit not ready, manual intervention required"),
    WRITE_ERROR(0x0C, 0x00, "write error"),
    INVALID_FIELD_IN_INFORMATION_UNIT(0x0E, 0x03, "invalid field in command information unit"),
    UNRECOVERED_READ_ERROR(0x11, 0x00, "unrecovered read error"),
    PARAMETER_LIST_LENGTH_ERROR(0x1A, 0x00, "parameter list length error"),
    MISCOMPARE_DURING_VERIFY(0x1D, 0x00, "miscompare during verify operation"),
    INVALID_OPERATION_CODE(0x20, 0x00, "invalid command operation code"),
    LBA_OUT_OF_RANGE(0x21, 0x00, "logical block address out of range"),
    INVALID_FIELD_IN_CDB(0x24, 0x00, "invalid field in CDB"),
    LOGICAL_UNIT_NOT_SUPPORTED(0x25, 0x00, "logical unit not supported"),
    INVALID_FIELD_IN_PARAMETER_LIST(0x26, 0x00, "invalid field in parameter list"),
    PARAMETER_VALUE_INVALID(0x26, 0x02, "parameter value invalid"),
    INVALID_RELEASE_OF_PERSISTENT_RESERVATION(0x26, 0x04, "invalid release of persistent reservation"),
    WRITE_PROTECTED(0x27, 0x00, "write protected"),
    SOFTWARE_WRITE_PROTECTED(0x27, 0x02, "logical unit software write protected"),
    SPACE_ALLOCATION_FAILED(0x27, 0x07, "space allocation failed write protect"),
    POWER_ON_RESET_OR_BUS_RESET(0x29, 0x00, "power on, reset, or bus device reset occurred"),
    POWER_ON(0x29, 0x01, "power on occurred"),
    BUS_RESET(0x29, 0x02, "SCSI bus reset occurred"),
    DEVICE_RESET(0x29, 0x03, "bus device reset function occurred"),
    NEXUS_LOSS(0x29, 0x07, "I_T nexus loss occurred"),
    MODE_PARAMETERS_CHANGED(0x2A, 0x01, "mode parameters changed"),
    RESERVATIONS_PREEMPTED(0x2A, 0x03, "reservations preempted"),
    RESERVATIONS_RELEASED(0x2A, 0x04, "reservations released"),
    REGISTRATIONS_PREEMPTED(0x2A, 0x05, "registrations preempted"),
    CAPACITY_CHANGED(0x2A, 0x09, "capacity data has changed"),
    COMMAND_SEQUENCE_ERROR(0x2C, 0x00, "command sequence error"),
    COMMANDS_CLEARED_BY_ANOTHER_INITIATOR(0x2F, 0x00, "commands cleared by another initiator"),
    THIN_PROVISIONING_SOFT_THRESHOLD(0x38, 0x07, "thin provisioning soft threshold reached"),
    SAVING_PARAMETERS_NOT_SUPPORTED(0x39, 0x00, "saving parameters not supported"),
    MEDIUM_NOT_PRESENT(0x3A, 0x00, "medium not present"),
    INQUIRY_DATA_CHANGED(0x3F, 0x03, "inquiry data has changed"),
    REPORTED_LUNS_CHANGED(0x3F, 0x0E, "reported LUNs data has changed"),
    INTERNAL_TARGET_FAILURE(0x44, 0x00, "internal target failure"),
    DATA_PHASE_ERROR(0x4B, 0x00, "data phase error"),
    OVERLAPPED_COMMANDS_ATTEMPTED(0x4E, 0x00, "overlapped commands attempted"),
    MEDIUM_REMOVAL_PREVENTED(0x53, 0x02, "medium removal prevented"),
    INSUFFICIENT_REGISTRATION_RESOURCES(0x55, 0x04, "insufficient registration resources"),
    INSUFFICIENT_RESOURCES(0x55, 0x03, "insufficient resources");

    private final int asc;
    private final int ascq;
    private final String text;

    AdditionalSense(int asc, int ascq, String text) {
        this.asc = asc;
        this.ascq = ascq;
        this.text = text;
    }

    public int asc() {
        return asc;
    }

    public int ascq() {
        return ascq;
    }

    /** The standard's wording, for logs. */
    public String text() {
        return text;
    }

    /** The row with these codes, if we know it. */
    public static Optional<AdditionalSense> of(int asc, int ascq) {
        for (AdditionalSense row : values()) {
            if (row.asc == asc && row.ascq == ascq) {
                return Optional.of(row);
            }
        }
        return Optional.empty();
    }
}
