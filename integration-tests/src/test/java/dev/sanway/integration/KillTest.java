package dev.sanway.integration;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.time.Duration;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * kill -9 in the middle of writes: no acknowledged write is lost, a host that reconnects within its replacement time goes on,
 * and volumes on other units do not notice.
 */
@Tag("slow")
class KillTest {
    private static final String HOSTS = """
            hosts:
              - name: web1
                initiators: ["iqn.2026-11.example:web1"]
                volumes:
                  - {name: db, lun: 0, size: 64MiB, layout: striped, width: 2, chunk: 16KiB}
              - name: web2
                initiators: ["iqn.2026-11.example:web2"]
                volumes:
                  - {name: other, lun: 0, size: 1GiB, blockSize: 4096}
            """;

    @TempDir
    Path folder;

    /** The striped volume fits on unit1 and unit2 alone: unit3 has larger blocks, and is the only one that holds the other. */
    private San san(San san) throws Exception {
        san.unit("unit2", "name: volume1, size: 200MiB");
        san.unit("unit3", "name: volume1, size: 2GiB, blockSize: 4096");
        san.gateway(HOSTS);
        return san;
    }

    private static void awaitWrites(Writer writer, int more) {
        int before = writer.acknowledged();
        Awaitility.await("the host goes on")
                .atMost(Duration.ofSeconds(25))
                .pollInterval(Duration.ofMillis(20))
                .until(() -> writer.acknowledged() >= before + more);
    }

    @Test
    void ofTheGateway() throws Exception {
        try (San san = new San(folder)) {
            san.unit("unit1", "name: volume1, size: 200MiB");
            san(san);
            try (TestHost host = san.host("iqn.2026-11.example:web1", "web1")) {
                Writer writer = new Writer(host, 0, 6 * 2048, 1);
                try (writer) {
                    for (int round = 0; round < 2; round++) {
                        awaitWrites(writer, 200);
                        san.gateway().kill();
                        san.gateway().restart();
                    }
                    awaitWrites(writer, 200);
                }
                assertThat(writer.failed()).as("writes that failed").isZero();
                writer.verify(host.client(0));
                san.gateway().kill();
                san.gateway().restart();
                try (TestHost again = san.host("iqn.2026-11.example:web1", "web1")) {
                    writer.verify(again.client(0));
                }
            }
        }
    }

    @Test
    void ofAUnit() throws Exception {
        try (San san = new San(folder)) {
            SanwayProcess unit = san.unit("unit1", "name: volume1, size: 200MiB");
            san(san);
            try (TestHost host = san.host("iqn.2026-11.example:web1", "web1");
                    TestHost other = san.host("iqn.2026-11.example:web2", "web2")) {
                Writer writer = new Writer(host, 0, 6 * 2048, 2);
                Writer beside = new Writer(other, 0, 6 * 2048, 3);
                try (writer;
                        beside) {
                    for (int round = 0; round < 2; round++) {
                        awaitWrites(writer, 200);
                        unit.kill();
                        awaitWrites(beside, 200);
                        unit.restart();
                    }
                    awaitWrites(writer, 200);
                }
                assertThat(writer.failed()).as("writes that failed").isZero();
                assertThat(beside.failed())
                        .as("writes to the other unit that failed")
                        .isZero();
                assertThat(beside.slowest()).isLessThan(Duration.ofSeconds(5));
                writer.verify(host.client(0));
                beside.verify(other.client(0));
            }
        }
    }
}
