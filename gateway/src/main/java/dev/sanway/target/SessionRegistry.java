package dev.sanway.target;

import dev.sanway.target.lun.Nexus;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * The sessions of one target, for reinstatement (RFC 7143 6.3.5) and for operators. Any thread may call; what concerns one
 * nexus happens on the one loop that its sessions run on, see {@link IscsiTarget#loopOf}.
 */
final class SessionRegistry {

    private final Map<Nexus, Session> byNexus = new ConcurrentHashMap<>();
    private final Collection<Session> all = ConcurrentHashMap.newKeySet();
    private final AtomicInteger lastTsih = new AtomicInteger();

    @Nullable
    Session find(Nexus nexus) {
        return byNexus.get(nexus);
    }

    void add(Session session) {
        byNexus.put(session.nexus(), session);
        all.add(session);
    }

    void remove(Session session) {
        byNexus.remove(session.nexus(), session);
        all.remove(session);
    }

    /** A TSIH that no session of this target has; never 0. */
    int newTsih() {
        int tsih;
        do {
            tsih = lastTsih.updateAndGet(last -> last % 0xffff + 1);
        } while (isTaken(tsih));
        return tsih;
    }

    private boolean isTaken(int tsih) {
        return byNexus.values().stream().anyMatch(session -> session.tsih() == tsih);
    }

    /** Ends every session, each on its loop. */
    void endAll(String why) {
        list().forEach(session -> session.execute(() -> session.drop(why)));
    }

    /** Ends one session, on its loop; false if there is none. */
    boolean end(int tsih, String why) {
        List<Session> found =
                list().stream().filter(session -> session.tsih() == tsih).toList();
        found.forEach(session -> session.execute(() -> session.drop(why)));
        return !found.isEmpty();
    }

    /** A copy. */
    List<Session> list() {
        return new ArrayList<>(all);
    }
}
