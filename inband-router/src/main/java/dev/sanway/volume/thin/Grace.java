package dev.sanway.volume.thin;

import java.util.ArrayList;
import java.util.List;

/**
 * Tells when everything that was under way at some moment has ended, at the cost of two counters: what begins is counted in
 * one of two lots, and the lots change places when the older one is empty and somebody waits.
 */
final class Grace {
    private final int[] underWay = new int[2];
    private int current;
    private List<Runnable> waiting = new ArrayList<>();
    private List<Runnable> waitingForOld = new ArrayList<>();

    /** Something begins; the answer goes to {@link #end}. */
    int begin() {
        underWay[current]++;
        return current;
    }

    void end(int lot) {
        if (--underWay[lot] == 0) {
            advance();
        }
    }

    /** Runs when everything has ended that has begun by now; perhaps at once. */
    void afterwards(Runnable action) {
        waiting.add(action);
        advance();
    }

    boolean awaited() {
        return !waiting.isEmpty() || !waitingForOld.isEmpty();
    }

    private void advance() {
        while (underWay[1 - current] == 0) {
            List<Runnable> due = waitingForOld;
            waitingForOld = waiting;
            waiting = new ArrayList<>();
            if (!waitingForOld.isEmpty()) {
                current = 1 - current;
            }
            due.forEach(Runnable::run);
            if (waitingForOld.isEmpty()) {
                return;
            }
        }
    }
}
