package dev.sanway.target.lun;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Predicate;

/**
 * The tasks of a logical unit, in order of arrival, and which of them may run (SAM-5 8). One task set for all nexuses (TST
 * 000b). The usual case, simple tasks only, costs a counter's comparison.
 *
 * <ul>
 *   <li>HEAD OF QUEUE runs at once.
 *   <li>ORDERED runs when every older task and every head of queue task has ended.
 *   <li>SIMPLE runs when every older ordered task and every head of queue task has ended.
 * </ul>
 */
final class TaskSet {
    private final LinkedHashSet<Task> tasks = new LinkedHashSet<>();
    private final Consumer<Task> run;
    private int orderedCount;
    private int headOfQueueCount;
    private int dormantCount;
    private int holds;
    private boolean enabling;
    private boolean enableAgain;

    /** Calls {@code run} for each task when its turn comes. */
    TaskSet(Consumer<Task> run) {
        this.run = run;
    }

    int size() {
        return tasks.size();
    }

    /**
     * Nothing starts until {@link #release}: because the reservations are not known yet, or because tasks are being aborted, of
     * which the end of one must not start another. Holds add up.
     */
    void hold() {
        holds++;
    }

    void release() {
        holds--;
        enable();
    }

    void add(Task task) {
        tasks.add(task);
        dormantCount++;
        switch (task.command().attribute()) {
            case ORDERED -> orderedCount++;
            case HEAD_OF_QUEUE -> headOfQueueCount++;
            case SIMPLE, ACA -> {}
        }
        if (holds == 0 && orderedCount == 0 && headOfQueueCount == 0) {
            start(task);
        } else {
            enable();
        }
    }

    void remove(Task task) {
        if (!tasks.remove(task)) {
            return;
        }
        NexusState nexus = task.nexus();
        if (nexus.tasks.get(task.command().tag()) == task) {
            nexus.tasks.remove(task.command().tag());
        }
        switch (task.command().attribute()) {
            case ORDERED -> orderedCount--;
            case HEAD_OF_QUEUE -> headOfQueueCount--;
            case SIMPLE, ACA -> {}
        }
    }

    /** The tasks for which {@code which} holds, oldest first. */
    List<Task> matching(Predicate<Task> which) {
        List<Task> found = new ArrayList<>();
        for (Task task : tasks) {
            if (which.test(task)) {
                found.add(task);
            }
        }
        return found;
    }

    /** Starts whatever may run now. Called after each end; a call from within starting another is remembered. */
    void enable() {
        if (holds > 0 || dormantCount == 0) {
            return;
        }
        if (enabling) {
            enableAgain = true;
            return;
        }
        enabling = true;
        try {
            do {
                enableAgain = false;
                for (Task task : runnable()) {
                    if (task.isDormant()) {
                        start(task);
                    }
                }
            } while (enableAgain);
        } finally {
            enabling = false;
        }
    }

    private void start(Task task) {
        dormantCount--;
        task.enabled();
        run.accept(task);
    }

    private List<Task> runnable() {
        List<Task> found = new ArrayList<>();
        boolean olderOrdered = false;
        boolean older = false;
        int dormant = 0;
        for (Task task : tasks) {
            boolean may = switch (task.command().attribute()) {
                case HEAD_OF_QUEUE -> true;
                case ORDERED -> headOfQueueCount == 0 && !older;
                case SIMPLE, ACA -> headOfQueueCount == 0 && !olderOrdered;
            };
            if (task.isDormant()) {
                dormant++;
                if (may) {
                    found.add(task);
                }
            }
            older = true;
            olderOrdered |= task.command().attribute() == TaskAttribute.ORDERED;
        }
        dormantCount = dormant;
        return found;
    }
}
