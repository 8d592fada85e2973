package dev.sanway.integration;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Units that announce themselves, and what becomes of the pool. */
@Tag("slow")
class AutoConfigurationTest {
    private static final String HOSTS = """
            hosts:
              - name: web1
                initiators: ["*"]
                volumes:
                  - {name: data, lun: 0, size: 100MiB}
                  - {name: db, lun: 1, size: 96MiB, layout: striped, width: 3}
            """;

    @TempDir
    Path folder;

    private static Stream<JsonNode> all(JsonNode array) {
        return StreamSupport.stream(array.spliterator(), false);
    }

    private static Map<String, String> states(JsonNode named) {
        Map<String, String> states = new TreeMap<>();
        all(named)
                .forEach(each -> states.put(
                        each.path("name").asText(), each.path("state").asText()));
        return states;
    }

    private static void awaitStates(AgentSan san, String what, String state) {
        Awaitility.await(what + " " + state)
                .atMost(Duration.ofSeconds(90))
                .pollInterval(Duration.ofMillis(300))
                .untilAsserted(() -> assertThat(states(san.show(what, "list")))
                        .isNotEmpty()
                        .allSatisfy((_, is) -> assertThat(is).isEqualTo(state)));
    }

    private static void qemu(AgentSan san, int lun, String... commands) {
        List<String> words = new ArrayList<>(List.of("qemu-io", "-f", "raw"));
        for (String command : commands) {
            words.addAll(List.of("-c", command));
        }
        words.add(san.url("web1", lun));
        assertThat(Command.run(60, words).succeeded()).doesNotContain("Pattern verification failed");
    }

    /** Found, shown, adopted by a word, refused by another; then it serves volumes, makes what is missing, and grows. */
    @Test
    void aUnitIsFoundAdoptedAndMakesRoom() throws Exception {
        try (AgentSan san = new AgentSan(folder)) {
            san.unit("unit1", "2GiB", "");
            san.gateway("manual", HOSTS.replace(", layout: striped, width: 3", ""));
            awaitStates(san, "unit", "pending");
            JsonNode unit = san.show("unit", "show", "unit1");
            assertThat(unit.path("agent").path("capacityBytes").asLong()).isEqualTo(2L << 30);
            assertThat(unit.path("agent").path("unusedBytes").asLong()).isEqualTo(2L << 30);
            assertThat(states(san.show("volume", "list")).values()).containsOnly("notReady");

            san.sanway("unit", "refuse", "unit1").succeeded();
            awaitStates(san, "unit", "refused");
            san.sanway("unit", "adopt", unit.path("agent").path("uuid").asText())
                    .succeeded();
            awaitStates(san, "volume", "ready");
            awaitStates(san, "unit", "online");
            qemu(san, 0, "write -P 5 0 1M", "read -P 5 0 1M");
            assertThat(san.sanway("unit", "refuse", "unit1"))
                    .satisfies(refused -> assertThat(refused.exitStatus()).isEqualTo(1))
                    .satisfies(refused ->
                            assertThat(refused.output()).contains("holds data of web1/data, web1/db; delete or move"));

            // More than the GiB that was made: the unit's volume is extended, under the sessions that there are.
            san.sanway("volume", "create", "web1/more", "--size", "1500MiB").succeeded();
            awaitStates(san, "volume", "ready");
            JsonNode grown = san.show("unit", "show", "unit1");
            assertThat(grown.path("luns")).hasSize(1);
            assertThat(grown.path("luns").get(0).path("sizeBytes").asLong()).isEqualTo(2L << 30);
            qemu(san, 2, "write -P 6 1400M 1M", "read -P 6 1400M 1M", "read -P 0 0 1M");
            qemu(san, 0, "read -P 5 0 1M");
            assertThat(san.sanway("volume", "create", "web1/toomuch", "--size", "1GiB")
                            .exitStatus())
                    .isEqualTo(1);
            assertThat(san.table("unit1").path("partitions")).hasSize(3);

            san.sanway("volume", "delete", "--yes", "--wipe", "web1/more").succeeded();
            Awaitility.await("out of the unit's table")
                    .atMost(Duration.ofSeconds(20))
                    .until(() -> san.table("unit1").path("partitions").size() == 2);
        }
    }

