package dev.sanway.integration;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A unit of ours, as its user runs it, against standard initiators. */
class UnitTest {

    @TempDir
    Path folder;

    private int port;

    private SanwayProcess unit(String more) throws Exception {
        port = Ports.free();
        Path config = folder.resolve("unit.yaml");
        Files.writeString(config, """
                unit:
                  name: unit1
                  portals: ["127.0.0.1:%d"]
                  directory: data
                %s
                """.formatted(port, more));
        return new SanwayProcess(folder.resolve("unit.log"), "unit", "run", "--config", config.toString());
    }

    private String url(int lun) {
        return "iscsi://127.0.0.1:" + port + "/iqn.2026-11.dev.sanway:unit.unit1/" + lun;
    }

    @Test
    @Tag("slow")
    void passesTheConformanceSuite() throws Exception {
        try (SanwayProcess unit = unit("volumes:\n  - {name: volume1, size: 1GiB}")) {
            Conformance.Result result = Conformance.run(url(0));
            assertThat(result.ran()).isEqualTo(615);
            assertThat(result.failed()).as(result.output()).isZero();
            assertThat(result.skipped()).as("skipped checks").isLessThan(205);
        }
    }

    @Test
    void qemuWritesReadsAndComparesAnImage() throws Exception {
        try (SanwayProcess unit =
                unit("volumes:\n  - {name: volume1, size: 64MiB}\n  - {name: volume2, size: 64MiB, blockSize: 4096}")) {
            Path image = folder.resolve("image");
            byte[] random = new byte[64 << 20];
            new java.util.Random(4711).nextBytes(random);
            Files.write(image, random);
            for (int lun = 0; lun < 2; lun++) {
                Command.run(60, "qemu-img", "convert", "-n", "-f", "raw", "-O", "raw", image.toString(), url(lun))
                        .succeeded();
                Command.run(60, "qemu-img", "compare", "-f", "raw", "-F", "raw", image.toString(), url(lun))
                        .succeeded();
            }
        }
    }

    @Test
    void dataAndNumbersSurviveKillAndRestart() throws Exception {
        try (SanwayProcess unit = unit("volumes:\n  - {name: b, size: 16MiB, lun: 1}\n  - {name: a, size: 32MiB}")) {
            Command.run(30, "qemu-io", "-f", "raw", "-c", "write -P 0x5a 1M 1M", url(1))
                    .succeeded();
            unit.kill();
            unit.restart();
            assertThat(Command.run(30, "qemu-io", "-f", "raw", "-c", "read -P 0x5a 1M 1M", url(1))
                            .succeeded())
                    .doesNotContain("verification failed");
            assertThat(Command.run(30, "iscsi-ls", "-s", "iscsi://127.0.0.1:" + port)
                            .succeeded())
                    .contains("Lun:0")
                    .contains("Lun:1");
        }
    }

    @Test
    void accessIsEnforced() throws Exception {
        Files.createDirectories(folder.resolve("secrets"));
        SecretFile.write(folder.resolve("secrets/gw1"), "0123456789abcdef\n");
        String access =
                "  access: {initiators: [\"iqn.2026-11.example:a\"], chap: {user: gw1, secretFile: secrets/gw1}}\n"
                        + "volumes:\n  - {name: volume1, size: 16MiB}";
        try (SanwayProcess unit = unit(access)) {
            String plain = "iscsi://127.0.0.1:" + port + "/iqn.2026-11.dev.sanway:unit.unit1/0";
            String authentic = plain.replace("iscsi://", "iscsi://gw1%0123456789abcdef@");
            String wrong = plain.replace("iscsi://", "iscsi://gw1%0123456789abcdeX@");
            assertThat(inquiry("iqn.2026-11.example:a", authentic).exitStatus()).isZero();
            assertThat(inquiry("iqn.2026-11.example:a", wrong).exitStatus()).isNotZero();
            assertThat(inquiry("iqn.2026-11.example:a", plain).exitStatus()).isNotZero();
            assertThat(inquiry("iqn.2026-11.example:b", authentic).exitStatus()).isNotZero();
            assertThat(Command.run(10, "iscsi-ls", "-i", "iqn.2026-11.example:b", "iscsi://127.0.0.1:" + port)
                            .output())
                    .doesNotContain("Target:");
            assertThat(Command.run(10, "iscsi-ls", "-i", "iqn.2026-11.example:a", "iscsi://127.0.0.1:" + port)
                            .output())
                    .contains("Target:iqn.2026-11.dev.sanway:unit.unit1");
            assertThat(unit.log())
                    .contains("CHAP_R does not fit the secret")
                    .contains("must prove itself by CHAP")
                    .contains("not among those entitled")
                    .doesNotContain("0123456789abcdef");
        }
    }

    private static Command inquiry(String initiator, String url) {
        return Command.run(10, "iscsi-inq", "-i", initiator, url);
    }
}
