package dev.sanway.integration;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.time.Duration;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

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
