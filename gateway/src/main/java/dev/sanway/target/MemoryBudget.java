package dev.sanway.target;

import java.util.Collection;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BiConsumer;

/**
 * The bound on what is held in memory for hosts in the whole process, divided by host and then by session ({@link FairShare},
 * {@link HostMemory}, {@link SessionMemory}; docs/adr/0013). Any thread may call; nobody ever waits in a call. Whoever gets
 * nothing queues with {@link #await} and is called when it may try again.
 */
final class MemoryBudget {

    /** Somebody who waits for memory. */
    interface Waiter {
        /** Whether it would get what it waits for now. Any thread. */
        boolean mayGoOn();

        /** It may try again. Called once, on whatever thread gave memory back: hands over to its own. */
        void goOn();
    }

    /** How many waiters are looked at when memory is given back; the others when all are swept. */
    private static final int LOOKED_AT = 16;

    private static final long SWEEP_MILLIS = 5;

    private static final long SILENCE_NANOS = TimeUnit.MINUTES.toNanos(1);

    private final long limitBytes;
    private final AtomicLong heldBytes = new AtomicLong();
    private final AtomicLong awaitedBytes = new AtomicLong();
    private final Map<HostKey, HostMemory> hosts = new ConcurrentHashMap<>();
    private final Queue<Waiter> waiting = new ConcurrentLinkedQueue<>();
    private final AtomicInteger waiters = new AtomicInteger();
    private final AtomicBoolean sweeping = new AtomicBoolean();
    private final ScheduledExecutorService timer;
    private final BiConsumer<HostKey, String> atBound;

    /**
     * @param timer sweeps while somebody waits
     * @param atBound hears of each host that is at its bound, once a minute at most, on any thread
     */
    MemoryBudget(long limitBytes, ScheduledExecutorService timer, BiConsumer<HostKey, String> atBound) {
        this.limitBytes = limitBytes;
        this.timer = timer;
        this.atBound = atBound;
    }

    long limitBytes() {
        return limitBytes;
    }

    long heldBytes() {
        return heldBytes.get();
    }

    /** Every host that has a session. */
    Collection<HostMemory> hosts() {
        return hosts.values();
    }

    /** The share of a session that begins; {@link SessionMemory#close} ends it. */
    SessionMemory open(HostKey key, long sessionLimitBytes) {
        HostMemory host = hosts.compute(key, (_, known) -> {
            HostMemory one = known == null ? new HostMemory(this, key) : known;
            one.sessions++;
            return one;
        });
        return new SessionMemory(this, host, sessionLimitBytes);
    }

    /** A session of the host ended. */
    void closed(HostMemory host) {
        hosts.computeIfPresent(host.key(), (_, known) -> --known.sessions == 0 ? null : known);
    }

    /** Takes bytes if that stays within the bound. */
    boolean tryTake(long bytes) {
        long held = heldBytes.get();
        while (held + bytes <= limitBytes) {
            long seen = heldBytes.compareAndExchange(held, held + bytes);
            if (seen == held) {
                return true;
            }
            held = seen;
        }
        return false;
    }

    /** Counts bytes that are in memory already, whatever the bound says. */
    void add(long bytes) {
        heldBytes.addAndGet(bytes);
    }

    /** What a host may have at most, of which it has {@code ownBytes}. Those that have nothing and wait come first. */
    long allowedBytes(long ownBytes) {
        return FairShare.of(Math.max(0, limitBytes - awaitedBytes.get()), heldBytes.get() - ownBytes);
    }

    /** Bytes that a host waits for who has nothing; negative when it waits no longer. */
    void awaited(long bytes) {
        awaitedBytes.addAndGet(bytes);
    }

    void give(long bytes) {
        heldBytes.addAndGet(-bytes);
        if (waiters.get() > 0) {
            look(LOOKED_AT);
        }
    }

    /** From now on {@code waiter} is asked until it may go on. */
    void await(Waiter waiter) {
        waiting.add(waiter);
        waiters.incrementAndGet();
        sweepLater();
    }

    /** A waiter need not be among the few that are looked at when memory is given back, and that may be the last for a while. */
    private void sweepLater() {
        if (sweeping.compareAndSet(false, true)) {
            try {
                timer.schedule(this::sweep, SWEEP_MILLIS, TimeUnit.MILLISECONDS);
            } catch (RejectedExecutionException closing) {
                sweeping.set(false);
            }
        }
    }

    private void sweep() {
        sweeping.set(false);
        look(Integer.MAX_VALUE);
        if (waiters.get() > 0) {
            sweepLater();
        }
    }

    private void look(int most) {
        for (int left = Math.min(most, waiters.get()); left > 0; left--) {
            Waiter next = waiting.poll();
            if (next == null) {
                return;
            }
            if (next.mayGoOn()) {
                waiters.decrementAndGet();
                next.goOn();
            } else {
                waiting.add(next);
            }
        }
    }

    void tellAtBound(HostMemory host, String what) {
        long now = System.nanoTime();
        long told = host.toldNanos.get();
        if ((told == 0 || now - told > SILENCE_NANOS) && host.toldNanos.compareAndSet(told, now == 0 ? 1 : now)) {
            atBound.accept(host.key(), what);
        }
    }
}
