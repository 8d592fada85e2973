package dev.sanway.block;

/**
 * Why a request failed. Unless a case says otherwise, a failed write may have landed wholly, partly or not at all, and
 * nothing of it lands after the completion in a way that could undo a later write to the same device.
 */
public sealed interface BlockFailure {

    /** The medium could not be read at {@code lba} (the first bad block, in the blocks of the device that was asked). */
    record Unreadable(long lba) implements BlockFailure {}

    /** The medium could not be written at {@code lba}. */
    record Unwritable(long lba) implements BlockFailure {}

    /** Compare-and-write found a difference; {@code byteOffset} of the first differing byte. Nothing was written. */
    record Miscompare(int byteOffset) implements BlockFailure {}

    /** The medium, or the part of it that was asked for, is not ready; {@code why} says whether trying later may help. */
    record NotReady(Readiness.Unready why) implements BlockFailure {
        /** What was asked for comes back by itself. */
        public NotReady(String reason) {
            this(new Readiness.Away(reason));
        }

        /** Waiting is of no use. */
        public static NotReady unusable(String reason) {
            return new NotReady(new Readiness.Unusable(reason));
        }
    }

    /** Nothing is left to back the blocks with; recovers when space comes. */
    record OutOfSpace() implements BlockFailure {}

    /** The device is read-only, or no longer ours. Nothing was written. */
    record WriteProtected(String reason) implements BlockFailure {}

    /** Too much under way; the same request may be sent again at once. Nothing was done. */
    record Busy() implements BlockFailure {}

    /** Another initiator holds a reservation on a unit. Nothing was done. */
    record ReservationConflict() implements BlockFailure {}

    /** Writes that were done but not flushed are lost: said once, as a rule by the first flush after it was found out. */
    record UnflushedWritesLost() implements BlockFailure {}

    /** Cancelled by {@link BlockOperation#cancel}. */
    record Cancelled() implements BlockFailure {}

    /** The device does not implement this kind of request. Nothing was done. */
    record Unsupported() implements BlockFailure {}

    /** The device broke in a way that no other case names; {@code detail} is for the log. */
    record Broken(String detail) implements BlockFailure {}

    /** The failure as seen by one who knows the device's blocks under LBAs larger by {@code offsetBlocks}. */
    static BlockFailure shifted(BlockFailure failure, long offsetBlocks) {
        return switch (failure) {
            case Unreadable unreadable -> new Unreadable(unreadable.lba() + offsetBlocks);
            case Unwritable unwritable -> new Unwritable(unwritable.lba() + offsetBlocks);
            case Miscompare _,
                    NotReady _,
                    OutOfSpace _,
                    WriteProtected _,
                    Busy _,
                    ReservationConflict _,
                    UnflushedWritesLost _,
                    Cancelled _,
                    Unsupported _,
                    Broken _ -> failure;
        };
    }
}
