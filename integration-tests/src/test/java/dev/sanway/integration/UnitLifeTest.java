package dev.sanway.integration;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A unit in the pool: in maintenance, a spare, removed. */
@Tag("slow")
class UnitLifeTest {
    private static final String HOSTS = """
            hosts:
              - name: web1
                initiators: ["*"]
                volumes:
                  - {name: data, lun: 0, size: 100MiB}
            """;
    private static final String DISK = """
            volumes:
              - {name: disk, size: 500MiB}
            """;

    /** Kills in the middle of a removal: {@code -Dsanway.removalRounds=}. */
    private static final int ROUNDS = Integer.getInteger("sanway.removalRounds", 1);

    @TempDir
    Path folder;

    /** Empty: it is not known, or not yet. */
    private static String state(AgentSan san, String unit) {
        for (JsonNode each : san.show("unit", "list")) {
            if (each.path("name").asText().equals(unit)) {
                return each.path("state").asText();
            }
        }
        return "";
    }

    private static void awaitState(AgentSan san, String unit, String state) {
        Awaitility.await(unit + " " + state)
                .atMost(Duration.ofSeconds(60))
                .pollInterval(Duration.ofMillis(300))
                .until(() -> state(san, unit).equals(state));
    }

    private static List<String> units(AgentSan san, String volume) {
        return StreamSupport.stream(
                        san.show("volume", "show", volume).path("partitions").spliterator(), false)
                .map(partition -> partition.path("unit").asText())
                .distinct()
                .toList();
    }

    private static List<String> warnings(AgentSan san, String subject) {
        List<String> found = new ArrayList<>();
        for (JsonNode event : san.show("event", "list")) {
            if (event.path("severity").asText().equals("warning")
                    && event.path("subject").asText().startsWith(subject)) {
                found.add(event.path("text").asText());
            }
        }
        return found;
    }

    private static Command qemu(AgentSan san, int lun, String command) {
        return Command.run(60, "qemu-io", "-f", "raw", "-c", command, san.url("web1", lun));
    }

    /** Ends it after so many seconds. */
    private static Command qemuFor(int seconds, AgentSan san, int lun, String command) {
        return Command.run(60, "timeout", "" + seconds, "qemu-io", "-f", "raw", "-c", command, san.url("web1", lun));
    }

    @Test
    void aUnitInMaintenanceIsGivenNothingNewAndGoesAndComesBackWithoutAlarm() throws Exception {
        try (AgentSan san = new AgentSan(folder)) {
            SanwayProcess unit1 = san.unit("unit1", "2GiB", DISK);
            san.gateway("automatic", "unitTimeout: 2s", HOSTS);
            san.awaitReady("web1/data");
            assertThat(qemu(san, 0, "write -P 5 0 1M").succeeded()).contains("wrote");
            san.unit("unit2", "2GiB", DISK);
            awaitState(san, "unit2", "online");
            assertThat(san.sanway("unit", "maintenance", "unit1").succeeded())
                    .contains("hosts cannot use web1/data")
                    .contains("nothing new is placed there");
            awaitState(san, "unit1", "maintenance");
            assertThat(san.sanway("unit", "drain", "unit1").output())
                    .contains("unit1 is in maintenance", "sanway unit maintenance unit1 --off");
            san.show("unit", "drain", "unit2");
            assertThat(san.sanway("unit", "maintenance", "unit2").output())
                    .contains("unit2 is being drained", "sanway unit drain unit2 --cancel");
            assertThat(state(san, "unit2")).isEqualTo("draining");
            san.sanway("unit", "drain", "unit2", "--cancel").succeeded();
            assertThat(state(san, "unit1")).isEqualTo("maintenance");

            san.sanway("volume", "create", "web1/more", "--size", "100MiB").succeeded();
            san.awaitReady("web1/more");
            assertThat(units(san, "web1/more")).containsExactly("unit2");
            assertThat(san.sanway("volume", "create", "web1/huge", "--size", "3GiB"))
                    .satisfies(refused -> assertThat(refused.exitStatus()).isEqualTo(1))
                    .satisfies(refused -> assertThat(refused.output()).contains("unit1 is in maintenance"));

            List<String> before = warnings(san, "unit unit1");
            unit1.kill();
            Awaitility.await("the agent is missed")
                    .atMost(Duration.ofSeconds(40))
                    .until(() -> san.show("unit", "show", "unit1")
                            .path("agent")
                            .path("status")
                            .asText()
                            .equals("offline"));
            assertThat(state(san, "unit1")).isEqualTo("maintenance");
            assertThat(san.show("volume", "show", "web1/data").path("detail").asText())
                    .contains("in maintenance");
            // It comes back, so hosts are told to ask again, which QEMU does for minutes.
            assertThat(qemuFor(20, san, 0, "read 0 4k").output()).contains("BUSY");
            assertThat(qemu(san, 1, "read 0 4k").succeeded()).contains("read 4096");
            SanwayProcess gateway = san.process("gateway");
            gateway.kill();
            gateway.restart();
            assertThat(state(san, "unit1")).isEqualTo("maintenance");
            unit1.restart();
            Awaitility.await("it is back")
                    .atMost(Duration.ofSeconds(60))
                    .until(() -> qemuFor(20, san, 0, "read -P 5 0 1M").exitStatus() == 0);
            assertThat(warnings(san, "unit unit1")).isEqualTo(before);
            assertThat(state(san, "unit1")).isEqualTo("maintenance");

            san.sanway("unit", "maintenance", "unit1", "--off").succeeded();
            awaitState(san, "unit1", "online");
            assertThat(san.sanway("unit", "maintenance", "unit7").output()).contains("there is no unit unit7");
        }
    }

