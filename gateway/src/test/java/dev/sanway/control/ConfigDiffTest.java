package dev.sanway.control;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sanway.config.ConfigException;
import dev.sanway.config.GatewayConfig;
import dev.sanway.config.GatewayConfigReader;
import dev.sanway.metadata.VolumeRecord;
import dev.sanway.pool.VolumeLayout;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ConfigDiffTest {

    private static final String BEFORE = """
            gateway:
              name: gw1
              portals: ["127.0.0.1:13260"]
              stateDirectory: state
              unitTimeout: 10s
            units:
              - {name: unit1, portal: "127.0.0.1:13271", target: "iqn.2026-11.example:unit1"}
              - {name: unit2, portal: "127.0.0.1:13272", target: "iqn.2026-11.example:unit2"}
            hosts:
              - name: web1
                initiators: ["iqn.2026-11.example:web1"]
                volumes:
                  - {name: data, lun: 0, size: 10GiB}
                  - {name: db, lun: 1, size: 1GiB, layout: striped, width: 2}
            """;

    private final Map<String, VolumeRecord> records = new HashMap<>();
    private final Map<String, Integer> luns = new HashMap<>();

    private final ConfigDiff.Facts facts = new ConfigDiff.Facts() {
        @Override
        public Optional<VolumeRecord> volume(String name) {
            return Optional.ofNullable(records.get(name));
        }

        @Override
        public Optional<Integer> lun(String host, String volume) {
            return Optional.ofNullable(luns.get(volume));
        }

        @Override
        public List<String> volumesOn(String unit) {
            return unit.equals("unit1") ? List.of("web1/data") : List.of();
        }

        @Override
        public long sessions(String host) {
            return host.equals("web1") ? 2 : 0;
        }
    };

    private static GatewayConfig read(String text) throws ConfigException {
        return GatewayConfigReader.read(Path.of("/nowhere/gateway.yaml"), false, "new.yaml", text);
    }

    private ConfigDiff diff(String after) throws ConfigException {
        records.put("web1/data", record("web1/data", 10L << 30, new VolumeLayout.Linear()));
        records.put("web1/db", record("web1/db", 1L << 30, new VolumeLayout.Striped(2, 64 << 10)));
        luns.put("web1/data", 0);
        luns.put("web1/db", 1);
        return ConfigDiff.between(read(BEFORE), read(after), "new.yaml", facts);
    }

    private static VolumeRecord record(String name, long sizeBytes, VolumeLayout layout) {
        return new VolumeRecord(
                UUID.randomUUID(), name, "web1", sizeBytes, 512, layout, VolumeRecord.State.ASSIGNED, 0);
    }

    private List<String> changes(String after) throws ConfigException {
        ConfigDiff diff = diff(after);
        assertThat(diff.refusals()).isEmpty();
        return diff.changes().stream()
                .map(change -> change.kind() + " " + change.subject() + ": " + change.text())
                .toList();
    }

    @Test
    void theSameAgainChangesNothing() throws Exception {
        assertThat(changes(BEFORE)).isEmpty();
        assertThat(changes("# a comment\n" + BEFORE)).isEmpty();
    }

    @Test
    void whatHostsThatAreLoggedInWouldLoseIsNamed() throws Exception {
        assertThat(diff(BEFORE.replace("lun: 0", "lun: 5")).losses())
                .containsExactly("host web1 is logged in (2 sessions) and would lose LUN 0, volume web1/data");
        assertThat(diff(BEFORE.replace("      - {name: data, lun: 0, size: 10GiB}\n", ""))
                        .losses())
                .containsExactly("host web1 is logged in (2 sessions) and would lose volume web1/data");
        assertThat(diff(BEFORE.replace("web1", "web2")).losses())
                .contains("host web1 is logged in (2 sessions) and would lose its target");
        assertThat(diff(BEFORE.replace("size: 10GiB", "size: 12GiB") + "      - {name: more, size: 1GiB}\n")
                        .losses())
                .isEmpty();
    }

    @Test
    void everyKindOfChangeIsToldInWords() throws Exception {
        assertThat(changes(BEFORE.replace("size: 10GiB", "size: 12GiB")))
                .containsExactly("changed volume web1/data: grows from 10 GiB to 12 GiB");
        assertThat(changes(BEFORE.replace("lun: 0", "lun: 5")))
                .containsExactly("changed volume web1/data: LUN 5 instead of 0 for host web1");
        assertThat(changes(BEFORE.replace("lun: 0", "lun: 2")
                        .replace("lun: 1", "lun: 0")
                        .replace("lun: 2", "lun: 1")))
                .as("numbers exchanged")
                .hasSize(2);
        assertThat(changes(BEFORE.replace("example:web1\"]", "example:other\"]")))
                .containsExactly("changed host web1: initiators iqn.2026-11.example:other instead of "
                        + "iqn.2026-11.example:web1, from the next login on");
        assertThat(changes(BEFORE + "      - {name: more, size: 1GiB}\n"))
                .containsExactly("added volume web1/more: 1 GiB, linear, the next LUN of host web1");
        assertThat(changes(BEFORE.replaceAll(".*name: db.*\n", "")))
                .containsExactly(
                        "kept volume web1/db: declared no more: its LUN vanishes, its data are kept; declare it "
                                + "again, or: sanway volume delete web1/db");
        assertThat(changes(BEFORE.replaceAll("(?s)hosts:.*", "")))
                .contains("removed host web1: nobody can log in to its target any more; its 2 sessions end")
                .hasSize(3);
        assertThat(changes(BEFORE.replaceAll(".*name: unit2.*\n", "")))
                .containsExactly("removed unit unit2: nothing is assigned on it");
        assertThat(changes(BEFORE + "  - name: web2\n    initiators: [\"iqn.2026-11.example:web2\"]\n"))
                .containsExactly("added host web2: initiators iqn.2026-11.example:web2, no CHAP; target "
                        + "iqn.2026-11.dev.sanway:web2");
    }

    @Test
    void aVolumeThatWasKeptIsShownAgain() throws Exception {
        records.put("web1/old", record("web1/old", 1L << 30, new VolumeLayout.Linear()));
        assertThat(changes(BEFORE + "      - {name: old, lun: 7, size: 1GiB}\n"))
                .containsExactly("added volume web1/old: shown again, with the data it has: LUN 7 of host web1");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "name: gw1                       | name: gw2                      | 2 | gateway.name",
                "['127.0.0.1:13260']             | ['127.0.0.1:13261']            | 3 | gateway.portals",
                "stateDirectory: state           | stateDirectory: elsewhere      | 4 | gateway.stateDirectory",
                "unitTimeout: 10s                | unitTimeout: 11s               | 5 | gateway.unitTimeout",
                "size: 10GiB                     | size: 9GiB                     | 13 | volume web1/data size",
                "size: 10GiB                     | size: 10GiB, blockSize: 4096   | 13 | volume web1/data blockSize",
                "width: 2                        | width: 3                       | 14 | volume web1/db layout",
                "127.0.0.1:13271                 | 127.0.0.1:13279                | 7 | units unit1",
            })
    void whatCannotChangeIsRefusedByLineAndKey(String from, String to, int line, String key) throws Exception {
        String before = BEFORE.replace('"', '\'');
        ConfigDiff diff = diff(before.replace(from, to));
        assertThat(diff.refusals()).singleElement().asString().startsWith("new.yaml:" + line + ": " + key + ": ");
    }

    @Test
    void aUnitThatHoldsDataMustNotVanish() throws Exception {
        assertThat(diff(BEFORE.replaceAll(".*name: unit1.*\n", "")).refusals())
                .singleElement()
                .asString()
                .contains("unit unit1 is missing, but holds data of web1/data");
    }

    @Test
    void aNumberThatIsKeptForAnotherVolumeIsRefused() throws Exception {
        String unnumbered = BEFORE.replace("name: data, lun: 0, ", "name: data, ");
        assertThat(diff(unnumbered + "      - {name: more, lun: 0, size: 1GiB}\n")
                        .refusals())
                .singleElement()
                .asString()
                .contains("LUN 0 of host web1 is that of both web1/data and web1/more");
    }
}
