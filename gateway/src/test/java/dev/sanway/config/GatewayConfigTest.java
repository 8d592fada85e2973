package dev.sanway.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class GatewayConfigTest {

    private static final String GOOD = """
            gateway:
              name: gw1
              iqnPrefix: iqn.2026-11.dev.sanway
              portals: ["127.0.0.1:13260", "[::1]:13260"]
              stateDirectory: state
              management: "127.0.0.1:18443"
            units:
              - name: tgt1
                portal: "127.0.0.1:13261"
                target: iqn.2026-11.example:tgt1
                luns: [1]
                chap: {user: gw1, secretFile: secrets/tgt1}
                maxSessions: 4
                cache: writeThrough
              - {name: tgt2, portal: "127.0.0.1:13262", target: "iqn.2026-11.example:tgt2"}
            hosts:
              - name: web1
                initiators: ["iqn.1993-08.org.debian:01:WEB1"]
                chap: {user: web1, secretFile: secrets/web1, mutualUser: gw1, mutualSecretFile: secrets/gw1}
                volumes:
                  - {name: data, lun: 0, size: 80GiB, layout: linear}
                  - {name: db, lun: 1, size: 20GiB, layout: striped, width: 2, chunk: 64KiB}
              - name: web2
                initiators: ["iqn.1993-08.org.debian:01:web2"]
            volumes:
              - name: cluster
                size: 100GiB
                blockSize: 4096
                hosts: [{name: web1, lun: 10}, {name: web2, lun: 10}]
            """;

    @TempDir
    Path folder;

    @BeforeEach
    void secrets() throws IOException {
        Files.createDirectories(folder.resolve("secrets"));
        SecretFile.write(folder.resolve("secrets/tgt1"), "a-secret-of-tgt1\n");
        SecretFile.write(folder.resolve("secrets/web1"), "a-secret-of-web1\n");
        SecretFile.write(folder.resolve("secrets/gw1"), "a-secret-of-gw1x\n");
        SecretFile.write(folder.resolve("secrets/short"), "short\n");
    }

    private GatewayConfig read(String yaml) throws ConfigException, IOException {
        Path file = folder.resolve("gateway.yaml");
        Files.writeString(file, yaml);
        return GatewayConfigReader.read(file);
    }

    private List<String> problems(String yaml) {
        ConfigException refused = catchThrowableOfType(ConfigException.class, () -> read(yaml));
        assertThat(refused).isNotNull();
        return refused.problems().stream()
                .map(line -> line.replace(folder + "/", ""))
                .toList();
    }

    @Test
    void readsWhatTheDocumentationShows() throws Exception {
        GatewayConfig config = read(GOOD);
        assertThat(config.initiatorName()).isEqualTo("iqn.2026-11.dev.sanway:gateway.gw1");
        assertThat(config.portals()).hasSize(2);
        assertThat(config.stateDirectory()).isEqualTo(folder.resolve("state"));
        assertThat(config.unitTimeout()).isEqualTo(Duration.ofSeconds(20));
        assertThat(config.units().getFirst().cache()).isEqualTo(GatewayConfig.Cache.WRITE_THROUGH);
        assertThat(config.units().get(1).cache()).isEqualTo(GatewayConfig.Cache.AUTOMATIC);
        GatewayConfig.Host web1 = config.hosts().getFirst();
        assertThat(web1.access().initiators()).containsExactly("iqn.1993-08.org.debian:01:web1");
        assertThat(web1.target()).isEqualTo("iqn.2026-11.dev.sanway:web1");
        assertThat(config.volumes())
                .extracting(GatewayConfig.Volume::name)
                .containsExactly("web1/data", "web1/db", "cluster");
        assertThat(config.volumes().get(1).layout()).isEqualTo(new GatewayConfig.Layout.Striped(2, 65536));
        assertThat(config.volumes().get(2).attachments()).hasSize(2);
        assertThat(config.volumes().get(2).blockSizeBytes()).isEqualTo(4096);
    }

    /** Targets are compared in normal form, and called by the name that they have. */
    @Test
    void theNameOfAUnitsTargetStaysAsItIsWritten() throws Exception {
        GatewayConfig config = read(GOOD.replace("example:tgt2", "Example:Tgt2"));
        assertThat(config.units().get(1).target()).hasToString("iqn.2026-11.Example:Tgt2");
        assertThat(config.units().get(1).target().value()).isEqualTo("iqn.2026-11.example:tgt2");
        assertThat(problems(GOOD.replace("example:tgt2", "Example:TGT1")))
                .singleElement()
                .asString()
                .contains("the target iqn.2026-11.Example:TGT1 is used on line 8 already");
        assertThat(problems(GOOD.replace("example:tgt2", "example:tgt2/1")))
                .singleElement()
                .asString()
                .contains("is not an iSCSI name of letters, digits");
    }

    @Test
    void secretsNeverShow() throws Exception {
        assertThat(read(GOOD).toString()).doesNotContain("a-secret");
    }

    /** What is replaced, by what, and the one line that follows. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
                    name: gw1                 | nam: gw1               | gateway.yaml:2: gateway.nam: unknown key; known here: name, iqnPrefix
                    maxSessions: 4            | maxSessions: many      | gateway.yaml:13: units[0].maxSessions: "many" is not a number from 1 to 256
                    size: 80GiB               | size: 80GX             | hosts[0].volumes[0].size: "80GX" is not a size, for example 80GiB
                    size: 80GiB               | size: 1000             | hosts[0].volumes[0].size: 1000 is no multiple of the block size of 512 bytes; the next one is 1024
                    lun: 1, size              | lun: 0, size           | gateway.yaml:22: hosts[0].volumes[1].lun: LUN 0 of host web1 is used on line 21 already
                    name: db                  | name: data             | hosts[0].volumes[1].name: the volume name web1/data is used on line 21 already
                    debian:01:web2            | debian:01:web1         | hosts[1].initiators[0]: the initiator iqn.1993-08.org.debian:01:web1 is used on line 17 already
                    secretFile: secrets/tgt1  | secretFile: secrets/no | units[0].chap.secretFile: the secret in
                    secretFile: secrets/tgt1  | secretFile: secrets/short | holds a secret of 5 bytes; use 12 to 255
                    mutualSecretFile: secrets/gw1 | mutualSecretFile: secrets/web1 | the two directions need different ones
                    layout: linear            | layout: mirrored       | hosts[0].volumes[0].layout: mirrored volumes are not part of this version
                    layout: linear            | provisioning: slim     | hosts[0].volumes[0].provisioning: "slim" is not thick (the default
                    layout: linear            | copies: 2              | hosts[0].volumes[0].copies: mirrored volumes are not part of this version
                    layout: linear            | width: 2               | belongs to "layout: striped" only
                    chunk: 64KiB              | provisioning: thin     | provisioning: a thin volume is linear
                    chunk: 64KiB              | chunk: 1000            | no multiple of the block size
                    blockSize: 4096           | blockSize: 1024        | volumes[0].blockSize: 1024 is not 512 or 4096
                    {name: web2, lun: 10}     | {name: web3, lun: 10}  | volumes[0].hosts[1].name: there is no host web3
                    {name: web2, lun: 10}     | {name: web1, lun: 11}  | the host web1 stands in the list twice
                    tgt2, portal              | tgt1, portal           | gateway.yaml:15: units[1].name: the unit name tgt1 is used on line 8 already
                    cache: writeThrough       | cache: none            | units[0].cache: "none" is not volatile, protected or writeThrough
                    portals: ["127.0.0.1:13260", "[::1]:13260"] | portals: ["127.0.0.1"] | gateway.portals[0]: "127.0.0.1" is not an address and a port
                    portals: ["127.0.0.1:13260", "[::1]:13260"] | management2: x | gateway: "portals" is missing
                    stateDirectory: state     | unitTimeout: 60s       | gateway: "stateDirectory" is missing
                    """)
    void aMistakeGetsItsLine(String right, String wrong, String expected) {
        assertThat(GOOD).contains(right);
        assertThat(problems(GOOD.replace(right, wrong)))
                .anySatisfy(line -> assertThat(line).startsWith("gateway.yaml:").contains(expected));
    }

    @Test
    void aDuplicateKeyOrBrokenYamlGetsItsLine() {
        assertThat(problems("gateway:\n  name: a\n  name: b\n"))
                .singleElement()
                .asString()
                .startsWith("gateway.yaml:3: ");
        assertThat(problems("gateway: [\n")).singleElement().asString().contains("not valid YAML");
        assertThat(problems("")).singleElement().asString().contains("holds no configuration");
    }

    /** What is replaced, by what, and what is said of that line: all of it is valid YAML, and means something else here. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
                    name: cluster           | name: *vol            | the alias *vol is not looked up
                    name: cluster           | name: !secret cluster | the tag !secret is not understood
                    name: cluster           | name: !!str cluster   | the tag tag:yaml.org,2002:str is not understood
                    hosts: [{name: web1, lun: 10} | hosts: !!seq [{name: web1, lun: 10} | the tag tag:yaml.org,2002:seq is not
                    name: web1, lun: 10     | name: web1, lun: 010  | 010 is another number in YAML than it looks like
                    name: web1, lun: 10     | name: web1, lun: 0xA  | 0xA is another number
                    name: web1, lun: 10     | name: web1, lun: 0b10 | 0b10 is another number
                    name: web1, lun: 10     | name: web1, lun: 1_0  | 1_0 is another number
                    name: web1, lun: 10     | name: web1, lun: 1_0.0 | 1_0.0 is another number
                    size: 100GiB            | size: 010000000000    | 010000000000 is another number
                    """)
    void whatYamlWouldReadAsSomethingElseIsRefusedByLine(String right, String wrong, String expected) {
        String shared = GOOD.replace("name: web2\n", "name: &vol web2\n");
        int line = shared.substring(0, shared.indexOf(right, shared.indexOf("\nvolumes:")))
                .split("\n", -1)
                .length;
        String yaml = shared.substring(0, shared.indexOf("\nvolumes:"))
                + shared.substring(shared.indexOf("\nvolumes:")).replace(right, wrong);
        assertThat(yaml).isNotEqualTo(shared);
        assertThat(problems(yaml))
                .singleElement()
                .asString()
                .startsWith("gateway.yaml:" + line + ": ")
                .contains(expected);
    }

    @Test
    void aSecondDocumentIsRefusedByItsLine() {
        int lines = GOOD.split("\n").length;
        assertThat(problems(GOOD + "---\nvolumes: []\n"))
                .containsExactly(
                        "gateway.yaml:" + (lines + 1) + ": a second document begins here; a configuration is one");
    }

    @Test
    void oneDocumentMayBeMarkedAndNumbersMayStandInQuotesAsNames() throws Exception {
        String yaml = "%YAML 1.1\n---\n" + GOOD.replace("name: cluster", "name: \"010\"") + "...\n";
        assertThat(read(yaml).volumes()).extracting(GatewayConfig.Volume::name).contains("010");
    }

    @Test
    void theSizesThatAMessageOffersAreAccepted() throws Exception {
        String message = problems(GOOD.replace("size: 80GiB", "size: 80GX")).getFirst();
        List<String> offered = Pattern.compile("\\b[0-9]+[KMGTP]i?B\\b")
                .matcher(message)
                .results()
                .map(MatchResult::group)
                .toList();
        assertThat(offered).hasSizeGreaterThan(1);
        for (String size : offered) {
            assertThat(read(GOOD.replace("size: 80GiB", "size: " + size).replace("size: 100GiB", "size: " + size))
                            .volumes())
                    .hasSize(3);
        }
    }

    @Test
    void everyMistakeIsToldAtOnce() {
        assertThat(problems(GOOD.replace("size: 80GiB", "size: 80GX").replace("maxSessions: 4", "maxSessions: 0")))
                .hasSize(2);
    }

    @Test
    void aMissingFileIsNamed() {
        assertThatThrownBy(() -> GatewayConfigReader.read(folder.resolve("none.yaml")))
                .hasMessageContaining("none.yaml: no such file");
    }

    @Test
    void aUnitWithoutAccessListensOnLoopbackOnly() throws Exception {
        Path file = folder.resolve("unit.yaml");
        String yaml = """
                unit:
                  name: unit1
                  portals: ["0.0.0.0:13271"]
                  directory: data
                  capacity: 1GiB
                volumes:
                  - {name: volume1, size: 20GiB}
                """;
        Files.writeString(file, yaml);
        ConfigException refused = catchThrowableOfType(ConfigException.class, () -> UnitConfigReader.read(file));
        assertThat(refused.problems())
                .anySatisfy(
                        line -> assertThat(line).contains("unit.yaml:3: unit.portals[0]: a unit without \"access\""))
                .anySatisfy(line -> assertThat(line).contains("more than its capacity of 1 GiB"));
        Files.writeString(file, yaml.replace("0.0.0.0", "127.0.0.1").replace("capacity: 1GiB", "capacity: 30GiB"));
        UnitConfig unit = UnitConfigReader.read(file);
        assertThat(unit.iqn()).isEqualTo("iqn.2026-11.dev.sanway:unit.unit1");
        assertThat(unit.volumes().getFirst().lun()).isEqualTo(-1);
    }

    @Test
    void passingThePageCacheWantsLargeBlocks() throws Exception {
        Path file = folder.resolve("unit.yaml");
        String yaml = """
                unit: {name: unit1, portals: ["127.0.0.1:13271"], directory: data}
                volumes:
                  - {name: volume1, size: 1GiB, directIo: true}
                """;
        Files.writeString(file, yaml);
        ConfigException refused = catchThrowableOfType(ConfigException.class, () -> UnitConfigReader.read(file));
        assertThat(refused.problems())
                .singleElement()
                .asString()
                .contains("unit.yaml:3: volumes[0].directIo:")
                .contains("blockSize: 4096");
        Files.writeString(file, yaml.replace("directIo: true", "directIo: true, blockSize: 4096"));
        assertThat(UnitConfigReader.read(file).volumes().getFirst().directIo()).isTrue();
    }
}
