package dev.sanway.target;

import dev.sanway.target.lun.Nexus;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * The sessions of one target, for reinstatement (RFC 7143 6.3.5) and for operators. Confined to the target's loop, but for
 * {@link #list}.
 */
final class SessionRegistry {

    private final AtomicInteger inAll;
    private final Map<Nexus, Session> byNexus = new HashMap<>();
    private final Collection<Session> all = ConcurrentHashMap.newKeySet();
    private int lastTsih;

    /** {@code inAll} counts the sessions of every target of the process. */
    SessionRegistry(AtomicInteger inAll) {
        this.inAll = inAll;
    }

    @Nullable
    Session find(Nexus nexus) {
        return byNexus.get(nexus);
    }

    /** Sessions of every target. */
    int countInAll() {
        return inAll.get();
    }

    void add(Session session) {
        byNexus.put(session.nexus(), session);
        all.add(session);
        inAll.incrementAndGet();
    }

    void remove(Session session) {
        byNexus.remove(session.nexus(), session);
        if (all.remove(session)) {
            inAll.decrementAndGet();
        }
    }

    /** A TSIH that no session of this target has; never 0. */
    int newTsih() {
        do {
            lastTsih = lastTsih % 0xffff + 1;
        } while (isTaken(lastTsih));
        return lastTsih;
    }

    private boolean isTaken(int tsih) {
        return byNexus.values().stream().anyMatch(session -> session.tsih() == tsih);
    }

    void endAll(String why) {
        new ArrayList<>(all).forEach(session -> session.drop(why));
    }

    /** A copy; any thread may call. */
    List<Session> list() {
        return new ArrayList<>(all);
    }
}
