package dev.sanway.integration;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * kill -9 under a host that is not ours: QEMU, whose iSCSI is libiscsi with libiscsi's reconnection and QEMU's own handling of
 * unit attentions and busy. What was acknowledged is there, and the host goes on.
 */
@Tag("slow")
class ForeignHostKillTest {
    private static final String HOSTS = """
            hosts:
              - name: web1
                initiators: ["*"]
                volumes:
                  - {name: db, lun: 0, size: 64MiB, layout: striped, width: 2, chunk: 16KiB}
            """;
    private static final long HALF_BYTES = 32 << 20;
    private static final int SLOTS = 256;

    @TempDir
    Path folder;

    private SanwayProcess start(San san) throws Exception {
        SanwayProcess unit = san.unit("unit1", "name: volume1, size: 200MiB");
        san.unit("unit2", "name: volume1, size: 200MiB");
        san.gateway(HOSTS);
        San.awaitReady(san.url("web1", 0));
        return unit;
    }

    private static void awaitWrites(QemuWriter writer, int more) {
        int before = writer.acknowledged();
        Awaitility.await("the host goes on")
                .atMost(Duration.ofSeconds(60))
                .pollInterval(Duration.ofMillis(20))
                .until(() -> writer.acknowledged() >= before + more);
    }

    /** Two qemu-io write, {@code process} is killed and started again, twice. */
    private void killed(San san, SanwayProcess process) throws Exception {
        String url = san.url("web1", 0);
        QemuWriter first = new QemuWriter(url, 0, SLOTS);
        QemuWriter second = new QemuWriter(url, HALF_BYTES, SLOTS);
        try (first;
                second) {
            for (int round = 0; round < 2; round++) {
                awaitWrites(first, 300);
                awaitWrites(second, 300);
                process.kill();
                process.restart();
            }
            awaitWrites(first, 300);
            awaitWrites(second, 300);
        }
        first.verify(url);
        second.verify(url);
        san.gateway().kill();
        san.gateway().restart();
        first.verify(url);
        second.verify(url);
    }

    @Test
    void ofTheGatewayUnderQemu() throws Exception {
        try (San san = new San(folder)) {
            start(san);
            killed(san, san.gateway());
        }
    }

    @Test
    void ofAUnitUnderQemu() throws Exception {
        try (San san = new San(folder)) {
            killed(san, start(san));
        }
    }

    @Test
    void ofTheGatewayAndAUnitWhileQemuConvertsAnImage() throws Exception {
        try (San san = new San(folder)) {
            SanwayProcess unit = start(san);
            String url = san.url("web1", 0);
            Path image = folder.resolve("image");
            byte[] random = new byte[64 << 20];
            new Random(4711).nextBytes(random);
            Files.write(image, random);
            Path disk = folder.resolve("unit1/volume1.img");
            Process convert = new ProcessBuilder(
                            "qemu-img", "convert", "-n", "-r", "8M", "-f", "raw", "-O", "raw", image.toString(), url)
                    .redirectErrorStream(true)
                    .redirectOutput(folder.resolve("convert.log").toFile())
                    .start();
            try {
                awaitAllocated(disk, 4 << 20);
                san.gateway().kill();
                assertThat(convert.isAlive()).as("in the middle of it").isTrue();
                san.gateway().restart();
                awaitAllocated(disk, 16 << 20);
                unit.kill();
                assertThat(convert.isAlive()).as("in the middle of it").isTrue();
                unit.restart();
                assertThat(convert.waitFor(120, TimeUnit.SECONDS)).as("ended").isTrue();
                assertThat(convert.exitValue())
                        .as(Files.readString(folder.resolve("convert.log")))
                        .isZero();
            } finally {
                convert.destroyForcibly().waitFor();
            }
            Command.run(60, "qemu-img", "compare", "-f", "raw", "-F", "raw", image.toString(), url)
                    .succeeded();
        }
    }

    /** Until a unit's file has so many bytes on the disk: the image is on its way. */
    private static void awaitAllocated(Path file, long bytes) {
        Awaitility.await("written to " + file)
                .atMost(Duration.ofSeconds(60))
                .pollInterval(Duration.ofMillis(20))
                .until(() -> allocated(file) >= bytes);
    }

    private static long allocated(Path file) {
        return 1024
                * Long.parseLong(
                        Command.run(10, "du", "-k", file.toString()).succeeded().split("\t", -1)[0]);
    }
}
