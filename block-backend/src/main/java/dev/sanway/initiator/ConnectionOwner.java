package dev.sanway.initiator;

import dev.sanway.iscsi.TargetAddress;
import dev.sanway.scsi.SenseData;
import java.util.List;

/** Who is told what becomes of a {@link UnitConnection}, on its loop. Nothing is told after {@link #ended} or {@link #moved}. */
interface ConnectionOwner {
    void loggedIn();

    /** More may be sent than before. */
    void windowOpened();

    /** A task that was sent is answered; it is not in flight any more. */
    void answered(ScsiTask task, ScsiResult result);

    /** The unit wants us to log out, and to come again after a while if it said so. */
    void logoutRequested(String why);

    /** A unit attention outside any command. */
    void unitAttention(long lun, SenseData sense);

    /** A bug of ours; the connection ends. */
    void internalError(Throwable bug);

    /** The connection is over before it was logged in: the unit wants us at another address, for now or for good. */
    void moved(TargetAddress to, boolean permanent);

    /** The connection is over; {@code inFlight} were sent and not answered. */
    void ended(String why, boolean refusedByUnit, List<ScsiTask> inFlight);
}
