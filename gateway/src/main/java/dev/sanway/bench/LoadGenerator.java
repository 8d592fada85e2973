package dev.sanway.bench;

import dev.sanway.iscsi.Transport;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.PooledByteBufAllocator;
import io.netty.channel.EventLoop;
import io.netty.channel.EventLoopGroup;
import java.lang.management.ManagementFactory;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import java.util.function.ToLongFunction;
import org.HdrHistogram.Histogram;
import org.jspecify.annotations.Nullable;

/** Runs a {@link LoadPlan}: logs in, warms up, measures, and logs out. */
public final class LoadGenerator {

    /** Hears how a run goes, on the thread that called {@link #run}. */
    public interface Observer {
        /** The warm-up is over and measuring begins. */
        default void measuring() {}

        /**
         * About once a second.
         *
         * @param phase what is being done
         * @param perSecond requests answered a second since the last call
         * @param secondsLeft -1 if that cannot be told
         */
        default void progress(String phase, long perSecond, long secondsLeft) {}

        /** Measuring is over. */
        default void measured() {}
    }

    /** A target that answers nothing for so long, while requests are under way, is taken for dead. */
    private static final int SILENT_SECONDS = 30;

    private static final int CLOSE_SECONDS = 3;
    private static final int POLL_MILLIS = 50;

    /** Writes that are not verified take their data from so many bytes and one request's more. */
    private static final int CONTENT_BYTES = 1 << 20;

    private final LoadPlan plan;
    private final Observer observer;
    private final EventLoopGroup loops;
    private final List<Lane> lanes = new ArrayList<>();
    private final List<LoadSession> sessions = new ArrayList<>();
    private final AtomicReference<@Nullable String> failure = new AtomicReference<>();
    private volatile CountDownLatch idle = new CountDownLatch(0);
    private final CountDownLatch closed;
    private long reportedNanos = System.nanoTime();
    private long reportedAnswers;
    private long answeredNanos = System.nanoTime();

    /** An event loop and what its sessions share. */
    private record Lane(EventLoop loop, Meter meter, ByteBuf content) {}

    private LoadGenerator(LoadPlan plan, Observer observer) {
        this.plan = plan;
        this.observer = observer;
        loops = Transport.newGroup("sanway-bench", plan.loops());
        Random contents = new Random(plan.seed());
        for (int i = 0; i < plan.loops(); i++) {
            byte[] bytes = new byte[plan.requestBytes()];
            ByteBuf content = PooledByteBufAllocator.DEFAULT.directBuffer(CONTENT_BYTES + plan.requestBytes());
            while (content.writableBytes() > 0) {
                contents.nextBytes(bytes);
                content.writeBytes(bytes, 0, Math.min(bytes.length, content.writableBytes()));
            }
            lanes.add(new Lane(loops.next(), new Meter(), content));
        }
        closed = new CountDownLatch(plan.targets().size() * plan.sessions());
        SecureRandom random = new SecureRandom();
        for (int i = 0; i < plan.sessions(); i++) {
            for (LoadTarget target : plan.targets()) {
                Lane lane = lanes.get(sessions.size() % lanes.size());
                sessions.add(new LoadSession(
                        plan, target, i, lane.loop, lane.meter, lane.content, random, new LoadSession.Listener() {
                            @Override
                            public void idle() {
                                idle.countDown();
                            }

                            @Override
                            public void failed(String why) {
                                failure.compareAndSet(null, why);
                            }

                            @Override
                            public void closed() {
                                closed.countDown();
                            }
                        }));
            }
        }
    }

    /**
     * Makes the load and waits for its end.
     *
     * @throws LoadFailure the target cannot be reached or used, failed a request, or gave back wrong data
     */
    public static LoadResult run(LoadPlan plan, Observer observer) throws LoadFailure, InterruptedException {
        LoadGenerator generator = new LoadGenerator(plan, observer);
        try {
            return generator.run();
        } finally {
            generator.close();
        }
    }

    private LoadResult run() throws LoadFailure, InterruptedException {
        tell(LoadSession::connect);
        awaitIdle("logging in");

        tell(LoadSession::run);
        reportedNanos = System.nanoTime();
        pass("warming up", plan.warmupMillis());

        observer.measuring();
        long cpu = cpuNanos();
        long start = System.nanoTime();
        for (int i = 0; i < sessions.size(); i++) {
            LoadSession session = sessions.get(i);
            long share = plan.requests() / sessions.size() + (i < plan.requests() % sessions.size() ? 1 : 0);
            onLoop(session, () -> session.measure(plan.requests() > 0 ? share : Long.MAX_VALUE));
        }
        if (plan.durationMillis() > 0) {
            pass("measuring", plan.durationMillis());
            each(LoadSession::measured);
            // Waits for the loops: until then answers are counted.
            sum(_ -> 0);
        } else {
            awaitIdle("measuring");
        }
        long elapsed = System.nanoTime() - start;
        cpu = cpuNanos() - cpu;
        observer.measured();

        each(LoadSession::stop);
        awaitIdle("ending");
        if (plan.verify() && plan.pattern().writes()) {
            tell(LoadSession::readBack);
            awaitIdle("reading back");
        }
        return result(elapsed, cpu);
    }

