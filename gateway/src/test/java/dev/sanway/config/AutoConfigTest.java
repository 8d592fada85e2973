package dev.sanway.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.sanway.autoconfig.PoolKeyFile;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What stands under {@code autoConfig}. */
class AutoConfigTest {
    private static final String GATEWAY = """
            gateway:
              name: gw1
              portals: ["127.0.0.1:13260"]
              stateDirectory: state
            autoConfig:
              listen: "127.0.0.1:14000"
              announceTo: ["255.255.255.255:3261", "239.255.32.61:3261"]
              poolKeyFile: secrets/pool.key
              adopt: automatic
            """;

    private static final String UNIT = """
            unit:
              name: unit1
              portals: ["127.0.0.1:13271"]
              directory: data
              capacity: 100GiB
            autoConfig:
              listen: "127.0.0.1:14001"
              control: ["127.0.0.1:14000"]
              poolKeyFile: secrets/pool.key
            """;

    @TempDir
    @SuppressWarnings("NullAway.Init")
    Path folder;

    @BeforeEach
    void key() throws IOException {
        PoolKeyFile.create(folder.resolve("secrets/pool.key"));
    }

    private Path write(String name, String text) throws IOException {
        return Files.writeString(folder.resolve(name), text);
    }

    private List<String> problems(String name, String text) throws IOException {
        Path file = write(name, text);
        ConfigException mistakes = catchThrowableOfType(ConfigException.class, () -> {
            if (name.startsWith("unit")) {
                UnitConfigReader.read(file);
            } else {
                GatewayConfigReader.read(file);
            }
        });
        return mistakes.problems();
    }

    @Test
    void aSpareNeedsAnAgentThatSaysSo() throws Exception {
        String spare = UNIT.replace("capacity: 100GiB", "capacity: 100GiB\n  spare: true");
        assertThat(UnitConfigReader.read(write("unit.yaml", spare)).spare()).isTrue();
        assertThat(UnitConfigReader.read(write("unit.yaml", UNIT)).spare()).isFalse();
        assertThat(problems("unit.yaml", spare.substring(0, spare.indexOf("autoConfig"))))
                .singleElement()
                .asString()
                .contains("unit.yaml:6", "autoConfig");
    }

    @Test
    void bothSidesAreRead() throws Exception {
        GatewayConfig.AutoConfig gateway = Objects.requireNonNull(
                GatewayConfigReader.read(write("gateway.yaml", GATEWAY)).autoConfig());
        assertThat(gateway.listen()).isEqualTo(new InetSocketAddress(InetAddress.getLoopbackAddress(), 14000));
        assertThat(gateway.announceTo()).hasSize(2);
        assertThat(gateway.adoptAll()).isTrue();
        UnitConfig unit = UnitConfigReader.read(write("unit.yaml", UNIT));
        assertThat(Objects.requireNonNull(unit.autoConfig()).control())
                .containsExactly(new InetSocketAddress(InetAddress.getLoopbackAddress(), 14000));
    }

    @Test
    void whatIsLeftOutHasDefaults() throws Exception {
        GatewayConfig config = GatewayConfigReader.read(
                write("gateway.yaml", GATEWAY.substring(0, GATEWAY.indexOf("autoConfig")) + "autoConfig: {}\n"));
        GatewayConfig.AutoConfig auto = Objects.requireNonNull(config.autoConfig());
        assertThat(auto.listen()).isEqualTo(new InetSocketAddress("0.0.0.0", 3261));
        assertThat(auto.adoptAll()).isFalse();
        assertThat(auto.announceTo()).isEmpty();
        assertThat(GatewayConfigReader.read(write("gateway.yaml", GATEWAY.substring(0, GATEWAY.indexOf("autoConfig"))))
                        .autoConfig())
                .isNull();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
                    adopt: automatic              | adopt: yes             | gateway.yaml:9: autoConfig.adopt: true is not manual (the default) or automatic
                    adopt: automatic              | adopts: manual         | gateway.yaml:9: autoConfig.adopts: unknown key; known here: listen, announceTo, poolKeyFile, adopt, chap
                    listen: "127.0.0.1:14000"     | listen: 3261           | gateway.yaml:6: autoConfig.listen: 3261 is not the UDP address to listen on
                    listen: "127.0.0.1:14000"     | listen: "127.0.0.1:0"  | gateway.yaml:6: autoConfig.listen: port 0 is out of range
                    "239.255.32.61:3261"          | "0.0.0.0:3261"         | gateway.yaml:7: autoConfig.announceTo[1]: nothing can be sent to 0.0.0.0:3261
                    secrets/pool.key              | secrets/none           | gateway.yaml:8: autoConfig.poolKeyFile: there is no pool key in
                    """)
    void aMistakeGetsItsLine(String right, String wrong, String expected) throws IOException {
        assertThat(GATEWAY).contains(right);
        assertThat(problems("gateway.yaml", GATEWAY.replace(right, wrong)))
                .singleElement()
                .asString()
                .contains(expected);
    }

    @Test
    void aKeyThatOthersCanReadIsRefused() throws IOException {
        Files.setPosixFilePermissions(folder.resolve("secrets/pool.key"), PosixFilePermissions.fromString("rw-r--r--"));
        assertThat(problems("unit.yaml", UNIT))
                .singleElement()
                .asString()
                .contains("unit.yaml:9: autoConfig.poolKeyFile: ")
                .contains("chmod 600");
    }

    @Test
    void aUnitsMistakesGetTheirLines() throws IOException {
        assertThat(problems("unit.yaml", UNIT.replace("control:", "announceTo:")))
                .singleElement()
                .asString()
                .contains("unit.yaml:8: autoConfig.announceTo: unknown key; known here: listen, control, poolKeyFile");
        assertThat(problems("unit.yaml", UNIT.replace("[\"127.0.0.1:14000\"]", "[\"nowhere.invalid:1\"]")))
                .singleElement()
                .asString()
                .contains("unit.yaml:8: autoConfig.control[0]: the name \"nowhere.invalid\" does not resolve");
    }
}