    /** A copy of a unit's directory, and a unit whose directory was set back. */
    @Test
    void aCopyIsRefusedAndAUnitThatForgotIsReportedAndLeftAsItIs() throws Exception {
        try (AgentSan san = new AgentSan(folder)) {
            SanwayProcess unit = san.unit("unit1", "2GiB", "");
            san.gateway("automatic", HOSTS.replace(", layout: striped, width: 3", ""));
            awaitStates(san, "volume", "ready");
            qemu(san, 0, "write -P 5 0 1M");
            unit.close();
            JsonNode table = san.table("unit1");
            assertThat(table.path("partitions")).hasSize(2);
            ((ArrayNode) table.path("partitions")).remove(0);
            san.writeTable("unit1", table);
            copy(folder.resolve("unit1"), folder.resolve("copy"));
            unit.restart();
            Awaitility.await("reported")
                    .atMost(Duration.ofSeconds(30))
                    .until(() -> san.log("gateway").contains("its table has forgotten partition"));
            assertThat(san.show("unit", "show", "unit1").path("detail").asText())
                    .contains("its table has forgotten partition");
            san.unit("copy", "2GiB", "");
            Awaitility.await("refused")
                    .atMost(Duration.ofSeconds(30))
                    .until(() -> san.log("gateway").contains("was a unit's directory copied?")
                            && san.log("copy").contains("refused by the control station"));
            // What is there is served; nothing new is put there, and the table is as the unit had it.
            qemu(san, 0, "read -P 5 0 1M");
            assertThat(san.sanway("volume", "create", "web1/more", "--size", "10MiB")
                            .output())
                    .contains("given nothing new: unit1");
            assertThat(san.table("unit1").path("partitions")).hasSize(1);

            san.sanway("unit", "adopt", "unit1").succeeded();
            Awaitility.await("told anew, by an operator's word")
                    .atMost(Duration.ofSeconds(20))
                    .until(() -> san.table("unit1").path("partitions").size() == 2);
            assertThat(san.show("unit", "show", "unit1").path("detail").asText(""))
                    .doesNotContain("forgotten");
        }
    }

    private static void copy(Path from, Path to) throws IOException {
        try (Stream<Path> files = Files.walk(from)) {
            for (Path file : files.toList()) {
                Files.copy(file, to.resolve(from.relativize(file).toString()));
            }
        }
    }

    @Test
    void killedAndRestartedThreeTimesInAnyOrder() throws Exception {
        killedAndRestarted(3, System.nanoTime());
    }

    @Test
    @Tag("long")
    void killedAndRestartedTwentyTimesInAnyOrder() throws Exception {
        killedAndRestarted(20, 20);
    }

