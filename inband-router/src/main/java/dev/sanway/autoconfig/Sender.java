package dev.sanway.autoconfig;

import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.UUID;

/** Who an engine is on the wire: numbers its datagrams and collects what it wants done. One owner. */
final class Sender {
    private final UUID self;
    private final long boot;
    private final InetSocketAddress believed;
    private final SplittableRandom random;
    private List<Effect> effects = new ArrayList<>();
    private long sequence;
    private int messageId;

    Sender(UUID self, long boot, InetSocketAddress believed, long seed) {
        this.self = self;
        this.boot = boot;
        this.believed = believed;
        this.random = new SplittableRandom(seed);
    }

    SplittableRandom random() {
        return random;
    }

    int nextMessageId() {
        return ++messageId;
    }

    void want(Effect effect) {
        effects.add(effect);
    }

    void drop(DropReason reason) {
        effects.add(new Effect.Drop(reason));
    }

    /** What was collected since the last time. */
    List<Effect> take() {
        List<Effect> taken = effects;
        effects = new ArrayList<>();
        return taken;
    }

    /** Answers a datagram, where it came from. */
    void reply(Message message, Datagram asked, InetSocketAddress to, long nowMillis) {
        answer(message, asked.sender(), asked.senderBoot(), asked.sequence(), to, nowMillis);
    }

    /** Answers the datagram of a sequence. */
    void answer(
            Message message, UUID recipient, long recipientBoot, long inReplyTo, InetSocketAddress to, long nowMillis) {
        send(message.type(), Pages.cut(message), nextMessageId(), recipient, recipientBoot, inReplyTo, to, nowMillis);
    }

    /** Sends a request, not for the first time perhaps. */
    void ask(Request request, UUID recipient, long recipientBoot, InetSocketAddress to, long nowMillis) {
        long first = sequence + 1;
        send(
                request.message().type(),
                request.pages(),
                request.messageId(),
                recipient,
                recipientBoot,
                0,
                to,
                nowMillis);
        for (long sent = first; sent <= sequence; sent++) {
            request.sentAs(sent);
        }
    }

    private void send(
            MessageType type,
            List<byte[]> pages,
            int id,
            UUID recipient,
            long recipientBoot,
            long inReplyTo,
            InetSocketAddress to,
            long nowMillis) {
        for (int page = 0; page < pages.size(); page++) {
            effects.add(new Effect.Send(
                    to,
                    new Datagram(
                            self,
                            boot,
                            ++sequence,
                            recipient,
                            recipientBoot,
                            inReplyTo,
                            nowMillis,
                            id,
                            page,
                            pages.size(),
                            believed,
                            to,
                            type,
                            pages.get(page))));
        }
    }
}
