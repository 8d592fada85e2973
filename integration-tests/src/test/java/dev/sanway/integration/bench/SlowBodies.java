package dev.sanway.integration.bench;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;

/** Requests to the API's log-in route, over TLS, whose bodies come a byte a second. The handshakes wait, so this wants a thread. */
final class SlowBodies implements Swarm {

    private static final int SIZE = 247;
    private static final int PER_SECOND = 60;
    private static final int HANDSHAKE_MILLIS = 1_000;
    private static final long BYTE_NANOS = TimeUnit.SECONDS.toNanos(1);
    private static final byte[] HEAD = """
            POST /api/v1/login HTTP/1.1\r
            Host: 127.0.0.1\r
            Content-Type: application/json\r
            Content-Length: 1000\r
            \r
            {""".getBytes(StandardCharsets.US_ASCII);

    private final int port;
    private final SSLContext context;
    private final Pace renewal = new Pace(PER_SECOND);
    private final List<SSLSocket> sockets = new ArrayList<>();
    private long nextNanos = System.nanoTime();
    private int number;
    private long sent;

    SlowBodies(int port, Path certificate) {
        this.port = port;
        try {
            context = Trust.in(certificate);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void step() {
        long now = System.nanoTime();
        if (sockets.size() < SIZE && renewal.one()) {
            connect();
        }
        if (now - nextNanos < 0) {
            return;
        }
        nextNanos = now + BYTE_NANOS;
        for (Iterator<SSLSocket> each = sockets.iterator(); each.hasNext(); ) {
            SSLSocket socket = each.next();
            try {
                socket.getOutputStream().write(' ');
                sent++;
            } catch (IOException _) {
                end(socket);
                each.remove();
            }
        }
    }

    private void connect() {
        Socket plain = new Socket();
        try {
            plain.bind(new InetSocketAddress(
                    InetAddress.getByAddress(new byte[] {127, 0, 0, (byte) (2 + number++ % 8)}), 0));
            plain.connect(
                    new InetSocketAddress(InetAddress.getByAddress(new byte[] {127, 0, 0, 1}), port), HANDSHAKE_MILLIS);
            plain.setSoTimeout(HANDSHAKE_MILLIS);
            SSLSocket socket = (SSLSocket) context.getSocketFactory().createSocket(plain, "127.0.0.1", port, true);
            socket.startHandshake();
            socket.getOutputStream().write(HEAD);
            sockets.add(socket);
            sent++;
        } catch (IOException _) {
            end(plain);
        }
    }

    /** Without TLS's farewell, which could wait. */
    private static void end(Socket socket) {
        try {
            socket.setSoLinger(true, 0);
            socket.close();
        } catch (IOException _) {
            // It is over either way.
        }
    }

    @Override
    public long sent() {
        return sent;
    }

    @Override
    public int open() {
        return sockets.size();
    }

    @Override
    public void close() {
        sockets.forEach(SlowBodies::end);
        sockets.clear();
    }
}
