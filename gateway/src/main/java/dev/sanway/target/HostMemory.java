package dev.sanway.target;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;

/**
 * What is held in memory for one host, in all its sessions: <em>taken</em> for commands that were started, and <em>kept</em>
 * because it came unasked. Any thread may call.
 *
 * <p>A host for which nothing is at work may start one command with whatever is free; beyond that its bound is {@link FairShare}
 * of what the others leave.
 */
final class HostMemory {

    /** So much a host may always have while there is anything: a whole PDU and its command. */
    private static final long FLOOR_BYTES = 512 << 10;

    private final MemoryBudget budget;
    private final HostKey key;
    private final AtomicLong heldBytes = new AtomicLong();
    private final AtomicInteger sessionsAtWork = new AtomicInteger();
    private final TurnTable turns = new TurnTable();
    private final LongAdder waits = new LongAdder();
    private final LongAdder refusals = new LongAdder();
    final AtomicLong toldNanos = new AtomicLong();
    /** Guarded by the budget's map of hosts. */
    int sessions;

    HostMemory(MemoryBudget budget, HostKey key) {
        this.budget = budget;
        this.key = key;
    }

    HostKey key() {
        return key;
    }

    TurnTable turns() {
        return turns;
    }

    /** Taken and kept together. */
    long heldBytes() {
        return heldBytes.get();
    }

    /** What it may have at most at this moment. */
    long allowedBytes() {
        return Math.max(FLOOR_BYTES, budget.allowedBytes(heldBytes.get()));
    }

    /**
     * What it may have at most when one more command is started: the rest is for commands that wait, which would have to be refused
     * if they could not be kept.
     */
    long allowedToStartBytes() {
        return Math.max(FLOOR_BYTES, budget.allowedBytes(heldBytes.get()) / 4 * 3);
    }

    /** Whether none of its commands is at work. */
    boolean idle() {
        return sessionsAtWork.get() == 0;
    }

    /** How often one of its commands had to wait for memory. */
    long waits() {
        return waits.sum();
    }

    /** How many of its commands were answered TASK SET FULL for want of memory for data that came unasked. */
    long refusals() {
        return refusals.sum();
    }

    /** Whether so many more bytes would be granted to start a command. */
    boolean fits(long moreBytes) {
        return moreBytes <= 0
                || (idle()
                        ? budget.heldBytes() + moreBytes <= budget.limitBytes()
                        : heldBytes.get() + moreBytes <= allowedToStartBytes());
    }

    /** Takes so many more bytes to start a command. */
    boolean tryTake(long moreBytes) {
        if (!fits(moreBytes) || !budget.tryTake(moreBytes)) {
            return false;
        }
        heldBytes.addAndGet(moreBytes);
        return true;
    }

    /** One session more, or less, has commands at work. */
    void sessionAtWork(int more) {
        sessionsAtWork.addAndGet(more);
    }

    /** Keeps bytes if that stays within the host's part. */
    boolean tryKeep(long bytes) {
        if (heldBytes.get() + bytes > allowedBytes() || !budget.tryTake(bytes)) {
            return false;
        }
        heldBytes.addAndGet(bytes);
        return true;
    }

    /** Counts bytes that are there, whatever the bound says. */
    void keep(long bytes) {
        budget.add(bytes);
        heldBytes.addAndGet(bytes);
    }

    void give(long bytes) {
        heldBytes.addAndGet(-bytes);
        budget.give(bytes);
    }

    /** Whether it has no more than its part. */
    boolean withinBound() {
        return heldBytes.get() <= allowedBytes();
    }

    void waited() {
        waits.increment();
        budget.tellAtBound(this, "its commands wait until memory is free");
    }

    void refused() {
        refusals.increment();
        budget.tellAtBound(this, "its writes are answered TASK SET FULL");
    }
}
