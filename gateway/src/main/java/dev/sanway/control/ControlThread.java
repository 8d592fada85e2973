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

    /** Begins something on the control executor, or refuses it there. */
    interface Step<T> {
        CompletableFuture<T> begin() throws ApiRefusal;
    }

    /** As {@link #askLater}, for what may be refused. */
    <T> T tryLater(Step<T> step) throws ApiRefusal {
        try {
            return askLater(() -> {
                try {
                    return step.begin();
                } catch (ApiRefusal refused) {
                    return CompletableFuture.failedFuture(refused);
                }
            });
        } catch (IllegalStateException failed) {
            if (failed.getCause() instanceof ExecutionException ended
                    && ended.getCause() instanceof ApiRefusal refused) {
                throw refused;
            }
            throw failed;
        }
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
