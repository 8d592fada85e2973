package dev.sanway.target;

import io.netty.util.concurrent.EventExecutor;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** The turns of one host, or of one address, on each event loop. Any thread may call. */
final class TurnTable {

    private final Map<EventExecutor, HostTurns> byLoop = new ConcurrentHashMap<>();

    HostTurns on(EventExecutor loop) {
        return byLoop.computeIfAbsent(loop, HostTurns::new);
    }
}
