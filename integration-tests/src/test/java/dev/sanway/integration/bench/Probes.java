package dev.sanway.integration.bench;

import dev.sanway.iscsi.KeyValue;
import dev.sanway.iscsi.Opcode;
import dev.sanway.iscsi.Pdu;
import java.io.EOFException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLContext;

/**
 * What others see of a gateway meanwhile: four times a second a host logs in, and somebody asks whether the gateway lives, each over a
 * new connection. A thread for each; the rest is for any thread.
 */
final class Probes implements AutoCloseable {

    private static final long EACH_NANOS = TimeUnit.MILLISECONDS.toNanos(250);
    private static final int PATIENCE_MILLIS = 15_000;
    private static final int HEADER = 48;
    private static final int STATUS_CLASS = 36;

    /**
     * @param loginMillis the slowest login
     * @param healthMillis the slowest answer
     * @param failures logins and answers that did not come, or said no
     * @param residentMib of the gateway, at most
     */
    record Seen(long loginMillis, long healthMillis, int failures, long residentMib) {}

    private interface Probe {
        void ask() throws IOException;
    }

    /** Asks again and again, and remembers the slowest. */
    private final class Asking implements Runnable {
        private final String name;
        private final Probe probe;
        private long slowestNanos;
        private long askedNanos;
        private boolean asking;
        private int failures;

        Asking(String name, Probe probe) {
            this.name = name;
            this.probe = probe;
        }

        @Override
        public void run() {
            while (!closed) {
                long start = System.nanoTime();
                synchronized (this) {
                    askedNanos = start;
                    asking = true;
                }
                boolean good = false;
                try {
                    probe.ask();
                    good = true;
                } catch (IOException failure) {
                    if (!closed) {
                        System.out.println("  " + name + " failed: " + failure);
                    }
                }
                synchronized (this) {
                    asking = false;
                    slowestNanos = Math.max(slowestNanos, System.nanoTime() - askedNanos);
                    failures += good ? 0 : 1;
                }
                sleep(EACH_NANOS - (System.nanoTime() - start));
            }
        }

        private void sleep(long nanos) {
            try {
                TimeUnit.NANOSECONDS.sleep(nanos);
            } catch (InterruptedException _) {
                Thread.currentThread().interrupt();
            }
        }

        synchronized void reset() {
            slowestNanos = 0;
            failures = 0;
            askedNanos = System.nanoTime();
        }

        /** One that is not answered yet counts as well. */
        synchronized long slowestMillis() {
            return TimeUnit.NANOSECONDS.toMillis(Math.max(slowestNanos, asking ? System.nanoTime() - askedNanos : 0));
        }

        synchronized int failures() {
            return failures;
        }
    }

    private final HostileSan san;
    private final SSLContext context;
    private final Asking logins = new Asking("a login", this::login);
    private final Asking health = new Asking("/health/live", this::health);
    private final byte[] loginRequest;
    private final byte[] logoutRequest;
    private volatile boolean closed;
    private volatile long residentMib;

    Probes(HostileSan san) throws IOException {
        this.san = san;
        Path certificate = san.certificate();
        context = Trust.in(certificate);
        loginRequest = HostilePeer.bytes(HostilePeer.login(
                1,
                true,
                false,
                new KeyValue("InitiatorName", HostileSan.PROBE_INITIATOR),
                new KeyValue("TargetName", HostileSan.target("probe")),
                new KeyValue("SessionType", "Normal")));
        logoutRequest = HostilePeer.bytes(new Pdu.LogoutRequest(true, 0, 2, 1, 1, 2));
        Thread.ofPlatform().daemon().name("probe-login").start(logins);
        Thread.ofPlatform().daemon().name("probe-health").start(health);
    }

    private void login() throws IOException {
        try (Socket socket = connected(san.port())) {
            socket.setTcpNoDelay(true);
            socket.getOutputStream().write(loginRequest);
            byte[] answer = read(socket);
            if (answer[0] != Opcode.LOGIN_RESPONSE.code() || answer[STATUS_CLASS] != 0) {
                throw new IOException("answer %02x, status %02x%02x"
                        .formatted(answer[0], answer[STATUS_CLASS], answer[STATUS_CLASS + 1]));
            }
            socket.getOutputStream().write(logoutRequest);
            read(socket);
        }
    }

    private static byte[] read(Socket socket) throws IOException {
        byte[] header = socket.getInputStream().readNBytes(HEADER);
        if (header.length < HEADER) {
            throw new EOFException("the gateway closed the connection");
        }
        int length = ByteBuffer.wrap(header).getInt(4) & 0xffffff;
        socket.getInputStream().skipNBytes((length + 3) & ~3);
        return header;
    }

    private void health() throws IOException {
        residentMib = Math.max(residentMib, san.gateway().residentMib());
        try (Socket plain = connected(san.management());
                Socket socket = context.getSocketFactory().createSocket(plain, "127.0.0.1", san.management(), true)) {
            socket.getOutputStream()
                    .write("GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
                            .getBytes(StandardCharsets.US_ASCII));
            String status = new String(socket.getInputStream().readNBytes(12), StandardCharsets.US_ASCII);
            if (!status.equals("HTTP/1.1 200")) {
                throw new IOException("answer \"" + status + "\"");
            }
        }
    }

    private static Socket connected(int port) throws IOException {
        Socket socket = new Socket();
        socket.setSoTimeout(PATIENCE_MILLIS);
        try {
            socket.connect(
                    new InetSocketAddress(InetAddress.getByAddress(new byte[] {127, 0, 0, 1}), port), PATIENCE_MILLIS);
        } catch (IOException e) {
            socket.close();
            throw e;
        }
        return socket;
    }

    void reset() {
        residentMib = 0;
        logins.reset();
        health.reset();
    }

    /** Since the last {@link #reset}. */
    Seen seen() {
        return new Seen(
                logins.slowestMillis(), health.slowestMillis(), logins.failures() + health.failures(), residentMib);
    }

    @Override
    public void close() {
        closed = true;
    }
}
