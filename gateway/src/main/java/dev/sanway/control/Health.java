package dev.sanway.control;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * Whether a gateway is well. Looks with a thread of its own, at everything side by side, so that an answer takes a second at
 * most. Any thread but those it looks at.
 */
final class Health {

    private static final int PATIENCE_MILLIS = 800;
    private static final int KEPT_MILLIS = 250;

    /** Everything that was looked at. */
    record HealthView(String status, List<CheckView> checks) {}

    /** One thing that was looked at; {@code detail} says what is wrong. */
    record CheckView(String name, boolean well, @Nullable String detail) {}

    /** Null if all is well, or what is wrong. */
    interface Check extends Callable<@Nullable String> {
        /** All are asked before the first is waited for. */
        default void ask() {}
    }

    private record Named(String name, boolean vital, Check check) {}

    private final List<Named> checks = new ArrayList<>();
    private final Executor thread =
            task -> Thread.ofPlatform().daemon().name("health").start(task);
    private @Nullable Look last;
    private @Nullable CompletableFuture<Look> next;

    /** {@code vital}: without it the process is of no use. */
    Health with(String name, boolean vital, Check check) {
        checks.add(new Named(name, vital, check));
        return this;
    }

    private static CheckView look(Named each) {
        String wrong;
        try {
            wrong = each.check().call();
        } catch (TimeoutException _) {
            wrong = "no answer within " + PATIENCE_MILLIS + " ms";
        } catch (Exception e) {
            wrong = String.valueOf(e.getMessage());
        }
        return new CheckView(each.name(), wrong == null, wrong);
    }

    /** A check that an executor works off what it is given. */
    static Check answers(ExecutorService executor) {
        return new Answers(executor);
    }

    private static final class Answers implements Check {
        private final ExecutorService executor;
        private Future<?> asked = CompletableFuture.completedFuture(null);
        private long atNanos;

        Answers(ExecutorService executor) {
            this.executor = executor;
        }

        /** One that is stuck is asked once, however often somebody wants to know. */
        @Override
        public void ask() {
            atNanos = System.nanoTime();
            if (asked.isDone()) {
                try {
                    asked = executor.submit(() -> {});
                } catch (RejectedExecutionException e) {
                    asked = CompletableFuture.failedFuture(e);
                }
            }
        }

        @Override
        public @Nullable String call() throws Exception {
            long left = TimeUnit.MILLISECONDS.toNanos(PATIENCE_MILLIS) - (System.nanoTime() - atNanos);
            asked.get(Math.max(0, left), TimeUnit.NANOSECONDS);
            return null;
        }
    }

    HealthView view() {
        return promptly().join().view();
    }

    /** What was seen. */
    record Look(long atNanos, boolean live, HealthView view) {

        boolean ready() {
            return view.status().equals("up");
        }
    }

    /** Anybody may ask, but what is looked at is not to be kept from its work by that. */
    CompletableFuture<Look> promptly() {
        synchronized (this) {
            Look before = last;
            if (before != null && System.nanoTime() - before.atNanos() < TimeUnit.MILLISECONDS.toNanos(KEPT_MILLIS)) {
                return CompletableFuture.completedFuture(before);
            }
            if (next == null || next.isDone()) {
                next = CompletableFuture.supplyAsync(this::look, thread);
            }
            return next;
        }
    }

    private Look look() {
        boolean live = true;
        List<CheckView> views = new ArrayList<>();
        for (Named each : checks) {
            each.check().ask();
        }
        for (Named each : checks) {
            CheckView view = look(each);
            views.add(view);
            live &= view.well() || !each.vital();
        }
        boolean up = views.stream().allMatch(CheckView::well);
        Look now = new Look(System.nanoTime(), live, new HealthView(up ? "up" : "down", views));
        synchronized (this) {
            last = now;
        }
        return now;
    }
}