    private LoadResult result(long elapsed, long cpu) throws LoadFailure, InterruptedException {
        long repeated = sum(lane -> lane.meter.repeated);
        long checked = sum(lane -> lane.meter.checkedBlocks);
        // Nothing is under way any more, and the sums were taken on the loops: what they wrote is seen.
        Histogram reads = lanes.getFirst().meter.reads.copy();
        Histogram writes = lanes.getFirst().meter.writes.copy();
        for (Lane lane : lanes.subList(1, lanes.size())) {
            reads.add(lane.meter.reads);
            writes.add(lane.meter.writes);
        }
        return new LoadResult(reads, writes, elapsed, cpu, plan.requestBytes(), repeated, checked);
    }

    private static long cpuNanos() {
        return ManagementFactory.getOperatingSystemMXBean() instanceof com.sun.management.OperatingSystemMXBean system
                ? system.getProcessCpuTime()
                : 0;
    }

    /** Waits, reporting progress. */
    private void pass(String phase, long millis) throws LoadFailure, InterruptedException {
        long end = System.nanoTime() + millis * 1_000_000L;
        for (long left = millis; left > 0; left = (end - System.nanoTime()) / 1_000_000L) {
            Thread.sleep(Math.min(left, POLL_MILLIS));
            throwFailure();
            report(phase, left / 1000);
        }
    }

    private void awaitIdle(String phase) throws LoadFailure, InterruptedException {
        while (!idle.await(POLL_MILLIS, TimeUnit.MILLISECONDS)) {
            throwFailure();
            report(phase, -1);
        }
        throwFailure();
    }

    private void throwFailure() throws LoadFailure {
        String why = failure.get();
        if (why != null) {
            throw new LoadFailure(why);
        }
    }

    private void report(String phase, long secondsLeft) throws LoadFailure, InterruptedException {
        long now = System.nanoTime();
        if (now - reportedNanos < 1_000_000_000L) {
            return;
        }
        long answers = sum(lane -> lane.meter.answered());
        observer.progress(phase, (long) ((answers - reportedAnswers) * 1e9 / (now - reportedNanos)), secondsLeft);
        if (answers != reportedAnswers) {
            answeredNanos = now;
        } else if (now - answeredNanos > SILENT_SECONDS * 1_000_000_000L) {
            throw new LoadFailure(
                    plan.targets().getFirst() + " answered nothing for " + SILENT_SECONDS + " s, while " + phase);
        }
        reportedNanos = now;
        reportedAnswers = answers;
    }

    // ---- on the loops

    /** Lets every session do something that ends with it idle; {@link #awaitIdle} waits for that. */
    private void tell(Consumer<LoadSession> what) {
        idle = new CountDownLatch(sessions.size());
        each(what);
    }

    private void each(Consumer<LoadSession> what) {
        for (LoadSession session : sessions) {
            onLoop(session, () -> what.accept(session));
        }
    }

    private void onLoop(LoadSession session, Runnable what) {
        session.loop().execute(() -> {
            try {
                what.run();
            } catch (RuntimeException bug) {
                failure.compareAndSet(null, "a fault of the load generator: " + bug);
            }
        });
    }

    /** Asks every lane on its loop. */
    private long sum(ToLongFunction<Lane> what) throws InterruptedException, LoadFailure {
        long sum = 0;
        for (Lane lane : lanes) {
            try {
                sum += lane.loop.submit(() -> what.applyAsLong(lane)).get();
            } catch (java.util.concurrent.ExecutionException bug) {
                throw new LoadFailure("a fault of the load generator: " + bug.getCause());
            }
        }
        return sum;
    }

    private void close() throws InterruptedException {
        each(LoadSession::close);
        closed.await(CLOSE_SECONDS, TimeUnit.SECONDS);
        loops.shutdownGracefully(0, CLOSE_SECONDS, TimeUnit.SECONDS).awaitUninterruptibly();
        lanes.forEach(lane -> lane.content.release());
    }
}
