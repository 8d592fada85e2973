package dev.sanway.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.sanway.autoconfig.PoolKeyFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** No file that a configuration names, and no configuration, holds the program up or uses it up. */
@Timeout(value = 20, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class NamedFilesTest {

    private static final String GATEWAY = """
            gateway:
              name: gw1
              portals: ["127.0.0.1:13260"]
              stateDirectory: state
            hosts:
              - name: web1
                initiators: ["iqn.2026-11.example:a"]
                chap: {user: web1, secretFile: %s}
            """;

    private static final String AUTO = """
            autoConfig:
              listen: "127.0.0.1:13261"
              poolKeyFile: %s
            """;

    private static final String UNIT = """
            unit:
              name: unit1
              directory: data
              portals: ["127.0.0.1:13262"]
            """;

    @TempDir
    Path folder;

    private Path fifo;

    @BeforeEach
    void make() throws Exception {
        fifo = folder.resolve("fifo");
        Process made = new ProcessBuilder("mkfifo", "-m", "600", fifo.toString()).start();
        assertThat(made.waitFor(5, TimeUnit.SECONDS) && made.exitValue() == 0).isTrue();
        Files.createDirectory(folder.resolve("secrets"));
        SecretFile.write(folder.resolve("secrets/web1"), "a-secret-of-web1\n");
    }

    private Path write(String text) throws Exception {
        return Files.writeString(folder.resolve("gateway.yaml"), text);
    }

    private interface Reading {
        void read() throws Exception;
    }

    private static List<String> problems(Reading reading) {
        ConfigException refused = catchThrowableOfType(ConfigException.class, reading::read);
        assertThat(refused).isNotNull();
        return refused.problems();
    }

    @Test
    void aSecretComesFromASmallRegularFile() throws Exception {
        Path large = Files.writeString(folder.resolve("large"), "x".repeat(5000));
        for (Path wrong : List.of(fifo, Path.of("/dev/zero"), folder.resolve("secrets"), large)) {
            Path file = write(GATEWAY.formatted(wrong));
            assertThat(problems(() -> GatewayConfigReader.read(file)))
                    .as(wrong.toString())
                    .singleElement()
                    .asString()
                    .contains("gateway.yaml:8: hosts[0].chap.secretFile: " + wrong + " is ")
                    .contains("it should hold one line, the secret");
        }
        assertThat(GatewayConfigReader.read(write(GATEWAY.formatted("secrets/web1")))
                        .hosts())
                .hasSize(1);
    }

    @Test
    void aPoolKeyComesFromASmallRegularFileToo() throws Exception {
        for (String yaml : List.of(GATEWAY.formatted("secrets/web1"), UNIT)) {
            Path file = write(yaml + AUTO.formatted(fifo));
            assertThat(problems(() -> {
                        if (yaml.equals(UNIT)) {
                            UnitConfigReader.read(file);
                        } else {
                            GatewayConfigReader.read(file);
                        }
                    }))
                    .anySatisfy(problem -> assertThat(problem)
                            .contains("autoConfig.poolKeyFile: " + fifo)
                            .contains("no regular file"));
        }
    }

    @Test
    void aConfigurationIsASmallRegularFileToo() throws Exception {
        for (Path wrong : List.of(fifo, Path.of("/dev/zero"), folder)) {
            assertThat(problems(() -> GatewayConfigReader.read(wrong)))
                    .singleElement()
                    .asString()
                    .contains(wrong.toString(), "this cannot be a configuration");
            assertThat(problems(() -> UnitConfigReader.read(wrong))).hasSize(1);
        }
    }

    @Test
    void aTextThatMakesMoreOfItselfIsRefused() throws Exception {
        String nested = "a: " + "[".repeat(1000) + "]".repeat(1000);
        StringBuilder laughs = new StringBuilder("a: &a [x, x]\n");
        for (char name = 'b'; name < 'z'; name++) {
            laughs.append(name)
                    .append(": &")
                    .append(name)
                    .append(" [*")
                    .append((char) (name - 1))
                    .append(", *")
                    .append((char) (name - 1))
                    .append("]\n");
        }
        for (String text : List.of(nested, laughs.toString(), "#".repeat(3 << 20))) {
            Path file = write(text);
            assertThat(problems(() -> GatewayConfigReader.read(file)).getFirst())
                    .contains("gateway.yaml");
        }
    }

    // ---- sent

    private List<String> sent(String text) {
        return problems(() -> GatewayConfigReader.read(folder.resolve("gateway.yaml"), true, "new.yaml", text));
    }

    @Test
    void aConfigurationThatWasSentNamesFilesBelowItsFolderOnly(@TempDir Path elsewhere) throws Exception {
        Path outside = SecretFile.write(elsewhere.resolve("web1"), "a-secret-of-web1\n");
        Files.createSymbolicLink(folder.resolve("secrets/link"), outside);
        Files.createSymbolicLink(folder.resolve("secrets/inside"), folder.resolve("secrets/web1"));
        for (String wrong : List.of(
                outside.toString(),
                "../" + elsewhere.getFileName() + "/web1",
                "secrets/link",
                "/dev/zero",
                "/etc/none")) {
            assertThat(sent(GATEWAY.formatted(wrong)))
                    .as(wrong)
                    .singleElement()
                    .asString()
                    .startsWith("new.yaml:8: hosts[0].chap.secretFile: ")
                    .contains("lies outside " + folder)
                    .contains("SIGHUP");
        }
        Path key = elsewhere.resolve("pool.key");
        PoolKeyFile.create(key);
        assertThat(sent(GATEWAY.formatted("secrets/web1") + AUTO.formatted(key)))
                .singleElement()
                .asString()
                .contains("poolKeyFile: " + key + " lies outside " + folder);
        for (String right : List.of("secrets/web1", "secrets/inside", folder + "/secrets/web1")) {
            assertThat(GatewayConfigReader.read(
                                    folder.resolve("gateway.yaml"), true, "new.yaml", GATEWAY.formatted(right))
                            .hosts())
                    .hasSize(1);
        }
        // What is not sent may name any.
        assertThat(GatewayConfigReader.read(write(GATEWAY.formatted(outside))).hosts())
                .hasSize(1);
    }

    @Test
    void aSecretThatNoPeerCouldProveIsRefusedByFileAndKey() throws Exception {
        Path file = write(GATEWAY.formatted("secrets/web1"));
        for (String[] wrong : new String[][] {
            {"a-secret-of-web1\nand another line\n", "has 2 lines"},
            {"\ufeffa-secret-of-web1\n", "begins with a byte order mark"},
            {"a-secret\0of-web1\n", "holds control characters"}
        }) {
            SecretFile.write(folder.resolve("secrets/web1"), wrong[0]);
            assertThat(problems(() -> GatewayConfigReader.read(file)))
                    .singleElement()
                    .asString()
                    .contains("gateway.yaml:8: hosts[0].chap.secretFile: ", folder + "/secrets/web1 " + wrong[1]);
        }
    }

    @Test
    void aSecretThatEverybodyCanReadIsRefusedWithWhatToRun() throws Exception {
        Path file = write(GATEWAY.formatted("secrets/web1"));
        Path secret = folder.resolve("secrets/web1");
        Files.setPosixFilePermissions(secret, PosixFilePermissions.fromString("rw-r--r--"));
        assertThat(problems(() -> GatewayConfigReader.read(file)))
                .singleElement()
                .asString()
                .contains(secret + " can be read by everybody; run: chmod 600 " + secret);
        Files.setPosixFilePermissions(secret, PosixFilePermissions.fromString("rw-r-----"));
        assertThat(GatewayConfigReader.read(file).hosts()).hasSize(1);
    }

    /** Each was called good and stopped the gateway at its start. */
    @Test
    void namesThatNoTargetOrInitiatorCanHaveAreRefused() throws Exception {
        String good = GATEWAY.formatted("secrets/web1");
        String unit = "units:\n  - {name: u, portal: \"127.0.0.1:1\", target: \"%s\"}\n";
        String user = "\u00e4".repeat(200);
        for (String[] wrong : new String[][] {
            {good + unit.formatted("iqn.2026-11.com.example:disk1/1"), "units[0].target"},
            {
                good.replace("name: gw1", "name: gw1\n  initiatorName: \"iqn.2026-11.example:a b\""),
                "gateway.initiatorName"
            },
            {good.replace("name: gw1", "name: gw1\n  iqnPrefix: eui.0123456789abcdef"), "gateway.iqnPrefix"},
            {good.replace("name: gw1", "name: gw1\n  iqnPrefix: naa.0123456789abcdef"), "gateway.iqnPrefix"},
            {
                good.replace(
                        "name: gw1",
                        "name: gw1\n  initiatorName: iqn.2026-11.example:g\n  iqnPrefix: iqn.2026-11.example:"
                                + "x".repeat(199)),
                "hosts[0].name"
            },
            {good.replace("example:a\"", "example:a/b\""), "hosts[0].initiators[0]"},
            {good.replace("iqn.2026-11.example:a\"", "iqn.example:a\""), "hosts[0].initiators[0]"},
            {good.replace("user: web1", "user: " + user), "hosts[0].chap.user"}
        }) {
            Path file = write(wrong[0]);
            assertThat(problems(() -> GatewayConfigReader.read(file)))
                    .as(wrong[0])
                    .isNotEmpty()
                    .allMatch(problem -> problem.contains(wrong[1]));
        }
        assertThat(GatewayConfigReader.read(write(good + unit.formatted("iqn.2026-11.com.example:disk1_1")))
                        .units())
                .hasSize(1);
    }
}
