package dev.sanway.target;

import io.netty.util.internal.PlatformDependent;
import java.io.IOException;

/**
 * Every bound of the iSCSI target in one place. Past a bound there is back-pressure or a clear refusal. What is shared is divided
 * by {@link FairShare}; docs/operating.md tells operators of each.
 *
 * @param commandsPerSession how many commands the window (MaxCmdSN) grants
 * @param immediatePerSession immediate commands under way; one more is rejected
 * @param bytesPerSession what a session's commands at work may hold; further ones wait
 * @param bytesInAll what is held for all hosts together, shared by host and session
 * @param sessionsInAll sessions in full feature phase, shared by host; a further login is answered 03/02
 * @param connectionsInLogin connections that did not finish login, shared by address; the one that was silent for longest gives
 *     way to a further one
 * @param discoverySessions likewise
 * @param maxRecvDataSegmentLength what we declare, in bytes
 * @param maxBurstLength what we offer at most, in bytes
 * @param firstBurstLength what we offer at most, in bytes
 * @param maxOutstandingR2t what we offer at most
 * @param textBytes bytes of one text in full feature phase
 * @param loginRequests login requests of one login
 * @param loginMillis how long a login may take in all
 * @param discoveryMillis how long a discovery session may last
 * @param idlePingMillis silence after which we ask whether the initiator lives
 * @param pingReplyMillis how long it may take to answer
 * @param dataOutMillis how long data that we asked for, or that were announced, may fail to come; then the command is aborted
 * @param taskEndMillis how long the end of tasks is awaited in aborts, resets, log-out and reinstatement
 */
public record TargetLimits(
        int commandsPerSession,
        int immediatePerSession,
        int bytesPerSession,
        long bytesInAll,
        int sessionsInAll,
        int connectionsInLogin,
        int discoverySessions,
        int maxRecvDataSegmentLength,
        int maxBurstLength,
        int firstBurstLength,
        int maxOutstandingR2t,
        int textBytes,
        int loginRequests,
        long loginMillis,
        long discoveryMillis,
        long idlePingMillis,
        long pingReplyMillis,
        long dataOutMillis,
        long taskEndMillis) {

    /** At most so much is held in memory for hosts if nothing else is configured. */
    private static final long DEFAULT_BYTES_IN_ALL = 128L << 20;

    /**
     * What a gateway and a unit use with these bounds.
     *
     * @param bytesInAll 0: as much as the JVM's memory allows
     * @throws IOException if that is more than {@link #mostBytes}, saying what would be right
     */
    public static TargetLimits of(long bytesInAll, int sessions, int inLogin, int discovery) throws IOException {
        if (bytesInAll > mostBytes()) {
            throw new IOException("limits.memory of " + (bytesInAll >> 20)
                    + " MiB is more than half of the direct memory, " + (mostBytes() >> 20)
                    + " MiB: write less, or start with SANWAY_DIRECT=" + (bytesInAll >> 19) + "m");
        }
        long bytes = bytesInAll == 0 ? Math.min(DEFAULT_BYTES_IN_ALL, mostBytes()) : bytesInAll;
        return defaults()
                .withBytes((int) Math.min(defaults().bytesPerSession(), bytes / 8), bytes)
                .withConnections(sessions, inLogin, discovery);
    }

    /**
     * What may be held for hosts at most: half of the direct memory, since buffers that are read into have room to spare, and
     * sessions to units and network buffers want some as well.
     */
    public static long mostBytes() {
        return PlatformDependent.maxDirectMemory() / 2;
    }

    /** What a gateway and a unit use if nothing else is configured. */
    public static TargetLimits defaults() {
        return new TargetLimits(
                128,
                16,
                16 << 20,
                DEFAULT_BYTES_IN_ALL,
                2048,
                512,
                256,
                256 << 10,
                1 << 20,
                256 << 10,
                8,
                64 << 10,
                64,
                15_000,
                60_000,
                15_000,
                10_000,
                20_000,
                10_000);
    }

    /** The same with other bounds on memory. */
    public TargetLimits withBytes(int perSession, long inAll) {
        return new TargetLimits(
                commandsPerSession,
                immediatePerSession,
                perSession,
                inAll,
                sessionsInAll,
                connectionsInLogin,
                discoverySessions,
                maxRecvDataSegmentLength,
                maxBurstLength,
                firstBurstLength,
                maxOutstandingR2t,
                textBytes,
                loginRequests,
                loginMillis,
                discoveryMillis,
                idlePingMillis,
                pingReplyMillis,
                dataOutMillis,
                taskEndMillis);
    }

    /** The same with other bounds on sessions and connections. */
    public TargetLimits withConnections(int sessions, int inLogin, int discovery) {
        return new TargetLimits(
                commandsPerSession,
                immediatePerSession,
                bytesPerSession,
                bytesInAll,
                sessions,
                inLogin,
                discovery,
                maxRecvDataSegmentLength,
                maxBurstLength,
                firstBurstLength,
                maxOutstandingR2t,
                textBytes,
                loginRequests,
                loginMillis,
                discoveryMillis,
                idlePingMillis,
                pingReplyMillis,
                dataOutMillis,
                taskEndMillis);
    }

    /** The same with other times for a login and a discovery session. */
    public TargetLimits withLoginTimes(long login, long discovery) {
        return new TargetLimits(
                commandsPerSession,
                immediatePerSession,
                bytesPerSession,
                bytesInAll,
                sessionsInAll,
                connectionsInLogin,
                discoverySessions,
                maxRecvDataSegmentLength,
                maxBurstLength,
                firstBurstLength,
                maxOutstandingR2t,
                textBytes,
                loginRequests,
                login,
                discovery,
                idlePingMillis,
                pingReplyMillis,
                dataOutMillis,
                taskEndMillis);
    }

    /** The same with other times for a peer in full feature phase. */
    public TargetLimits withPatience(long idlePing, long pingReply, long dataOut) {
        return new TargetLimits(
                commandsPerSession,
                immediatePerSession,
                bytesPerSession,
                bytesInAll,
                sessionsInAll,
                connectionsInLogin,
                discoverySessions,
                maxRecvDataSegmentLength,
                maxBurstLength,
                firstBurstLength,
                maxOutstandingR2t,
                textBytes,
                loginRequests,
                loginMillis,
                discoveryMillis,
                idlePing,
                pingReply,
                dataOut,
                taskEndMillis);
    }
}
