package dev.sanway.target;

import java.util.concurrent.atomic.AtomicLong;

/**
 * What is held in memory for one session: <em>taken</em> for commands that were started, from their data's first byte until the
 * socket has taken the answer, and <em>kept</em> because it came unasked. Within the host's part a session has {@link FairShare}
 * of what the host's other sessions leave; a session with nothing at work may start one command if its host may. Called on the
 * session's loop; what waits is asked after on any thread.
 */
final class SessionMemory {

    private final MemoryBudget budget;
    private final HostMemory host;
    private final long limitBytes;
    private final AtomicLong heldBytes = new AtomicLong();
    private final AtomicLong takenBytes = new AtomicLong();
    private volatile boolean closed;

    /** {@code limitBytes}: what commands at work may have of it, but for a single one. */
    SessionMemory(MemoryBudget budget, HostMemory host, long limitBytes) {
        this.budget = budget;
        this.host = host;
        this.limitBytes = limitBytes;
    }

    HostMemory host() {
        return host;
    }

    /** Taken and kept together. */
    long heldBytes() {
        return heldBytes.get();
    }

    private boolean fits(long bytes, long keptBytes) {
        long more = bytes - keptBytes;
        return withinSession(bytes, more) && host.fits(more);
    }

    private boolean withinSession(long bytes, long more) {
        long taken = takenBytes.get();
        if (taken == 0) {
            return true;
        }
        long own = heldBytes.get();
        return taken + bytes <= limitBytes
                && (more <= 0 || own + more <= FairShare.of(host.allowedToStartBytes(), host.heldBytes() - own));
    }

    /** Takes memory to start a command, of which {@code keptBytes} were kept until now; or says no. */
    boolean tryTake(long bytes, long keptBytes) {
        if (!withinSession(bytes, bytes - keptBytes) || !host.tryTake(bytes - keptBytes)) {
            return false;
        }
        if (takenBytes.get() == 0) {
            host.sessionAtWork(1);
        }
        add(heldBytes, bytes - keptBytes);
        add(takenBytes, bytes);
        return true;
    }

    /** Counts what came unasked, within the host's part; beyond it says no, and what came is to be let go. */
    boolean tryKeep(long bytes) {
        if (!host.tryKeep(bytes)) {
            host.refused();
            return false;
        }
        add(heldBytes, bytes);
        return true;
    }

    /** Counts what came and cannot be let go, whatever the bound says. */
    void keep(long bytes) {
        host.keep(bytes);
        add(heldBytes, bytes);
    }

    void giveTaken(long bytes) {
        add(takenBytes, -bytes);
        add(heldBytes, -bytes);
        if (takenBytes.get() == 0) {
            host.sessionAtWork(-1);
        }
        host.give(bytes);
    }

    /** One thread writes, the session's loop: no need for more. */
    private static void add(AtomicLong bytes, long more) {
        bytes.lazySet(bytes.get() + more);
    }

    void giveKept(long bytes) {
        add(heldBytes, -bytes);
        host.give(bytes);
    }

    /** Whether the host has no more than its part, so that more may be read. */
    boolean withinBound() {
        return host.withinBound();
    }

    /** Whether anything is in memory for other hosts: a command of theirs is. */
    boolean othersHold() {
        return budget.heldBytes() > host.heldBytes();
    }

    /** A command has to wait: {@code goOn} runs once, on any thread, when it would be granted. */
    void awaitRoom(long bytes, long keptBytes, Runnable goOn) {
        host.waited();
        // Who has nothing at work is served before those who have get more.
        long ahead = host.idle() ? bytes - keptBytes : 0;
        budget.awaited(ahead);
        budget.await(new MemoryBudget.Waiter() {
            @Override
            public boolean mayGoOn() {
                return closed || fits(bytes, keptBytes);
            }

            @Override
            public void goOn() {
                budget.awaited(-ahead);
                goOn.run();
            }
        });
    }

    /** {@code goOn} runs once, on any thread, when the host is within its bound again. */
    void awaitBound(Runnable goOn) {
        budget.await(new MemoryBudget.Waiter() {
            @Override
            public boolean mayGoOn() {
                return closed || withinBound();
            }

            @Override
            public void goOn() {
                goOn.run();
            }
        });
    }

    /** The session is over; what it has is still given back. */
    void close() {
        if (!closed) {
            closed = true;
            budget.closed(host);
        }
    }
}
