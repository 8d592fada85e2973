package dev.sanway.integration;

import dev.sanway.autoconfig.Datagram;
import dev.sanway.autoconfig.DatagramCodec;
import dev.sanway.autoconfig.PoolKeys;
import java.io.Closeable;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.UUID;

/** Sends what nobody should listen to, as fast as one sender can, until it is closed. */
final class Flood implements AutoCloseable {
    private final Thread thread;
    private volatile boolean over;
    private volatile long sent;

    private interface Sending {
        void send(ByteBuffer datagram, InetSocketAddress to) throws IOException;
    }

    /** @param from of this machine, with any port: the flood's address, which is nobody else's */
    Flood(List<byte[]> datagrams, String from, int... ports) throws IOException {
        this(datagrams, DatagramChannel.open().bind(new InetSocketAddress(from, 0)), ports);
    }

    private Flood(List<byte[]> datagrams, DatagramChannel from, int... ports) {
        this(datagrams, from::send, from, ports);
    }

    /** @param from whose address and port the flood bears; not closed with it */
    Flood(List<byte[]> datagrams, DatagramSocket from, int... ports) {
        this(
                datagrams,
                (datagram, to) -> {
                    byte[] bytes = new byte[datagram.remaining()];
                    datagram.get(bytes);
                    from.send(new DatagramPacket(bytes, bytes.length, to));
                },
                () -> {},
                ports);
    }

    private Flood(List<byte[]> datagrams, Sending sending, Closeable from, int... ports) {
        List<ByteBuffer> buffers = new ArrayList<>();
        for (byte[] each : datagrams) {
            buffers.add(ByteBuffer.allocateDirect(each.length).put(each).flip());
        }
        InetSocketAddress[] to = new InetSocketAddress[ports.length];
        for (int i = 0; i < to.length; i++) {
            to[i] = new InetSocketAddress(java.net.InetAddress.getLoopbackAddress(), ports[i]);
        }
        thread = Thread.ofPlatform().name("flood").start(() -> {
            try (from) {
                for (long count = 0; !over; count++) {
                    ByteBuffer next = buffers.get((int) (count / to.length % buffers.size()));
                    sending.send(next.rewind(), to[(int) (count % to.length)]);
                    sent = count + 1;
                }
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        });
    }

    /** How many datagrams so far. */
    long sent() {
        return sent;
    }

    @Override
    public void close() throws InterruptedException {
        over = true;
        thread.join();
    }

    /**
     * Of each kind many, in random order.
     *
     * @param genuine captured, with a right authenticator: they are sent again as they are, and with changes
     */
    static List<byte[]> ofEachKind(List<byte[]> genuine, PoolKeys keys, Random random) {
        DatagramCodec right = new DatagramCodec(keys);
        byte[] wrongKey = new byte[32];
        random.nextBytes(wrongKey);
        int keyId = Byte.toUnsignedInt(genuine.getFirst()[5]);
        DatagramCodec wrong = new DatagramCodec(new PoolKeys(keyId, Map.of(keyId, wrongKey)));
        List<byte[]> all = new ArrayList<>();
        for (byte[] captured : genuine) {
            if (!(right.decode(captured) instanceof DatagramCodec.Decoded.Accepted(Datagram datagram))) {
                throw new AssertionError("what was captured is not genuine");
            }
            all.add(captured);
            byte[] flipped = captured.clone();
            flipped[random.nextInt(flipped.length)] ^= (byte) (1 << random.nextInt(8));
            all.add(flipped);
            all.add(wrong.encode(datagram));
            // A key that leaked would do this; or it was captured elsewhere, or long ago.
            all.add(right.encode(changed(datagram, new UUID(random.nextLong(), 1), datagram.senderBoot())));
            all.add(right.encode(changed(datagram, datagram.recipient(), Math.max(1, datagram.senderBoot() - 1))));
            all.add(java.util.Arrays.copyOf(captured, captured.length - 1 - random.nextInt(captured.length - 1)));
            all.add(random(random, 1_401 + random.nextInt(20_000)));
            all.add(random(random, random.nextInt(1_400)));
            all.add(new byte[0]);
        }
        java.util.Collections.shuffle(all, random);
        return all;
    }

    private static byte[] random(Random random, int length) {
        byte[] bytes = new byte[length];
        random.nextBytes(bytes);
        return bytes;
    }

    private static Datagram changed(Datagram datagram, UUID recipient, long senderBoot) {
        return new Datagram(
                datagram.sender(),
                senderBoot,
                datagram.sequence(),
                recipient,
                datagram.recipientBoot(),
                datagram.inReplyTo(),
                datagram.timeMillis(),
                datagram.messageId(),
                datagram.page(),
                datagram.pages(),
                datagram.source(),
                datagram.destination(),
                datagram.type(),
                datagram.data());
    }
}
