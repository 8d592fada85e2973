package dev.sanway.control;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/** Whether a gateway is well. Any thread but those it looks at; blocks for a second at most for each check. */
final class Health {

    private static final int PATIENCE_SECONDS = 1;
    private static final int KEPT_MILLIS = 250;

    /** Everything that was looked at. */
    record HealthView(String status, List<CheckView> checks) {}

    /** One thing that was looked at; {@code detail} says what is wrong. */
    record CheckView(String name, boolean well, @Nullable String detail) {}

    /** Null if all is well, or what is wrong. */
    interface Check extends Callable<@Nullable String> {}

    private record Named(String name, boolean vital, Check check) {}

    private final List<Named> checks = new ArrayList<>();
    private @Nullable Look last;

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
            wrong = "no answer within " + PATIENCE_SECONDS + " s";
        } catch (Exception e) {
            wrong = String.valueOf(e.getMessage());
        }
        return new CheckView(each.name(), wrong == null, wrong);
    }

    /** A check that an executor works off what it is given. */
    static Check answers(java.util.concurrent.ExecutorService executor) {
        return () -> {
            executor.submit(() -> {}).get(PATIENCE_SECONDS, TimeUnit.SECONDS);
            return null;
        };
    }

    boolean live() {
        return latest().live();
    }

    boolean ready() {
        return latest().view().status().equals("up");
    }

    HealthView view() {
        return latest().view();
    }

    private record Look(long atNanos, boolean live, HealthView view) {}

    /** Anybody may ask, but what is looked at is not to be kept from its work by that. */
    private synchronized Look latest() {
        Look before = last;
        if (before != null && System.nanoTime() - before.atNanos() < TimeUnit.MILLISECONDS.toNanos(KEPT_MILLIS)) {
            return before;
        }
        boolean live = true;
        List<CheckView> views = new ArrayList<>();
        for (Named each : checks) {
            CheckView view = look(each);
            views.add(view);
            live &= view.well() || !each.vital();
        }
        boolean up = views.stream().allMatch(CheckView::well);
        Look now = new Look(System.nanoTime(), live, new HealthView(up ? "up" : "down", views));
        last = now;
        return now;
    }
}
