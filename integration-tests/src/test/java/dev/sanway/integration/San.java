package dev.sanway.integration;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.awaitility.Awaitility;
import org.jspecify.annotations.Nullable;

/** Units and a gateway, each a process of its own as their user runs them, in one folder. */
final class San implements AutoCloseable {

    private static final String PREFIX = "iqn.2026-11.dev.sanway:";

    final int port = Ports.free();
    final int management = Ports.free();
    final Path folder;
    private final Map<String, SanwayProcess> units = new LinkedHashMap<>();
    private final Map<String, Integer> unitPorts = new LinkedHashMap<>();
    private final List<Tgtd> foreign = new ArrayList<>();
    private final StringBuilder unitLines = new StringBuilder("units:\n");
    private String portals;
    private @Nullable SanwayProcess gateway;

    San(Path folder) {
        this.folder = folder;
        portals = "\"127.0.0.1:%d\"".formatted(port);
    }

    /** The gateway, when it starts, listens at 127.0.0.2 as well. */
    void addSecondPortal() {
        portals += ", \"127.0.0.2:%d\"".formatted(port);
    }

    /** A unit of ours; each of {@code volumes} is a flow mapping without braces: {@code name: volume1, size: 1GiB}. */
    SanwayProcess unit(String name, String... volumes) throws IOException {
        int unitPort = Ports.free();
        Path config = folder.resolve(name + ".yaml");
        StringBuilder lines = new StringBuilder("""
                unit:
                  name: %s
                  portals: ["127.0.0.1:%d"]
                  directory: %s
                  eventLoops: 1
                volumes:
                """.formatted(name, unitPort, name));
        for (String volume : volumes) {
            lines.append("  - {").append(volume).append("}\n");
        }
        Files.writeString(config, lines);
        SanwayProcess unit =
                new SanwayProcess(folder.resolve(name + ".log"), "unit", "run", "--config", config.toString());
        units.put(name, unit);
        unitPorts.put(name, unitPort);
        unitLine(name, unitPort, PREFIX + "unit." + name);
        return unit;
    }

    /** A unit by tgtd with one disk. */
    Tgtd tgtd(String name, long diskSizeBytes) throws IOException {
        Tgtd unit = new Tgtd(folder.resolve(name), diskSizeBytes);
        foreign.add(unit);
        unitLine(name, unit.port, unit.target);
        return unit;
    }

    private void unitLine(String name, int unitPort, String target) {
        unitLines.append(
                "  - {name: %s, portal: \"127.0.0.1:%d\", target: \"%s\"}%n".formatted(name, unitPort, target));
    }

    /** Starts the gateway over the units so far; {@code more} is the YAML from {@code hosts:} on. */
    SanwayProcess gateway(String more) throws IOException {
        return gateway("", more);
    }

    /** {@code settings}: further lines under {@code gateway:}, each indented by two. */
    SanwayProcess gateway(String settings, String more) throws IOException {
        Path config = folder.resolve("gateway.yaml");
        Files.writeString(config, """
                gateway:
                  name: gw1
                  portals: [%s]
                  stateDirectory: gateway
                  management: "127.0.0.1:%d"
                  eventLoops: 2
                """.formatted(portals, management) + settings + unitLines + more);
        SanwayProcess started =
                new SanwayProcess(folder.resolve("gateway.log"), "gateway", "run", "--config", config.toString());
        gateway = started;
        return started;
    }

    /** Edits gateway.yaml, which must contain {@code from}, and sends the gateway SIGHUP. */
    void reload(String from, String to) throws IOException {
        Path config = folder.resolve("gateway.yaml");
        String before = Files.readString(config);
        if (!before.contains(from)) {
            throw new AssertionError(from + " is not in\n" + before);
        }
        Files.writeString(config, before.replace(from, to));
        Command.run(5, "kill", "-HUP", Long.toString(gateway().pid())).succeeded();
    }

    SanwayProcess gateway() {
        return Objects.requireNonNull(gateway);
    }

    int unitPort(String unit) {
        return Objects.requireNonNull(unitPorts.get(unit));
    }

    static String target(String host) {
        return PREFIX + host;
    }

    String url(String host, int lun) {
        return "iscsi://127.0.0.1:" + port + "/" + target(host) + "/" + lun;
    }

    /** Until a new volume is wiped. */
    static void awaitReady(String url) {
        Awaitility.await("ready: " + url)
                .atMost(Duration.ofMinutes(3))
                .pollInterval(Duration.ofMillis(100))
                .until(() -> Command.run(30, "qemu-io", "-f", "raw", "-c", "read 0 4k", url)
                                .exitStatus()
                        == 0);
    }

    TestHost host(String initiator, String host) {
        return new TestHost(initiator, port, target(host));
    }

    /** A client command, with the gateway's own token unless it names another. */
    Command sanway(String... words) {
        List<String> all = new ArrayList<>(
                List.of(SanwayProcess.ROOT.resolve("scripts/sanway").toString()));
        all.addAll(List.of(words));
        Path state = folder.resolve("gateway");
        all.addAll(List.of("--server", "https://127.0.0.1:" + management));
        all.addAll(List.of("--certificate", state.resolve("api.crt").toString()));
        if (!all.contains("--token-file")) {
            all.addAll(List.of("--token-file", state.resolve("api.token").toString()));
        }
        return Command.run(120, all);
    }

    @Override
    public void close() throws Exception {
        List<Throwable> failures = new ArrayList<>();
        List<AutoCloseable> all = new ArrayList<>();
        SanwayProcess serving = gateway;
        if (serving != null) {
            all.add(serving);
        }
        all.addAll(units.values());
        all.addAll(foreign);
        for (AutoCloseable each : all) {
            try {
                each.close();
            } catch (AssertionError | Exception failure) {
                failures.add(failure);
            }
        }
        if (!failures.isEmpty()) {
            throw new AssertionError("not everything ended well", failures.getFirst());
        }
    }
}
