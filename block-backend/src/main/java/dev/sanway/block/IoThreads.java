package dev.sanway.block;

import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The threads that wait for disks, so that event loops need not. Bounded in threads and in waiting work; past the bound
 * {@link #execute} throws {@link RejectedExecutionException}. Threads are never interrupted: an interrupt would close a
 * {@code FileChannel} under everybody.
 */
public final class IoThreads implements Executor, AutoCloseable {
    private final ThreadPoolExecutor pool;

    public IoThreads(String name, int threads, int maxWaiting) {
        AtomicInteger number = new AtomicInteger();
        pool = new ThreadPoolExecutor(
                threads, threads, 30, TimeUnit.SECONDS, new ArrayBlockingQueue<>(maxWaiting), task -> {
                    Thread thread = new Thread(task, name + "-" + number.incrementAndGet());
                    thread.setDaemon(true);
                    return thread;
                });
        pool.allowCoreThreadTimeOut(true);
    }

    /** As many threads as keep a few disks busy, and room for what many sessions may have under way. */
    public static IoThreads standard() {
        int cores = Runtime.getRuntime().availableProcessors();
        return new IoThreads("sanway-io", Math.max(8, 4 * cores), 65_536);
    }

    @Override
    public void execute(Runnable task) {
        pool.execute(task);
    }

    /** Lets what is queued finish; nothing more is taken. Close the devices first. */
    @Override
    public void close() {
        pool.shutdown();
    }
}
