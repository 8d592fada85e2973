package dev.sanway.autoconfig;

import java.net.InetSocketAddress;
import java.util.UUID;

/**
 * One datagram (Fig. 4), without magic, version, key id and authenticator, which are {@link DatagramCodec}'s.
 *
 * @param senderBoot persisted, one more at each start of the sender; 32 bits, not negative
 * @param sequence one more with each datagram of this boot
 * @param recipient {@link #NOBODY}: not known yet, or a group
 * @param recipientBoot 0: not known yet
 * @param inReplyTo the sequence of the datagram answered, or 0
 * @param timeMillis since 1970; advisory
 * @param messageId ties the pages of one message
 * @param page from 0
 * @param source what the sender believes its address to be
 * @param data one page's data area
 */
public record Datagram(
        UUID sender,
        long senderBoot,
        long sequence,
        UUID recipient,
        long recipientBoot,
        long inReplyTo,
        long timeMillis,
        int messageId,
        int page,
        int pages,
        InetSocketAddress source,
        InetSocketAddress destination,
        MessageType type,
        byte[] data) {

    public static final UUID NOBODY = new UUID(0, 0);

    public static final int HEADER_BYTES = 120;
    public static final int AUTHENTICATOR_BYTES = 32;
    public static final int MAX_BYTES = 1_400;
    public static final int MAX_DATA_BYTES = MAX_BYTES - HEADER_BYTES - AUTHENTICATOR_BYTES;

    /** The most pages that a message has. */
    public static final int MAX_PAGES = 8;

    public static final int DEFAULT_PORT = 3261;

    private static final long MAX_BOOT = 0xffff_ffffL;

    public Datagram {
        if (senderBoot < 0 || senderBoot > MAX_BOOT || recipientBoot < 0 || recipientBoot > MAX_BOOT) {
            throw new IllegalArgumentException("boot numbers " + senderBoot + " and " + recipientBoot);
        }
        if (sequence < 0 || inReplyTo < 0) {
            throw new IllegalArgumentException("sequence " + sequence + " in reply to " + inReplyTo);
        }
        if (pages < 1 || pages > MAX_PAGES || page < 0 || page >= pages) {
            throw new IllegalArgumentException("page " + page + " of " + pages);
        }
        if (data.length > MAX_DATA_BYTES) {
            throw new IllegalArgumentException("a data area of " + data.length + " bytes");
        }
    }
}
