package dev.sanway.target;

/**
 * Every bound of the iSCSI target in one place. Past a bound there is back-pressure or a clear refusal.
 *
 * @param commandsPerSession how many commands the window (MaxCmdSN) grants
 * @param immediatePerSession immediate commands under way; one more is rejected
 * @param bytesPerSession data held for one session, both ways; further commands wait
 * @param bytesInAll data held for all sessions
 * @param sessionsInAll sessions in full feature phase; a further login is answered 03/02
 * @param connectionsInLogin connections that did not finish login; a further one is closed
 * @param maxRecvDataSegmentLength what we declare, in bytes
 * @param maxBurstLength what we offer at most, in bytes
 * @param firstBurstLength what we offer at most, in bytes
 * @param maxOutstandingR2t what we offer at most
 * @param textBytes bytes of one text or login exchange
 * @param loginMillis how long a login may take in all
 * @param idlePingMillis silence after which we ask whether the initiator lives
 * @param pingReplyMillis how long it may take to answer
 * @param taskEndMillis how long the end of tasks is awaited in aborts, resets, log-out and reinstatement
 */
public record TargetLimits(
        int commandsPerSession,
        int immediatePerSession,
        int bytesPerSession,
        long bytesInAll,
        int sessionsInAll,
        int connectionsInLogin,
        int maxRecvDataSegmentLength,
        int maxBurstLength,
        int firstBurstLength,
        int maxOutstandingR2t,
        int textBytes,
        long loginMillis,
        long idlePingMillis,
        long pingReplyMillis,
        long taskEndMillis) {

    /** What a gateway and a unit use. */
    public static TargetLimits defaults() {
        return new TargetLimits(
                128,
                16,
                16 << 20,
                128L << 20,
                2048,
                512,
                256 << 10,
                1 << 20,
                256 << 10,
                8,
                64 << 10,
                15_000,
                15_000,
                10_000,
                10_000);
    }
}
