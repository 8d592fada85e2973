package dev.sanway.target;

import io.netty.util.concurrent.EventExecutor;
import java.util.ArrayDeque;
import java.util.concurrent.TimeUnit;

/**
 * A host's turns on one event loop: after so much work for it the others are let in, however many connections it has and
 * however fast it sends. Its connections take turns among themselves. Confined to the loop.
 *
 * <p>The loop hands around what came from the network, connection by connection, and then runs what is due. A host that has used
 * up its turn gets the next one then, so between two turns everybody else's connections are looked at.
 */
final class HostTurns {

    /** Units of work in a turn: PDUs, or {@link #BYTES_EACH} of their data. Some tens of microseconds. */
    static final int TURN = 128;

    private static final int BYTES_EACH = 32 << 10;

    private final EventExecutor loop;
    private final ArrayDeque<Runnable> waiting = new ArrayDeque<>();
    private int left = TURN;
    private boolean nextScheduled;

    HostTurns(EventExecutor loop) {
        this.loop = loop;
    }

    /**
     * Notes the work of a PDU.
     *
     * @return false: the turn is over; what else came waits, see {@link #await}
     */
    boolean spend(int dataBytes) {
        left -= 1 + dataBytes / BYTES_EACH;
        return left > 0;
    }

    /** Notes work that is dearer than most: of a login, of a text. */
    boolean spendMore(int units) {
        left -= units;
        return left > 0;
    }

    /** {@code goOn} runs when the connection's turn has come. It may come to nothing at once, and await the next one. */
    void await(Runnable goOn) {
        waiting.addLast(goOn);
        if (!nextScheduled) {
            nextScheduled = true;
            later();
        }
    }

    /**
     * By the timer, not by {@code execute}: a Netty loop (4.2) runs tasks that add themselves again for up to a second before it
     * looks at the network.
     */
    private void later() {
        loop.schedule(this::next, 0, TimeUnit.NANOSECONDS);
    }

    private void next() {
        nextScheduled = false;
        // Whoever overdrew the last turn has less of this one.
        left = Math.min(left, 0) + TURN;
        // Those that wait again while this goes on are served in the turn after it.
        for (int most = waiting.size(); most > 0 && left > 0; most--) {
            waiting.removeFirst().run();
        }
        if (!waiting.isEmpty() && !nextScheduled) {
            nextScheduled = true;
            later();
        }
    }
}
