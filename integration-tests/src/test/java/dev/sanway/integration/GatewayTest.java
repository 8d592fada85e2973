package dev.sanway.integration;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Volumes of a gateway, as its user runs it, against standard initiators. */
class GatewayTest {
    private static final String ANYBODY = "hosts:\n  - name: web1\n    initiators: [\"*\"]\n    volumes:\n";

    /** Checks that Debian's tgtd skips; we skip clearly fewer. */
    private static final int SKIPPED_BY_TGTD = 205;

    @TempDir
    Path folder;

    private static void conforms(String url) {
        San.awaitReady(url);
        Conformance.Result result = Conformance.run(url);
        assertThat(result.ran()).isEqualTo(615);
        assertThat(result.failed()).as(result.output()).isZero();
        assertThat(result.skipped()).as("skipped checks").isLessThan(SKIPPED_BY_TGTD);
    }

    private static String qemuIo(String url, String... commands) {
        java.util.List<String> words = new java.util.ArrayList<>(java.util.List.of("qemu-io", "-f", "raw"));
        for (String command : commands) {
            words.add("-c");
            words.add(command);
        }
        words.add(url);
        String output = Command.run(120, words).succeeded();
        assertThat(output).doesNotContain("verification failed").doesNotContain("rror");
        return output;
    }

    @Test
    @Tag("slow")
    void aLinearVolumeOverTwoUnitsPassesTheConformanceSuite() throws Exception {
        try (San san = new San(folder)) {
            san.unit("unit1", "name: volume1, size: 512MiB");
            san.unit("unit2", "name: volume1, size: 512MiB");
            san.gateway(ANYBODY + "      - {name: data, lun: 0, size: 768MiB}\n");
            conforms(san.url("web1", 0));
        }
    }

    @Test
    @Tag("slow")
    void aStripedVolumeOverTwoForeignUnitsPassesTheConformanceSuite() throws Exception {
        try (San san = new San(folder)) {
            san.tgtd("tgt1", 512 << 20);
            san.tgtd("tgt2", 512 << 20);
            san.gateway(
                    ANYBODY + "      - {name: data, lun: 0, size: 512MiB, layout: striped, width: 2, chunk: 64KiB}\n");
            conforms(san.url("web1", 0));
        }
    }

    /** Its slabs are small, so that the suite's writes cross from one to the next; one unit is ours, the other is not. */
    @Test
    @Tag("slow")
    void aThinVolumePassesTheConformanceSuite() throws Exception {
        try (San san = new San(folder)) {
            san.unit("unit1", "name: volume1, size: 512MiB");
            san.tgtd("tgt1", 512 << 20);
            san.gateway(ANYBODY + "      - {name: data, lun: 0, size: 768MiB, provisioning: thin}\n");
            conforms(san.url("web1", 0));
        }
    }

    @Test
    void imagesAndPatternsComeBackFromEveryLayout() throws Exception {
        try (San san = new San(folder)) {
            for (int i = 1; i <= 3; i++) {
                san.unit("unit" + i, "name: volume1, size: 192MiB");
            }
            san.gateway(ANYBODY + """
                          - {name: linear, lun: 0, size: 48MiB}
                          - {name: two, lun: 1, size: 48MiB, layout: striped, width: 2, chunk: 16KiB}
                          - {name: three, lun: 2, size: 48MiB, layout: striped, width: 3, chunk: 256KiB}
                          - {name: large, lun: 3, size: 48MiB, layout: striped, width: 2, chunk: 4KiB, blockSize: 4096}
                    """.replace("              -", "      -"));
            Path image = folder.resolve("image");
            byte[] random = new byte[48 << 20];
            new Random(4711).nextBytes(random);
            Files.write(image, random);
            for (int lun = 0; lun < 4; lun++) {
                String url = san.url("web1", lun);
                San.awaitReady(url);
                Command.run(60, "qemu-img", "convert", "-n", "-f", "raw", "-O", "raw", image.toString(), url)
                        .succeeded();
                Command.run(60, "qemu-img", "compare", "-f", "raw", "-F", "raw", image.toString(), url)
                        .succeeded();
                qemuIo(
                        url,
                        "write -P 0x11 0 3M",
                        "write -P 0x22 1020k 72k",
                        "write -f -P 0x33 47M 1M",
                        "write -z 20M 1M",
                        "flush",
                        "read -P 0x11 0 1020k",
                        "read -P 0x22 1020k 72k",
                        "read -P 0x11 1092k 1980k",
                        "read -P 0x33 47M 1M",
                        "read -P 0 20M 1M");
            }
        }
    }

    @Test
    void aVolumeLargerThanTwoTebibytesWorksAtItsFarEnd() throws Exception {
        try (San san = new San(folder)) {
            san.unit("unit1", "name: volume1, size: 1536GiB");
            san.unit("unit2", "name: volume1, size: 1536GiB");
            san.gateway(ANYBODY + "      - {name: linear, lun: 0, size: 2600GiB}\n"
                    + "      - {name: striped, lun: 1, size: 300GiB, layout: striped, width: 2}\n");
            // Wiped before it is assigned, and quickly: a unit of ours guarantees that what was given back reads as
            // zeroes.
            San.awaitReady(san.url("web1", 0));
            San.awaitReady(san.url("web1", 1));
            for (String at : new String[] {"0", "1535G", "2200G", "2599G"}) {
                qemuIo(san.url("web1", 0), "write -P 0x77 " + at + " 2M", "flush", "read -P 0x77 " + at + " 2M");
            }
            qemuIo(san.url("web1", 0), "read -P 0 2300G 1M", "read -P 0x77 2599G 2M");
            qemuIo(san.url("web1", 1), "write -P 0x78 299G 1M", "read -P 0x78 299G 1M");
        }
    }
}
