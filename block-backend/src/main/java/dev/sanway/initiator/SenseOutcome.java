package dev.sanway.initiator;

import dev.sanway.block.BlockFailure;
import dev.sanway.scsi.AdditionalSense;
import dev.sanway.scsi.SenseData;
import dev.sanway.scsi.SenseKey;
import dev.sanway.scsi.StatusCode;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** What a SCSI status and its sense data mean for a request: the one place where a unit's failures become ours. Pure. */
sealed interface SenseOutcome {
    /** Carried out. */
    record Good() implements SenseOutcome {}

    /** Not carried out, and the unit has something to tell: hear it, then send the command again. */
    record News(SenseData sense) implements SenseOutcome {}

    /** Not carried out for a passing reason: send the command again a little later; {@code last} if time runs out. */
    record Later(BlockFailure last) implements SenseOutcome {}

    /** Failed. */
    record Failure(BlockFailure failure) implements SenseOutcome {}

    /**
     * Reads a command's status.
     *
     * @param write whether the command writes
     * @param lba the first block it was about, where the unit does not say which block failed
     * @param blockCount blocks it was about
     */
    static SenseOutcome of(int status, @Nullable SenseData sense, boolean write, long lba, long blockCount) {
        return switch (status) {
            case StatusCode.GOOD, StatusCode.CONDITION_MET -> new Good();
            case StatusCode.CHECK_CONDITION ->
                sense == null
                        ? new Failure(new BlockFailure.Broken("CHECK CONDITION without sense data"))
                        : check(sense, write, lba, blockCount);
            case StatusCode.BUSY, StatusCode.TASK_SET_FULL -> new Later(new BlockFailure.Busy());
            case StatusCode.RESERVATION_CONFLICT -> new Failure(new BlockFailure.ReservationConflict());
            case StatusCode.TASK_ABORTED -> new Later(new BlockFailure.NotReady("aborted by another initiator"));
            default -> new Failure(new BlockFailure.Broken("status " + Integer.toHexString(status)));
        };
    }

    private static SenseOutcome check(SenseData sense, boolean write, long lba, long blockCount) {
        if (sense.deferred()) {
            return new News(sense); // speaks of an earlier command: this one was not carried out (SPC-4 4.5.7)
        }
        return switch (sense.key()) {
            case NO_SENSE, RECOVERED_ERROR, COMPLETED -> new Good();
            case UNIT_ATTENTION -> new News(sense);
            case NOT_READY -> notReady(sense);
            case MEDIUM_ERROR -> {
                long bad = block(sense, lba, blockCount);
                yield new Failure(write ? new BlockFailure.Unwritable(bad) : new BlockFailure.Unreadable(bad));
            }
            case MISCOMPARE -> {
                Long offset = sense.information();
                yield new Failure(new BlockFailure.Miscompare(offset == null ? 0 : offset.intValue()));
            }
            case DATA_PROTECT ->
                sense.is(SenseKey.DATA_PROTECT, AdditionalSense.SPACE_ALLOCATION_FAILED)
                        ? new Failure(new BlockFailure.OutOfSpace())
                        : new Failure(new BlockFailure.WriteProtected(sense.toString()));
            case ILLEGAL_REQUEST -> new Failure(illegal(sense));
            case ABORTED_COMMAND -> new Later(new BlockFailure.Broken(sense.toString()));
            case HARDWARE_ERROR, BLANK_CHECK, VENDOR_SPECIFIC, COPY_ABORTED, RESERVED_C, VOLUME_OVERFLOW ->
                new Failure(new BlockFailure.Broken(sense.toString()));
        };
    }

    /** In process of becoming ready, an operation, a transition or an allocation in progress (SPC-4 table 56). */
    Set<Integer> PASSING_04 = Set.of(0x01, 0x07, 0x0A, 0x14);

    private static SenseOutcome notReady(SenseData sense) {
        boolean helpless = sense.is(SenseKey.NOT_READY, AdditionalSense.MANUAL_INTERVENTION_REQUIRED)
                || sense.asc() == AdditionalSense.MEDIUM_NOT_PRESENT.asc();
        BlockFailure failure = helpless
                ? BlockFailure.NotReady.unusable(sense.toString())
                : new BlockFailure.NotReady(sense.toString());
        return sense.asc() == AdditionalSense.NOT_READY.asc() && PASSING_04.contains(sense.ascq())
                ? new Later(failure)
                : new Failure(failure);
    }

    private static BlockFailure illegal(SenseData sense) {
        // There are units (jSCSI's) whose sense data end before they come to the point.
        boolean silent = sense.asc() == 0 && sense.ascq() == 0;
        if (silent
                || sense.is(SenseKey.ILLEGAL_REQUEST, AdditionalSense.INVALID_OPERATION_CODE)
                || sense.is(SenseKey.ILLEGAL_REQUEST, AdditionalSense.INVALID_FIELD_IN_CDB)) {
            return new BlockFailure.Unsupported();
        }
        if (sense.is(SenseKey.ILLEGAL_REQUEST, AdditionalSense.LOGICAL_UNIT_NOT_SUPPORTED)) {
            return new BlockFailure.NotReady("the unit has no such logical unit any more");
        }
        return new BlockFailure.Broken(sense.toString());
    }

    /** The block that INFORMATION names if it lies in the command's range, else its first. */
    private static long block(SenseData sense, long lba, long blockCount) {
        Long information = sense.information();
        return information != null && information >= lba && information < lba + blockCount ? information : lba;
    }
}
