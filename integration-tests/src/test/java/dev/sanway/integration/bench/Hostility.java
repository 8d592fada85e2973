package dev.sanway.integration.bench;

import dev.sanway.iscsi.Pdu;
import dev.sanway.scsi.BigEndian;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import javax.net.ssl.SSLContext;

/**
 * Kinds of bad behaviour towards a gateway that {@link Hostile} has started on loopback. Each goes on until it is stopped, in
 * virtual threads, at a pace that leaves the processor to others: what is measured is the gateway, not these.
 */
final class Hostility implements AutoCloseable {

    static final List<String> KINDS =
            List.of("login", "discovery", "silent", "sessions", "slow-readers", "held", "long", "unit", "rest");

    static final String BAD = "iqn.2026-11.dev.sanway:bad";

    /** 256 KiB. */
    private static final int READ_BLOCKS = 512;

    private static final AtomicLong isids = new AtomicLong(0x800000_100000L);

    private final String target;
    private final int port;
    private final int management;
    private final int unitPort;
    private final long blockCount;
    private final SSLContext anybody;
    private final AtomicBoolean stopped = new AtomicBoolean();
    private final ConcurrentLinkedQueue<AutoCloseable> open = new ConcurrentLinkedQueue<>();
    private final List<Thread> threads = new ArrayList<>();

    /** {@code target}: of the bad host, with LUN 0 of {@code blockCount} blocks. */
    Hostility(String target, int port, int management, int unitPort, long blockCount, SSLContext anybody) {
        this.target = target;
        this.port = port;
        this.management = management;
        this.unitPort = unitPort;
        this.blockCount = blockCount;
        this.anybody = anybody;
    }

    private interface Work {
        void run() throws Exception;
    }

    void start(String kind) throws IOException {
        switch (kind) {
            case "login" -> each(8, this::loginsWithoutEnd);
            case "discovery" -> {
                each(
                        3,
                        () -> discovery(bytesOf(new Pdu.TextRequest(
                                true,
                                false,
                                true,
                                0,
                                1,
                                Pdu.NO_TAG,
                                1,
                                1,
                                Unpooled.buffer().writeZero(64)))));
                each(
                        3,
                        () -> discovery(bytesOf(new Pdu.TextRequest(
                                true,
                                true,
                                false,
                                0,
                                1,
                                Pdu.NO_TAG,
                                1,
                                1,
                                Unpooled.copiedBuffer("SendTargets=All\0", StandardCharsets.US_ASCII)))));
                each(
                        3,
                        () -> discovery(bytesOf(new Pdu.NopOut(
                                true, 0, 1, Pdu.NO_TAG, 1, 1, Unpooled.buffer().writeZero(8192)))));
            }
            case "silent" -> each(1, this::silent);
            case "sessions" -> {
                each(1, this::manySessions);
                each(1, this::discoveryAgainAndAgain);
            }
            case "slow-readers" -> {
                each(100, () -> reader(90));
                each(40, () -> reader(0));
            }
            case "held" -> {
                each(8, this::aheadOfTheNumber);
                each(4, () -> writeWithoutData(-1));
                each(8, () -> writeWithoutData(1 << 20));
            }
            case "long" -> {
                each(120, () -> longCommand(0x8f));
                each(20, () -> longCommand(0x93));
            }
            case "unit" -> each(1, this::unit);
            case "rest" -> each(247, this::slowBody);
            default -> throw new IllegalArgumentException(kind);
        }
    }

    /** In as many threads; each begins anew when its connection ends, after a moment. */
    private void each(int count, Work work) {
        for (int i = 0; i < count; i++) {
            threads.add(Thread.startVirtualThread(() -> {
                while (!stopped.get()) {
                    try {
                        work.run();
                    } catch (Exception ended) {
                        // What a gateway does with such a peer.
                    }
                    pause(50);
                }
            }));
        }
    }

