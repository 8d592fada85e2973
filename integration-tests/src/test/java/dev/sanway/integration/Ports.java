package dev.sanway.integration;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.security.SecureRandom;
import java.time.Duration;
import org.awaitility.Awaitility;

/** Ports on loopback. */
final class Ports {

    /** Below those that the system gives to outgoing connections, one of which might take a port between here and its use. */
    private static final int FIRST = 10_000;

    private static final int LAST = 32_000;

    private static int next = FIRST + new SecureRandom().nextInt(LAST - FIRST);

    private Ports() {}

    /** One at which nobody listens; each but once. */
    static synchronized int free() {
        for (int tried = FIRST; tried < LAST; tried++) {
            next = next + 1 < LAST ? next + 1 : FIRST;
            try (ServerSocket socket = new ServerSocket(next, 1, InetAddress.getLoopbackAddress())) {
                return socket.getLocalPort();
            } catch (IOException _) {
                // Somebody listens there.
            }
        }
        throw new AssertionError("no port is free");
    }

    static void awaitListening(int port) {
        Awaitility.await("port " + port)
                .atMost(Duration.ofSeconds(20))
                .pollInterval(Duration.ofMillis(20))
                .until(() -> {
                    try (Socket socket = new Socket()) {
                        socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 200);
                        return true;
                    } catch (IOException e) {
                        return false;
                    }
                });
    }
}
