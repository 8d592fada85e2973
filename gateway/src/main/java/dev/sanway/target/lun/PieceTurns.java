package dev.sanway.target.lun;

import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Who may have a piece of a long command under way in one target: one at a time for each host, that is, each initiator name. The
 * sessions of a host take turns, and so do the commands of a session: a command that has done a piece lines up again behind the
 * others. So a thousand long commands cost other hosts no more than one does.
 *
 * <pre>
 *   take ──▶ waiting ──turn comes: granted()──▶ the piece is under way ──give──▶
 *               └──leave──▶
 * </pre>
 *
 * The logical units of a target may belong to several loops; any thread may call. The lock is held for a few map operations, and
 * nobody but long commands takes it.
 */
final class PieceTurns {

    /** Somebody who waits for his turn. Equal to himself only. */
    interface Waiter {
        Nexus nexus();

        /**
         * It is his turn; he owes a {@link #give}. Called on any thread, perhaps before {@link #take} returns: he begins later,
         * on his own loop.
         */
        void granted();
    }

    /** Those of one host who wait, while another one has the turn. Sessions in the order of their turns. */
    private static final class Line {
        private final LinkedHashMap<Nexus, LinkedHashSet<Waiter>> sessions = new LinkedHashMap<>();

        void add(Waiter waiter) {
            sessions.computeIfAbsent(waiter.nexus(), _ -> new LinkedHashSet<>()).add(waiter);
        }

        boolean remove(Waiter waiter) {
            LinkedHashSet<Waiter> session = sessions.get(waiter.nexus());
            if (session == null || !session.remove(waiter)) {
                return false;
            }
            if (session.isEmpty()) {
                sessions.remove(waiter.nexus());
            }
            return true;
        }

        /** The next one, whose session goes to the end; null if nobody waits. */
        @Nullable
        Waiter next() {
            Map.Entry<Nexus, LinkedHashSet<Waiter>> session = sessions.pollFirstEntry();
            if (session == null) {
                return null;
            }
            Waiter waiter = session.getValue().removeFirst();
            if (!session.getValue().isEmpty()) {
                sessions.put(session.getKey(), session.getValue());
            }
            return waiter;
        }
    }

    /** By initiator name; a line exists as long as somebody has the turn. */
    private final Map<String, Line> lines = new HashMap<>();

    /** Lines up. */
    void take(Waiter waiter) {
        synchronized (this) {
            Line line = lines.get(waiter.nexus().initiatorName());
            if (line != null) {
                line.add(waiter);
                return;
            }
            lines.put(waiter.nexus().initiatorName(), new Line());
        }
        waiter.granted();
    }

    /** Whether the waiter was in line still, and is no more: if not, his turn has come or comes. */
    synchronized boolean leave(Waiter waiter) {
        Line line = lines.get(waiter.nexus().initiatorName());
        return line != null && line.remove(waiter);
    }

    /** The piece is done: the turn goes on. Whoever has another piece to do lines up for it first. */
    void give(Nexus nexus) {
        Waiter next;
        synchronized (this) {
            Line line = lines.get(nexus.initiatorName());
            if (line == null) {
                throw new IllegalStateException(nexus.initiatorName() + " has no turn to give");
            }
            next = line.next();
            if (next == null) {
                lines.remove(nexus.initiatorName());
            }
        }
        if (next != null) {
            next.granted();
        }
    }
}
