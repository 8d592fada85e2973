package dev.sanway.target.lun;

import dev.sanway.scsi.Opcode;
import java.util.Set;
import java.util.function.Predicate;

/**
 * One row of the {@link CommandTable}.
 *
 * @param opcode operation code
 * @param serviceAction service action, or {@link #NO_SERVICE_ACTION}
 * @param name the standard's name
 * @param usage the CDB usage data of REPORT SUPPORTED OPERATION CODES: its length is the CDB's, a set bit is one we look at;
 *     byte 0 is the operation code. Bits that are clear must be zero in a CDB
 * @param reserved how it fares against another nexus's reservation
 * @param traits the rest that decides whether it may run
 * @param available whether this logical unit has it at all
 * @param timeoutSeconds recommended command time-out (RCTD)
 * @param working how many bytes it holds at most
 * @param handler carries it out
 * @param section where the standard defines it
 */
record CommandSpec(
        int opcode,
        int serviceAction,
        String name,
        byte[] usage,
        Reserved reserved,
        Set<Trait> traits,
        Predicate<LogicalUnit> available,
        int timeoutSeconds,
        Working working,
        Handler handler,
        String section) {

    static final int NO_SERVICE_ACTION = -1;

    private static final int LUN_OF_SCSI_2 = 0xE0;

    /** How a command fares against a persistent reservation of another nexus (SPC-4 table 65, SBC-3 table 12). */
    enum Reserved {
        /** Runs under every type. */
        ALLOWED,
        /** Runs under the write exclusive types. */
        READS,
        /** Conflicts under every type. */
        CONFLICTS,
        /** Decides by itself. */
        OWN_RULES
    }

    enum Trait {
        /** Runs in spite of a unit attention condition (SAM-5 5.14.1). */
        DESPITE_UNIT_ATTENTION,
        /** Runs in spite of another nexus's RESERVE(6) (SPC-2 5.5.1). */
        DESPITE_RESERVE_6,
        /** Is refused while the medium is write protected. */
        WRITES_MEDIUM
    }

    /** See {@link WorkingBytes}. */
    @FunctionalInterface
    interface Working {
        long of(LogicalUnit unit, ScsiCommand command);
    }

    /** Starts a command that passed every check of its row; ends the task, now or later. */
    @FunctionalInterface
    interface Handler {
        void handle(Task task);
    }

    boolean has(Trait trait) {
        return traits.contains(trait);
    }

    boolean hasServiceAction() {
        return serviceAction != NO_SERVICE_ACTION;
    }

    int cdbLengthBytes() {
        return usage.length;
    }

    /**
     * Whether an initiator finds out by it what is there. Before it knows better Linux has the logical unit number in bits 7 to 5
     * of byte 1, too, where SCSI-2 had it (7.2.2); SPC-4 lets a target leave reserved bits alone.
     */
    private boolean findsOut() {
        return switch (opcode) {
            case Opcode.TEST_UNIT_READY,
                    Opcode.REQUEST_SENSE,
                    Opcode.INQUIRY,
                    Opcode.MODE_SENSE_6,
                    Opcode.MODE_SENSE_10,
                    Opcode.READ_CAPACITY_10,
                    Opcode.REPORT_LUNS -> true;
            default -> false;
        };
    }

    private int ignoredInByte1() {
        return hasServiceAction() ? 0x1F : findsOut() ? LUN_OF_SCSI_2 : 0;
    }

    /** Whether a bit that the usage map has clear is looked past. */
    boolean ignores(int byteIndex, int bit) {
        return byteIndex == 1 && (ignoredInByte1() >> bit & 1) != 0;
    }

    /**
     * The first bit of a CDB that must be zero and is not, as {@code byte * 8 + bit}; -1 if there is none. Operation code and
     * service action have been looked at already.
     */
    int firstWrongBit(byte[] cdb) {
        for (int i = 1; i < usage.length; i++) {
            int allowed = i == 1 ? usage[i] | ignoredInByte1() : usage[i];
            int wrong = cdb[i] & ~allowed & 0xFF;
            if (wrong != 0) {
                return i * 8 + (31 - Integer.numberOfLeadingZeros(wrong));
            }
        }
        return -1;
    }
}
