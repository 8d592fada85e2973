package dev.sanway.control;

import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import javax.net.ssl.SSLSocket;

/** A connection to the API, down to its bytes, for what no client does. */
final class RawCaller implements AutoCloseable {

    private static final int PATIENCE_MILLIS = 10_000;

    private final Socket plain;
    private final Socket socket;

    private RawCaller(Socket plain, Socket socket) {
        this.plain = plain;
        this.socket = socket;
    }

    /** Connects, and does nothing. */
    static RawCaller silent(ApiFixture api) throws IOException {
        Socket plain = new Socket();
        plain.setReceiveBufferSize(4 << 10);
        plain.setSoTimeout(PATIENCE_MILLIS);
        plain.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), api.port), PATIENCE_MILLIS);
        return new RawCaller(plain, plain);
    }

    /** Connects with TLS. */
    static RawCaller open(ApiFixture api) throws IOException {
        Socket plain = silent(api).plain;
        SSLSocket tls = (SSLSocket) api.tls.getSocketFactory().createSocket(plain, "127.0.0.1", api.port, true);
        tls.startHandshake();
        return new RawCaller(plain, tls);
    }

    RawCaller say(String text) throws IOException {
        socket.getOutputStream().write(text.getBytes(StandardCharsets.UTF_8));
        socket.getOutputStream().flush();
        return this;
    }

    RawCaller get(String path, String token) throws IOException {
        return say("GET " + path + " HTTP/1.1\r\nHost: gateway\r\n"
                + (token.isEmpty() ? "" : "Authorization: Bearer " + token + "\r\n") + "\r\n");
    }

    RawCaller post(String path, String token, long length) throws IOException {
        return say("POST " + path + " HTTP/1.1\r\nHost: gateway\r\nContent-Length: " + length + "\r\n"
                + (token.isEmpty() ? "" : "Authorization: Bearer " + token + "\r\n") + "\r\n");
    }

    /** The status of the next answer; 0: the connection was ended. */
    int status() throws IOException {
        StringBuilder line = new StringBuilder();
        try {
            InputStream in = socket.getInputStream();
            for (int each = in.read(); each != '\n'; each = in.read()) {
                if (each < 0) {
                    return 0;
                }
                line.append((char) each);
            }
        } catch (java.net.SocketTimeoutException e) {
            throw e;
        } catch (IOException _) {
            return 0;
        }
        return Integer.parseInt(line.substring(9, 12));
    }

    /** Reads until the connection is ended; how many bytes came. */
    long drain() throws IOException {
        long count = 0;
        try {
            byte[] some = new byte[64 << 10];
            InputStream in = socket.getInputStream();
            for (int read = in.read(some); read >= 0; read = in.read(some)) {
                count += read;
            }
        } catch (java.net.SocketTimeoutException e) {
            throw e;
        } catch (IOException _) {
            // Ended, too.
        }
        return count;
    }

    @Override
    public void close() throws IOException {
        plain.close();
    }
}
