package dev.sanway.integration.bench;

import dev.sanway.iscsi.DecodeResult;
import dev.sanway.iscsi.Direction;
import dev.sanway.iscsi.KeyValue;
import dev.sanway.iscsi.Pdu;
import dev.sanway.iscsi.PduFraming;
import dev.sanway.iscsi.Text;
import io.netty.buffer.Unpooled;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Set;

/**
 * A unit that a gateway has in its configuration and that turned against it. Its connections are, in turns: logins that are
 * answered without end; pings without end that want answers, none of which is read; R2Ts without end for every command.
 */
final class FakeUnit implements Swarm {

    private static final int KINDS = 3;
    /** What is told and not negotiated needs no answer. */
    private static final Set<String> DECLARED =
            Set.of("InitiatorName", "InitiatorAlias", "TargetName", "SessionType", "MaxRecvDataSegmentLength");

    private static final Set<String> OFF = Set.of("AuthMethod", "HeaderDigest", "DataDigest");

    private final ServerSocketChannel listening;
    private final Pace pace;
    private final List<Connection> connections = new ArrayList<>();
    private int number;
    private long sentByGone;

    FakeUnit(int port, Pace pace) {
        this.pace = pace;
        try {
            listening = ServerSocketChannel.open();
            listening.bind(new InetSocketAddress(InetAddress.getByAddress(new byte[] {127, 0, 0, 1}), port));
            listening.configureBlocking(false);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private final class Connection {
        final HostilePeer peer;
        final PduFraming framing = new PduFraming(Direction.TO_TARGET, 1 << 18);
        private final List<byte[]> answers = new ArrayList<>();
        private byte[] endless = {};
        private int statSn = 1;

        Connection(HostilePeer peer) {
            this.peer = peer;
        }

        void step() throws IOException {
            boolean pinging = peer.number % KINDS == 1 && endless.length > 0;
            if (!pinging) {
                ByteBuffer bytes = ByteBuffer.allocate(1 << 14);
                peer.receive(bytes);
                framing.feed(Unpooled.wrappedBuffer(bytes.flip()), result -> {
                    if (result instanceof DecodeResult.Decoded decoded) {
                        take(decoded.pdu());
                    }
                });
            }
            while (!answers.isEmpty() && peer.offer(answers.getFirst())) {
                answers.removeFirst();
            }
            while (endless.length > 0 && peer.flushed() && pace.one()) {
                peer.offer(endless);
            }
        }

        private void take(Pdu pdu) {
            int kind = peer.number % KINDS;
            switch (pdu) {
                case Pdu.LoginRequest login
                when kind == 0 -> endless = HostilePeer.bytes(answer(login, false, List.of()));
                case Pdu.LoginRequest login -> {
                    List<KeyValue> keys =
                            login.data().isReadable() && Text.parse(login.data()) instanceof Text.Parsed parsed
                                    ? parsed.pairs()
                                    : List.of();
                    answers.add(HostilePeer.bytes(answer(login, login.transit(), agreed(keys))));
                    if (kind == 1 && login.transit() && login.nextStage() == 3) {
                        endless = HostilePeer.bytes(
                                new Pdu.NopIn(0, Pdu.NO_TAG, 7, statSn, 1, 64, Unpooled.EMPTY_BUFFER));
                    }
                }
                case Pdu.ScsiCommandPdu command ->
                    endless = HostilePeer.bytes(new Pdu.ReadyToTransfer(
                            command.lun(), command.initiatorTaskTag(), 9, statSn, command.cmdSn() + 1, 64, 0, 0, 512));
                default -> {
                    // Whatever it asks, it gets no answer.
                }
            }
            pdu.release();
        }

        private List<KeyValue> agreed(List<KeyValue> offered) {
            List<KeyValue> agreed = new ArrayList<>();
            for (KeyValue pair : offered) {
                if (OFF.contains(pair.key())) {
                    agreed.add(new KeyValue(pair.key(), "None"));
                } else if (!DECLARED.contains(pair.key())) {
                    agreed.add(pair);
                }
            }
            if (statSn == 1) {
                agreed.add(new KeyValue("TargetPortalGroupTag", "1"));
            }
            return agreed;
        }

        private Pdu answer(Pdu.LoginRequest login, boolean transit, List<KeyValue> keys) {
            return new Pdu.LoginResponse(
                    transit,
                    false,
                    login.currentStage(),
                    transit ? login.nextStage() : 0,
                    0,
                    0,
                    login.isid(),
                    transit && login.nextStage() == 3 ? 1 : 0,
                    login.initiatorTaskTag(),
                    statSn++,
                    login.cmdSn(),
                    login.cmdSn() + 64,
                    0,
                    0,
                    Text.build(keys));
        }
    }

    @Override
    public void step() {
        try {
            for (SocketChannel one = listening.accept(); one != null; one = listening.accept()) {
                connections.add(new Connection(new HostilePeer(number++, one)));
            }
        } catch (IOException _) {
            // It gave up before we took it.
        }
        for (Iterator<Connection> each = connections.iterator(); each.hasNext(); ) {
            Connection connection = each.next();
            try {
                connection.step();
            } catch (IOException _) {
                sentByGone += connection.peer.requests();
                end(connection);
                each.remove();
            }
        }
    }

    private static void end(Connection connection) {
        connection.framing.close();
        connection.peer.close();
    }

    @Override
    public long sent() {
        return sentByGone
                + connections.stream().mapToLong(each -> each.peer.requests()).sum();
    }

    @Override
    public int open() {
        return connections.size();
    }

    @Override
    public void close() {
        connections.forEach(FakeUnit::end);
        connections.clear();
        try {
            listening.close();
        } catch (IOException _) {
            // It is over either way.
        }
    }
}
