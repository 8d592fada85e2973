package dev.sanway.integration;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sanway.initiator.RawCommands.Answer;
import dev.sanway.scsi.CapacityData;
import dev.sanway.scsi.Cdb;
import dev.sanway.scsi.SenseData;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A running gateway that is made another one: by SIGHUP, by config apply, and killed in the middle of it. */
class ReloadTest {
    private static final byte[] TEST_UNIT_READY = new byte[6];
    private static final String HOSTS = """
            hosts:
              - name: web1
                initiators: ["iqn.2026-11.example:a", "iqn.2026-11.example:b"]
                volumes:
                  - {name: data, lun: 0, size: 64MiB}
                  - {name: db, lun: 1, size: 64MiB, layout: striped, width: 2, chunk: 64KiB}
            """;

    @TempDir
    Path folder;

    private Path yaml() {
        return folder.resolve("gateway.yaml");
    }

    private San san() throws Exception {
        San san = new San(folder);
        for (int i = 1; i <= 3; i++) {
            san.unit("unit" + i, "name: volume1, size: 1GiB");
        }
        san.gateway(HOSTS);
        return san;
    }

    private void rewrite(String from, String to) throws IOException {
        String before = Files.readString(yaml());
        assertThat(before).contains(from);
        Files.writeString(yaml(), before.replace(from, to));
    }

    private static void hangUp(San san) {
        Command.run(5, "kill", "-HUP", Long.toString(san.gateway().pid())).succeeded();
    }

    private static void awaitLog(San san, String text) {
        Awaitility.await(text)
                .atMost(Duration.ofSeconds(30))
                .pollInterval(Duration.ofMillis(50))
                .until(() -> san.gateway().log().contains(text));
    }

    private static long capacityMib(TestHost host, int lun) {
        List<String> attentions = new ArrayList<>();
        Answer answer = answered(host, lun, Cdb.readCapacity16(32), 32, attentions);
        CapacityData data = Objects.requireNonNull(CapacityData.parse16(answer.dataIn()));
        return ((data.lastLba() + 1) * data.blockSizeBytes()) >> 20;
    }

    /** The first answer that is no unit attention; those are gathered. */
    private static Answer answered(TestHost host, int lun, byte[] cdb, int dataIn, List<String> attentions) {
        while (true) {
            Answer answer = host.command(lun, cdb, new byte[0], dataIn);
            SenseData sense = answer.sense();
            if (sense == null) {
                return answer;
            }
            attentions.add("%02x/%02x".formatted(sense.asc(), sense.ascq()));
        }
    }

    private static void awaitCapacity(TestHost host, int lun, long mib) {
        Awaitility.await(mib + " MiB")
                .atMost(Duration.ofSeconds(60))
                .pollInterval(Duration.ofMillis(50))
                .until(() -> capacityMib(host, lun) == mib);
    }

    private static void awaitWrites(Writer writer, int more) {
        int before = writer.acknowledged();
        Awaitility.await("the host goes on")
                .atMost(Duration.ofSeconds(25))
                .pollInterval(Duration.ofMillis(20))
                .until(() -> writer.acknowledged() >= before + more);
    }

    @Test
    void volumesGrowAndComeWhileHostsWriteAndAreTold() throws Exception {
        try (San san = san();
                TestHost host = san.host("iqn.2026-11.example:a", "web1");
                TestHost watcher = san.host("iqn.2026-11.example:b", "web1")) {
            Writer linear = new Writer(host, 0, 6 * 2048, 1);
            Writer striped = new Writer(host, 1, 6 * 2048, 2);
            try (linear;
                    striped) {
                awaitWrites(linear, 100);
                answered(watcher, 0, TEST_UNIT_READY, 0, new ArrayList<>());
                rewrite("data, lun: 0, size: 64MiB", "data, lun: 0, size: 300MiB");
                rewrite("db, lun: 1, size: 64MiB", "db, lun: 1, size: 300MiB");
                Files.writeString(yaml(), Files.readString(yaml()) + "      - {name: more, lun: 5, size: 16MiB}\n");
                hangUp(san);
                awaitCapacity(host, 0, 300);
                awaitCapacity(host, 1, 300);
                List<String> attentions = new ArrayList<>();
                answered(watcher, 0, TEST_UNIT_READY, 0, attentions);
                assertThat(attentions).containsExactlyInAnyOrder("2a/09", "3f/0e");
                awaitWrites(linear, 200);
                awaitWrites(striped, 200);
                rewrite("      - {name: more, lun: 5, size: 16MiB}\n", "");
                hangUp(san);
                awaitLog(san, "no longer LUN 5 of host web1");
                attentions.clear();
                answered(watcher, 0, TEST_UNIT_READY, 0, attentions);
                assertThat(attentions).containsExactly("3f/0e");
            }
            assertThat(linear.failed() + striped.failed())
                    .as("writes that failed")
                    .isZero();
            assertThat(san.gateway().log()).doesNotContain("session ends");
            linear.verify(host.client(0));
            striped.verify(host.client(1));
            byte[] end = new byte[1 << 20];
            java.util.Arrays.fill(end, (byte) 7);
            for (int lun = 0; lun < 2; lun++) {
                host.client(lun).writeThrough(299L * 2048, end);
                assertThat(host.client(lun).read(299L * 2048, 2048)).isEqualTo(end);
                assertThat(host.client(lun).read(200L * 2048, 2048)).isEqualTo(new byte[1 << 20]);
            }
        }
    }

