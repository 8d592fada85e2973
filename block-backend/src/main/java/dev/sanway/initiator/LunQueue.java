package dev.sanway.initiator;

import java.util.ArrayDeque;

/** Tasks that wait to be sent to one logical unit; only an open queue is sent from. Confined to the session's loop. */
final class LunQueue {
    final ArrayDeque<ScsiTask> waiting = new ArrayDeque<>();
    boolean open;

    boolean hasWork() {
        return open && !waiting.isEmpty();
    }
}
