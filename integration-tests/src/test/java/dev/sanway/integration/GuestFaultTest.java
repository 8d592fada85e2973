package dev.sanway.integration;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sanway.config.GatewayConfigReader;
import dev.sanway.config.UnitConfig;
import dev.sanway.control.Gateway;
import dev.sanway.unit.UnitServer;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Faults beneath the file systems of a Linux host: none of them is seen there. */
@Tag("long")
class GuestFaultTest {
    private static final String INITIATOR = "iqn.2026-11.example:linux";
    private static final String HOST = """
            hosts:
              - name: linux
                initiators: ["iqn.2026-11.example:linux"]
                volumes:
                  - {name: data, lun: 0, size: 400MiB}
            """;

    @TempDir
    Path folder;

    @Test
    void killsOfTheGatewayAndOfAUnitUnderBusyFileSystems() throws Exception {
        try (San san = new San(folder)) {
            SanwayProcess unit = san.unit("unit1", "name: volume1, size: 1GiB");
            san.unit("unit2", "name: volume1, size: 1GiB");
            san.gateway(HOST + "      - {name: db, lun: 1, size: 400MiB, layout: striped, width: 2, chunk: 64KiB}\n");
            try (Guest guest = new Guest(
                    "kills.sh",
                    500,
                    "PORTALS=127.0.0.1:" + san.port,
                    "INITIATOR=" + INITIATOR,
                    "TARGET=" + San.target("linux"))) {
                guest.await("now: kill the gateway", Duration.ofMinutes(3));
                san.gateway().kill();
                guest.await("seen: the gateway is gone", Duration.ofMinutes(1));
                san.gateway().restart();
                guest.await("now: kill a unit", Duration.ofMinutes(3));
                unit.kill();
                guest.await("seen: writes wait", Duration.ofMinutes(1));
                unit.restart();
                assertThat(guest.succeeded()).contains("kills: all well");
            }
        }
    }

    /** Longer than {@code unitTimeout}, and longer than a host waits for one answer. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aUnitIsAwayForAWhileUnderBusyFileSystems(boolean multipath) throws Exception {
        try (San san = new San(folder)) {
            san.addSecondPortal();
            SanwayProcess unit = san.unit("unit1", "name: volume1, size: 1GiB");
            san.gateway(HOST + "      - {name: db, lun: 1, size: 400MiB}\n");
            try (Guest guest = new Guest(
                    "absence.sh",
                    900,
                    "PORTALS=127.0.0.1:" + san.port + (multipath ? " 127.0.0.2:" + san.port : ""),
                    "INITIATOR=" + INITIATOR,
                    "TARGET=" + San.target("linux"))) {
                for (int seconds : new int[] {34, 90}) {
                    guest.await("now: a unit away for " + seconds + " s", Duration.ofMinutes(5));
                    unit.kill();
                    Awaitility.await()
                            .pollDelay(Duration.ofSeconds(seconds))
                            .atMost(Duration.ofMinutes(2))
                            .until(() -> true);
                    unit.restart();
                }
                assertThat(guest.succeeded()).contains("absence: all well");
            }
        }
    }

    /** The unit comes back as after another boot, which is all that can be known of a loss of power. */
    @Test
    void fsyncFailsOnceAfterAUnitLostWhatWasNotFlushed() throws Exception {
        int unitPort = Ports.free();
        UnitConfig config = new UnitConfig(
                folder.resolve("unit1.yaml"),
                "unit1",
                San.target("unit.unit1"),
                List.of(new InetSocketAddress(InetAddress.getLoopbackAddress(), unitPort)),
                folder.resolve("unit1"),
                Long.MAX_VALUE,
                1,
                null,
                List.of(new UnitConfig.Volume("volume1", 512 << 20, null, 0, 512, false, false, 1)));
        int port = Ports.free();
        Path file = folder.resolve("gateway.yaml");
        Files.writeString(file, """
                gateway:
                  name: gw1
                  portals: ["127.0.0.1:%d"]
                  stateDirectory: gateway
                  management: "127.0.0.1:%d"
                  eventLoops: 1
                units:
                  - {name: unit1, portal: "127.0.0.1:%d", target: "%s"}
                """.formatted(port, Ports.free(), unitPort, San.target("unit.unit1")) + HOST);
        UnitServer unit = new UnitServer(config, device -> device, UUID.randomUUID());
        try (Gateway _ = new Gateway(GatewayConfigReader.read(file));
                Guest guest = new Guest(
                        "lostwrites.sh",
                        400,
                        "PORTALS=127.0.0.1:" + port,
                        "INITIATOR=" + INITIATOR,
                        "TARGET=" + San.target("linux"))) {
            guest.await("now: take the power", Duration.ofMinutes(3));
            unit.close();
            Awaitility.await().pollDelay(Duration.ofSeconds(8)).until(() -> true);
            unit = new UnitServer(config, device -> device, UUID.randomUUID());
            assertThat(guest.succeeded()).contains("lostwrites: all well");
        } finally {
            unit.close();
        }
    }