    private static void pause(long millis) {
        try {
            Thread.sleep(millis);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private <T extends AutoCloseable> T kept(T one) throws IOException {
        open.add(one);
        if (stopped.get()) {
            throw new IOException("stopped");
        }
        return one;
    }

    private Peer peer() throws IOException {
        return kept(new Peer("127.0.0." + (2 + isids.get() % 4), port));
    }

    private Peer session(String... more) throws IOException {
        Peer peer = peer();
        List<String> keys =
                new ArrayList<>(List.of("InitiatorName=" + BAD, "TargetName=" + target, "SessionType=Normal"));
        keys.addAll(List.of(more));
        if (!peer.login(isids.incrementAndGet(), keys.toArray(new String[0]))) {
            peer.close();
            pause(500);
            throw new IOException("refused");
        }
        return peer;
    }

    private static byte[] bytesOf(Pdu pdu) {
        return Peer.bytes(pdu);
    }

    /** The same again and again, never reading what comes. */
    private void pour(OutputStream out, byte[] one, int atOnce) throws IOException {
        byte[] many = new byte[one.length * atOnce];
        for (int i = 0; i < atOnce; i++) {
            System.arraycopy(one, 0, many, i * one.length, one.length);
        }
        while (!stopped.get()) {
            out.write(many);
            pause(5);
        }
    }

    private void loginsWithoutEnd() throws IOException {
        try (Peer peer = peer()) {
            pour(peer.socket.getOutputStream(), bytesOf(Peer.loginRequest(1, true)), 50);
        }
    }

    private void discovery(byte[] request) throws IOException {
        try (Peer peer = peer()) {
            if (peer.login(1, "InitiatorName=" + BAD, "SessionType=Discovery")) {
                pour(peer.socket.getOutputStream(), request, Math.max(1, 8192 / request.length));
            }
        }
    }

    private void silent() throws IOException {
        List<Peer> all = new ArrayList<>();
        while (!stopped.get()) {
            for (int i = 0; i < 10; i++) {
                Peer one = peer();
                if (i % 2 == 0) {
                    one.socket.getOutputStream().write(0x43);
                }
                all.add(one);
            }
            while (all.size() > 600) {
                all.removeFirst().close();
            }
            pause(20);
        }
    }

    private void manySessions() throws IOException {
        while (!stopped.get()) {
            session();
            pause(5);
        }
    }

    private void discoveryAgainAndAgain() throws IOException {
        while (!stopped.get()) {
            peer().login(1, "InitiatorName=" + BAD, "SessionType=Discovery");
            pause(5);
        }
    }

    private static byte[] cdb(int opcode, int blocks) {
        byte[] cdb = new byte[16];
        cdb[0] = (byte) opcode;
        BigEndian.put16(cdb, 7, blocks);
        return cdb;
    }

    private void reader(int millisForAPiece) throws IOException {
        try (Peer peer = session("MaxRecvDataSegmentLength=262144")) {
            byte[] piece = new byte[64 << 10];
            for (int i = 0; i < 32; i++) {
                peer.send(peer.command(true, false, READ_BLOCKS * 512, Unpooled.EMPTY_BUFFER, cdb(0x28, READ_BLOCKS)));
            }
            long read = 0;
            while (!stopped.get()) {
                if (millisForAPiece == 0) {
                    pause(100);
                    continue;
                }
                int count = peer.socket.getInputStream().read(piece);
                if (count < 0) {
                    return;
                }
                read += count;
                if (read > READ_BLOCKS * 512) {
                    read -= READ_BLOCKS * 512;
                    peer.send(peer.command(
                            true, false, READ_BLOCKS * 512, Unpooled.EMPTY_BUFFER, cdb(0x28, READ_BLOCKS)));
                }
                pause((long) millisForAPiece * count / piece.length);
            }
        }
    }

    private void aheadOfTheNumber() throws IOException {
        try (Peer peer = session("FirstBurstLength=65536", "ImmediateData=Yes")) {
            peer.cmdSn++;
            for (int i = 0; i < 100 && !stopped.get(); i++) {
                ByteBuf data = Unpooled.buffer().writeZero(64 << 10);
                peer.send(peer.command(false, true, 64 << 10, data, cdb(0x2a, 128)));
                pause(5);
            }
            while (!stopped.get()) {
                pause(100);
            }
        }
    }

    /** Asked for its data, it stays silent. */
    private void writeWithoutData(int expectedLength) throws IOException {
        try (Peer peer = session("ImmediateData=No", "InitialR2T=Yes")) {
            for (int i = 0; i < 16; i++) {
                peer.send(peer.command(false, true, expectedLength, Unpooled.EMPTY_BUFFER, cdb(0x2a, 2048)));
            }
            while (!stopped.get()) {
                peer.receive().release();
            }
        }
    }

    /** VERIFY(16) or WRITE SAME(16) of the whole LUN, again and again. */
    private void longCommand(int opcode) throws IOException {
        boolean write = opcode == 0x93;
        byte[] cdb = new byte[16];
        cdb[0] = (byte) opcode;
        BigEndian.put32(cdb, 10, blockCount);
        try (Peer peer = session("ImmediateData=Yes")) {
            while (!stopped.get()) {
                ByteBuf data = write ? Unpooled.wrappedBuffer(pattern()) : Unpooled.EMPTY_BUFFER;
                peer.send(peer.command(false, write, write ? 512 : 0, data, cdb));
                peer.receive().release();
            }
        }
    }

    private static byte[] pattern() {
        byte[] block = new byte[512];
        Arrays.fill(block, (byte) 0x5a);
        return block;
    }

    /** Something at a unit's address: logins that never end, and one that pings and does not read. */
    private void unit() throws IOException {
        try (ServerSocket server = kept(new ServerSocket(unitPort, 16, InetAddress.getLoopbackAddress()))) {
            for (int number = 0; !stopped.get(); number++) {
                Socket accepted = kept(server.accept());
                boolean pings = number % 2 == 1;
                threads.add(Thread.startVirtualThread(() -> {
                    try (Peer peer = new Peer(accepted)) {
                        badUnit(peer, pings);
                    } catch (IOException ended) {
                        // What a gateway does with such a unit.
                    }
                }));
            }
        }
    }

    private void badUnit(Peer peer, boolean pings) throws IOException {
        Pdu first = peer.receive();
        if (!(first instanceof Pdu.LoginRequest request)) {
            return;
        }
        byte[] again = bytesOf(new Pdu.LoginResponse(
                false,
                true,
                0,
                0,
                0,
                0,
                request.isid(),
                0,
                request.initiatorTaskTag(),
                1,
                1,
                1,
                0,
                0,
                Unpooled.EMPTY_BUFFER));
        byte[] ping = bytesOf(
                new Pdu.NopIn(0, Pdu.NO_TAG, 1, 1, 1, 1, Unpooled.buffer().writeZero(4096)));
        pour(peer.socket.getOutputStream(), pings ? ping : again, 50);
    }

    /** A call at the log-in route whose body comes a byte a second. */
    private void slowBody() throws IOException {
        // A handshake costs either side as much: the machine would be busy with those.
        pause(1000);
        try (Socket socket = kept(anybody.getSocketFactory().createSocket("127.0.0.1", management))) {
            OutputStream out = socket.getOutputStream();
            String head = String.join(
                    "\r\n",
                    "POST /api/v1/login HTTP/1.1",
                    "Host: 127.0.0.1",
                    "Content-Type: application/json",
                    "Content-Length: 4000",
                    "",
                    "");
            out.write(head.getBytes(StandardCharsets.US_ASCII));
            while (!stopped.get()) {
                out.write(' ');
                out.flush();
                pause(1000);
            }
        }
    }

    @Override
    public void close() {
        stopped.set(true);
        for (AutoCloseable each : open) {
            try {
                each.close();
            } catch (Exception e) {
                // It was closed at the other end.
            }
        }
        for (Thread thread : threads) {
            try {
                thread.join(2_000);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
        open.forEach(each -> {
            try {
                each.close();
            } catch (Exception e) {
                // As above.
            }
        });
    }
}
