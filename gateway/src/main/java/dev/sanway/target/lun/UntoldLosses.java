package dev.sanway.target.lun;

import java.util.Collection;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * To whom it is still to be told that writes were lost which had been done but not flushed. The device says it once, to whichever
 * command hears it first; here it becomes everybody's: each nexus is told at its next SYNCHRONIZE CACHE, once for each loss.
 *
 * <p>Everybody is whoever is there when the loss is heard of, and who was there within {@link #RETURN_MINUTES} before: an initiator
 * whose connection broke with the same failure comes back as the same nexus. In so many minutes after the logical unit's own start
 * nobody knows who was there before, so whoever comes is told, too. Used on the unit's loop.
 */
final class UntoldLosses {
    /** Longer than any initiator waits for a target that is away before it gives its commands up. */
    static final long RETURN_MINUTES = 10;

    private static final int MAX_GONE = 1024;
    private static final long RETURN_NANOS = TimeUnit.MINUTES.toNanos(RETURN_MINUTES);

    private final LongSupplier nanoTime;
    private final long startedNanos;
    private final Set<Nexus> untold = new HashSet<>();
    /** Nexuses that ended, the latest, and when. */
    private final Map<Nexus, Long> gone = new LinkedHashMap<>() {
        @Override
        protected boolean removeEldestEntry(Map.Entry<Nexus, Long> eldest) {
            boolean remove = size() > MAX_GONE;
            if (remove) {
                untold.remove(eldest.getKey());
            }
            return remove;
        }
    };

    private int count;

    UntoldLosses(LongSupplier nanoTime) {
        this.nanoTime = nanoTime;
        this.startedNanos = nanoTime.getAsLong();
    }

    /** How many losses there were: a command that hears of one that it did not know when it began may hear of the same. */
    int count() {
        return count;
    }

    void established(Nexus nexus) {
        boolean known = gone.remove(nexus) != null;
        if (!known && count > 0 && nanoTime.getAsLong() - startedNanos < RETURN_NANOS) {
            untold.add(nexus);
        }
    }

    void ended(Nexus nexus) {
        gone.remove(nexus);
        gone.put(nexus, nanoTime.getAsLong());
    }

    /** The device said it; {@code present}: the nexuses that there are. */
    void lost(Collection<Nexus> present) {
        count++;
        untold.addAll(present);
        long now = nanoTime.getAsLong();
        gone.forEach((nexus, since) -> {
            if (now - since < RETURN_NANOS) {
                untold.add(nexus);
            }
        });
    }

    /** Whether the nexus is to be told now; it has been, then. */
    boolean take(Nexus nexus) {
        return untold.remove(nexus);
    }
}
