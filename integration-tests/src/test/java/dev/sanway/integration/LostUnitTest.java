package dev.sanway.integration;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A unit that burnt with volumes on it, and one of that kind that comes back all the same. */
@Tag("slow")
class LostUnitTest {
    private static final String HOSTS = "hosts: [{name: web1, initiators: [\"*\"]}]\n";
    private static final String DISK = "volumes:\n  - {name: disk, size: 500MiB}\n";

    /** Kills in the middle of giving a unit up: {@code -Dsanway.removalRounds=}. */
    private static final int ROUNDS = Integer.getInteger("sanway.removalRounds", 4);

    @TempDir
    Path folder;

    private static void refused(Command command, String... words) {
        assertThat(command.exitStatus()).as(command.output()).isEqualTo(1);
        assertThat(command.output()).contains(words);
    }

    private static JsonNode yaml(San san, String... arguments) throws IOException {
        List<String> words = new ArrayList<>(List.of(arguments));
        words.addAll(List.of("-o", "json"));
        return new ObjectMapper()
                .readTree(san.sanway(words.toArray(new String[0])).succeeded());
    }

    private static List<String> states(JsonNode partitions) {
        return partitions.findValuesAsText("state");
    }

    @Test
    void aUnitOfTheYamlIsGivenUpAndThenItsLineIsTakenOut() throws Exception {
        try (San san = new San(folder)) {
            SanwayProcess unit1 = san.unit("unit1", "name: volume1, size: 200MiB");
            san.unit("unit2", "name: volume1, size: 200MiB");
            san.gateway("  unitTimeout: 2s\n", HOSTS);
            Awaitility.await("both in the pool")
                    .atMost(Duration.ofSeconds(30))
                    .until(() -> yaml(san, "pool", "show").path("units").size() == 2);
            san.sanway("volume", "create", "web1/a", "--size", "200MiB", "--layout", "striped", "--width", "2")
                    .succeeded();
            Awaitility.await("made")
                    .atMost(Duration.ofSeconds(30))
                    .until(() -> yaml(san, "volume", "show", "web1/a")
                            .path("state")
                            .asText()
                            .equals("ready"));
            refused(
                    san.sanway("unit", "remove", "unit1", "--lost", "--yes"),
                    "unit unit1 is not gone: its target answers",
                    "sanway unit drain unit1");
            unit1.kill();
            Awaitility.await("in use")
                    .atMost(Duration.ofSeconds(30))
                    .untilAsserted(() -> refused(
                            san.sanway("unit", "remove", "unit1", "--lost", "--yes"),
                            "holds web1/a, which is in use",
                            "First: sanway volume delete web1/a"));
            san.sanway("volume", "delete", "web1/a", "--yes").succeeded();
            String before = Files.readString(folder.resolve("gateway.yaml"));
            Path without = folder.resolve("without.yaml");
            Files.writeString(without, before.replaceFirst("(?m)^  - \\{name: unit1.*\\R", ""));
            Awaitility.await("deleted")
                    .atMost(Duration.ofSeconds(30))
                    .untilAsserted(() -> refused(
                            san.sanway("config", "apply", without.toString()),
                            "web1/a (deleted",
                            "unit remove unit1 --lost"));
            refused(
                    san.sanway("unit", "remove", "unit1", "--lost"),
                    "can then not be restored any more: web1/a (200 MiB)",
                    "Nothing was done");
            assertThat(san.sanway("unit", "remove", "unit1").output()).contains("is declared at", "--lost");
            try (Api api = new Api(san.management, folder.resolve("gateway"))) {
                assertThatThrownBy(() -> api.post("/api/v1/units/unit1/remove", "{\"lost\": true}"))
                        .as("no volume is given up by omission")
                        .hasMessageContaining("status 409")
                        .hasMessageContaining("deleted volumes that can be restored as yet: web1/a");
            }
            assertThat(yaml(san, "volume", "list", "--deleted")).hasSize(1);
            assertThat(san.sanway("unit", "remove", "unit1", "--lost", "--yes").succeeded())
                    .contains("take its line out of gateway.yaml");
            Awaitility.await("unit2 has its space back")
                    .atMost(Duration.ofSeconds(30))
                    .until(() -> states(yaml(san, "partition", "list")).equals(List.of("free")));
            assertThat(yaml(san, "volume", "list", "--deleted")).isEmpty();

            unit1.restart();
            Awaitility.await("back, and not used")
                    .atMost(Duration.ofSeconds(30))
                    .untilAsserted(() -> assertThat(
                                    san.sanway("unit", "show", "unit1").output())
                            .contains("given up as lost with unit unit1", "sanway unit adopt unit1 --lun 0 --erase"));
            assertThat(yaml(san, "pool", "show").path("units")).hasSize(1);
            san.sanway("unit", "adopt", "unit1", "--lun", "0", "--erase").succeeded();
            assertThat(yaml(san, "pool", "show").path("units")).hasSize(2);
            unit1.kill();
            Awaitility.await("given up again")
                    .atMost(Duration.ofSeconds(30))
                    .until(() -> san.sanway("unit", "remove", "unit1", "--lost", "--yes")
                                    .exitStatus()
                            == 0);
            san.sanway("config", "apply", without.toString()).succeeded();
            assertThat(yaml(san, "unit", "list")).hasSize(1);
            unit1.restart();
        }
    }

