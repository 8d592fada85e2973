package dev.sanway.target;

/** Counts of one session: written by its loop alone, read by any thread. */
final class SessionCounters {

    private volatile long commands;
    private volatile long readBytes;
    private volatile long writtenBytes;

    // One writer: a plain read and an ordered write suffice.
    @SuppressWarnings("NonAtomicVolatileUpdate")
    void command() {
        commands = commands + 1;
    }

    @SuppressWarnings("NonAtomicVolatileUpdate")
    void read(int bytes) {
        readBytes = readBytes + bytes;
    }

    @SuppressWarnings("NonAtomicVolatileUpdate")
    void written(int bytes) {
        writtenBytes = writtenBytes + bytes;
    }

    long commands() {
        return commands;
    }

    long readBytes() {
        return readBytes;
    }

    long writtenBytes() {
        return writtenBytes;
    }
}
