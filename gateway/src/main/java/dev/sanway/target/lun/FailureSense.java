package dev.sanway.target.lun;

import dev.sanway.block.BlockFailure;
import dev.sanway.block.Readiness;
import dev.sanway.scsi.AdditionalSense;
import dev.sanway.scsi.SenseData;
import dev.sanway.scsi.SenseKey;
import dev.sanway.scsi.StatusCode;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The one place where a device's failure becomes what the initiator sees. */
final class FailureSense {
    private static final Logger LOG = LoggerFactory.getLogger(FailureSense.class);

    private FailureSense() {}

    /**
     * What commands are told that ask whether the medium is ready: the truth and at once, for they are sent in order to know. BECOMING
     * READY is repeated by whoever wants to use the medium; MANUAL INTERVENTION REQUIRED by nobody.
     */
    static SenseData of(Readiness.Unready why) {
        SenseData becoming = SenseData.of(SenseKey.NOT_READY, AdditionalSense.BECOMING_READY);
        return switch (why) {
            case Readiness.Away _ -> becoming;
            case Readiness.Preparing preparing ->
                becoming.withKeySpecific(new SenseData.Progress(preparing.progressOf65536()));
            case Readiness.Unusable _ -> SenseData.of(SenseKey.NOT_READY, AdditionalSense.MANUAL_INTERVENTION_REQUIRED);
        };
    }

    /**
     * Not MEDIUM ERROR, which Linux repeats five times at once, flushes too: what is said once is swallowed by that, and fsync
     * returns 0. HARDWARE ERROR is handed on.
     */
    static void unflushedWritesLost(Task task) {
        task.check(SenseData.of(SenseKey.HARDWARE_ERROR, AdditionalSense.WRITE_ERROR));
    }

    /** Ends the task as the failure demands, at once or {@link Task#paced after a while}. */
    static void end(Task task, BlockFailure failure) {
        switch (failure) {
            case BlockFailure.Unreadable unreadable ->
                task.check(SenseData.of(SenseKey.MEDIUM_ERROR, AdditionalSense.UNRECOVERED_READ_ERROR)
                        .withInformation(unreadable.lba()));
            case BlockFailure.Unwritable unwritable ->
                task.check(SenseData.of(SenseKey.MEDIUM_ERROR, AdditionalSense.WRITE_ERROR)
                        .withInformation(unwritable.lba()));
            case BlockFailure.Miscompare miscompare ->
                task.check(SenseData.of(SenseKey.MISCOMPARE, AdditionalSense.MISCOMPARE_DURING_VERIFY)
                        .withInformation(miscompare.byteOffset()));
            case BlockFailure.NotReady(Readiness.Unready why) -> {
                switch (why) {
                    // Of all answers BUSY is the one that every initiator repeats, and for longest.
                    case Readiness.Away _ -> task.paced(() -> task.status(StatusCode.BUSY));
                    case Readiness.Preparing _ -> task.paced(() -> task.check(of(why)));
                    case Readiness.Unusable _ -> task.check(of(why));
                }
            }
            case BlockFailure.OutOfSpace _ ->
                task.check(SenseData.of(SenseKey.DATA_PROTECT, AdditionalSense.SPACE_ALLOCATION_FAILED));
            case BlockFailure.WriteProtected _ ->
                task.check(SenseData.of(SenseKey.DATA_PROTECT, AdditionalSense.WRITE_PROTECTED));
            case BlockFailure.Busy _ -> task.paced(() -> task.status(StatusCode.BUSY));
            case BlockFailure.ReservationConflict _ -> task.status(StatusCode.RESERVATION_CONFLICT);
            case BlockFailure.UnflushedWritesLost _ -> {
                task.unit.heardOfLoss(task);
                unflushedWritesLost(task);
            }
            // Only an abort cancels, and an aborted task sees no outcome: here the device cancelled by itself.
            case BlockFailure.Cancelled _ -> task.status(StatusCode.TASK_ABORTED);
            case BlockFailure.Unsupported _ -> task.illegal(AdditionalSense.INVALID_OPERATION_CODE);
            case BlockFailure.Broken broken -> {
                LOG.error("{}: device broke: {}", task.unit, broken.detail());
                task.check(SenseData.of(SenseKey.HARDWARE_ERROR, AdditionalSense.INTERNAL_TARGET_FAILURE));
            }
        }
    }
}