    private static String state(AgentSan san, String unit) {
        return san.show("unit", "show", unit).path("state").asText();
    }

    private static void awaitState(AgentSan san, String unit, String state) {
        Awaitility.await(unit + " " + state)
                .atMost(Duration.ofSeconds(60))
                .pollInterval(Duration.ofMillis(300))
                .untilAsserted(() -> assertThat(state(san, unit)).isEqualTo(state));
    }

    private static Command qemu(AgentSan san, int lun, String command) {
        return Command.run(60, "qemu-io", "-f", "raw", "-c", command, san.url("web1", lun));
    }

    private static void volume(AgentSan san, String name) {
        san.sanway("volume", "create", name, "--size", "100MiB").succeeded();
        san.awaitReady(name);
    }

    @Test
    @Tag("long")
    void aUnitThatBurntIsGivenUpAndIsNotUsedIfItComesBack() throws Exception {
        try (AgentSan san = new AgentSan(folder)) {
            SanwayProcess unit1 = san.unit("unit1", "2GiB", DISK);
            SanwayProcess gateway = san.gateway("automatic", "unitTimeout: 2s", HOSTS);
            awaitState(san, "unit1", "online");
            volume(san, "web1/a");
            volume(san, "web1/old");
            assertThat(qemu(san, 0, "write -P 5 0 100M").succeeded()).contains("wrote");
            san.sanway("volume", "delete", "web1/old", "--yes").succeeded();
            refused(san.sanway("unit", "remove", "unit1", "--lost", "--yes"), "unit unit1 is not gone");
            unit1.kill();
            awaitState(san, "unit1", "offline");
            refused(
                    san.sanway("unit", "remove", "unit1"),
                    "holds web1/a",
                    "if the unit is gone for good, with what is on it: sanway unit remove unit1 --lost");
            Awaitility.await("silent for long")
                    .atMost(Duration.ofSeconds(40))
                    .untilAsserted(() -> refused(
                            san.sanway("unit", "remove", "unit1", "--lost", "--yes"),
                            "holds web1/a, which is in use",
                            "First: sanway volume delete web1/a"));
            san.sanway("volume", "delete", "web1/a", "--yes").succeeded();
            Awaitility.await("deleted")
                    .atMost(Duration.ofSeconds(30))
                    .untilAsserted(() -> refused(
                            san.sanway("unit", "remove", "unit1", "--lost"),
                            "can then not be restored any more: web1/old (100 MiB), web1/a (100 MiB)",
                            "Nothing was done"));
            assertThat(san.sanway("unit", "remove", "unit1", "--lost", "--yes").succeeded())
                    .contains("unit unit1 is out of the pool");
            assertThat(state(san, "unit1")).isEqualTo("pending");
            assertThat(san.show("volume", "list", "--deleted")).isEmpty();
            assertThat(san.show("partition", "list")).isEmpty();

            gateway.kill();
            gateway.restart();
            assertThat(state(san, "unit1")).isEqualTo("pending");
            assertThat(san.show("pool", "show").path("sizeBytes").asLong()).isZero();
            san.unit("unit2", "2GiB", DISK);
            volume(san, "web1/b");

            unit1.restart();
            Awaitility.await("heard")
                    .atMost(Duration.ofSeconds(30))
                    .until(() -> san.show("unit", "show", "unit1")
                            .path("agent")
                            .path("status")
                            .asText()
                            .equals("online"));
            assertThat(san.sanway("unit", "list").output())
                    .contains("given up as lost", "to take it into the pool: sanway unit adopt unit1");
            assertThat(state(san, "unit1")).isEqualTo("pending");
            assertThat(san.show("pool", "show").path("units").findValuesAsText("unit"))
                    .containsOnly("unit2");

            san.sanway("unit", "adopt", "unit1").succeeded();
            Awaitility.await("its LUN is not used")
                    .atMost(Duration.ofSeconds(30))
                    .untilAsserted(() -> assertThat(
                                    san.sanway("unit", "show", "unit1").output())
                            .contains("given up as lost with unit unit1", "sanway unit adopt unit1 --lun 0 --erase"));
            assertThat(san.show("pool", "show").path("units").findValuesAsText("unit"))
                    .containsOnly("unit2");
            assertThat(san.table("unit1").path("partitions")).isNotEmpty();
            san.sanway("unit", "adopt", "unit1", "--lun", "0", "--erase").succeeded();
            assertThat(san.table("unit1").path("partitions")).isEmpty();
            awaitState(san, "unit1", "online");
            san.sanway("unit", "maintenance", "unit2").succeeded();
            volume(san, "web1/c");
            assertThat(san.show("volume", "show", "web1/c").path("partitions").findValuesAsText("unit"))
                    .containsOnly("unit1");
            int lun = san.show("volume", "show", "web1/c")
                    .path("hosts")
                    .path(0)
                    .path("lun")
                    .asInt();
            assertThat(qemu(san, lun, "read -P 0 0 100M").succeeded()).contains("read");
        }
    }

