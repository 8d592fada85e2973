package dev.sanway.integration.bench;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Comparator;
import java.util.Deque;
import java.util.stream.Stream;

/**
 * A gateway with two units of ours, their disks in memory, and a third unit that is not there; three hosts: one that is measured, one
 * that is hostile, one that only logs in. Closing it ends and removes all.
 */
final class HostileSan implements AutoCloseable {

    static final String GOOD_INITIATOR = "iqn.2026-11.example:good";
    static final String BAD_INITIATOR = "iqn.2026-11.example:bad";
    static final String PROBE_INITIATOR = "iqn.2026-11.example:probe";
    static final long VOLUME_BYTES = 256L << 20;

    private static final String PREFIX = "iqn.2026-11.dev.sanway:";
    private static final long UNIT_BYTES = 1L << 30;

    private final Path root;
    private final Path folder;
    private final int port = freePort();
    private final int management = freePort();
    private final int fakeUnitPort = freePort();
    private final Server gateway;
    private final Deque<Runnable> endings = new ArrayDeque<>();

    HostileSan(Path root) throws IOException, InterruptedException {
        this.root = root;
        folder = Files.createTempDirectory(Path.of("/dev/shm"), "sanway-hostile");
        endings.push(this::remove);
        try {
            gateway = start();
        } catch (IOException | InterruptedException | RuntimeException e) {
            close();
            throw e;
        }
    }

    private Server start() throws IOException, InterruptedException {
        StringBuilder units = new StringBuilder();
        for (String name : new String[] {"unit1", "unit2"}) {
            int unitPort = freePort();
            Path config = folder.resolve(name + ".yaml");
            Files.writeString(config, """
                    unit: {name: %1$s, portals: ["127.0.0.1:%2$d"], directory: %1$s}
                    volumes:
                      - {name: volume1, size: %3$d, lun: 0}
                    """.formatted(name, unitPort, UNIT_BYTES));
            sanway(name, "unit", "run", "--config", config.toString());
            units.append(unit(name, unitPort));
        }
        units.append(unit("fake", fakeUnitPort));
        Path config = folder.resolve("gateway.yaml");
        Files.writeString(
                config,
                """
                gateway:
                  name: hostile
                  portals: ["127.0.0.1:%d"]
                  stateDirectory: gateway
                  management: "127.0.0.1:%d"
                  eventLoops: 2
                units:
                %shosts:
                """.formatted(port, management, units)
                        + host("good", GOOD_INITIATOR)
                        + host("bad", BAD_INITIATOR)
                        + host("probe", PROBE_INITIATOR));
        return sanway("gateway", "gateway", "run", "--config", config.toString());
    }

    private static String unit(String name, int port) {
        return "  - {name: %1$s, portal: \"127.0.0.1:%2$d\", target: \"%3$s\"}\n"
                .formatted(name, port, PREFIX + "unit." + name);
    }

    private static String host(String name, String initiator) {
        return """
                  - name: %1$s
                    initiators: ["%2$s"]
                    volumes:
                      - {name: %1$s1, lun: 0, size: %3$d, layout: linear}
                """.formatted(name, initiator, VOLUME_BYTES);
    }

    private Server sanway(String name, String... arguments) throws IOException, InterruptedException {
        String[] words = new String[arguments.length + 1];
        words[0] = root.resolve("scripts/sanway").toString();
        System.arraycopy(arguments, 0, words, 1, arguments.length);
        Server server = new Server(name, folder, words);
        endings.push(() -> server.stop(false));
        server.awaitLog(" ready");
        return server;
    }

    Server gateway() {
        return gateway;
    }

    int port() {
        return port;
    }

    int management() {
        return management;
    }

    /** Where the gateway looks for its third unit. */
    int fakeUnitPort() {
        return fakeUnitPort;
    }

    Path certificate() {
        return folder.resolve("gateway/api.crt");
    }

    static String target(String host) {
        return PREFIX + host;
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }

    private void remove() {
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(file);
            }
        } catch (IOException e) {
            System.err.println("bench: cannot remove " + folder + ": " + e.getMessage());
        }
    }

    /** Also called by the shutdown hook, so that Ctrl-C leaves nothing behind. */
    @Override
    public void close() {
        synchronized (endings) {
            while (!endings.isEmpty()) {
                endings.pop().run();
            }
        }
    }
}
