package dev.sanway.integration;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.TreeSet;
import java.util.stream.Stream;
import java.util.zip.ZipFile;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A day of an operator with commands alone, as the documents tell it, against a real gateway and units. */
class OperatorTest {

    private static final String INITIATOR = "iqn.2026-11.example:web1";

    @TempDir
    Path folder;

    private void awaitReady(San san, String volume) {
        Awaitility.await(volume)
                .atMost(Duration.ofSeconds(60))
                .until(() -> san.sanway("volume", "show", volume).succeeded().matches("(?s).*State +ready.*"));
    }

    private static byte[] filled(int with) {
        byte[] block = new byte[1 << 20];
        Arrays.fill(block, (byte) with);
        return block;
    }

    @Test
    void volumesAreMadeGrownRenamedDeletedRestoredAndWipedByCommand() throws Exception {
        try (San san = new San(folder)) {
            san.unit("unit1", "name: volume1, size: 300MiB");
            san.unit("unit2", "name: volume1, size: 300MiB");
            san.gateway("hosts: []\n");
            san.sanway("host", "create", "web1", "--initiator", INITIATOR).succeeded();
            san.sanway("volume", "create", "web1/data", "--size", "100MiB").succeeded();
            san.sanway("volume", "create", "web1/logs", "--size", "100MiB").succeeded();
            awaitReady(san, "web1/data");
            awaitReady(san, "web1/logs");
            try (TestHost host = san.host(INITIATOR, "web1")) {
                host.client(1).writeThrough(0, filled(7));
                san.sanway("volume", "grow", "web1/data", "150MiB").succeeded();
                assertThat(san.sanway("volume", "delete", "web1/logs", "--yes").exitStatus())
                        .as("its host is logged in")
                        .isEqualTo(1);
                san.sanway("volume", "rename", "web1/logs", "web1/archive").succeeded();
                assertThat(host.client(1).read(0, 2048))
                        .as("goes on after a rename")
                        .isEqualTo(filled(7));
                String sessions = san.sanway("session", "list").succeeded();
                assertThat(sessions).contains(INITIATOR);
                san.sanway("session", "drop", "web1", "1").succeeded();
            }
            san.sanway("volume", "delete", "web1/archive", "--yes").succeeded();
            Awaitility.await()
                    .until(() -> san.sanway("volume", "list", "--deleted")
                            .succeeded()
                            .contains("web1/archive"));
            assertThat(san.sanway("volume", "list").succeeded()).doesNotContain("archive");
            san.gateway().kill();
            san.gateway().restart();
            assertThat(san.sanway("event", "list").succeeded())
                    .as("events of the run before")
                    .contains("was called web1/logs");
            assertThat(san.sanway("volume", "restore", "web1/archive").succeeded())
                    .contains("web1/archive");
            awaitReady(san, "web1/archive");
            try (TestHost host = san.host(INITIATOR, "web1")) {
                assertThat(host.client(1).read(0, 2048)).isEqualTo(filled(7));
            }
            san.sanway("volume", "delete", "web1/archive", "--yes", "--wipe", "--force")
                    .succeeded();
            Awaitility.await()
                    .atMost(Duration.ofSeconds(30))
                    .until(() -> san.sanway("task", "list").succeeded().matches("(?s).*erase +web1/archive +done.*"));
            assertThat(san.sanway("volume", "restore", "web1/archive").exitStatus())
                    .isEqualTo(1);
            assertThat(san.sanway("pool", "show").succeeded()).contains("unit1", "unit2", "all");
            assertThat(san.sanway("audit", "list").succeeded())
                    .contains("POST volumes/web1/logs/rename", "DELETE volumes/web1/archive");
        }
    }

    @Test
    void operatorsLogInAndDoWhatTheirRoleAllows() throws Exception {
        try (San san = new San(folder)) {
            san.unit("unit1", "name: volume1, size: 300MiB");
            san.gateway("hosts: []\n");
            Path password = folder.resolve("password");
            Files.writeString(password, "correct horse battery\n");
            san.sanway("operator", "create", "anna", "--role", "viewer", "--password-file", password.toString())
                    .succeeded();
            String token = san.sanway("token", "create", "--operator", "anna", "-o", "json")
                    .succeeded();
            Path tokenFile = folder.resolve("token");
            SecretFile.write(tokenFile, token.replaceAll("(?s).*\"token\" : \"([^\"]+)\".*", "$1"));
            assertThat(san.sanway("volume", "list", "--token-file", tokenFile.toString())
                            .exitStatus())
                    .isZero();
            Command refused = san.sanway(
                    "host", "create", "web1", "--initiator", INITIATOR, "--token-file", tokenFile.toString());
            assertThat(refused.exitStatus()).isEqualTo(1);
            assertThat(refused.output()).contains("this takes the role operator; you are anna, with the role viewer");
            logsInAndOut(san, password);
            Path bundle = folder.resolve("bundle.zip");
            san.sanway("support-bundle", "--file", bundle.toString()).succeeded();
            TreeSet<String> names = new TreeSet<>();
            try (ZipFile zip = new ZipFile(bundle.toFile())) {
                zip.stream().forEach(entry -> names.add(entry.getName().replaceFirst("^sanway-support/", "")));
                for (String name : names) {
                    String content = new String(
                            zip.getInputStream(zip.getEntry("sanway-support/" + name))
                                    .readAllBytes(),
                            StandardCharsets.UTF_8);
                    assertThat(content)
                            .as(name)
                            .isNotBlank()
                            .doesNotContain(
                                    "cannot be had",
                                    "argon2id$",
                                    "correct horse",
                                    Files.readString(tokenFile),
                                    Files.readString(folder.resolve("gateway/api.token"))
                                            .strip());
                }
            }
            assertThat(names)
                    .contains("gateway.yaml", "log.txt", "threads.txt", "metrics.txt", "events.json", "versions.json");
        }
    }

    private void logsInAndOut(San san, Path password) throws IOException {
        Path logins = folder.resolve("config/sanway/logins");
        as(
                        "login",
                        "anna",
                        san,
                        "--certificate",
                        folder.resolve("gateway/api.crt").toString(),
                        "--password-file",
                        password.toString())
                .succeeded();
        try (Stream<Path> files = Files.list(logins)) {
            assertThat(files)
                    .hasSize(2)
                    .allSatisfy(file -> assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
                            .isEqualTo("rw-------"));
        }
        Command refused = as("operator", "list", san);
        assertThat(refused.exitStatus()).isEqualTo(1);
        assertThat(refused.output()).contains("you are anna, with the role viewer");
        as("logout", "", san).succeeded();
        assertThat(logins).isEmptyDirectory();
    }

    /** A command of somebody who has no token but the one that log-in gives. */
    private Command as(String noun, String verb, San san, String... more) {
        List<String> all = new ArrayList<>(List.of(
                "env",
                "XDG_CONFIG_HOME=" + folder.resolve("config"),
                SanwayProcess.ROOT.resolve("scripts/sanway").toString(),
                noun));
        if (!verb.isEmpty()) {
            all.add(verb);
        }
        all.addAll(List.of("--server", "https://127.0.0.1:" + san.management));
        all.addAll(List.of(more));
        return Command.run(60, all);
    }
}
