package dev.sanway.integration;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sanway.initiator.UnitSessionConfig;
import dev.sanway.iscsi.Chap;
import dev.sanway.iscsi.IscsiName;
import dev.sanway.iscsi.Isid;
import dev.sanway.scsi.Cdb;
import dev.sanway.scsi.StatusCode;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HexFormat;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A host reaches what is its own and nothing else; who is refused is told in the log which rule failed, never a secret. */
class IsolationTest {
    private static final String A = "iqn.2026-11.example:a";
    private static final String B = "iqn.2026-11.example:b";
    private static final String TARGET_B = San.target("b");
    private static final String SECRET_B = "a secret of host b";
    private static final String SECRET_GATEWAY = "what the gateway knows";

    @TempDir
    Path folder;

    private San san;
    private SanwayProcess gateway;

    @BeforeEach
    void start() throws Exception {
        SecretFile.write(folder.resolve("b"), SECRET_B + "\n");
        SecretFile.write(folder.resolve("gw"), SECRET_GATEWAY + "\n");
        san = new San(folder);
        san.unit("unit1", "name: volume1, size: 128MiB");
        gateway = san.gateway("""
                hosts:
                  - {name: a, initiators: ["iqn.2026-11.example:a"], volumes: [{name: data, lun: 0, size: 16MiB}]}
                  - name: b
                    initiators: ["iqn.2026-11.example:b"]
                    chap: {user: b, secretFile: b, mutualUser: gw, mutualSecretFile: gw}
                    volumes: [{name: data, lun: 0, size: 16MiB}]
                """);
    }

    @AfterEach
    void stop() throws Exception {
        san.close();
    }

    private TestHost hostB() {
        return new TestHost(UnitSessionConfig.of(
                        "b", "127.0.0.1", san.port, new IscsiName(TARGET_B), new IscsiName(B), Isid.random(77, 1))
                .withChap(new Chap.Credentials("b", SECRET_B), new Chap.Credentials("gw", SECRET_GATEWAY)));
    }

    private Wire.Login begin(Wire wire, String initiator, String method) throws Exception {
        return wire.security(
                false,
                Wire.key("InitiatorName", initiator),
                Wire.key("TargetName", TARGET_B),
                Wire.key("SessionType", "Normal"),
                Wire.key("AuthMethod", method));
    }

    private static void expectRefused(Wire.Login answer, int detail) {
        assertThat(answer.statusClass()).as("%s", answer).isEqualTo(2);
        assertThat(answer.statusDetail()).as("%s", answer).isEqualTo(detail);
    }

    @Test
    void aHostDiscoversItsOwnTargetOnly() {
        // With -s it asks each LUN whether it is ready, which a volume is once it was wiped.
        Command seen = Awaitility.await("a's volume is ready")
                .atMost(Duration.ofMinutes(1))
                .until(
                        () -> Command.run(10, "iscsi-ls", "-s", "-i", A, "iscsi://127.0.0.1:" + san.port),
                        ended -> ended.exitStatus() == 0);
        assertThat(seen.succeeded()).contains("Target:" + San.target("a")).doesNotContain(TARGET_B);
        Command stranger = Command.run(10, "iscsi-ls", "-i", "iqn.2026-11.example:c", "iscsi://127.0.0.1:" + san.port);
        assertThat(stranger.output()).doesNotContain("Target:");
    }

    @Test
    void aWrongNameAWrongSecretAndAReflectedChallengeAreRefusedWithTheRuleInTheLog() throws Exception {
        try (Wire wire = new Wire(san.port, 1)) {
            expectRefused(begin(wire, A, "CHAP"), 2);
        }
        assertThat(gateway.log()).contains("not among those entitled");
        try (Wire wire = new Wire(san.port, 2)) {
            expectRefused(begin(wire, B, "None"), 1);
        }
        assertThat(gateway.log()).contains("must prove itself by CHAP");
        try (Wire wire = new Wire(san.port, 3)) {
            expectRefused(wire.login(B, TARGET_B), 1);
        }
        assertThat(gateway.log()).contains("skipped that stage");
        try (Wire wire = new Wire(san.port, 4)) {
            expectRefused(prove(wire, "a guess at the secret", false), 1);
        }
        assertThat(gateway.log()).contains("CHAP_R does not fit the secret");
        try (Wire wire = new Wire(san.port, 5)) {
            expectRefused(prove(wire, SECRET_B, true), 1);
        }
        assertThat(gateway.log()).contains("reflection").doesNotContain(SECRET_B, SECRET_GATEWAY);
        try (TestHost b = hostB()) {
            assertThat(b.client(0).read(0, 1)).hasSize(512);
        }
    }

    private Wire.Login prove(Wire wire, String secret, boolean reflect) throws Exception {
        begin(wire, B, "CHAP");
        Wire.Login challenge = wire.security(false, Wire.key("CHAP_A", "5"));
        assertThat(challenge.statusClass()).isZero();
        byte[] bytes = HexFormat.of().parseHex(challenge.value("CHAP_C").substring(2));
        int identifier = Integer.parseInt(challenge.value("CHAP_I"));
        byte[] response =
                Chap.response(Chap.Algorithm.MD5, identifier, new Chap.Credentials("b", secret).secret(), bytes);
        String proof = "0x" + HexFormat.of().formatHex(response);
        return reflect
                ? wire.security(
                        true,
                        Wire.key("CHAP_N", "b"),
                        Wire.key("CHAP_R", proof),
                        Wire.key("CHAP_I", challenge.value("CHAP_I")),
                        Wire.key("CHAP_C", challenge.value("CHAP_C")))
                : wire.security(true, Wire.key("CHAP_N", "b"), Wire.key("CHAP_R", proof));
    }

    @Test
    void whatAHostDoesNeverTouchesAnotherHostsVolume() throws Exception {
        try (TestHost b = hostB();
                Wire a = new Wire(san.port, 6)) {
            byte[] ofB = new byte[512];
            java.util.Arrays.fill(ofB, (byte) 0xb);
            b.client(0).writeThrough(5, ofB);
            assertThat(a.login(A, San.target("a")).statusClass()).isZero();
            // The same LUN number is another volume; it holds nothing of b's.
            try (TestHost other = san.host(A, "a")) {
                assertThat(other.client(0).read(5, 1)).containsOnly(0);
                other.client(0).writeThrough(5, new byte[512]);
                byte[] reserve = new byte[6];
                reserve[0] = 0x16;
                assertThat(other.command(0, reserve).status()).isEqualTo(StatusCode.GOOD);
                assertThat(a.manage(5, 0)).as("LUN RESET of its own").isZero();
                assertThat(a.manage(6, 0)).as("TARGET WARM RESET of its own").isZero();
            }
            assertThat(b.command(0, Cdb.testUnitReady()).status())
                    .as("no unit attention, no conflict")
                    .isEqualTo(StatusCode.GOOD);
            assertThat(b.client(0).read(5, 1)).isEqualTo(ofB);
            assertThat(a.manage(5, 1L << 48))
                    .as("LUN RESET of a LUN it does not have")
                    .isNotZero();
        }
    }
}