    @Test
    void aSpareIsGivenNothingButWhatHasToLeaveAnotherUnit() throws Exception {
        try (AgentSan san = new AgentSan(folder)) {
            san.spare("unit1", "2GiB", "");
            san.gateway("automatic", "", HOSTS);
            awaitState(san, "unit1", "online");
            JsonNode spare = san.show("unit", "show", "unit1");
            assertThat(spare.path("spare").asBoolean()).isTrue();
            assertThat(san.sanway("unit", "list").output()).contains("agent, spare");
            assertThat(san.sanway("volume", "create", "web1/more", "--size", "100MiB")
                            .output())
                    .contains("unit1 is a spare");
            assertThat(san.show("volume", "show", "web1/data").path("partitions"))
                    .isEmpty();
            san.unit("unit2", "2GiB", DISK);
            san.awaitReady("web1/data");
            assertThat(units(san, "web1/data")).containsExactly("unit2");
            assertThat(qemu(san, 0, "write -P 7 0 1M").succeeded()).contains("wrote");
            san.sanway("volume", "create", "web1/thin", "--size", "1GiB", "--thin")
                    .succeeded();
            san.awaitReady("web1/thin");
            assertThat(qemu(san, 1, "write -P 8 100M 20M").succeeded()).contains("wrote");
            assertThat(units(san, "web1/thin")).containsExactly("unit2");

            // It has no volume at first, and makes one for what comes.
            String task = san.show("unit", "drain", "unit2").path("id").asText();
            san.sanway("task", "wait", task).succeeded();
            assertThat(units(san, "web1/data")).containsExactly("unit1");
            assertThat(units(san, "web1/thin")).containsExactly("unit1");
            assertThat(qemu(san, 0, "read -P 7 0 1M").succeeded()).contains("read 1048576");
            san.sanway("unit", "remove", "unit2").succeeded();
            san.process("unit2").kill();
            assertThat(qemu(san, 0, "read -P 7 0 1M").succeeded()).contains("read 1048576");
            assertThat(qemu(san, 1, "read -P 8 100M 20M").succeeded()).contains("read 20971520");
            assertThat(qemu(san, 1, "read -P 0 120M 8M").succeeded()).contains("read 8388608");
            SanwayProcess gateway = san.process("gateway");
            gateway.kill();
            gateway.restart();
            san.awaitReady("web1/thin");
            assertThat(qemu(san, 1, "read -P 8 100M 20M").succeeded()).contains("read 20971520");
        }
    }

    private boolean blank(Path file) throws Exception {
        try (RandomAccessFile image = new RandomAccessFile(file.toFile(), "r")) {
            for (long at : new long[] {0, image.length() - (1 << 20)}) {
                byte[] end = new byte[1 << 20];
                image.seek(at);
                image.readFully(end);
                if (!Arrays.equals(end, new byte[1 << 20])) {
                    return false;
                }
            }
            return true;
        }
    }

    private long files(String unit, String where) throws Exception {
        try (Stream<Path> files = Files.list(folder.resolve(unit).resolve(where))) {
            return files.count();
        }
    }

