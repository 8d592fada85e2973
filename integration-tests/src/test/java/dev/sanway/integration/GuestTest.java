package dev.sanway.integration;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Linux's own initiator, in a virtual machine. A boot takes seconds and emulation is slow, so one boot makes many steps. */
@Tag("slow")
class GuestTest {
    private static final String SECRET = "a secret of the vault";
    private static final String MUTUAL_SECRET = "what the gateway knows";

    @TempDir
    Path folder;

    private San san() throws Exception {
        SecretFile.write(folder.resolve("vault"), SECRET + "\n");
        SecretFile.write(folder.resolve("mutual"), MUTUAL_SECRET + "\n");
        San san = new San(folder);
        san.addSecondPortal();
        for (int i = 1; i <= 3; i++) {
            san.unit("unit" + i, "name: volume1, size: 2GiB");
        }
        san.gateway("""
                hosts:
                  - name: linux
                    initiators: ["iqn.2026-11.example:linux"]
                    volumes:
                      - {name: data, lun: 0, size: 520MiB}
                      - {name: db, lun: 1, size: 400MiB, layout: striped, width: 2, chunk: 64KiB}
                      - {name: wide, lun: 2, size: 300MiB, layout: striped, width: 3, chunk: 16KiB, blockSize: 4096}
                  - name: vault
                    initiators: ["iqn.2026-11.example:vault"]
                    chap: {user: vault, secretFile: vault, mutualUser: gateway, mutualSecretFile: mutual}
                    volumes:
                      - {name: data, lun: 0, size: 16MiB}
                """);
        return san;
    }

    @Test
    void anAdministratorsDay() throws Exception {
        try (San san = san();
                Guest guest = new Guest(
                        "administrator.sh",
                        400,
                        "PORTALS=127.0.0.1:" + san.port + " 127.0.0.2:" + san.port,
                        "INITIATOR=iqn.2026-11.example:linux",
                        "TARGET=" + San.target("linux"),
                        "VAULT=" + San.target("vault"),
                        "SECRET=" + SECRET,
                        "MUTUAL_SECRET=" + MUTUAL_SECRET)) {
            guest.await("now: grow", Duration.ofMinutes(5));
            san.reload("size: 400MiB", "size: 600MiB");
            san.reload("size: 300MiB", "size: 600MiB");
            guest.await("now: add", Duration.ofMinutes(2));
            san.reload("  - name: vault", "      - {name: late, lun: 5, size: 16MiB}\n  - name: vault");
            assertThat(guest.succeeded()).contains("administrator: all well").contains("errors the kernel saw: 0");
            String log = san.gateway().log();
            assertThat(log)
                    .containsPattern("iqn.2026-11.example:stranger.* login refused: .*not among those entitled")
                    .containsPattern("iqn.2026-11.example:vault.* login refused: .*must prove itself by CHAP")
                    .containsPattern("iqn.2026-11.example:vault.* login refused: .*CHAP_R does not fit the secret")
                    .doesNotContain(SECRET)
                    .doesNotContain(MUTUAL_SECRET);
        }
    }

    /** Every line for Linux in docs/attach.md. */
    @Test
    void theLinesOfTheDocumentation() throws Exception {
        SecretFile.write(folder.resolve("web1"), "web1 proves itself\n");
        SecretFile.write(folder.resolve("gw1"), "the gateway proves itself\n");
        try (San san = new San(folder)) {
            san.addSecondPortal();
            san.unit("unit1", "name: volume1, size: 1GiB");
            san.gateway("""
                    hosts:
                      - name: web1
                        initiators: ["iqn.1993-08.org.debian:01:web1"]
                        chap: {user: web1, secretFile: web1, mutualUser: gw1, mutualSecretFile: gw1}
                        volumes:
                          - {name: data, lun: 0, size: 256MiB}
                    """);
            try (Guest guest =
                    new Guest("attach.sh", 300, "PORTALS=127.0.0.1:" + san.port + " 127.0.0.2:" + san.port)) {
                assertThat(guest.succeeded()).contains("attach: all well");
            }
        }
    }
}
