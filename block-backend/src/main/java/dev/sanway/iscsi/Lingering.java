package dev.sanway.iscsi;

import io.netty.channel.SelectStrategy;
import io.netty.util.IntSupplier;
import java.util.concurrent.TimeUnit;

/**
 * A loop that has just had something to do looks for more for a moment, and lets other threads run meanwhile, before it sleeps: the
 * answer of a unit is often microseconds away, and falling asleep and being woken takes longer than that. {@code
 * -Dsanway.lingerMicros=0} has it sleep at once. docs/adr/0003 has the figures. One for each loop, used by its thread.
 */
final class Lingering implements SelectStrategy {

    private static final long LINGER_NANOS = TimeUnit.MICROSECONDS.toNanos(Long.getLong("sanway.lingerMicros", 20));

    private long lastReadyNanos = System.nanoTime();

    @Override
    @SuppressWarnings("ThreadPriorityCheck") // whether somebody else runs is up to the system, and either is right
    public int calculateStrategy(IntSupplier selectNow, boolean hasTasks) throws Exception {
        while (true) {
            int ready = selectNow.get();
            if (ready > 0 || hasTasks) {
                lastReadyNanos = System.nanoTime();
                return ready;
            }
            if (System.nanoTime() - lastReadyNanos >= LINGER_NANOS) {
                return SELECT;
            }
            Thread.yield();
        }
    }
}
