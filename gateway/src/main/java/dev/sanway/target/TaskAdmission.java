package dev.sanway.target;

import io.netty.channel.EventLoop;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.function.Predicate;

/**
 * Lets a session's commands start as far as the bounds on bytes in flight allow, in the order they came. Commands that wait
 * are not answered, so MaxCmdSN stays where it is and the initiator is pushed back. Confined to the session's loop.
 */
final class TaskAdmission {

    private final EventLoop loop;
    private final InFlightBytes inAll;
    private final int bytesPerSession;
    private final ArrayDeque<SessionTask> waiting = new ArrayDeque<>();
    private long heldBytes;
    private boolean retryScheduled;
    private boolean closed;

    TaskAdmission(EventLoop loop, InFlightBytes inAll, int bytesPerSession) {
        this.loop = loop;
        this.inAll = inAll;
        this.bytesPerSession = bytesPerSession;
    }

    /** Starts a command now or later. */
    void submit(SessionTask task) {
        if (!waiting.isEmpty() || !take(task.heldBytes())) {
            waiting.addLast(task);
        } else {
            task.start();
        }
    }

    /** A session may always have one command, however large and however full the process is. */
    private boolean take(long bytes) {
        if (heldBytes == 0) {
            inAll.take(bytes);
        } else if (heldBytes + bytes > bytesPerSession) {
            return false;
        } else if (!inAll.tryTake(bytes)) {
            if (!retryScheduled) {
                retryScheduled = true;
                inAll.whenFree(() -> loop.execute(this::retry));
            }
            return false;
        }
        heldBytes += bytes;
        return true;
    }

    private void retry() {
        retryScheduled = false;
        startWaiting();
    }

    private void startWaiting() {
        while (!closed) {
            SessionTask next = waiting.peekFirst();
            if (next == null || !take(next.heldBytes())) {
                return;
            }
            waiting.removeFirst();
            next.start();
        }
    }

    /** A started command's bytes are on their way, or it was dropped. */
    void give(long bytes) {
        heldBytes -= bytes;
        inAll.give(bytes);
        if (!waiting.isEmpty()) {
            loop.execute(this::startWaiting);
        }
    }

    /** A command ended without an answer, started or not. */
    void dropped(SessionTask task) {
        if (!waiting.remove(task)) {
            give(task.heldBytes());
        }
    }

    /** Drops the commands that the device does not know yet. */
    void dropWaiting(Predicate<SessionTask> which) {
        for (SessionTask task : new ArrayList<>(waiting)) {
            if (which.test(task)) {
                task.drop();
            }
        }
    }

    /** Starts nothing more. */
    void close() {
        closed = true;
    }
}
