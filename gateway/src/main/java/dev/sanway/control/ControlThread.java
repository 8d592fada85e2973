package dev.sanway.control;

import io.netty.util.concurrent.DefaultEventExecutor;
import io.netty.util.concurrent.DefaultThreadFactory;
import io.netty.util.concurrent.EventExecutor;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;

/** The executor that the gateway's state belongs to, and how other threads, no event loops, ask it. */
final class ControlThread {

    /** Longer than anything that is asked takes; shorter than what commands wait. */
    private static final int ANSWER_SECONDS = 12;

    private final EventExecutor executor = new DefaultEventExecutor(new DefaultThreadFactory("sanway-control", true));

    EventExecutor executor() {
        return executor;
    }

    /** Runs a question on the control executor and waits for its answer. */
    <T> T ask(Supplier<T> question) {
        return await(CompletableFuture.supplyAsync(question, executor));
    }

    /** The same for an answer that takes time. */
    <T> T askLater(Supplier<CompletableFuture<T>> question) {
        return await(CompletableFuture.supplyAsync(question, executor).thenCompose(answer -> answer));
    }

    private static <T> T await(CompletableFuture<T> future) {
        try {
            return future.get(ANSWER_SECONDS, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted", e);
        } catch (ExecutionException | TimeoutException e) {
            throw new IllegalStateException("the control did not answer: " + e.getMessage(), e);
        }
    }

    void stop(int seconds) {
        executor.shutdownGracefully(0, seconds, TimeUnit.SECONDS).awaitUninterruptibly();
    }
}
