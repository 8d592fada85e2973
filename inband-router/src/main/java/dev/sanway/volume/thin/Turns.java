package dev.sanway.volume.thin;

import java.util.ArrayDeque;

/** Lets so many things go on at once and no more, in the order of asking. Confined to one loop. */
public final class Turns {
    private final ArrayDeque<Runnable> waiting = new ArrayDeque<>();
    private int free;
    private boolean starting;

    public Turns(int atOnce) {
        free = atOnce;
    }

    /** Runs {@code action} when its turn has come; {@link #done} is called for each that ran. */
    void take(Runnable action) {
        waiting.add(action);
        next();
    }

    void done() {
        free++;
        next();
    }

    /** What ends at once is walked, not recursed into. */
    private void next() {
        if (starting) {
            return;
        }
        starting = true;
        try {
            while (free > 0 && !waiting.isEmpty()) {
                free--;
                waiting.remove().run();
            }
        } finally {
            starting = false;
        }
    }
}
