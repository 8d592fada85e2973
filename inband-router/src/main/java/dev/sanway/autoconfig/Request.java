package dev.sanway.autoconfig;

import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Something asked and not yet answered: when it is sent again, and the sequences that an answer may refer to. One owner. */
final class Request {
    private static final int MAX_SEQUENCES = 256;

    private final Message message;
    private final List<byte[]> pages;
    private final int messageId;
    private final long deadlineMillis;
    private final Set<Long> sequences = new HashSet<>();
    private long delayMillis;
    private long nextMillis;

    Request(Message message, int messageId, long firstMillis, long delayMillis, long deadlineMillis) {
        this.message = message;
        this.pages = Pages.cut(message);
        this.messageId = messageId;
        this.nextMillis = firstMillis;
        this.delayMillis = delayMillis;
        this.deadlineMillis = deadlineMillis;
    }

    Message message() {
        return message;
    }

    List<byte[]> pages() {
        return pages;
    }

    int messageId() {
        return messageId;
    }

    boolean over(long nowMillis) {
        return nowMillis >= deadlineMillis;
    }

    boolean due(long nowMillis) {
        return nowMillis >= nextMillis;
    }

    /** When something is to be done about it. */
    long wakeMillis() {
        return Math.min(nextMillis, deadlineMillis);
    }

    /** Sends earlier than planned. */
    void hasten(long atMillis) {
        nextMillis = Math.min(nextMillis, atMillis);
    }

    boolean askedBy(long sequence) {
        return sequences.contains(sequence);
    }

    void sentAs(long sequence) {
        if (sequences.size() >= MAX_SEQUENCES) {
            sequences.clear();
        }
        sequences.add(sequence);
    }

    /** Plans the next repetition: twice as late as the last, at most {@code maxMillis}, a quarter more or less. */
    void backOff(long nowMillis, long maxMillis, java.util.random.RandomGenerator random) {
        nextMillis = nowMillis + delayMillis * 3 / 4 + random.nextLong(delayMillis / 2 + 1);
        delayMillis = Math.min(delayMillis * 2, maxMillis);
    }
}
