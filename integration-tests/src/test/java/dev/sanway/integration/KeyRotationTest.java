package dev.sanway.integration;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The pool's keys change while units and gateway run. */
@Tag("long")
class KeyRotationTest {
    private static final List<String> MEMBERS = List.of("gateway", "unit1", "unit2");

    @TempDir
    Path folder;

    /** Empty: it is not known yet. */
    private static JsonNode unit(AgentSan san, String unit) {
        for (JsonNode each : san.show("unit", "list")) {
            if (each.path("name").asText().equals(unit)) {
                return each;
            }
        }
        return MissingNode.getInstance();
    }

    private static void awaitState(AgentSan san, String unit, String state) {
        Awaitility.await(unit + " " + state)
                .atMost(Duration.ofSeconds(60))
                .pollInterval(Duration.ofMillis(300))
                .until(() -> unit(san, unit).path("state").asText().equals(state));
    }

    private static void awaitLog(AgentSan san, String member, String says) {
        Awaitility.await(member + " says " + says)
                .atMost(Duration.ofSeconds(60))
                .until(() -> san.log(member).contains(says));
    }

    private static void awaitKey(AgentSan san, String unit, int key) {
        Awaitility.await(unit + " signs with " + key)
                .atMost(Duration.ofSeconds(20))
                .until(() -> unit(san, unit).path("agent").path("keyId").asInt() == key);
    }

    @Test
    void keysAreReplacedStepByStepAndWhoIsLeftBehindIsSeen() throws Exception {
        try (AgentSan san = new AgentSan(folder)) {
            san.unit("unit1", "1GiB", "");
            san.unit("unit2", "1GiB", "");
            san.gateway("automatic", "");
            awaitState(san, "unit1", "online");
            awaitState(san, "unit2", "online");
            String old = Files.readString(folder.resolve("pool.key"));
            String second = "2 " + "5a".repeat(32) + "\n";
            String third = "3 " + "6b".repeat(32) + "\n";

            for (String member : MEMBERS) {
                san.keys(member, old + second);
                awaitLog(san, member, "key 1 signs, key 2 is accepted, too");
            }
            // In any order: the gateway is neither the first nor the last.
            for (String member : List.of("unit1", "gateway", "unit2")) {
                san.keys(member, second + old);
                awaitLog(san, member, "key 2 signs, key 1 is accepted, too");
                awaitKey(san, "unit1", 2);
            }
            awaitKey(san, "unit2", 2);
            assertThat(san.sanway("unit", "list").output()).contains("KEY");
            for (String member : List.of("gateway", "unit1", "unit2")) {
                san.keys(member, second);
                Awaitility.await(member + " has the new key alone")
                        .atMost(Duration.ofSeconds(20))
                        .until(() -> san.log(member).lines().anyMatch(line -> line.endsWith("key 2 signs")));
            }
            // Longer than a unit may be silent before it is suspect.
            Awaitility.await("heartbeats go on")
                    .during(Duration.ofSeconds(8))
                    .atMost(Duration.ofSeconds(20))
                    .until(() -> unit(san, "unit1").path("state").asText().equals("online")
                            && unit(san, "unit2").path("state").asText().equals("online"));
            assertThat(san.log("gateway")).doesNotContain("its agent is silent");

            // A file with a mistake changes nothing.
            for (String member : List.of("gateway", "unit1")) {
                san.keys(member, second + "3 zz\n");
                awaitLog(san, member, member + ".key:2: write a key as its id");
                assertThat(san.log(member)).contains("nothing was changed");
            }
            assertThat(unit(san, "unit1").path("state").asText()).isEqualTo("online");
            san.keys("unit1", second);

            // The gateway signs with a key that only one unit has.
            san.keys("unit2", second + third);
            awaitLog(san, "unit2", "key 2 signs, key 3 is accepted, too");
            san.keys("gateway", third + second);
            awaitLog(san, "unit1", "is signed with the unknown pool key 3");
            awaitLog(san, "gateway", "its agent signs with pool key 2 and does not seem to know key 3");
            assertThat(unit(san, "unit1").path("detail").asText())
                    .contains("write that into its pool.key as well, then send it SIGHUP");
            assertThat(unit(san, "unit2").path("state").asText()).isEqualTo("online");
            san.keys("unit1", second + third);
            awaitState(san, "unit1", "online");
            assertThat(unit(san, "unit1").path("detail").asText("")).doesNotContain("pool key");

            // A unit signs with a key that the gateway does not have.
            san.keys("unit1", "4 " + "7c".repeat(32) + "\n" + third);
            awaitLog(san, "gateway", "is signed with pool key 4, and the gateway has none of that id");
            assertThat(unit(san, "unit1").path("detail").asText()).contains("sanway config apply, or SIGHUP");
            san.keys("unit1", third);
            awaitState(san, "unit1", "online");
            assertThat(san.sanway(
                                    "config",
                                    "diff",
                                    folder.resolve("gateway.yaml").toString())
                            .output())
                    .doesNotContain("pool's keys");
            Files.writeString(folder.resolve("gateway.key"), third);
            assertThat(san.sanway(
                                    "config",
                                    "diff",
                                    folder.resolve("gateway.yaml").toString())
                            .succeeded())
                    .contains("the pool's keys", "key 3 signs");
            assertThat(san.sanway(
                                    "config",
                                    "apply",
                                    folder.resolve("gateway.yaml").toString())
                            .succeeded())
                    .contains("the pool's keys");
            for (String member : MEMBERS) {
                assertThat(san.log(member)).as("no key is told").doesNotContain("5a5a", "6b6b", "7c7c");
            }
        }
    }
}