    @Test
    void aGatewayKilledInTheMiddleOfGrowingFinishesIt() throws Exception {
        try (San san = san();
                TestHost host = san.host("iqn.2026-11.example:a", "web1")) {
            Writer writer = new Writer(host, 1, 6 * 2048, 3);
            try (writer) {
                int size = 64;
                for (int round = 0; round < 3; round++) {
                    awaitWrites(writer, 100);
                    rewrite("db, lun: 1, size: " + size + "MiB", "db, lun: 1, size: " + (size + 100) + "MiB");
                    size += 100;
                    hangUp(san);
                    if (round > 0) {
                        awaitLog(san, "grows from");
                    }
                    san.gateway().kill();
                    san.gateway().restart();
                    awaitCapacity(host, 1, size);
                }
                awaitWrites(writer, 100);
            }
            assertThat(writer.failed()).as("writes that failed").isZero();
            writer.verify(host.client(1));
        }
    }

    @Test
    void whatCannotBeAdoptedChangesNothing() throws Exception {
        try (San san = san();
                TestHost host = san.host("iqn.2026-11.example:a", "web1")) {
            host.lun(0);
            String good = Files.readString(yaml());
            Files.writeString(yaml(), good + "nonsense: [\n");
            hangUp(san);
            awaitLog(san, "not read again, nothing was changed");
            Path other = folder.resolve("other.yaml");
            Files.writeString(other, good.replace("lun: 0, size: 64MiB", "lun: 0, size: 32MiB"));
            String server = "https://127.0.0.1:" + san.management;
            Path token = folder.resolve("gateway/api.token");
            List<String> words = List.of(
                    SanwayProcess.ROOT.resolve("scripts/sanway").toString(),
                    "config",
                    "apply",
                    other.toString(),
                    "--server",
                    server,
                    "--token-file",
                    token.toString());
            Command refused = Command.run(30, words);
            assertThat(refused.exitStatus()).isEqualTo(1);
            assertThat(refused.output()).contains("other.yaml:").contains("volume web1/data size: 32 MiB is less");
            assertThat(Files.readString(yaml())).endsWith("nonsense: [\n");
            Files.writeString(other, good.replace("lun: 0, size: 64MiB", "lun: 3, size: 64MiB"));
            Command asked = Command.run(30, words);
            assertThat(asked.exitStatus()).isEqualTo(1);
            assertThat(asked.output())
                    .contains("host web1 is logged in (1 session) and would lose LUN 0, volume web1/data")
                    .contains("--force");
            assertThat(Files.readString(yaml())).endsWith("nonsense: [\n");
            List<String> forced = new ArrayList<>(words);
            forced.add("--force");
            assertThat(Command.run(30, forced).succeeded())
                    .contains("LUN 3 instead of 0")
                    .contains("sanway config show --revision 1");
            List<String> shown = new ArrayList<>(words);
            shown.set(2, "show");
            shown.set(3, "--revision=1");
            assertThat(Command.run(30, shown).succeeded()).contains("lun: 0, size: 64MiB");
            assertThat(Files.readString(yaml())).isEqualTo(Files.readString(other));
            assertThat(host.client(3).read(0, 8)).isEqualTo(new byte[4096]);
        }
    }
}
