package dev.sanway.integration.bench;

import dev.sanway.iscsi.DecodeResult;
import dev.sanway.iscsi.Direction;
import dev.sanway.iscsi.Isid;
import dev.sanway.iscsi.KeyValue;
import dev.sanway.iscsi.Pdu;
import dev.sanway.iscsi.PduEncoder;
import dev.sanway.iscsi.PduFraming;
import dev.sanway.iscsi.Text;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.buffer.UnpooledByteBufAllocator;
import java.io.EOFException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;

/** One end of an iSCSI connection on loopback, PDU by PDU, blocking; for what no honest peer sends. One thread. */
final class Peer implements AutoCloseable {

    private static final int CONNECT_MILLIS = 5_000;

    final Socket socket;
    private final PduFraming framing;
    private final ArrayDeque<Pdu> received = new ArrayDeque<>();
    int cmdSn = 1;
    int tag = 1;

    /** An initiator, from a loopback address of its own. */
    Peer(String from, int port) throws IOException {
        socket = new Socket();
        socket.setReceiveBufferSize(64 << 10);
        socket.setSendBufferSize(64 << 10);
        socket.setTcpNoDelay(true);
        socket.bind(new InetSocketAddress(InetAddress.getByName(from), 0));
        socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), CONNECT_MILLIS);
        framing = new PduFraming(Direction.TO_INITIATOR, 1 << 20);
    }

    /** The target's end of a connection that was accepted. */
    Peer(Socket accepted) {
        socket = accepted;
        framing = new PduFraming(Direction.TO_TARGET, 1 << 20);
    }

    static byte[] bytes(Pdu pdu) {
        ByteBuf all = Unpooled.buffer();
        PduEncoder.encode(pdu, false, false, UnpooledByteBufAllocator.DEFAULT, part -> {
            all.writeBytes(part);
            part.release();
        });
        byte[] bytes = new byte[all.readableBytes()];
        all.readBytes(bytes);
        return bytes;
    }

    void send(Pdu pdu) throws IOException {
        socket.getOutputStream().write(bytes(pdu));
    }

    Pdu receive() throws IOException {
        byte[] bytes = new byte[65_536];
        while (received.isEmpty()) {
            int count = socket.getInputStream().read(bytes);
            if (count < 0) {
                throw new EOFException("closed");
            }
            framing.feed(Unpooled.copiedBuffer(bytes, 0, count), result -> {
                if (result instanceof DecodeResult.Decoded(Pdu pdu)) {
                    received.add(pdu);
                }
            });
        }
        return received.remove();
    }

    static Pdu.LoginRequest loginRequest(long isid, boolean continues, String... pairs) {
        List<KeyValue> keys = new ArrayList<>();
        for (String pair : pairs) {
            int at = pair.indexOf('=');
            keys.add(new KeyValue(pair.substring(0, at), pair.substring(at + 1)));
        }
        return new Pdu.LoginRequest(
                !continues, continues, 1, continues ? 0 : 3, 0, 0, new Isid(isid), 0, 0, 1, 1, 1, Text.build(keys));
    }

    /** Whether it was let in. */
    boolean login(long isid, String... pairs) throws IOException {
        send(loginRequest(isid, false, pairs));
        return receive() instanceof Pdu.LoginResponse response && response.statusClass() == 0;
    }

    /** A command to LUN 0 with the next CmdSN and tag. */
    Pdu.ScsiCommandPdu command(boolean read, boolean write, int length, ByteBuf data, byte[] cdb) {
        return new Pdu.ScsiCommandPdu(false, true, read, write, 1, 0, tag++, length, cmdSn++, 1, cdb, 0, data);
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
