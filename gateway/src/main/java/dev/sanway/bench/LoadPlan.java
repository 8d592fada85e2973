package dev.sanway.bench;

import dev.sanway.iscsi.IscsiName;
import java.util.List;

/**
 * What load to make.
 *
 * @param sessions to each target
 * @param depth requests that a session keeps under way
 * @param loops event loops, one thread each, that share the sessions
 * @param requestBytes of each request
 * @param rangeBytes of each LUN, from its beginning; 0: all of it
 * @param forceUnitAccess writes are durable before they are answered (FUA)
 * @param verify writes carry what block they are for, and reads check it
 * @param seed of places and contents
 * @param warmupMillis before measuring begins
 * @param durationMillis of the measurement; 0: {@code requests} decides
 * @param requests to measure; 0: {@code durationMillis} decides
 */
public record LoadPlan(
        List<LoadTarget> targets,
        IscsiName initiatorName,
        int sessions,
        int depth,
        int loops,
        int requestBytes,
        AccessPattern pattern,
        long rangeBytes,
        boolean forceUnitAccess,
        boolean headerDigest,
        boolean dataDigest,
        boolean verify,
        long seed,
        long warmupMillis,
        long durationMillis,
        long requests) {
    public LoadPlan {
        targets = List.copyOf(targets);
        if (targets.isEmpty() || sessions < 1 || depth < 1 || loops < 1 || requestBytes < 1) {
            throw new IllegalArgumentException("no load: " + sessions + " sessions, depth " + depth);
        }
        if ((durationMillis > 0) == (requests > 0)) {
            throw new IllegalArgumentException("either a duration or a number of requests");
        }
    }
}
