package dev.sanway.integration;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.sanway.autoconfig.PoolKeyFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.awaitility.Awaitility;

/** Units that announce themselves and a gateway that finds them, each a process of its own, in one folder. */
final class AgentSan implements AutoCloseable {

    private static final ObjectMapper JSON = new ObjectMapper();

    final int port = Ports.free();
    final int management = Ports.free();
    final int agentPort = Ports.free();
    final Path folder;
    private final Map<String, SanwayProcess> processes = new LinkedHashMap<>();

    AgentSan(Path folder) throws IOException {
        this.folder = folder;
        PoolKeyFile.create(folder.resolve("pool.key"));
    }

    /** A unit that has only a capacity; {@code more} is the YAML from {@code volumes:} on. */
    SanwayProcess unit(String name, String capacity, String more) throws IOException {
        return unit(name, capacity, Ports.free(), agentPort, false, more);
    }

    SanwayProcess spare(String name, String capacity, String more) throws IOException {
        return unit(name, capacity, Ports.free(), agentPort, true, more);
    }

    /**
     * @param ownPort where its agent listens
     * @param controlPort where it finds the gateway
     */
    SanwayProcess unit(String name, String capacity, int ownPort, int controlPort, String more) throws IOException {
        return unit(name, capacity, ownPort, controlPort, false, more);
    }

    private SanwayProcess unit(String name, String capacity, int ownPort, int controlPort, boolean spare, String more)
            throws IOException {
        Path config = folder.resolve(name + ".yaml");
        Files.writeString(
                config,
                """
                unit:
                  name: %s
                  portals: ["127.0.0.1:%d"]
                  directory: %s
                  capacity: %s
                  spare: %s
                  eventLoops: 1
                autoConfig:
                  listen: "127.0.0.1:%d"
                  control: ["127.0.0.1:%d"]
                  poolKeyFile: %s
                """.formatted(name, Ports.free(), name, capacity, spare, ownPort, controlPort, key(name)) + more);
        return start(name, "unit", config);
    }

    /** The gateway; {@code more} is the YAML from {@code hosts:} on. */
    SanwayProcess gateway(String adopt, String more) throws IOException {
        return gateway(adopt, "", more);
    }

    /** The same; {@code setting}: one more line under {@code gateway:}. */
    SanwayProcess gateway(String adopt, String setting, String more) throws IOException {
        Path config = folder.resolve("gateway.yaml");
        Files.writeString(config, """
                gateway:
                  name: gw1
                  portals: ["127.0.0.1:%d"]
                  stateDirectory: gateway
                  management: "127.0.0.1:%d"
                  eventLoops: 2
                  %s
                autoConfig:
                  listen: "127.0.0.1:%d"
                  poolKeyFile: %s
                  adopt: %s
                """.formatted(port, management, setting, agentPort, key("gateway"), adopt) + more);
        return start("gateway", "gateway", config);
    }

    /** Each process has its own copy of the pool's key. */
    private Path key(String name) throws IOException {
        Path key = folder.resolve(name + ".key");
        if (!Files.exists(key)) {
            Files.copy(folder.resolve("pool.key"), key, StandardCopyOption.COPY_ATTRIBUTES);
        }
        return key.getFileName();
    }

    /** Gives a process these keys, and SIGHUP. */
    void keys(String name, String text) throws IOException {
        Files.writeString(folder.resolve(name + ".key"), text);
        Command.run(5, "kill", "-HUP", Long.toString(process(name).pid())).succeeded();
    }

    private SanwayProcess start(String name, String role, Path config) throws IOException {
        SanwayProcess process =
                new SanwayProcess(folder.resolve(name + ".log"), role, "run", "--config", config.toString());
        processes.put(name, process);
        return process;
    }

    SanwayProcess process(String name) {
        return Objects.requireNonNull(processes.get(name));
    }

    List<String> names() {
        return List.copyOf(processes.keySet());
    }

    String log(String name) {
        return process(name).log();
    }

    /** A client command. */
    Command sanway(String... arguments) {
        List<String> words = new ArrayList<>();
        words.add(SanwayProcess.ROOT.resolve("scripts/sanway").toString());
        words.addAll(List.of(arguments));
        words.addAll(access());
        return Command.run(60, words);
    }

    /** Waits until a volume can be used. */
    void awaitReady(String volume) {
        Awaitility.await(volume)
                .atMost(Duration.ofSeconds(60))
                .pollInterval(Duration.ofMillis(300))
                .until(() ->
                        show("volume", "show", volume).path("state").asText().equals("ready"));
    }

    /** How a client command finds this gateway and no other that runs on the machine. */
    List<String> access() {
        Path state = folder.resolve("gateway");
        return List.of(
                "--server",
                "https://127.0.0.1:" + management,
                "--token-file",
                state.resolve("api.token").toString(),
                "--certificate",
                state.resolve("api.crt").toString());
    }

    /** Begins a command, and kills the gateway so long after its log has said this, or after the command has ended. */
    void killGatewayDuring(String said, int millis, String... arguments) throws IOException, InterruptedException {
        List<String> words = new ArrayList<>();
        words.add(SanwayProcess.ROOT.resolve("scripts/sanway").toString());
        words.addAll(List.of(arguments));
        words.addAll(access());
        Process command = new ProcessBuilder(words)
                .redirectErrorStream(true)
                .redirectOutput(folder.resolve("command.log").toFile())
                .start();
        Awaitility.await()
                .atMost(Duration.ofSeconds(20))
                .pollInterval(Duration.ofMillis(1))
                .until(() -> log("gateway").contains(said) || !command.isAlive());
        long until = System.nanoTime() + millis * 1_000_000L;
        Awaitility.await()
                .pollDelay(Duration.ZERO)
                .pollInterval(Duration.ofMillis(1))
                .until(() -> System.nanoTime() - until > 0);
        process("gateway").kill();
        command.waitFor();
    }

    /** What a client command shows. */
    JsonNode show(String... arguments) {
        List<String> words = new ArrayList<>(List.of(arguments));
        words.addAll(List.of("-o", "json"));
        Command shown = sanway(words.toArray(new String[0]));
        try {
            return JSON.readTree(shown.succeeded());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    Api api() throws IOException, java.security.GeneralSecurityException {
        return new Api(management, folder.resolve("gateway"));
    }

    /** What a unit keeps in its table. */
    JsonNode table(String unit) throws IOException {
        return JSON.readTree(Files.readString(folder.resolve(unit).resolve("agent.json")));
    }

    void writeTable(String unit, JsonNode table) throws IOException {
        JSON.writeValue(folder.resolve(unit).resolve("agent.json").toFile(), table);
    }

    String url(String host, int lun) {
        return "iscsi://127.0.0.1:" + port + "/" + San.target(host) + "/" + lun;
    }

    @Override
    public void close() throws Exception {
        List<Throwable> failures = new ArrayList<>();
        for (SanwayProcess each : processes.values()) {
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
