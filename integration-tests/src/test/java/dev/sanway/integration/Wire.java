package dev.sanway.integration;

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
import java.net.Socket;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** An initiator PDU by PDU, on a blocking socket: for what no honest initiator sends. One thread. */
final class Wire implements AutoCloseable {

    private static final int READ_MILLIS = 20_000;

    final Socket socket;
    private final PduFraming framing = new PduFraming(Direction.TO_INITIATOR, 1 << 18);
    private final ArrayDeque<Pdu> received = new ArrayDeque<>();
    private final Isid isid;
    private int tag = 1;
    private int cmdSn = 1;
    private int expStatSn = 1;

    Wire(int port, int isidNumber) throws IOException {
        this.isid = Isid.random(isidNumber, 7);
        socket = new Socket(InetAddress.getLoopbackAddress(), port);
        socket.setTcpNoDelay(true);
        socket.setSoTimeout(READ_MILLIS);
    }

    void send(Pdu pdu) throws IOException {
        List<ByteBuf> parts = new ArrayList<>();
        PduEncoder.encode(pdu, false, false, UnpooledByteBufAllocator.DEFAULT, parts::add);
        ByteBuf all = Unpooled.wrappedBuffer(parts.toArray(ByteBuf[]::new));
        byte[] bytes = new byte[all.readableBytes()];
        all.readBytes(bytes);
        all.release();
        socket.getOutputStream().write(bytes);
    }

    /** The next PDU; {@link EOFException} if the target closed the connection. */
    Pdu receive() throws IOException {
        byte[] bytes = new byte[65_536];
        while (received.isEmpty()) {
            int count = socket.getInputStream().read(bytes);
            if (count < 0) {
                throw new EOFException("the target closed the connection");
            }
            ByteBuf fed = Unpooled.copiedBuffer(bytes, 0, count);
            framing.feed(fed, result -> {
                switch (result) {
                    case DecodeResult.Decoded decoded -> received.add(decoded.pdu());
                    case DecodeResult.Violated violated -> throw new AssertionError(violated);
                }
            });
            fed.release();
        }
        return received.remove();
    }

    /** What a login answer said. */
    record Login(int statusClass, int statusDetail, boolean transit, List<KeyValue> keys) {
        String value(String key) {
            Optional<String> value = keys.stream()
                    .filter(pair -> pair.key().equals(key))
                    .map(KeyValue::value)
                    .findFirst();
            return value.orElseThrow(() -> new AssertionError("no " + key + " in " + this));
        }
    }

    /** One login request and its answer, in the security stage. */
    Login security(boolean transit, KeyValue... keys) throws IOException {
        return login(transit, 0, 1, keys);
    }

    Login login(boolean transit, int stage, int next, KeyValue... keys) throws IOException {
        send(new Pdu.LoginRequest(
                transit,
                false,
                stage,
                transit ? next : 0,
                0,
                0,
                isid,
                0,
                0,
                1,
                cmdSn,
                expStatSn,
                Text.build(List.of(keys))));
        Pdu answer = receive();
        if (!(answer instanceof Pdu.LoginResponse response)) {
            throw new AssertionError("a login is answered by " + answer);
        }
        if (response.statusClass() == 0) {
            expStatSn = response.statSn() + 1;
        }
        List<KeyValue> pairs =
                response.data().isReadable() ? ((Text.Parsed) Text.parse(response.data())).pairs() : List.of();
        response.release();
        return new Login(response.statusClass(), response.statusDetail(), response.transit(), pairs);
    }

    static KeyValue key(String key, String value) {
        return new KeyValue(key, value);
    }

    /** Logs in without CHAP, in one exchange. */
    Login login(String initiator, String target) throws IOException {
        return login(
                true,
                1,
                3,
                key("InitiatorName", initiator),
                key("TargetName", target),
                key("SessionType", "Normal"),
                key("HeaderDigest", "None"),
                key("DataDigest", "None"));
    }

    /** The status of a command without data. */
    int command(long lun, byte... cdb) throws IOException {
        byte[] padded = java.util.Arrays.copyOf(cdb, 16);
        send(new Pdu.ScsiCommandPdu(
                false, true, false, false, 1, lun, tag, 0, cmdSn++, expStatSn, padded, 0, Unpooled.EMPTY_BUFFER));
        while (true) {
            Pdu answer = receive();
            if (answer instanceof Pdu.ScsiResponsePdu response && response.initiatorTaskTag() == tag) {
                expStatSn = response.statSn() + 1;
                tag++;
                response.release();
                return response.status();
            }
            answer.release();
        }
    }

    /** The response to a task management function. */
    int manage(int function, long lun) throws IOException {
        int mine = tag++;
        send(new Pdu.TaskManagementRequest(true, function, lun, mine, Pdu.NO_TAG, cmdSn, expStatSn, 0, 0));
        while (true) {
            Pdu answer = receive();
            if (answer instanceof Pdu.TaskManagementResponse response && response.initiatorTaskTag() == mine) {
                return response.response();
            }
            answer.release();
        }
    }

    /** Logs out and closes. */
    void logout() throws IOException {
        send(new Pdu.LogoutRequest(true, 0, tag++, 1, cmdSn, expStatSn));
        while (!(receive() instanceof Pdu.LogoutResponse)) {
            // What was on its way.
        }
        close();
    }

    @Override
    public void close() throws IOException {
        framing.close();
        received.forEach(Pdu::release);
        received.clear();
        socket.close();
    }
}
