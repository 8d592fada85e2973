package dev.sanway.block;

import org.jspecify.annotations.Nullable;

/** Counts what is under way, so that a device ends only when nothing is. Used on the device's owner. */
public final class Drain {
    private int underWay;
    private @Nullable Runnable whenEmpty;

    public void begin() {
        if (whenEmpty != null) {
            throw new IllegalStateException("a request after close");
        }
        underWay++;
    }

    public void end() {
        underWay--;
        runIfEmpty();
    }

    public int underWay() {
        return underWay;
    }

    public boolean closing() {
        return whenEmpty != null;
    }

    /** Refuses what comes from now on; runs {@code action} once, when the last request has ended, perhaps at once. */
    public void close(Runnable action) {
        if (whenEmpty != null) {
            throw new IllegalStateException("closed twice");
        }
        whenEmpty = action;
        runIfEmpty();
    }

    private void runIfEmpty() {
        if (underWay == 0 && whenEmpty != null) {
            whenEmpty.run();
        }
    }
}
