package dev.sanway.integration;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A host that was deleted by mistake. */
@Tag("slow")
class HostRestoreTest {
    private static final String SECRET = "a-secret-of-db1";

    @TempDir
    Path folder;

    private static String url(AgentSan san, int lun) {
        return san.url("db1", lun).replace("iscsi://", "iscsi://db1%" + SECRET + "@");
    }

    private static Command qemu(AgentSan san, int lun, String command) {
        return Command.run(60, "qemu-io", "-f", "raw", "-c", command, url(san, lun));
    }

    private List<String> secrets(String host) throws IOException {
        try (Stream<Path> files = Files.list(folder.resolve("gateway/secrets"))) {
            return files.map(file -> file.getFileName().toString())
                    .filter(name -> name.startsWith(host))
                    .toList();
        }
    }

    @Test
    void aDeletedHostComesBackWithItsSecretItsVolumesAndTheirLuns() throws Exception {
        Path secret = SecretFile.write(folder.resolve("db1.secret"), SECRET + "\n");
        try (AgentSan san = new AgentSan(folder)) {
            san.unit("unit1", "2GiB", "");
            SanwayProcess gateway = san.gateway("automatic", "");
            san.sanway(
                            "host",
                            "create",
                            "db1",
                            "--initiator",
                            "*",
                            "--chap-user",
                            "db1",
                            "--chap-secret-file",
                            secret.toString())
                    .succeeded();
            san.sanway("volume", "create", "db1/a", "--size", "100MiB", "--lun", "7")
                    .succeeded();
            san.sanway("volume", "create", "db1/b", "--size", "100MiB").succeeded();
            san.sanway("volume", "create", "db1/c", "--size", "700MiB").succeeded();
            for (String volume : new String[] {"db1/a", "db1/b", "db1/c"}) {
                san.awaitReady(volume);
            }
            assertThat(qemu(san, 7, "write -P 7 0 1M").succeeded()).contains("wrote");
            JsonNode before = san.show("volume", "show", "db1/a");

            assertThat(san.sanway("host", "delete", "db1"))
                    .satisfies(refused -> assertThat(refused.exitStatus()).isEqualTo(1))
                    .satisfies(refused -> assertThat(refused.output()).contains("db1/a", "db1/b", "db1/c", "--yes"));
            assertThat(san.sanway("host", "delete", "db1", "--yes").succeeded()).contains("sanway host restore db1");
            assertThat(san.sanway("host", "list", "--deleted").succeeded()).contains("db1/a, db1/b, db1/c");
            assertThat(san.show("volume", "show", "db1/a").path("detail").asText())
                    .contains("sanway host restore db1");
            san.sanway("volume", "delete", "db1/b", "--yes").succeeded();
            san.sanway("volume", "delete", "db1/c", "--yes", "--wipe").succeeded();
            Awaitility.await("c is wiped")
                    .atMost(Duration.ofSeconds(60))
                    .until(() -> san.show("partition", "list").findValuesAsText("volume").stream()
                            .noneMatch("db1/c"::equals));
            gateway.kill();
            gateway.restart();

            assertThat(san.sanway("host", "restore", "db1").succeeded())
                    .contains("it sees db1/a")
                    .contains("sanway volume restore db1/b")
                    .contains("db1/c is lost");
            san.awaitReady("db1/a");
            JsonNode after = san.show("volume", "show", "db1/a");
            assertThat(after.path("uuid")).isEqualTo(before.path("uuid"));
            assertThat(after.path("hosts")).isEqualTo(before.path("hosts"));
            assertThat(qemu(san, 7, "read -P 7 0 1M").succeeded()).contains("read");
            assertThat(qemu(san, 7, "read 0 4k").output()).doesNotContain("failed");
            san.sanway("volume", "restore", "db1/b").succeeded();
            san.awaitReady("db1/b");
            assertThat(san.sanway("host", "restore", "db1").output()).contains("there is no deleted host db1");

            assertThat(secrets("db1")).isNotEmpty();
            // Forgotten: no secret is left, and nothing to restore.
            san.sanway("host", "delete", "db1", "--yes", "--forget").succeeded();
            assertThat(san.sanway("host", "restore", "db1").exitStatus()).isEqualTo(1);
            assertThat(secrets("db1")).isEmpty();
            // Also later than when it was deleted.
            san.sanway(
                            "host",
                            "create",
                            "late",
                            "--initiator",
                            "iqn.2026-11.example:late",
                            "--chap-user",
                            "late",
                            "--chap-secret-file",
                            secret.toString())
                    .succeeded();
            san.sanway("host", "delete", "late", "--yes").succeeded();
            assertThat(secrets("late")).isNotEmpty();
            san.sanway("host", "delete", "late", "--yes", "--forget").succeeded();
            assertThat(secrets("late")).isEmpty();
            assertThat(san.sanway("host", "list", "--deleted").succeeded()).doesNotContain("late");
            // Another host has the initiator by now.
            san.sanway("host", "create", "db2", "--initiator", "iqn.2026-11.example:x")
                    .succeeded();
            san.sanway("host", "delete", "db2", "--yes").succeeded();
            san.sanway("host", "create", "db3", "--initiator", "iqn.2026-11.example:x")
                    .succeeded();
            assertThat(san.sanway("host", "restore", "db2").output())
                    .contains("its initiator iqn.2026-11.example:x belongs to host db3");
        }
    }
}
