package dev.sanway.control;

import java.time.Duration;

/**
 * What the REST API bears at most. A network is an IPv4 address or an IPv6 /64.
 *
 * @param connectionsOfNetwork connections from one network; a further one ends the one that did nothing for longest
 * @param connections in all; a further one ends one of the network that has most
 * @param firstCall within which a new connection has sent a call's headers, TLS included
 * @param quiet how long a connection may be without a call after that
 * @param body within which a call's body is there, and so long again for each {@link #SLOWEST_BYTES_PER_SECOND} of a larger one
 * @param answer within which a call is done and its answer taken
 * @param callsOfOne calls that are under way at a time for one operator, and from one network for those without a token
 * @param calls in all with a token; each has a thread
 * @param callsOfNobody in all without a token; each has a thread
 */
record ApiLimits(
        int connectionsOfNetwork,
        int connections,
        Duration firstCall,
        Duration quiet,
        Duration body,
        Duration answer,
        int callsOfOne,
        int calls,
        int callsOfNobody) {

    static final ApiLimits USUAL = new ApiLimits(
            64,
            512,
            Duration.ofSeconds(10),
            Duration.ofSeconds(30),
            Duration.ofSeconds(10),
            Duration.ofMinutes(2),
            16,
            64,
            16);

    private static final int BODY_BYTES_OF_NOBODY = 4 << 10;
    private static final int BODY_BYTES = 64 << 10;

    /** 2 MiB of YAML, of which each character may take two as JSON, and what stands around it. */
    static final int CONFIG_BODY_BYTES = (4 << 20) + (64 << 10);

    static final int SLOWEST_BYTES_PER_SECOND = 16 << 10;

    /** Threads that take no call: they accept connections, speak TLS, and answer what waits for nothing. */
    private static final int OTHER_THREADS = 24;

    int threads() {
        return calls + callsOfNobody + OTHER_THREADS;
    }

    /** How long a body may be. */
    static int bodyBytes(String path, boolean known, boolean admin) {
        if (!known) {
            return BODY_BYTES_OF_NOBODY;
        }
        return admin && path.startsWith("/api/v1/config/") ? CONFIG_BODY_BYTES : BODY_BYTES;
    }

    /** Until when a body must be there. */
    Duration bodyTime(int maxBytes) {
        return body.plusSeconds(maxBytes / SLOWEST_BYTES_PER_SECOND);
    }
}