    @Test
    void aUnitIsRemovedOnceNothingLiesOnItAndComesBackByAWordOnly() throws Exception {
        try (AgentSan san = new AgentSan(folder)) {
            san.unit("unit1", "2GiB", DISK);
            san.gateway("automatic", "", HOSTS);
            san.awaitReady("web1/data");
            san.sanway("volume", "create", "web1/big", "--size", "900MiB").succeeded();
            san.awaitReady("web1/big");
            assertThat(blank(folder.resolve("unit1/disk.img"))).isFalse();
            assertThat(san.sanway("unit", "remove", "unit1"))
                    .satisfies(refused -> assertThat(refused.exitStatus()).isEqualTo(1))
                    .satisfies(refused -> assertThat(refused.output())
                            .contains("holds web1/big, web1/data", "unit drain unit1", "volume delete"));
            san.sanway("volume", "delete", "web1/big", "--yes").succeeded();
            Files.writeString(
                    folder.resolve("gateway.yaml"),
                    Files.readString(folder.resolve("gateway.yaml"))
                            .replaceFirst("(?m)^ +volumes:\\n +- \\{name: data.*$", ""));
            san.sanway("config", "apply", folder.resolve("gateway.yaml").toString())
                    .succeeded();
            san.sanway("volume", "delete", "web1/data", "--yes", "--wipe").succeeded();
            Awaitility.await("one left")
                    .atMost(Duration.ofSeconds(30))
                    .untilAsserted(() -> assertThat(
                                    san.sanway("unit", "remove", "unit1").output())
                            .contains("web1/big (deleted; it goes for good with: sanway volume delete web1/big --wipe)")
                            .doesNotContain("web1/data"));
            san.sanway("volume", "delete", "web1/big", "--yes", "--wipe").succeeded();
            Awaitility.await("removed")
                    .atMost(Duration.ofSeconds(30))
                    .until(() -> san.sanway("unit", "remove", "unit1").exitStatus() == 0);
            awaitState(san, "unit1", "pending");
            assertThat(san.show("unit", "show", "unit1").path("detail").asText())
                    .contains("removed from the pool");
            assertThat(blank(folder.resolve("unit1/disk.img"))).isTrue();
            assertThat(files("unit1", "requested")).isZero();
            assertThat(files("unit1", "trash")).isPositive();
            assertThat(san.show("pool", "show").path("sizeBytes").asLong()).isZero();
            assertThat(san.log("unit1")).contains("logged out");

            // Neither the unit's nor the gateway's next start takes it in again, though adoption is automatic.
            san.process("unit1").kill();
            san.process("unit1").restart();
            san.process("gateway").kill();
            san.process("gateway").restart();
            Awaitility.await("heard")
                    .atMost(Duration.ofSeconds(30))
                    .until(() -> san.show("unit", "show", "unit1")
                            .path("agent")
                            .path("status")
                            .asText()
                            .equals("online"));
            assertThat(state(san, "unit1")).isEqualTo("pending");
            san.sanway("unit", "adopt", "unit1").succeeded();
            san.sanway("volume", "create", "web1/new", "--size", "100MiB").succeeded();
            san.awaitReady("web1/new");
        }
    }

    @Test
    void aUnitOfTheYamlIsMaintainedByCommandAndRemovedInTheFile() throws Exception {
        try (San san = new San(folder)) {
            san.unit("unit1", "name: volume1, size: 500MiB");
            san.unit("unit2", "name: volume1, size: 500MiB");
            san.gateway("");
            Awaitility.await("both in the pool")
                    .atMost(Duration.ofSeconds(30))
                    .until(() -> yaml(san, "pool", "show").path("units").size() == 2);
            san.sanway("unit", "maintenance", "unit1").succeeded();
            assertThat(yaml(san, "unit", "show", "unit1").path("state").asText())
                    .isEqualTo("maintenance");
            assertThat(san.sanway("unit", "remove", "unit1"))
                    .satisfies(refused -> assertThat(refused.exitStatus()).isEqualTo(1))
                    .satisfies(refused -> assertThat(refused.output())
                            .containsPattern("unit unit1 is declared at .*gateway.yaml:\\d+; take it out there"));
            String before = Files.readString(folder.resolve("gateway.yaml"));
            Files.writeString(folder.resolve("without.yaml"), before.replaceFirst("(?m)^  - \\{name: unit1.*\\R", ""));
            san.sanway("config", "apply", folder.resolve("without.yaml").toString())
                    .succeeded();
            Awaitility.await("its LUN is not the pool's any more")
                    .atMost(Duration.ofSeconds(20))
                    .until(() -> yaml(san, "pool", "show").path("units").size() == 1);
            // Declared again it is what it was, but for what was said of it.
            Files.writeString(folder.resolve("with.yaml"), before);
            san.sanway("config", "apply", folder.resolve("with.yaml").toString())
                    .succeeded();
            Awaitility.await("it is back")
                    .atMost(Duration.ofSeconds(30))
                    .until(() -> yaml(san, "pool", "show").path("units").size() == 2
                            && yaml(san, "unit", "show", "unit1")
                                    .path("state")
                                    .asText()
                                    .equals("online"));
        }
    }