    /** The pool ends the same, nothing is assigned twice, volumes keep their data. */
    private void killedAndRestarted(int rounds, long seed) throws Exception {
        Random random = new Random(seed);
        try (AgentSan san = new AgentSan(folder)) {
            List<Runnable> starts = new ArrayList<>();
            for (String name : List.of("unit1", "unit2", "unit3")) {
                starts.add(() -> run(() -> san.unit(name, "3GiB", "")));
            }
            starts.add(() -> run(() -> san.gateway("automatic", HOSTS)));
            Collections.shuffle(starts, random);
            starts.forEach(Runnable::run);
            awaitStates(san, "unit", "online");
            awaitStates(san, "volume", "ready");
            qemu(san, 0, "write -P 1 0 8M");
            qemu(san, 1, "write -P 2 0 8M");
            Map<String, Set<String>> before = partitions(san);
            int made = 0;
            for (int round = 1; round <= rounds; round++) {
                String which = "round " + round + " of seed " + seed;
                // Something is on its way while processes end.
                String volume = "web1/v" + round;
                List<String> create = new ArrayList<>(
                        List.of(SanwayProcess.ROOT.resolve("scripts/sanway").toString(), "volume", "create", volume));
                create.addAll(List.of("--size", "40MiB", "--layout", "striped", "--width", "2"));
                create.addAll(san.access());
                Process creating = new ProcessBuilder(create)
                        .redirectErrorStream(true)
                        .redirectOutput(folder.resolve("create.log").toFile())
                        .start();
                List<String> victims = new ArrayList<>(san.names());
                Collections.shuffle(victims, random);
                victims = victims.subList(0, 1 + random.nextInt(victims.size()));
                long afterMillis = random.nextInt(2_500);
                Awaitility.await()
                        .pollDelay(Duration.ofMillis(afterMillis))
                        .atMost(Duration.ofMillis(afterMillis + 2_000))
                        .until(() -> true);
                for (String victim : victims) {
                    san.process(victim).kill();
                }
                creating.waitFor();
                Collections.shuffle(victims, random);
                for (String victim : victims) {
                    san.process(victim).restart();
                }
                awaitStates(san, "unit", "online");
                awaitStates(san, "volume", "ready");
                Map<String, Set<String>> after = partitions(san);
                assertThat(after).as(which).containsAllEntriesOf(before);
                assertThat(after.size()).as(which).isBetween(before.size(), before.size() + 1);
                agree(san, which);
                qemu(san, 0, "read -P 1 0 8M");
                qemu(san, 1, "read -P 2 0 8M");
                if (after.containsKey(volume)) {
                    made++;
                    int lun = lun(san, volume);
                    qemu(san, lun, "read -P 0 0 40M", "write -P 3 0 40M");
                }
                before = after;
            }
            System.out.println(
                    rounds + " rounds of kills, seed " + seed + ": " + made + " volumes were made meanwhile");
        }
    }

    private interface Starting {
        Object start() throws IOException;
    }

    private static void run(Starting starting) {
        try {
            starting.start();
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    private static int lun(AgentSan san, String volume) {
        return all(san.show("volume", "list"))
                .filter(each -> each.path("name").asText().equals(volume))
                .findFirst()
                .orElseThrow()
                .path("hosts")
                .get(0)
                .path("lun")
                .asInt();
    }

    /** Every volume's partitions; each with its place. None overlaps another. */
    private static Map<String, Set<String>> partitions(AgentSan san) {
        Map<String, Set<String>> partitions = new HashMap<>();
        Map<String, TreeMap<Long, Long>> places = new HashMap<>();
        all(san.show("partition", "list"))
                .filter(each -> !each.path("state").asText().equals("free"))
                .forEach(each -> {
                    assertThat(each.path("state").asText()).isEqualTo("assigned");
                    partitions
                            .computeIfAbsent(each.path("volume").asText(), _ -> new TreeSet<>())
                            .add(each.path("uuid").asText() + " on "
                                    + each.path("unit").asText() + " at "
                                    + each.path("startBytes").asLong());
                    TreeMap<Long, Long> taken = places.computeIfAbsent(
                            each.path("unit").asText() + each.path("lun").asInt(), _ -> new TreeMap<>());
                    long start = each.path("startBytes").asLong();
                    long end = start + each.path("lengthBytes").asLong();
                    Map.Entry<Long, Long> below = taken.lowerEntry(end);
                    assertThat(below == null || below.getValue() <= start)
                            .as("assigned twice: %s", each)
                            .isTrue();
                    taken.put(start, end);
                });
        return partitions;
    }

    /** What units keep in their tables is what the gateway has assigned, neither more nor less. */
    private static void agree(AgentSan san, String which) throws IOException {
        Set<String> gateway = new TreeSet<>();
        all(san.show("partition", "list"))
                .filter(each -> !each.path("state").asText().equals("free"))
                .forEach(each -> gateway.add(each.path("uuid").asText()));
        List<String> units = new ArrayList<>();
        for (String unit : List.of("unit1", "unit2", "unit3")) {
            all(san.table(unit).path("partitions"))
                    .forEach(each -> units.add(each.path("uuid").asText()));
        }
        assertThat(units).as(which).doesNotHaveDuplicates().containsExactlyInAnyOrderElementsOf(gateway);
        assertThat(((ObjectNode) san.table("unit1")).path("boot").asLong()).isPositive();
    }
}
