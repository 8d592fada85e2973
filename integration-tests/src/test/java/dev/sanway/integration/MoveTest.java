package dev.sanway.integration;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.time.Duration;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Volumes move from unit to unit while a host writes, and whoever takes part is killed meanwhile: no acknowledged write is lost. */
class MoveTest {
    private static final String INITIATOR = "iqn.2026-11.example:web1";
    private static final String HOSTS = """
            hosts:
              - name: web1
                initiators: ["iqn.2026-11.example:web1"]
                volumes:
                  - {name: db, lun: 0, size: 64MiB, layout: striped, width: 2, chunk: 16KiB}
                  - {name: scratch, lun: 1, size: 1GiB, provisioning: thin}
            """;

    @TempDir
    Path folder;

    private static void awaitWrites(Writer writer, int more) {
        int before = writer.acknowledged();
        Awaitility.await("the host goes on")
                .atMost(Duration.ofSeconds(25))
                .pollInterval(Duration.ofMillis(20))
                .until(() -> writer.acknowledged() >= before + more);
    }

    /** The number of a task, in what the command says. */
    private static String task(String said) {
        Matcher number = Pattern.compile("task wait ([0-9]+)").matcher(said);
        assertThat(number.find()).as(said).isTrue();
        return number.group(1);
    }

    private void awaitProgress(San san, String task) {
        Awaitility.await("task " + task + " is on its way")
                .atMost(Duration.ofSeconds(30))
                .until(() -> san.sanway("task", "show", task).succeeded().matches("(?s).*running +[1-8][0-9] %.*"));
    }

    private String partitionsOf(San san, String volume) {
        return san.sanway("volume", "show", volume).succeeded();
    }

    @Test
    void aVolumeLeavesAUnitWhichIsThenStopped() throws Exception {
        try (San san = new San(folder)) {
            SanwayProcess unit1 = san.unit("unit1", "name: volume1, size: 200MiB");
            san.unit("unit2", "name: volume1, size: 200MiB");
            san.unit("unit3", "name: volume1, size: 200MiB");
            san.gateway(HOSTS);
            try (TestHost host = san.host(INITIATOR, "web1")) {
                Writer writer = new Writer(host, 0, 6 * 20_000, 1);
                try (writer) {
                    awaitWrites(writer, 200);
                    assertThat(san.sanway("volume", "move", "web1/db", "--from", "unit1", "--to", "unit2"))
                            .satisfies(refused -> {
                                assertThat(refused.exitStatus()).isEqualTo(1);
                                assertThat(refused.output()).contains("unit2 has another part of the same stripe");
                            });
                    String said = san.sanway("volume", "move", "web1/db", "--from", "unit1")
                            .succeeded();
                    san.sanway("task", "wait", task(said), "--timeout", "60").succeeded();
                    assertThat(partitionsOf(san, "web1/db")).contains("unit3").contains("unit2");
                    Awaitility.await("nothing is left there")
                            .atMost(Duration.ofSeconds(20))
                            .until(() -> !partitionsOf(san, "web1/db").contains("unit1"));
                    awaitWrites(writer, 200);
                    unit1.kill();
                    awaitWrites(writer, 200);
                }
                assertThat(writer.failed()).as("writes that failed").isZero();
                writer.verify(host.client(0));
                san.gateway().kill();
                san.gateway().restart();
                try (TestHost again = san.host(INITIATOR, "web1")) {
                    writer.verify(again.client(0));
                }
                unit1.restart();
            }
        }
    }

    @Test
    @Tag("slow")
    void aUnitIsDrainedThoughTheGatewayAndTheUnitThatIsMovedToAreKilled() throws Exception {
        try (San san = new San(folder)) {
            SanwayProcess unit1 = san.unit("unit1", "name: volume1, size: 200MiB");
            san.unit("unit2", "name: volume1, size: 200MiB");
            SanwayProcess unit3 = san.unit("unit3", "name: volume1, size: 200MiB");
            san.gateway("  moveBandwidth: 4MiB\n", HOSTS);
            try (TestHost host = san.host(INITIATOR, "web1")) {
                Writer writer = new Writer(host, 0, 6 * 20_000, 2);
                // Slabs on all units, and first writes until the end.
                Writer thin = new Writer(host, 1, 6 * 16_000, 3);
                try (writer;
                        thin) {
                    awaitWrites(writer, 200);
                    Awaitility.await("a slab on unit1")
                            .atMost(Duration.ofSeconds(30))
                            .until(() -> partitionsOf(san, "web1/scratch").contains("unit1"));
                    String task = task(san.sanway("unit", "drain", "unit1").succeeded());
                    awaitProgress(san, task);
                    san.gateway().kill();
                    san.gateway().restart();
                    awaitWrites(writer, 100);
                    awaitWrites(thin, 100);
                    awaitProgress(san, task);
                    unit3.kill();
                    awaitWrites(writer, 100);
                    unit3.restart();
                    san.sanway("task", "wait", task, "--timeout", "100").succeeded();
                    assertThat(san.sanway("unit", "list").succeeded()).contains("drained, nothing lies on it");
                    assertThat(partitionsOf(san, "web1/scratch")).doesNotContain("unit1");
                    unit1.kill();
                    awaitWrites(writer, 200);
                    awaitWrites(thin, 200);
                }
                assertThat(writer.failed() + thin.failed())
                        .as("writes that failed")
                        .isZero();
                writer.verify(host.client(0));
                thin.verify(host.client(1));
                san.gateway().kill();
                san.gateway().restart();
                try (TestHost again = san.host(INITIATOR, "web1")) {
                    writer.verify(again.client(0));
                    thin.verify(again.client(1));
                }
                assertThat(san.sanway("unit", "list").succeeded())
                        .as("outlives a restart")
                        .contains("draining");
                unit1.restart();
                san.sanway("unit", "drain", "unit1", "--cancel").succeeded();
                assertThat(san.sanway("unit", "list").succeeded()).doesNotContain("draining");
            }
        }
    }
}