    @Test
    @Tag("long")
    void aGatewayThatIsKilledWhileAUnitIsGivenUpHasItWhollyOrNot() throws Exception {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        try (AgentSan san = new AgentSan(folder)) {
            SanwayProcess unit1 = san.unit("unit1", "2GiB", DISK);
            SanwayProcess gateway = san.gateway("automatic", "unitTimeout: 2s", HOSTS);
            for (int round = 1; round <= ROUNDS; round++) {
                String which = "round " + round + " of seed " + seed;
                if (round > 1) {
                    san.sanway("unit", "adopt", "unit1").succeeded();
                    Awaitility.await(which)
                            .atMost(Duration.ofSeconds(30))
                            .untilAsserted(
                                    () -> assertThat(san.sanway("unit", "adopt", "unit1", "--lun", "0", "--erase")
                                                    .output())
                                            .contains("is in the pool"));
                }
                awaitState(san, "unit1", "online");
                volume(san, "web1/v");
                san.sanway("volume", "delete", "web1/v", "--yes").succeeded();
                Awaitility.await(which)
                        .atMost(Duration.ofSeconds(30))
                        .until(() -> san.show("volume", "list", "--deleted").size() == 1);
                unit1.kill();
                awaitState(san, "unit1", "offline");
                san.killGatewayDuring(
                        "/units/unit1/remove", random.nextInt(40), "unit", "remove", "unit1", "--lost", "--yes");
                gateway.restart();
                Awaitility.await(which + ": removed, or never begun")
                        .atMost(Duration.ofSeconds(60))
                        .pollInterval(Duration.ofMillis(300))
                        .until(() -> List.of("pending", "offline").contains(state(san, "unit1")));
                boolean gone = state(san, "unit1").equals("pending");
                assertThat(san.show("volume", "list", "--deleted")).as(which).hasSize(gone ? 0 : 1);
                if (!gone) {
                    san.sanway("unit", "remove", "unit1", "--lost", "--yes").succeeded();
                }
                awaitState(san, "unit1", "pending");
                assertThat(san.show("partition", "list")).as(which).isEmpty();
                unit1.restart();
                Awaitility.await(which)
                        .atMost(Duration.ofSeconds(30))
                        .until(() -> san.show("unit", "show", "unit1")
                                .path("agent")
                                .path("status")
                                .asText()
                                .equals("online"));
            }
        }
    }
}
