package dev.sanway.integration.bench;

import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;

/** Attacks under way, a thread for each; closing it ends them. */
final class Siege implements AutoCloseable {

    private static final long STEP_NANOS = TimeUnit.MILLISECONDS.toNanos(1);
    private static final int STEPS_TO_A_COUNT = 100;

    private final List<Lane> lanes = new ArrayList<>();
    private final long startNanos = System.nanoTime();
    private volatile boolean closed;

    /** One attack and its thread. */
    private final class Lane implements Runnable {
        final Thread thread;
        private final List<Swarm> swarms;
        private volatile long sent;
        private volatile int open;

        Lane(String name, List<Swarm> swarms) {
            this.swarms = swarms;
            thread = Thread.ofPlatform().daemon().name("hostile-" + name).unstarted(this);
        }

        @Override
        public void run() {
            try {
                for (long steps = 0; !closed; steps++) {
                    swarms.forEach(Swarm::step);
                    if (steps % STEPS_TO_A_COUNT == 0) {
                        sent = swarms.stream().mapToLong(Swarm::sent).sum();
                        open = swarms.stream().mapToInt(Swarm::open).sum();
                    }
                    LockSupport.parkNanos(STEP_NANOS);
                }
            } finally {
                swarms.forEach(Swarm::close);
            }
        }
    }

    /**
     * Begins them.
     *
     * @param attacks by name, which their threads get
     */
    Siege(Map<String, Supplier<List<Swarm>>> attacks) {
        attacks.forEach((name, attack) -> lanes.add(new Lane(name, attack.get())));
        lanes.forEach(lane -> lane.thread.start());
    }

    /** How much of one processor the hostile clients themselves take, in percent. */
    double cpuPercent() {
        var beans = ManagementFactory.getThreadMXBean();
        long nanos = lanes.stream()
                .mapToLong(lane -> Math.max(0, beans.getThreadCpuTime(lane.thread.threadId())))
                .sum();
        return 100.0 * nanos / (System.nanoTime() - startNanos);
    }

    double sentPerSecond() {
        return lanes.stream().mapToLong(lane -> lane.sent).sum() * 1e9 / (System.nanoTime() - startNanos);
    }

    int open() {
        return lanes.stream().mapToInt(lane -> lane.open).sum();
    }

    /** Whether no attack ended by a fault of its own. */
    boolean works() {
        return lanes.stream().allMatch(lane -> lane.thread.isAlive());
    }

    @Override
    public void close() {
        closed = true;
        for (Lane lane : lanes) {
            try {
                lane.thread.join(TimeUnit.SECONDS.toMillis(10));
            } catch (InterruptedException _) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