    @Test
    void aPortalOfTwoGoesAwayUnderMultipath() throws Exception {
        try (San san = new San(folder)) {
            san.addSecondPortal();
            san.unit("unit1", "name: volume1, size: 1GiB");
            san.gateway(HOST);
            try (Guest guest = new Guest(
                    "multipath.sh",
                    500,
                    "PORTALS=127.0.0.1:" + san.port + " 127.0.0.2:" + san.port,
                    "INITIATOR=" + INITIATOR,
                    "TARGET=" + San.target("linux"))) {
                assertThat(guest.succeeded()).contains("multipath: all well");
            }
        }
    }

    @Test
    void aThinVolumeFillsUpGoesOnWithOneMoreUnitAndGivesBack() throws Exception {
        try (AgentSan san = new AgentSan(folder)) {
            san.unit("unit1", "256MiB", "");
            san.unit("unit2", "1GiB", "");
            san.gateway(
                    "manual",
                    HOST.replace(
                                    "{name: data, lun: 0, size: 400MiB}",
                                    "{name: data, lun: 0, size: 2GiB, provisioning: thin}")
                            + "      - {name: other, lun: 1, size: 32MiB}\n");
            Awaitility.await("both are found")
                    .atMost(Duration.ofSeconds(30))
                    .until(() -> san.show("unit", "list").size() == 2);
            san.sanway("unit", "adopt", "unit1").succeeded();
            Awaitility.await("both volumes are ready")
                    .atMost(Duration.ofSeconds(60))
                    .until(() -> {
                        for (com.fasterxml.jackson.databind.JsonNode volume : san.show("volume", "list")) {
                            if (!volume.path("state").asText().equals("ready")) {
                                return false;
                            }
                        }
                        return true;
                    });
            try (Guest guest = new Guest(
                    "thin.sh",
                    500,
                    "PORTALS=127.0.0.1:" + san.port,
                    "INITIATOR=" + INITIATOR,
                    "TARGET=" + San.target("linux"))) {
                guest.await("now: adopt a unit", Duration.ofMinutes(4));
                assertThat(san.log("gateway")).contains("pool: 95 % full").contains("Add a unit");
                san.sanway("unit", "adopt", "unit2").succeeded();
                guest.await("now: look at the pool", Duration.ofMinutes(4));
                long used = san.show("pool", "show").path("usedBytes").asLong();
                assertThat(used).isGreaterThan(256L << 20);
                guest.await("now: look at the pool again", Duration.ofMinutes(2));
                Awaitility.await("slabs went back")
                        .atMost(Duration.ofSeconds(60))
                        .pollInterval(Duration.ofSeconds(1))
                        .until(() -> san.show("pool", "show").path("usedBytes").asLong() < used / 2);
                assertThat(guest.succeeded()).contains("thin: all well");
            }
        }
    }
}
