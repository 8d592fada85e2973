package dev.sanway.autoconfig;

import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.jspecify.annotations.Nullable;

/**
 * Datagrams as bytes. All numbers are big-endian:
 *
 * <pre>
 *   offset bytes                            offset bytes
 *        0     4  magic "VSAN"                  64     8  time, ms since 1970
 *        4     1  version: 1                    72     4  message id
 *        5     1  key id                        76     2  page
 *        6     2  flags: 0                      78     2  pages
 *        8    16  sender UUID                   80    16  source IP address, IPv6 or IPv4-mapped
 *       24     4  sender boot number            96    16  destination IP address
 *       28     8  sequence                     112     2  source port
 *       36    16  recipient UUID               114     2  destination port
 *       52     4  recipient boot number        116     2  message type
 *       56     8  in reply to                  118     2  data length
 *                                              120     n  data area
 *                                            120+n    32  HMAC-SHA-256 over all that precedes it
 * </pre>
 *
 * The authenticator is checked before anything but magic, version, length and key id is looked at. One thread.
 */
public final class DatagramCodec {
    private static final int MAGIC =
            ByteBuffer.wrap("VSAN".getBytes(StandardCharsets.US_ASCII)).getInt();
    private static final int VERSION = 1;
    private static final int VERSION_OFFSET = 4;
    private static final int KEY_ID_OFFSET = 5;
    private static final int RECIPIENT_OFFSET = 36;
    private static final int TYPE_OFFSET = 116;
    private static final int DATA_LENGTH_OFFSET = 118;
    private static final byte[] MAPPED = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, (byte) 0xff, (byte) 0xff};

    /** What bytes from the network are. */
    public sealed interface Decoded {
        record Accepted(Datagram datagram) implements Decoded {}

        record Dropped(DropReason reason) implements Decoded {}
    }

    private final Map<Integer, Mac> macs = new HashMap<>();
    private int signing;

    public DatagramCodec(PoolKeys keys) {
        use(keys);
    }

    /** These keys count from now on, and no others. */
    public final void use(PoolKeys keys) {
        signing = keys.signing();
        macs.clear();
        try {
            for (Map.Entry<Integer, byte[]> key : keys.keys().entrySet()) {
                Mac mac = Mac.getInstance("HmacSHA256");
                mac.init(new SecretKeySpec(key.getValue(), "HmacSHA256"));
                macs.put(key.getKey(), mac);
            }
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("every Java has HmacSHA256", e);
        }
    }

    /** The id of the key that something claims to be signed with; -1: it is too short to claim one. */
    static int keyId(byte[] bytes) {
        return bytes.length > KEY_ID_OFFSET ? Byte.toUnsignedInt(bytes[KEY_ID_OFFSET]) : -1;
    }

    /** The bytes to send, signed. */
    public byte[] encode(Datagram datagram) {
        int length = Datagram.HEADER_BYTES + datagram.data().length;
        ByteBuffer out = ByteBuffer.allocate(length + Datagram.AUTHENTICATOR_BYTES);
        out.putInt(MAGIC).put((byte) VERSION).put((byte) signing).putShort((short) 0);
        put(out, datagram.sender());
        out.putInt((int) datagram.senderBoot()).putLong(datagram.sequence());
        put(out, datagram.recipient());
        out.putInt((int) datagram.recipientBoot()).putLong(datagram.inReplyTo());
        out.putLong(datagram.timeMillis()).putInt(datagram.messageId());
        out.putShort((short) datagram.page()).putShort((short) datagram.pages());
        out.put(bytes(datagram.source().getAddress()));
        out.put(bytes(datagram.destination().getAddress()));
        out.putShort((short) datagram.source().getPort())
                .putShort((short) datagram.destination().getPort());
        out.putShort((short) datagram.type().code()).putShort((short) datagram.data().length);
        out.put(datagram.data());
        out.put(authenticator(java.util.Objects.requireNonNull(macs.get(signing)), out.array(), length));
        return out.array();
    }

    /** What was received. Never throws, whatever the bytes. */
    public Decoded decode(byte[] bytes) {
        DropReason outside = judge(bytes);
        if (outside != null) {
            return new Decoded.Dropped(outside);
        }
        Optional<MessageType> type =
                MessageType.of(Short.toUnsignedInt(ByteBuffer.wrap(bytes).getShort(TYPE_OFFSET)));
        if (type.isEmpty()) {
            return new Decoded.Dropped(DropReason.UNKNOWN_TYPE);
        }
        ByteBuffer in = ByteBuffer.wrap(bytes, KEY_ID_OFFSET + 1, bytes.length - KEY_ID_OFFSET - 1);
        short flags = in.getShort();
        UUID sender = uuid(in);
        long senderBoot = Integer.toUnsignedLong(in.getInt());
        long sequence = in.getLong();
        UUID recipient = uuid(in);
        long recipientBoot = Integer.toUnsignedLong(in.getInt());
        long inReplyTo = in.getLong();
        long timeMillis = in.getLong();
        int messageId = in.getInt();
        int page = Short.toUnsignedInt(in.getShort());
        int pages = Short.toUnsignedInt(in.getShort());
        InetAddress source = address(in);
        InetAddress destination = address(in);
        int sourcePort = Short.toUnsignedInt(in.getShort());
        int destinationPort = Short.toUnsignedInt(in.getShort());
        boolean onePage = type.get().onePage();
        if (flags != 0
                || sender.equals(Datagram.NOBODY)
                || senderBoot == 0
                || sequence < 1
                || inReplyTo < 0
                || pages < 1
                || pages > (onePage ? 1 : Datagram.MAX_PAGES)
                || page >= pages) {
            return new Decoded.Dropped(DropReason.MALFORMED_HEADER);
        }
        in.position(Datagram.HEADER_BYTES);
        byte[] data = new byte[bytes.length - Datagram.HEADER_BYTES - Datagram.AUTHENTICATOR_BYTES];
        in.get(data);
        return new Decoded.Accepted(new Datagram(
                sender,
                senderBoot,
                sequence,
                recipient,
                recipientBoot,
                inReplyTo,
                timeMillis,
                messageId,
                page,
                pages,
                new InetSocketAddress(source, sourcePort),
                new InetSocketAddress(destination, destinationPort),
                type.get(),
                data));
    }

    /** All that is looked at before the authenticator, and the authenticator itself. */
    private @Nullable DropReason judge(byte[] bytes) {
        DropReason outside = outside(ByteBuffer.wrap(bytes));
        if (outside != null) {
            return outside;
        }
        int length = bytes.length - Datagram.AUTHENTICATOR_BYTES;
        Mac mac = macs.get(Byte.toUnsignedInt(bytes[KEY_ID_OFFSET]));
        if (mac == null) {
            return DropReason.UNKNOWN_KEY;
        }
        byte[] has = java.util.Arrays.copyOfRange(bytes, length, bytes.length);
        return MessageDigest.isEqual(has, authenticator(mac, bytes, length)) ? null : DropReason.BAD_AUTHENTICATOR;
    }

    /**
     * What is wrong with the bytes from the buffer's position to its limit, as far as that can be told at next to no cost: length,
     * magic, version, and that the recipient is another. Null: nothing; whether they are authentic is not known yet.
     */
    static @Nullable DropReason glance(ByteBuffer bytes, UUID self) {
        DropReason outside = outside(bytes);
        if (outside != null) {
            return outside;
        }
        int start = bytes.position();
        long high = bytes.getLong(start + RECIPIENT_OFFSET);
        long low = bytes.getLong(start + RECIPIENT_OFFSET + Long.BYTES);
        boolean nobody = high == 0 && low == 0;
        return nobody || (high == self.getMostSignificantBits() && low == self.getLeastSignificantBits())
                ? null
                : DropReason.MISADDRESSED;
    }

    private static @Nullable DropReason outside(ByteBuffer bytes) {
        int start = bytes.position();
        int length = bytes.remaining();
        if (length < Datagram.HEADER_BYTES + Datagram.AUTHENTICATOR_BYTES) {
            return DropReason.TRUNCATED;
        }
        if (length > Datagram.MAX_BYTES) {
            return DropReason.OVERSIZED;
        }
        if (bytes.getInt(start) != MAGIC) {
            return DropReason.FOREIGN;
        }
        if (bytes.get(start + VERSION_OFFSET) != VERSION) {
            return DropReason.UNKNOWN_VERSION;
        }
        int says = Short.toUnsignedInt(bytes.getShort(start + DATA_LENGTH_OFFSET))
                + Datagram.HEADER_BYTES
                + Datagram.AUTHENTICATOR_BYTES;
        if (length != says) {
            return length < says ? DropReason.TRUNCATED : DropReason.OVERSIZED;
        }
        return null;
    }

    private static byte[] authenticator(Mac mac, byte[] bytes, int length) {
        mac.update(bytes, 0, length);
        return mac.doFinal();
    }

    static void put(ByteBuffer out, UUID uuid) {
        out.putLong(uuid.getMostSignificantBits()).putLong(uuid.getLeastSignificantBits());
    }

    static UUID uuid(ByteBuffer in) {
        return new UUID(in.getLong(), in.getLong());
    }

    /** An address in 16 bytes, IPv4 mapped into IPv6. */
    static byte[] bytes(InetAddress address) {
        if (!(address instanceof Inet4Address)) {
            return address.getAddress();
        }
        byte[] mapped = java.util.Arrays.copyOf(MAPPED, 16);
        System.arraycopy(address.getAddress(), 0, mapped, MAPPED.length, 4);
        return mapped;
    }

    private static InetAddress address(ByteBuffer in) {
        byte[] bytes = new byte[16];
        in.get(bytes);
        return address(bytes);
    }

    /** The address in 16 bytes; a mapped one becomes IPv4. */
    static InetAddress address(byte[] bytes) {
        try {
            return InetAddress.getByAddress(bytes);
        } catch (UnknownHostException e) {
            throw new IllegalArgumentException("an address of " + bytes.length + " bytes", e);
        }
    }
}
