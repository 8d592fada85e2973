package dev.sanway.integration;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sanway.scsi.Cdb;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Thin volumes with processes: a pool that is smaller than what was promised of it, and kills in the middle of first writes. */
class ThinTest {
    private static final String HOSTS = """
            hosts:
              - name: web1
                initiators: ["*"]
                volumes:
                  - {name: thin, lun: 0, size: 2GiB, provisioning: thin}
                  - {name: thick, lun: 1, size: 16MiB}
            """;
    private static final int PIECE_MIB = 4;

    @TempDir
    Path folder;

    private static String qemuIo(String url, List<String> commands) {
        List<String> words = new ArrayList<>(List.of("qemu-io", "-f", "raw"));
        for (String command : commands) {
            words.add("-c");
            words.add(command);
        }
        words.add(url);
        return Command.run(120, words).output();
    }

    private static int pattern(int mib) {
        return 1 + mib / PIECE_MIB % 250;
    }

    /** Writes one piece after the other until one is refused: the first MiB that was not acknowledged. */
    private static int fill(String url, int fromMib, int toMib) {
        for (int mib = fromMib; mib < toMib; mib += PIECE_MIB) {
            String said = qemuIo(url, List.of("write -P %d %dM %dM".formatted(pattern(mib), mib, PIECE_MIB)));
            if (!said.contains("wrote 4194304/4194304")) {
                // DATA PROTECT, SPACE ALLOCATION FAILED WRITE PROTECT
                assertThat(said).contains("(7)").contains("(0x2707)");
                return mib;
            }
        }
        return toMib;
    }

    private static void verify(String url, int toMib) {
        List<String> reads = new ArrayList<>();
        for (int mib = 0; mib < toMib; mib += PIECE_MIB) {
            reads.add("read -P %d %dM %dM".formatted(pattern(mib), mib, PIECE_MIB));
        }
        reads.add("read -P 0 1500M 8M");
        String said = qemuIo(url, reads);
        assertThat(said).doesNotContain("failed").doesNotContain("rror");
        assertThat(said.split("read [0-9]+/[0-9]+ bytes", -1)).hasSize(reads.size() + 1);
    }

    private void add(San san, String unit, String volume) throws IOException {
        // It is started before the gateway knows of it.
        String before = Files.readString(folder.resolve("gateway.yaml"));
        san.unit(unit, volume);
        assertThat(before).doesNotContain(unit);
        san.reload(
                "hosts:\n",
                "  - {name: %s, portal: \"127.0.0.1:%d\", target: \"iqn.2026-11.dev.sanway:unit.%s\"}%nhosts:%n"
                        .formatted(unit, san.unitPort(unit), unit));
    }

    @Test
    void aPoolThatIsFullRefusesNewSpaceOnlyAndServesItAgainWhenItGrows() throws Exception {
        try (San san = new San(folder)) {
            san.unit("unit1", "name: volume1, size: 160MiB");
            san.gateway(HOSTS);
            San.awaitReady(san.url("web1", 1));
            try (TestHost host = san.host("iqn.2026-11.example:a", "web1");
                    TestHost watcher = san.host("iqn.2026-11.example:watcher", "web1")) {
                assertThat(watcher.command(0, new byte[6], new byte[0], 0)).isNotNull();
                Writer beside = new Writer(host, 1, 2 * 2048, 1);
                int full;
                try (beside) {
                    full = fill(san.url("web1", 0), 0, 2000);
                    assertThat(full).isBetween(100, 160);
                    // What is there is written and read as before; so is the other volume.
                    assertThat(qemuIo(san.url("web1", 0), List.of("write -P 1 0 4M")))
                            .contains("wrote 4194304/4194304");
                    verify(san.url("web1", 0), full);
                    int before = beside.acknowledged();
                    Awaitility.await().atMost(Duration.ofSeconds(20)).until(() -> beside.acknowledged() > before + 100);
                    for (String level : List.of("90", "95")) {
                        assertThat(san.gateway().log().split("pool: " + level + " % full", -1))
                                .as(level + " % is told once")
                                .hasSizeBetween(1, 2);
                    }
                    assertThat(san.gateway().log()).contains("pool: 95 % full").contains("Add a unit");
                    assertThat(attentions(watcher)).contains("38/07");

                    add(san, "unit2", "name: volume1, size: 400MiB");
                    int started = full;
                    Awaitility.await("space is found")
                            .atMost(Duration.ofSeconds(30))
                            .until(() -> fill(san.url("web1", 0), started, started + PIECE_MIB) > started);
                    assertThat(fill(san.url("web1", 0), full, full + 200)).isEqualTo(full + 200);
                    verify(san.url("web1", 0), full + 200);
                }
                assertThat(beside.failed()).isZero();
                beside.verify(host.client(1));
                Awaitility.await("the pool has room again")
                        .atMost(Duration.ofSeconds(20))
                        .until(() -> san.gateway().log().contains("pool: has room again"));

                // What is given back reads as zeroes, and goes back to the pool.
                assertThat(qemuIo(san.url("web1", 0), List.of("discard 0 300M")))
                        .contains("discard 314572800/314572800");
                assertThat(qemuIo(san.url("web1", 0), List.of("read -P 0 0 300M")))
                        .contains("read 314572800/314572800");
            }
        }
    }

    private static List<String> attentions(TestHost host) {
        List<String> seen = new ArrayList<>();
        while (true) {
            var sense = host.command(0, Cdb.testUnitReady(), new byte[0], 0).sense();
            if (sense == null) {
                return seen;
            }
            seen.add("%02x/%02x".formatted(sense.asc(), sense.ascq()));
        }
    }

    @Test
    void aGatewayKilledInTheMiddleOfFirstWritesKeepsWhatItAcknowledged() throws Exception {
        try (San san = new San(folder)) {
            san.unit("unit1", "name: volume1, size: 256MiB");
            san.unit("unit2", "name: volume1, size: 256MiB");
            san.gateway(HOSTS);
            San.awaitReady(san.url("web1", 0));
            QemuWriter writer = new QemuWriter(san.url("web1", 0), 1 << 20, 3200);
            try (writer) {
                for (int kill = 1; kill <= 4; kill++) {
                    int enough = kill * 500;
                    Awaitility.await("the host goes on")
                            .atMost(Duration.ofSeconds(60))
                            .pollInterval(Duration.ofMillis(5))
                            .until(() -> writer.acknowledged() >= enough);
                    san.gateway().kill();
                    san.gateway().restart();
                }
                Awaitility.await("everything was written")
                        .atMost(Duration.ofSeconds(60))
                        .until(() -> writer.acknowledged() >= 3200);
            }
            writer.verify(san.url("web1", 0));
        }
    }
}
