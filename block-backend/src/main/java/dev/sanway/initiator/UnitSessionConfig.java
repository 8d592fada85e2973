package dev.sanway.initiator;

import dev.sanway.iscsi.Chap;
import dev.sanway.iscsi.IscsiName;
import dev.sanway.iscsi.Isid;
import dev.sanway.iscsi.TargetAddress;
import org.jspecify.annotations.Nullable;

/**
 * How to reach a unit and how long to wait for it. Times in milliseconds.
 *
 * @param unitName what operators call the unit
 * @param host name or address of its portal, IPv6 without brackets
 * @param initiatorName who we are; with {@code isid} it names the session, and a login with both ends the one before
 * @param isid persisted by the caller, one for each session to a target
 * @param chap how we prove ourselves; null: not at all
 * @param mutualChap what the unit has to prove; only with {@code chap}
 * @param unitTimeoutMillis how long a request may take from submission on, outages included
 * @param connectTimeoutMillis until a TCP connection stands
 * @param loginTimeoutMillis until login is over, from connecting on
 * @param pingIntervalMillis a unit that was silent for so long is pinged
 * @param pingTimeoutMillis a unit that does not answer for so long is taken for dead
 * @param abortTimeoutMillis how long a unit may take to abort a task before the session is reinstated instead
 * @param maxQueuedRequests requests per logical unit, waiting or under way; beyond: Busy
 */
public record UnitSessionConfig(
        String unitName,
        String host,
        int port,
        IscsiName targetName,
        IscsiName initiatorName,
        Isid isid,
        Chap.@Nullable Credentials chap,
        Chap.@Nullable Credentials mutualChap,
        boolean headerDigest,
        boolean dataDigest,
        CachePolicy cache,
        int unitTimeoutMillis,
        int connectTimeoutMillis,
        int loginTimeoutMillis,
        int pingIntervalMillis,
        int pingTimeoutMillis,
        int abortTimeoutMillis,
        int maxQueuedRequests) {

    /** The defaults: no CHAP, no digests, the cache by the kind of unit, 20 s in all for a request. */
    public static UnitSessionConfig of(
            String unitName, String host, int port, IscsiName targetName, IscsiName initiatorName, Isid isid) {
        return new UnitSessionConfig(
                unitName,
                host,
                port,
                targetName,
                initiatorName,
                isid,
                null,
                null,
                false,
                false,
                CachePolicy.AUTOMATIC,
                20_000,
                3_000,
                5_000,
                5_000,
                5_000,
                3_000,
                4096);
    }

    public UnitSessionConfig withChap(Chap.Credentials own, Chap.@Nullable Credentials mutual) {
        return with(own, mutual, headerDigest, dataDigest, cache);
    }

    public UnitSessionConfig withDigests(boolean header, boolean data) {
        return with(chap, mutualChap, header, data, cache);
    }

    public UnitSessionConfig withCache(CachePolicy policy) {
        return with(chap, mutualChap, headerDigest, dataDigest, policy);
    }

    private UnitSessionConfig with(
            Chap.@Nullable Credentials own,
            Chap.@Nullable Credentials mutual,
            boolean header,
            boolean data,
            CachePolicy policy) {
        return new UnitSessionConfig(
                unitName,
                host,
                port,
                targetName,
                initiatorName,
                isid,
                own,
                mutual,
                header,
                data,
                policy,
                unitTimeoutMillis,
                connectTimeoutMillis,
                loginTimeoutMillis,
                pingIntervalMillis,
                pingTimeoutMillis,
                abortTimeoutMillis,
                maxQueuedRequests);
    }

    /** Another bound on requests; the shorter waits are cut to fit into it. */
    public UnitSessionConfig withUnitTimeout(int millis) {
        return new UnitSessionConfig(
                unitName,
                host,
                port,
                targetName,
                initiatorName,
                isid,
                chap,
                mutualChap,
                headerDigest,
                dataDigest,
                cache,
                millis,
                Math.min(connectTimeoutMillis, millis),
                Math.min(loginTimeoutMillis, millis),
                Math.min(pingIntervalMillis, millis),
                Math.min(pingTimeoutMillis, millis),
                Math.min(abortTimeoutMillis, millis),
                maxQueuedRequests);
    }

    /** Where it is to be found at first. */
    TargetAddress portal() {
        return new TargetAddress(host, port);
    }

    /** The unit's name and address, for logs. */
    @Override
    public String toString() {
        return unitName + " (" + targetName + " at " + portal() + ")";
    }
}
