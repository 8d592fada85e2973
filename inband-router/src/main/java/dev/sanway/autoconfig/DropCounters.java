package dev.sanway.autoconfig;

import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.atomic.LongAdder;

/** How many datagrams were dropped, for each reason. Counted on one thread, read on any. */
public final class DropCounters {
    private final Map<DropReason, LongAdder> counters = new EnumMap<>(DropReason.class);

    private final LongAdder flooded = new LongAdder();

    public DropCounters() {
        for (DropReason reason : DropReason.values()) {
            counters.put(reason, new LongAdder());
        }
    }

    public void count(DropReason reason) {
        adder(reason).increment();
    }

    public long of(DropReason reason) {
        return adder(reason).sum();
    }

    public long total() {
        return counters.values().stream().mapToLong(LongAdder::sum).sum();
    }

    /** In a turn more came to the open socket than is read. */
    void flooded() {
        flooded.increment();
    }

    /** Turns in which more came than is read. */
    public long floodedTurns() {
        return flooded.sum();
    }

    private LongAdder adder(DropReason reason) {
        return java.util.Objects.requireNonNull(counters.get(reason));
    }
}
