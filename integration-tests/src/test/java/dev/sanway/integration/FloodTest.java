package dev.sanway.integration;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.sanway.autoconfig.PoolKeyFile;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Floods of what nobody should listen to, against a gateway and its units, each a process of its own. */
class FloodTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String HOSTS = """
            hosts:
              - name: web1
                initiators: ["*"]
                volumes:
                  - {name: data, lun: 0, size: 64MiB}
            """;

    /** How long each flood lasts, and how many pairs there are, when throughput is measured. */
    private static final int FLOOD_SECONDS = Integer.getInteger("sanway.floodSeconds", 8);

    private static final int FLOOD_PAIRS = Integer.getInteger("sanway.floodPairs", 7);

    /** Nobody else is there. */
    private static final String FROM = "127.0.0.9";

    @TempDir
    Path folder;

    private static Map<String, String> states(JsonNode named) {
        return StreamSupport.stream(named.spliterator(), false)
                .collect(Collectors.toMap(
                        each -> each.path("name").asText(),
                        each -> each.path("state").asText(),
                        (one, _) -> one,
                        TreeMap::new));
    }

    private static Map<String, String> units(Api api) throws IOException, InterruptedException {
        return states(JSON.readTree(api.get("/api/v1/units")));
    }

    private static void awaitAll(Api api, int count) {
        Awaitility.await(count + " units online, the volume ready")
                .atMost(Duration.ofSeconds(90))
                .pollInterval(Duration.ofMillis(200))
                .until(() -> units(api).values().stream().allMatch("online"::equals)
                        && units(api).size() == count
                        && states(JSON.readTree(api.get("/api/v1/volumes"))).values().stream()
                                .allMatch("ready"::equals));
    }

    /** Dropped datagrams, by reason. */
    private static Map<String, Long> dropped(Api api) throws IOException, InterruptedException {
        String name = "sanway_autoconfig_dropped_datagrams";
        return api.get("/metrics")
                .lines()
                .filter(line -> line.startsWith(name))
                .collect(Collectors.toMap(
                        line -> line.replaceAll(".*reason=\"([a-z_]+)\".*", "$1"),
                        line -> (long) Double.parseDouble(line.substring(line.lastIndexOf(' ') + 1)),
                        Long::sum,
                        TreeMap::new));
    }

    /** All that a flood must leave as it is: what the gateway knows and did, and what units keep. */
    private static Map<String, String> everything(AgentSan san, Api api, List<String> units) throws Exception {
        Map<String, String> everything = new TreeMap<>();
        for (String what : List.of("partitions", "volumes", "events", "pool", "sessions")) {
            everything.put(what, api.get("/api/v1/" + what));
        }
        for (String unit : units) {
            everything.put(unit, san.table(unit).toString());
        }
        return everything;
    }

    private static void qemu(AgentSan san, String command) {
        assertThat(Command.run(30, "qemu-io", "-f", "raw", "-c", command, san.url("web1", 0))
                        .succeeded())
                .doesNotContain("Pattern verification failed");
    }

    @Test
    void underAFloodUnitsStayOnlineAndNothingChangesButCounters() throws Exception {
        long seed = System.nanoTime();
        System.out.println("seed " + seed);
        try (AgentSan san = new AgentSan(folder);
                Tap tap = new Tap(san.agentPort)) {
            int unit2Port = Ports.free();
            int unit1Port = Ports.free();
            SanwayProcess unit = san.unit("unit1", "1GiB", unit1Port, tap.port(), "");
            // There must be an earlier boot for what comes from one.
            unit.close();
            unit.restart();
            san.unit("unit2", "1GiB", unit2Port, san.agentPort, "");
            san.gateway("automatic", HOSTS);
            try (Api api = san.api()) {
                awaitAll(api, 2);
                qemu(san, "write -P 5 0 1M");
                Awaitility.await("a few of each")
                        .atMost(Duration.ofSeconds(20))
                        .until(() -> tap.toGateway.size() > 8 && tap.toUnit.size() > 8);
                List<byte[]> genuine = Stream.concat(tap.toGateway.stream(), tap.toUnit.stream())
                        .toList();
                List<byte[]> all =
                        Flood.ofEachKind(genuine, PoolKeyFile.read(folder.resolve("pool.key")), new Random(seed));
                Map<String, String> before = everything(san, api, List.of("unit1", "unit2"));
                Map<String, Long> droppedBefore = dropped(api);
                try (Flood flood = new Flood(all, FROM, san.agentPort, unit1Port, unit2Port)) {
                    List<Map<String, String>> seen = new ArrayList<>();
                    long end = System.nanoTime() + Duration.ofSeconds(10).toNanos();
                    Awaitility.await("long enough for a unit to become suspect")
                            .atMost(Duration.ofSeconds(20))
                            .pollInterval(Duration.ofMillis(200))
                            .until(() -> {
                                seen.add(units(api));
                                return System.nanoTime() > end;
                            });
                    assertThat(seen).containsOnly(Map.of("unit1", "online", "unit2", "online"));
                    assertThat(everything(san, api, List.of("unit1", "unit2"))).containsExactlyEntriesOf(before);
                    qemu(san, "read -P 5 0 1M");
                    Map<String, Long> dropped = dropped(api);
                    for (String reason : List.of(
                            "truncated",
                            "oversized",
                            "foreign",
                            "bad_authenticator",
                            "replayed",
                            "misaddressed",
                            "old_boot",
                            "other_address")) {
                        assertThat(dropped.get(reason)).as(reason).isGreaterThan(droppedBefore.get(reason));
                    }
                    assertThat(flood.sent()).isGreaterThan(50_000);
                    System.out.printf("%,d datagrams sent; dropped by the gateway: %s%n", flood.sent(), dropped);

                    // Another unit comes, of whom nobody knew.
                    san.unit("unit3", "1GiB", "");
                    long since = System.nanoTime();
                    awaitAll(api, 3);
                    System.out.printf(
                            "a new unit was online after %d ms, %,d datagrams sent by then%n",
                            Duration.ofNanos(System.nanoTime() - since).toMillis(), flood.sent());
                }
            }
        }
    }

    private static List<String> newEvents(Api api, String before, String subject)
            throws IOException, InterruptedException {
        int known = JSON.readTree(before).size();
        List<String> texts = new ArrayList<>();
        for (JsonNode event : JSON.readTree(api.get("/api/v1/events"))) {
            if (known-- <= 0 && event.path("subject").asText().equals(subject)) {
                texts.add(event.path("text").asText());
            }
        }
        return texts;
    }

    /** Nobody can hear an agent then; but what its unit stores is asked of its target, and no datagram says anything about that. */
    @Test
    @Tag("long")
    void whoSendsUnderAUnitsAddressAndPortDrownsItsAgentAndNothingElse() throws Exception {
        String striped = HOSTS.replace("size: 64MiB", "size: 64MiB, layout: striped, width: 2, chunk: 64KiB");
        try (AgentSan san = new AgentSan(folder);
                Tap tap = new Tap(san.agentPort)) {
            san.unit("unit1", "1GiB", Ports.free(), tap.port(), "");
            san.unit("unit2", "1GiB", "");
            san.gateway("automatic", striped);
            try (Api api = san.api()) {
                awaitAll(api, 2);
                Awaitility.await("a few of each").atMost(Duration.ofSeconds(20)).until(() -> tap.toGateway.size() > 8);
                List<byte[]> all = Flood.ofEachKind(
                        List.copyOf(tap.toGateway), PoolKeyFile.read(folder.resolve("pool.key")), new Random(1));
                Map<String, String> before = everything(san, api, List.of("unit1", "unit2"));
                String events = java.util.Objects.requireNonNull(before.remove("events"));
                List<Map<String, String>> seen = new ArrayList<>();
                try (Flood flood = tap.flood(all)) {
                    // Longer than until an agent counts as offline.
                    long end = System.nanoTime() + Duration.ofSeconds(25).toNanos();
                    for (int pattern = 1; System.nanoTime() < end; pattern++) {
                        qemu(san, "write -P " + pattern + " 0 4M");
                        qemu(san, "read -P " + pattern + " 0 4M");
                        seen.add(units(api));
                    }
                    System.out.printf("%,d datagrams sent, %s; seen %s%n", flood.sent(), dropped(api), seen);
                }
                assertThat(seen).allSatisfy(units -> {
                    assertThat(units.get("unit1")).isIn("online", "suspect");
                    assertThat(units.get("unit2")).isEqualTo("online");
                });
                assertThat(newEvents(api, events, "unit unit1"))
                        .allMatch(text ->
                                text.contains("its agent is") || text.startsWith("what comes from its address"));
                assertThat(newEvents(api, events, "unit unit2")).isEmpty();
                Map<String, String> after = everything(san, api, List.of("unit1", "unit2"));
                after.remove("events");
                assertThat(after).containsExactlyEntriesOf(before);
                awaitAll(api, 2);
            }
        }
    }

    private static double benched(AgentSan san, int seconds) throws IOException {
        List<String> words = new ArrayList<>(
                List.of(SanwayProcess.ROOT.resolve("scripts/sanway").toString(), "bench", "--erase", "-o", "json"));
        words.addAll(List.of(
                "--pattern", "mixed", "--seconds", Integer.toString(seconds), "--warmup", "2", san.url("web1", 0)));
        return JSON.readTree(Command.run(52 + seconds, words).succeeded())
                .at("/all/requestsPerSecond")
                .asDouble();
    }

    private static double median(List<Double> values) {
        List<Double> sorted = values.stream().sorted().toList();
        return sorted.get(sorted.size() / 2);
    }

    /**
     * The data path's throughput while a flood goes to the gateway, and while the same flood goes to a program that only reads it, in
     * turns: more than a minute of flood in all, or with {@code -Dsanway.floodSeconds=60 -Dsanway.floodPairs=3} a minute in one piece.
     */
    @Test
    @Tag("long")
    void hostsKeepTheirThroughputUnderAFlood() throws Exception {
        int sinkPort = Ports.free();
        try (AgentSan san = new AgentSan(folder);
                Tap tap = new Tap(san.agentPort)) {
            SanwayProcess unit = san.unit("unit1", "1GiB", Ports.free(), tap.port(), "");
            // There must be an earlier boot for what comes from one.
            unit.close();
            unit.restart();
            san.gateway("automatic", HOSTS);
            Process sink = new ProcessBuilder(
                            Path.of(System.getProperty("java.home"), "bin", "java")
                                    .toString(),
                            "-cp",
                            "target/test-classes",
                            UdpSink.class.getName(),
                            Integer.toString(sinkPort))
                    .redirectErrorStream(true)
                    .start();
            try (Api api = san.api()) {
                sink.inputReader().readLine();
                awaitAll(api, 1);
                Awaitility.await("a few of each").atMost(Duration.ofSeconds(20)).until(() -> tap.toGateway.size() > 8);
                List<byte[]> all = Flood.ofEachKind(
                        List.copyOf(tap.toGateway), PoolKeyFile.read(folder.resolve("pool.key")), new Random(1));
                Map<String, String> before = everything(san, api, List.of("unit1"));
                double calm = benched(san, 8);
                Map<String, List<Double>> found = Map.of("gateway", new ArrayList<>(), "sink", new ArrayList<>());
                Map<String, Long> sent = new TreeMap<>();
                for (int round = 0; round < FLOOD_PAIRS; round++) {
                    for (String to : List.of("gateway", "sink")) {
                        try (Flood flood = new Flood(all, FROM, to.equals("sink") ? sinkPort : san.agentPort)) {
                            java.util.Objects.requireNonNull(found.get(to)).add(benched(san, FLOOD_SECONDS));
                            sent.merge(to, flood.sent(), Long::sum);
                        }
                        assertThat(units(api)).isEqualTo(Map.of("unit1", "online"));
                    }
                }
                double gateway = median(java.util.Objects.requireNonNull(found.get("gateway")));
                double other = median(java.util.Objects.requireNonNull(found.get("sink")));
                System.out.printf(
                        "without a flood %.0f requests a second; flooded for %d s %s; medians %.0f and %.0f, ratio %.2f; sent %s; "
                                + "dropped by the gateway %s%n",
                        calm, FLOOD_SECONDS, found, gateway, other, gateway / other, sent, dropped(api));
                assertThat(everything(san, api, List.of("unit1"))).containsExactlyEntriesOf(before);
                assertThat(gateway / other).isGreaterThan(0.9);
            } finally {
                sink.destroy();
            }
        }
    }
}
