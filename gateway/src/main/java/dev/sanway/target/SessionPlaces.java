package dev.sanway.target;

import java.util.HashMap;
import java.util.Map;

/** The places for sessions in full feature phase, of all targets, divided by host ({@link FairShare}). Any thread may call. */
final class SessionPlaces {

    private final int limit;
    private final Map<HostKey, Integer> byHost = new HashMap<>();
    private int taken;

    SessionPlaces(int limit) {
        this.limit = limit;
    }

    /** Takes a place; false: there is none for this host. */
    synchronized boolean enter(HostKey host) {
        int own = byHost.getOrDefault(host, 0);
        if (taken >= limit || own >= allowed(own)) {
            return false;
        }
        byHost.put(host, own + 1);
        taken++;
        return true;
    }

    private long allowed(int own) {
        return Math.max(1, FairShare.of(limit, taken - own));
    }

    /** How many the host may have at this moment. */
    synchronized long allowed(HostKey host) {
        return allowed(byHost.getOrDefault(host, 0));
    }

    /** A session that had a place is over. */
    synchronized void leave(HostKey host) {
        taken--;
        byHost.computeIfPresent(host, (_, own) -> own == 1 ? null : own - 1);
    }
}
