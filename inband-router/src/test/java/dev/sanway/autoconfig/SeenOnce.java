package dev.sanway.autoconfig;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.UUID;

/**
 * Watches an engine from outside: what it listened to once it drops when it comes again. STARTUP and CONTROL-ANNOUNCE are hints, which
 * may come as often as they like.
 */
final class SeenOnce {
    private record Key(UUID sender, long boot, long sequence) {}

    private final Set<Key> listenedTo = new HashSet<>();

    void check(Datagram datagram, List<Effect> effects) {
        if (datagram.type() == MessageType.STARTUP || datagram.type() == MessageType.CONTROL_ANNOUNCE) {
            return;
        }
        boolean dropped = !effects.isEmpty()
                && effects.getFirst() instanceof Effect.Drop(DropReason reason)
                && reason != DropReason.INCOMPLETE
                && reason != DropReason.MALFORMED_DATA
                && reason != DropReason.PAGE_MISMATCH
                && reason != DropReason.BUSY;
        if (!dropped) {
            assertThat(listenedTo.add(new Key(datagram.sender(), datagram.senderBoot(), datagram.sequence())))
                    .as("listened to once: %s of %s", datagram.type(), datagram.sequence())
                    .isTrue();
        }
    }

    /** The engine is another one now. */
    void forget() {
        listenedTo.clear();
    }
}
