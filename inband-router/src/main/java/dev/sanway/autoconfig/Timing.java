package dev.sanway.autoconfig;

/**
 * Every time that the protocol knows, in one place; milliseconds.
 *
 * @param heartbeatMillis how often a unit says that it lives
 * @param suspectMillis after so long without a word a unit is suspect
 * @param offlineMillis after so long it is offline; and a control station without a word for so long is looked for anew
 * @param retransmitMillis from a request to its first repetition; doubles with each
 * @param retransmitMaxMillis no repetition waits longer
 * @param deadlineMillis a request is given up
 * @param startupMaxMillis a unit that looks for a control station repeats itself at least so often
 * @param announceMillis how often a control station announces itself
 * @param spreadMillis units that an announcement reaches answer within this time, not all at once
 * @param reassemblyMillis pages wait so long for the others of their message
 * @param shutdownMillis a unit that goes waits so long for the answer
 */
public record Timing(
        long heartbeatMillis,
        long suspectMillis,
        long offlineMillis,
        long retransmitMillis,
        long retransmitMaxMillis,
        long deadlineMillis,
        long startupMaxMillis,
        long announceMillis,
        long spreadMillis,
        long reassemblyMillis,
        long shutdownMillis) {

    public Timing {
        if (heartbeatMillis < 1 || suspectMillis <= heartbeatMillis || offlineMillis <= suspectMillis) {
            throw new IllegalArgumentException(
                    "a heartbeat every " + heartbeatMillis + " ms, suspect after " + suspectMillis
                            + " ms, offline after " + offlineMillis + " ms: each must be longer than the one before");
        }
    }

    public static Timing standard() {
        return new Timing(2_000, 6_000, 15_000, 250, 4_000, 30_000, 10_000, 60_000, 1_000, 5_000, 2_000);
    }
}
