package dev.sanway.control;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sanway.metadata.Catalog;
import dev.sanway.metadata.ConfigRevision;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Clock;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ConfigHistoryTest {

    @TempDir
    Path folder;

    private static String text(int number) {
        return ("# configuration " + number + "\n").repeat(2000);
    }

    @Test
    void revisionsCountUpAndTheLatestAreKept() throws Exception {
        Path file = folder.resolve("gateway.yaml");
        Files.writeString(file, text(0));
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r-----"));
        try (Catalog catalog = Catalog.open(folder.resolve("state"))) {
            ConfigHistory history = new ConfigHistory(catalog, file, Clock.systemUTC());
            history.record(text(0), "start");
            assertThat(history.record(text(0), "start").revision()).isEqualTo(1);
            for (int i = 1; i <= 30; i++) {
                assertThat(history.adopt(text(i)).revision()).isEqualTo(i + 1);
            }
            assertThat(catalog.configRevisions()).hasSize(20);
        }
        assertThat(Files.readString(file)).isEqualTo(text(30));
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
                .isEqualTo("rw-r-----");
        try (Catalog catalog = Catalog.open(folder.resolve("state"))) {
            assertThat(new ConfigHistory(catalog, file, Clock.systemUTC())
                            .current()
                            .revision())
                    .isEqualTo(31);
        }
    }

    /** A process that adopts one configuration after the other is killed at any moment. */
    @Test
    void aKillLeavesTheOldFileOrTheNewAndTheStoreCatchesUp() throws Exception {
        Path file = folder.resolve("gateway.yaml");
        Files.writeString(file, text(0));
        int said = 0;
        for (int round = 0; round < 6; round++) {
            Process process = new ProcessBuilder(
                            Path.of(System.getProperty("java.home"), "bin", "java")
                                    .toString(),
                            "--enable-native-access=ALL-UNNAMED",
                            "-cp",
                            System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")),
                            AdoptLoop.class.getName(),
                            folder.toString())
                    .redirectError(ProcessBuilder.Redirect.DISCARD)
                    .start();
            BufferedReader out =
                    new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
            for (int i = 0; i < 3 + 7 * round; i++) {
                said = Integer.parseInt(out.readLine());
            }
            process.toHandle().destroyForcibly();
            for (String line = out.readLine(); line != null; line = out.readLine()) {
                said = Integer.parseInt(line);
            }
            String found = Files.readString(file);
            assertThat(found)
                    .as("whole, and no older than what was said to be done")
                    .isIn(text(said), text(said + 1));
            try (Catalog catalog = Catalog.open(folder.resolve("state"))) {
                List<ConfigRevision> before = catalog.configRevisions();
                assertThat(before.getLast().text()).isIn(text(said), text(said + 1));
                ConfigHistory history = new ConfigHistory(catalog, file, Clock.systemUTC());
                history.record(found, "start");
                assertThat(history.current().text()).isEqualTo(found);
            }
        }
    }

    /** Run as a process of its own: says each number once its configuration is adopted. */
    static final class AdoptLoop {
        public static void main(String[] arguments) throws Exception {
            Path folder = Path.of(arguments[0]);
            Path file = folder.resolve("gateway.yaml");
            Catalog catalog = Catalog.open(folder.resolve("state"));
            ConfigHistory history = new ConfigHistory(catalog, file, Clock.systemUTC());
            String first = Files.readString(file);
            history.record(first, "start");
            int start = Integer.parseInt(first.lines().findFirst().orElseThrow().replaceAll("\\D", ""));
            for (int i = start + 1; ; i++) {
                history.adopt(text(i));
                System.out.println(i);
            }
        }
    }
}
