package dev.sanway.target;

import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The bound on data held for hosts in the whole process. Any thread may call. Whoever is refused leaves a word with
 * {@link #whenFree} and tries again when called.
 */
final class InFlightBytes {

    private final long limitBytes;
    private final AtomicLong usedBytes = new AtomicLong();
    private final Queue<Runnable> waiting = new ConcurrentLinkedQueue<>();

    InFlightBytes(long limitBytes) {
        this.limitBytes = limitBytes;
    }

    /** Takes so many bytes, or says no. */
    boolean tryTake(long bytes) {
        long used = usedBytes.get();
        while (used + bytes <= limitBytes) {
            long seen = usedBytes.compareAndExchange(used, used + bytes);
            if (seen == used) {
                return true;
            }
            used = seen;
        }
        return false;
    }

    /** Takes so many bytes although that exceeds the bound: for the one command that each session may always have. */
    void take(long bytes) {
        usedBytes.addAndGet(bytes);
    }

    void give(long bytes) {
        if (bytes == 0) {
            return;
        }
        usedBytes.addAndGet(-bytes);
        for (Runnable next = waiting.poll(); next != null; next = waiting.poll()) {
            next.run();
        }
    }

    /** {@code retry} runs once after bytes were given back, on whatever thread gave them. */
    void whenFree(Runnable retry) {
        waiting.add(retry);
    }

    long usedBytes() {
        return usedBytes.get();
    }
}
