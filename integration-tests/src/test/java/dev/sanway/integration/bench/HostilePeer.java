package dev.sanway.integration.bench;

import dev.sanway.iscsi.Isid;
import dev.sanway.iscsi.KeyValue;
import dev.sanway.iscsi.Opcode;
import dev.sanway.iscsi.Pdu;
import dev.sanway.iscsi.PduEncoder;
import dev.sanway.iscsi.Text;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.buffer.UnpooledByteBufAllocator;
import java.io.EOFException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.util.ArrayList;
import java.util.List;

/**
 * A connection that never waits, on loopback only: it sends what it is given, and of what comes it looks at nothing but the answer
 * to its login. One thread.
 */
final class HostilePeer implements AutoCloseable {

    private static final int HEADER = 48;
    private static final int STATUS_CLASS = 36;
    private static final int TRANSIT = 0x80;
    private static final ByteBuffer NOTHING = ByteBuffer.allocate(0);

    /** Shared by all, since nobody looks at what is in it. */
    private static final ThreadLocal<ByteBuffer> SINK =
            ThreadLocal.withInitial(() -> ByteBuffer.allocateDirect(1 << 18));

    final long bornNanos = System.nanoTime();
    final int number;
    /** Bytes that came after the login. */
    long drained;

    int expStatSn = 1;
    private int cmdSn = 1;
    private long requests;
    private final SocketChannel channel;
    private final ByteBuffer header = ByteBuffer.allocate(HEADER);
    private int toSkip;
    private boolean loggedIn;
    private ByteBuffer unsent = NOTHING;

    /** A connection to 127.0.0.1 from 127.0.0.{@code from}. */
    HostilePeer(int number, int from, int port, int receiveBufferBytes) throws IOException {
        this.number = number;
        channel = SocketChannel.open();
        try {
            if (receiveBufferBytes > 0) {
                channel.setOption(StandardSocketOptions.SO_RCVBUF, receiveBufferBytes);
            }
            channel.bind(new InetSocketAddress(InetAddress.getByAddress(new byte[] {127, 0, 0, (byte) from}), 0));
            channel.configureBlocking(false);
            channel.connect(new InetSocketAddress(InetAddress.getByAddress(new byte[] {127, 0, 0, 1}), port));
        } catch (IOException e) {
            channel.close();
            throw e;
        }
    }

    /** A connection that was accepted. */
    HostilePeer(int number, SocketChannel accepted) throws IOException {
        this.number = number;
        channel = accepted;
        channel.configureBlocking(false);
    }

    static byte[] bytes(Pdu pdu) {
        List<ByteBuf> parts = new ArrayList<>();
        PduEncoder.encode(pdu, false, false, UnpooledByteBufAllocator.DEFAULT, parts::add);
        ByteBuf all = Unpooled.wrappedBuffer(parts.toArray(ByteBuf[]::new));
        byte[] bytes = new byte[all.readableBytes()];
        all.readBytes(bytes);
        all.release();
        return bytes;
    }

    static Pdu login(int number, boolean transit, boolean continues, KeyValue... keys) {
        return new Pdu.LoginRequest(
                transit,
                continues,
                1,
                transit ? 3 : 0,
                0,
                0,
                Isid.random(number & 0xffffff, 9),
                0,
                0,
                1,
                1,
                1,
                Text.build(List.of(keys)));
    }

    /** A SCSI command with the next CmdSN. */
    Pdu command(boolean read, int expectedDataTransferLength, byte[] cdb, byte[] immediateData) {
        boolean write = !read && expectedDataTransferLength != 0;
        return new Pdu.ScsiCommandPdu(
                false,
                true,
                read,
                write,
                1,
                0,
                cmdSn,
                expectedDataTransferLength,
                cmdSn++,
                expStatSn,
                cdb,
                0,
                Unpooled.wrappedBuffer(immediateData));
    }

    /** Leaves out a CmdSN: what follows is ahead of ExpCmdSN. */
    void skipCmdSn() {
        cmdSn++;
    }

    int sentCommands() {
        return cmdSn - 1;
    }

    long requests() {
        return requests;
    }

    boolean connected() throws IOException {
        return channel.isConnected() || channel.finishConnect();
    }

    /** Whether all that was offered before is sent. */
    boolean flushed() throws IOException {
        if (unsent.hasRemaining()) {
            channel.write(unsent);
        }
        return !unsent.hasRemaining();
    }

    /** Sends all of it sooner or later, unless something offered before is not sent yet; whether it took it. */
    boolean offer(byte[] bytes) throws IOException {
        if (!flushed()) {
            return false;
        }
        ByteBuffer sending = ByteBuffer.wrap(bytes);
        channel.write(sending);
        unsent = sending;
        requests++;
        return true;
    }

    /** Reads and forgets at most so much. */
    void drain(long most) throws IOException {
        long left = most;
        while (left > 0) {
            int count = read(left);
            if (count == 0) {
                return;
            }
            left -= count;
            drained += count;
        }
    }

    private int read(long most) throws IOException {
        ByteBuffer sink = SINK.get();
        sink.clear().limit((int) Math.min(sink.capacity(), most));
        return checked(channel.read(sink));
    }

    private static int checked(int count) throws EOFException {
        if (count < 0) {
            throw new EOFException("the gateway closed the connection");
        }
        return count;
    }

    /** Whether the answer to the login request has come; {@link IOException} if the login is refused. */
    boolean loggedIn() throws IOException {
        if (loggedIn) {
            return true;
        }
        if (header.hasRemaining()) {
            checked(channel.read(header));
            if (header.hasRemaining()) {
                return false;
            }
            int length = header.getInt(4) & 0xffffff;
            toSkip = (length + 3) & ~3;
            if ((header.get(0) & 0x3f) != Opcode.LOGIN_RESPONSE.code()
                    || header.get(STATUS_CLASS) != 0
                    || (header.get(1) & TRANSIT) == 0) {
                throw new IOException("refused");
            }
            expStatSn = header.getInt(24) + 1;
        }
        while (toSkip > 0) {
            int count = read(toSkip);
            if (count == 0) {
                return false;
            }
            toSkip -= count;
        }
        loggedIn = true;
        return true;
    }

    /** What came, not more than the buffer has room for. */
    void receive(ByteBuffer into) throws IOException {
        checked(channel.read(into));
    }

    @Override
    public void close() {
        try {
            channel.close();
        } catch (IOException _) {
            // It is over either way.
        }
    }
}
