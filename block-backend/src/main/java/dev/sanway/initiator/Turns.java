package dev.sanway.initiator;

import java.util.ArrayDeque;

/** So many at once, the others in the order they came. Confined to one thread. */
final class Turns {
    private final ArrayDeque<Runnable> waiting = new ArrayDeque<>();
    private int free;

    Turns(int atOnce) {
        this.free = atOnce;
    }

    /** Runs {@code turn} now or later; it ends with {@link #end}. */
    void take(Runnable turn) {
        waiting.add(turn);
        next();
    }

    /** A turn has ended. */
    void end() {
        free++;
        next();
    }

    private void next() {
        while (free > 0 && !waiting.isEmpty()) {
            free--;
            waiting.remove().run();
        }
    }
}
