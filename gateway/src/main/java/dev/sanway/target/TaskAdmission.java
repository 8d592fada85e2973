package dev.sanway.target;

import io.netty.channel.EventLoop;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.function.Predicate;

/**
 * Lets a session's commands start as far as its memory allows, in the order they came. Commands that wait are not answered, so
 * MaxCmdSN stays where it is and the initiator is pushed back. Confined to the session's loop.
 */
final class TaskAdmission {

    private final EventLoop loop;
    private final SessionMemory memory;
    private final ArrayDeque<SessionTask> waiting = new ArrayDeque<>();
    private boolean awaiting;
    private boolean closed;

    TaskAdmission(EventLoop loop, SessionMemory memory) {
        this.loop = loop;
        this.memory = memory;
    }

    /**
     * Starts a command now or later.
     *
     * @return false: there is no memory for the data that came with it; nothing was done
     */
    boolean submit(SessionTask task) {
        if (waiting.isEmpty() && memory.tryTake(task.neededBytes(), 0)) {
            task.memoryTaken();
            task.start();
            return true;
        }
        if (!memory.tryKeep(task.arrivedBytes())) {
            return false;
        }
        task.memoryKept();
        waiting.addLast(task);
        awaitRoom();
        return true;
    }

    private void awaitRoom() {
        SessionTask first = waiting.peekFirst();
        if (first != null && !awaiting && !closed) {
            awaiting = true;
            memory.awaitRoom(first.neededBytes(), first.keptBytes(), () -> loop.execute(this::roomCame));
        }
    }

    private void roomCame() {
        awaiting = false;
        startWaiting();
    }

    private void startWaiting() {
        while (!closed) {
            SessionTask next = waiting.peekFirst();
            if (next == null) {
                return;
            }
            if (!memory.tryTake(next.neededBytes(), next.keptBytes())) {
                awaitRoom();
                return;
            }
            waiting.removeFirst();
            next.memoryTaken();
            next.start();
        }
    }

    /** What a command held is no longer in memory. */
    void give(long takenBytes, long keptBytes) {
        if (takenBytes > 0) {
            memory.giveTaken(takenBytes);
        }
        if (keptBytes > 0) {
            memory.giveKept(keptBytes);
        }
    }

    /** A command ended without an answer, started or not. */
    void dropped(SessionTask task) {
        boolean first = waiting.peekFirst() == task;
        waiting.remove(task);
        give(task.takenBytes(), task.keptBytes());
        if (first && !waiting.isEmpty()) {
            // The next may want less.
            loop.execute(this::startWaiting);
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