    private static JsonNode yaml(San san, String... arguments) throws IOException {
        List<String> words = new ArrayList<>(List.of(arguments));
        words.addAll(List.of("-o", "json"));
        return new ObjectMapper()
                .readTree(san.sanway(words.toArray(new String[0])).succeeded());
    }

    @Test
    void aUnitThatIsGoneIsRemovedByForceAndForgotten() throws Exception {
        try (AgentSan san = new AgentSan(folder)) {
            san.unit("unit1", "2GiB", DISK);
            san.gateway("automatic", "", "");
            awaitState(san, "unit1", "online");
            san.process("unit1").kill();
            Awaitility.await("away")
                    .atMost(Duration.ofSeconds(40))
                    .until(() -> san.sanway("unit", "remove", "unit1").output().contains("unit remove unit1 --force"));
            san.sanway("unit", "remove", "unit1", "--force").succeeded();
            awaitState(san, "unit1", "pending");
            assertThat(san.show("pool", "show").path("sizeBytes").asLong()).isZero();
            Awaitility.await("forgotten once it is silent for long")
                    .atMost(Duration.ofSeconds(40))
                    .until(() -> san.sanway("unit", "remove", "unit1").exitStatus() == 0);
            assertThat(san.show("unit", "list")).isEmpty();
            // It still bears this pool's label, and is taken in as it is.
            san.process("unit1").restart();
            awaitState(san, "unit1", "online");
            Awaitility.await("in the pool")
                    .atMost(Duration.ofSeconds(30))
                    .until(() -> san.show("pool", "show").path("sizeBytes").asLong() > 0);
        }
    }

    @Test
    void aGatewayThatIsKilledWhileItRemovesAUnitGoesOnWithIt() throws Exception {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        try (AgentSan san = new AgentSan(folder)) {
            san.unit("unit1", "3GiB", DISK);
            SanwayProcess gateway = san.gateway("automatic", "", "hosts: [{name: web1, initiators: [\"*\"]}]\n");
            for (int round = 1; round <= ROUNDS; round++) {
                String which = "round " + round + " of seed " + seed;
                if (round > 1) {
                    san.sanway("unit", "adopt", "unit1").succeeded();
                }
                awaitState(san, "unit1", "online");
                san.sanway("volume", "create", "web1/v", "--size", "600MiB").succeeded();
                san.awaitReady("web1/v");
                san.sanway("volume", "delete", "web1/v", "--yes", "--wipe").succeeded();
                Awaitility.await(which)
                        .atMost(Duration.ofSeconds(30))
                        .until(() -> san.show("partition", "list").findValuesAsText("state").stream()
                                .allMatch("free"::equals));
                san.killGatewayDuring("is being removed from the pool", random.nextInt(60), "unit", "remove", "unit1");
                gateway.restart();
                Awaitility.await(which + ": removed, or never begun")
                        .atMost(Duration.ofSeconds(60))
                        .pollInterval(Duration.ofMillis(300))
                        .until(() -> List.of("pending", "online").contains(state(san, "unit1")));
                if (!state(san, "unit1").equals("pending")) {
                    san.sanway("unit", "remove", "unit1").succeeded();
                }
                awaitState(san, "unit1", "pending");
                assertThat(blank(folder.resolve("unit1/disk.img"))).as(which).isTrue();
                assertThat(files("unit1", "requested")).as(which).isZero();
                assertThat(san.show("pool", "show").path("sizeBytes").asLong())
                        .as(which)
                        .isZero();
            }
        }
    }
}
