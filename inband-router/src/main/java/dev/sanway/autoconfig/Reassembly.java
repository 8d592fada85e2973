package dev.sanway.autoconfig;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.UUID;
import java.util.function.Consumer;

/**
 * Gathers the pages of messages, for a bounded number of messages and a bounded time; pages and bytes of a message are bounded by
 * the wire format. One owner.
 */
final class Reassembly {
    private record Key(UUID sender, long boot, int messageId) {}

    private record Partial(MessageType type, int count, Map<Integer, byte[]> pages, long deadlineMillis) {}

    private final int maxMessages;
    private final long patienceMillis;
    private final Consumer<DropReason> drops;
    private final Map<Key, Partial> partials = new LinkedHashMap<>();

    Reassembly(int maxMessages, long patienceMillis, Consumer<DropReason> drops) {
        this.maxMessages = maxMessages;
        this.patienceMillis = patienceMillis;
        this.drops = drops;
    }

    /** Adds a page; the message once all its pages are there. What is malformed or contradicts itself is counted. */
    Optional<Message> add(Datagram datagram, long nowMillis) {
        if (datagram.pages() == 1) {
            return join(datagram.type(), List.of(datagram.data()));
        }
        expire(nowMillis);
        Key key = new Key(datagram.sender(), datagram.senderBoot(), datagram.messageId());
        Partial partial = partials.get(key);
        if (partial == null) {
            if (partials.size() >= maxMessages) {
                partials.remove(partials.keySet().iterator().next());
                drops.accept(DropReason.INCOMPLETE);
            }
            partial = new Partial(datagram.type(), datagram.pages(), new TreeMap<>(), nowMillis + patienceMillis);
            partials.put(key, partial);
        }
        if (partial.type() != datagram.type() || partial.count() != datagram.pages()) {
            drops.accept(DropReason.PAGE_MISMATCH);
            return Optional.empty();
        }
        partial.pages().put(datagram.page(), datagram.data());
        if (partial.pages().size() < partial.count()) {
            return Optional.empty();
        }
        partials.remove(key);
        return join(datagram.type(), List.copyOf(partial.pages().values()));
    }

    private Optional<Message> join(MessageType type, List<byte[]> pages) {
        try {
            return Optional.of(Pages.join(type, pages));
        } catch (MalformedDataException _) {
            drops.accept(DropReason.MALFORMED_DATA);
            return Optional.empty();
        }
    }

    private void expire(long nowMillis) {
        partials.values().removeIf(partial -> {
            boolean over = partial.deadlineMillis() <= nowMillis;
            if (over) {
                drops.accept(DropReason.INCOMPLETE);
            }
            return over;
        });
    }
}
