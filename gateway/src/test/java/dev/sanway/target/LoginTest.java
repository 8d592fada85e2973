package dev.sanway.target;

import static dev.sanway.target.TargetFixture.HOST_A;
import static dev.sanway.target.TargetFixture.HOST_B;
import static dev.sanway.target.TargetFixture.MUTUAL_B;
import static dev.sanway.target.TargetFixture.SECRET_B;
import static dev.sanway.target.TargetFixture.TARGET_A;
import static dev.sanway.target.TargetFixture.TARGET_B;
import static dev.sanway.target.WireInitiator.value;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sanway.iscsi.Chap;
import dev.sanway.iscsi.Isid;
import dev.sanway.iscsi.KeyValue;
import dev.sanway.iscsi.LoginStatus;
import dev.sanway.iscsi.Pdu;
import dev.sanway.iscsi.Text;
import io.netty.buffer.Unpooled;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.awaitility.Awaitility;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class LoginTest {

    private TargetFixture target;

    @BeforeEach
    void start() throws IOException {
        target = new TargetFixture(TargetFixture.limits());
    }

    @AfterEach
    void stop() {
        target.close();
    }

    private static LoginStatus status(Pdu.LoginResponse response) {
        LoginStatus status = LoginStatus.of(response.statusClass(), response.statusDetail());
        assertThat(status).isNotNull();
        return status;
    }

    @Test
    void anEntitledInitiatorReachesFullFeaturePhase() {
        try (WireInitiator host = target.connect()) {
            Pdu.LoginResponse response =
                    host.loginTo(TARGET_A, HOST_A, "MaxRecvDataSegmentLength=65536", "X-com.example=1");
            assertThat(status(response)).isEqualTo(LoginStatus.SUCCESS);
            assertThat(response.transit()).isTrue();
            assertThat(response.nextStage()).isEqualTo(3);
            assertThat(response.tsih()).isNotZero();
            assertThat(value(response, "TargetPortalGroupTag")).isEqualTo("1");
            assertThat(value(response, "X-com.example")).isEqualTo("NotUnderstood");
            assertThat(value(response, "MaxRecvDataSegmentLength")).isEqualTo("262144");
            response.release();
            assertThat(target.server.sessions()).hasSize(1);
        }
        Awaitility.await()
                .atMost(Duration.ofSeconds(10))
                .until(() -> target.server.sessions().isEmpty());
    }

    /** What is sent in the first login request, stage by stage, and the status that it gets. */
    @ParameterizedTest
    @CsvSource({
        "1, 3, InitiatorName=iqn.2026-11.example:host-a;TargetName=iqn.2026-11.dev.sanway:none, AUTHORIZATION_FAILURE",
        "1, 3, InitiatorName=iqn.2026-11.example:host-b;TargetName=iqn.2026-11.dev.sanway:a, AUTHORIZATION_FAILURE",
        "1, 3, InitiatorName=iqn.2026-11.example:host-b;TargetName=iqn.2026-11.dev.sanway:b, AUTHENTICATION_FAILURE",
        "0, 1, InitiatorName=iqn.2026-11.example:host-b;TargetName=iqn.2026-11.dev.sanway:b, AUTHENTICATION_FAILURE",
        "0, 1, InitiatorName=iqn.2026-11.example:host-b;TargetName=iqn.2026-11.dev.sanway:b;AuthMethod=None, AUTHENTICATION_FAILURE",
        "0, 1, InitiatorName=iqn.2026-11.example:host-a;TargetName=iqn.2026-11.dev.sanway:a;AuthMethod=CHAP, AUTHENTICATION_FAILURE",
        "1, 3, TargetName=iqn.2026-11.dev.sanway:a, MISSING_PARAMETER",
        "1, 3, InitiatorName=iqn.2026-11.example:host-a, MISSING_PARAMETER",
        "1, 3, InitiatorName=nonsense;TargetName=iqn.2026-11.dev.sanway:a, INITIATOR_ERROR",
        "1, 3, InitiatorName=iqn.2026-11.example:host-a;SessionType=Odd, SESSION_TYPE_NOT_SUPPORTED",
        "1, 0, InitiatorName=iqn.2026-11.example:host-a;TargetName=iqn.2026-11.dev.sanway:a, INITIATOR_ERROR",
        "3, 3, InitiatorName=iqn.2026-11.example:host-a;TargetName=iqn.2026-11.dev.sanway:a, INITIATOR_ERROR",
        "1, 3, InitiatorName=iqn.2026-11.example:host-a;TargetName=iqn.2026-11.dev.sanway:a;HeaderDigest=None;HeaderDigest=None, INITIATOR_ERROR"
    })
    void aRefusalHasItsStatusAndEndsTheConnection(int current, int next, String pairs, LoginStatus expected) {
        try (WireInitiator host = target.connect()) {
            Pdu.LoginResponse response = host.login(current, next, true, pairs.split(";"));
            assertThat(status(response)).isEqualTo(expected);
            assertThat(response.tsih()).isZero();
            response.release();
            assertThat(host.next()).as("the connection ends").isNull();
        }
    }

    @Test
    void aLaterVersionOnlyIsRefused() {
        try (WireInitiator host = target.connect()) {
            host.send(new Pdu.LoginRequest(
                    true,
                    false,
                    1,
                    3,
                    2,
                    1,
                    new Isid(1),
                    0,
                    0,
                    0,
                    1,
                    0,
                    WireInitiator.text("InitiatorName=" + HOST_A)));
            assertThat(status(host.expect(Pdu.LoginResponse.class))).isEqualTo(LoginStatus.UNSUPPORTED_VERSION);
        }
    }

    @Test
    void anUnknownSessionHandleIsRefused() {
        try (WireInitiator host = target.connect()) {
            Pdu.LoginResponse response =
                    host.login(new Isid(1), 77, 1, 3, true, "InitiatorName=" + HOST_A, "TargetName=" + TARGET_A);
            assertThat(status(response)).isEqualTo(LoginStatus.SESSION_DOES_NOT_EXIST);
            response.release();
        }
    }

    /** Mutual CHAP by each algorithm, driven by our own requester. */
    @ParameterizedTest
    @CsvSource({"5", "6", "7", "8"})
    void mutualChapProvesBothSides(int algorithm) {
        try (WireInitiator host = target.connect()) {
            Chap.Step end = chap(host, algorithm, new Chap.Credentials("b", SECRET_B), MUTUAL_B);
            assertThat(end).isInstanceOf(Chap.Success.class);
            Pdu.LoginResponse last = host.login(1, 3, true);
            assertThat(status(last)).isEqualTo(LoginStatus.SUCCESS);
            assertThat(last.tsih()).isNotZero();
            last.release();
        }
    }

    @Test
    void aWrongSecretOrNameIsRefused() {
        for (Chap.Credentials wrong :
                List.of(new Chap.Credentials("b", "not-the-secret!"), new Chap.Credentials("c", SECRET_B))) {
            try (WireInitiator host = target.connect()) {
                assertThat(chap(host, 7, wrong, MUTUAL_B)).isNull();
            }
        }
        assertThat(target.server.sessions()).isEmpty();
    }

    /** Runs CHAP through the security stage; the requester's last step, or null if the target refused. */
    private Chap.@Nullable Step chap(WireInitiator host, int algorithm, Chap.Credentials own, String mutual) {
        Chap.Requester requester = new Chap.Requester(own, new Chap.Credentials("gw", mutual), new SecureRandom());
        host.login(0, 1, false, "InitiatorName=" + HOST_B, "TargetName=" + TARGET_B, "AuthMethod=CHAP,None")
                .release();
        requester.begin();
        Pdu.LoginResponse challenge = host.login(0, 1, false, "CHAP_A=" + algorithm);
        Chap.Step step = requester.receive(chapKeys(challenge));
        assertThat(step).isInstanceOf(Chap.Send.class);
        String[] proof =
                ((Chap.Send) step).keys().stream().map(KeyValue::toString).toArray(String[]::new);
        Pdu.LoginResponse answer = host.login(0, 1, true, proof);
        if (answer.statusClass() != 0) {
            assertThat(status(answer)).isEqualTo(LoginStatus.AUTHENTICATION_FAILURE);
            answer.release();
            return null;
        }
        return requester.receive(chapKeys(answer));
    }

    private static List<KeyValue> chapKeys(Pdu pdu) {
        List<KeyValue> keys = new ArrayList<>();
        if (Text.parse(pdu.data()) instanceof Text.Parsed parsed) {
            parsed.pairs().stream()
                    .filter(pair -> pair.key().startsWith("CHAP_"))
                    .forEach(keys::add);
        }
        pdu.release();
        return keys;
    }

    @Test
    void aReflectedChallengeIsRefused() {
        try (WireInitiator host = target.connect()) {
            host.login(0, 1, false, "InitiatorName=" + HOST_B, "TargetName=" + TARGET_B, "AuthMethod=CHAP")
                    .release();
            Pdu.LoginResponse challenge = host.login(0, 1, false, "CHAP_A=7");
            String id = value(challenge, "CHAP_I");
            String text = value(challenge, "CHAP_C");
            challenge.release();
            assertThat(text).startsWith("0x");
            java.util.Objects.requireNonNull(text);
            java.util.Objects.requireNonNull(id);
            byte[] bytes = java.util.HexFormat.of().parseHex(text.substring(2));
            byte[] proof = Chap.response(
                    Chap.Algorithm.SHA_256, Integer.parseInt(id), SECRET_B.getBytes(StandardCharsets.UTF_8), bytes);
            Pdu.LoginResponse answer = host.login(
                    0,
                    1,
                    true,
                    "CHAP_N=b",
                    "CHAP_R=0x" + java.util.HexFormat.of().formatHex(proof),
                    "CHAP_I=" + id,
                    "CHAP_C=" + text);
            assertThat(status(answer)).isEqualTo(LoginStatus.AUTHENTICATION_FAILURE);
            assertThat(value(answer, "CHAP_R")).isNull();
            answer.release();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"SessionType=Discovery", "InitiatorName=" + HOST_A, "TargetName=" + TARGET_A})
    void whatDecidesWhoMustProveWhatCannotComeLate(String late) {
        try (WireInitiator host = target.connect()) {
            host.login(0, 1, false, "InitiatorName=" + HOST_B, "TargetName=" + TARGET_B)
                    .release();
            Pdu.LoginResponse answer = host.login(0, 3, true, late);
            assertThat(status(answer)).isEqualTo(LoginStatus.INITIATOR_ERROR);
            answer.release();
        }
        try (WireInitiator host = target.connect()) {
            Pdu.LoginResponse answer = host.login(
                    0, 3, true, "InitiatorName=" + HOST_B, "TargetName=" + TARGET_B, "SessionType=Normal", late);
            assertThat(answer.statusClass()).isEqualTo(2);
            answer.release();
        }
    }

    /** As libiscsi 1.19, QEMU and libvirt do when they have credentials and CHAP is not asked for. */
    @Test
    void theSameNamesMayBeSaidAgain() {
        try (WireInitiator host = target.connect()) {
            host.login(
                            0,
                            1,
                            true,
                            "InitiatorName=" + HOST_A,
                            "TargetName=" + TARGET_A,
                            "SessionType=Normal",
                            "AuthMethod=CHAP,None")
                    .release();
            Pdu.LoginResponse answer =
                    host.login(1, 3, true, "InitiatorName=" + HOST_A, "TargetName=" + TARGET_A, "SessionType=Normal");
            assertThat(status(answer)).isEqualTo(LoginStatus.SUCCESS);
            assertThat(answer.tsih()).isNotZero();
            answer.release();
        }
    }

    @Test
    void loginTextMaySpanSeveralPdus() {
        try (WireInitiator host = target.connect()) {
            byte[] text = new byte
                    [WireInitiator.text("InitiatorName=" + HOST_A, "TargetName=" + TARGET_A)
                            .readableBytes()];
            WireInitiator.text("InitiatorName=" + HOST_A, "TargetName=" + TARGET_A)
                    .readBytes(text);
            int half = 20;
            host.send(new Pdu.LoginRequest(
                    false, true, 1, 0, 0, 0, new Isid(5), 0, 0, 0, 100, 0, Unpooled.wrappedBuffer(text, 0, half)));
            Pdu.LoginResponse first = host.expect(Pdu.LoginResponse.class);
            assertThat(status(first)).isEqualTo(LoginStatus.SUCCESS);
            assertThat(first.transit()).isFalse();
            assertThat(first.data().isReadable()).isFalse();
            host.send(new Pdu.LoginRequest(
                    true,
                    false,
                    1,
                    3,
                    0,
                    0,
                    new Isid(5),
                    0,
                    0,
                    0,
                    100,
                    0,
                    Unpooled.wrappedBuffer(text, half, text.length - half)));
            Pdu.LoginResponse last = host.expect(Pdu.LoginResponse.class);
            assertThat(last.transit()).isTrue();
            last.release();
        }
    }

    @Test
    void aSecondLoginOfTheSameNameEndsTheFirstSession() {
        try (WireInitiator old = target.connect();
                WireInitiator anew = target.connect()) {
            old.loginTo(TARGET_A, HOST_A).release();
            anew.loginTo(TARGET_A, HOST_A).release();
            assertThat(old.next()).as("the first connection ends").isNull();
            assertThat(target.server.sessions()).hasSize(1);
        }
    }

    @Test
    void anotherIsidIsAnotherSession() {
        try (WireInitiator one = target.connect();
                WireInitiator two = target.connect()) {
            one.loginTo(TARGET_A, HOST_A).release();
            two.login(new Isid(9), 0, 1, 3, true, "InitiatorName=" + HOST_A, "TargetName=" + TARGET_A)
                    .release();
            assertThat(target.server.sessions()).hasSize(2);
        }
    }

    @Test
    void anythingButALoginRequestEndsTheConnection() {
        try (WireInitiator host = target.connect()) {
            host.send(new Pdu.NopOut(true, 0, 1, Pdu.NO_TAG, 1, 1, Unpooled.EMPTY_BUFFER));
            assertThat(host.next()).isNull();
        }
    }

    @Test
    void aSilentConnectionEndsByTimeOut() throws IOException {
        TargetLimits hasty = TargetLimits.defaults().withLoginTimes(300, 60_000).withPatience(300, 300, 20_000);
        try (TargetFixture other = new TargetFixture(hasty);
                WireInitiator silent = other.connect();
                WireInitiator halfIn = other.connect();
                WireInitiator dead = other.connect()) {
            halfIn.login(0, 1, false, "InitiatorName=" + HOST_A, "TargetName=" + TARGET_A)
                    .release();
            dead.loginTo(TARGET_A, HOST_A).release();
            assertThat(silent.next()).isNull();
            assertThat(halfIn.next()).isNull();
            Pdu.NopIn ping = dead.expect(Pdu.NopIn.class);
            assertThat(ping.targetTransferTag()).isNotEqualTo(Pdu.NO_TAG);
            assertThat(dead.next())
                    .as("a peer that answers no ping is given up")
                    .isNull();
        }
    }

    @Test
    void discoveryShowsOnlyWhatOneIsEntitledTo() {
        try (WireInitiator host = target.connect()) {
            host.login(1, 3, true, "InitiatorName=" + HOST_A, "SessionType=Discovery")
                    .release();
            Pdu.TextResponse all = sendTargets(host, "All");
            assertThat(value(all, "TargetName")).isEqualTo(TARGET_A);
            assertThat(value(all, "TargetAddress"))
                    .isEqualTo(
                            "127.0.0.1:" + target.server.addresses().getFirst().getPort() + ",1");
            assertThat(all.data().toString(StandardCharsets.UTF_8)).doesNotContain(TARGET_B);
            all.release();
            Pdu.TextResponse other = sendTargets(host, TARGET_B);
            assertThat(other.data().isReadable()).isFalse();
            Pdu.TextResponse named = sendTargets(host, TARGET_A);
            assertThat(value(named, "TargetName")).isEqualTo(TARGET_A);
            named.release();
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ' ',
            value = {
                HOST_B + " CHAP,None CHAP",
                HOST_B + " KRB5,CHAP,None CHAP",
                HOST_B + " None,CHAP None",
                HOST_B + " None None",
                HOST_A + " CHAP,None None"
            })
    void discoveryUsesTheFirstMethodOfTheInitiatorsListThatCanBeUsed(String host, String offered, String chosen) {
        try (WireInitiator initiator = target.connect()) {
            Pdu.LoginResponse answer = initiator.login(
                    0, 1, true, "InitiatorName=" + host, "SessionType=Discovery", "AuthMethod=" + offered);
            assertThat(value(answer, "AuthMethod")).isEqualTo(chosen);
            answer.release();
        }
    }

    /** The mistake shows where it was made, and not at a later login. */
    @Test
    void aWrongSecretIsRefusedInDiscovery() {
        for (String secret : List.of(SECRET_B, "another-secret-of-b")) {
            try (WireInitiator host = target.connect()) {
                host.login(0, 1, false, "InitiatorName=" + HOST_B, "SessionType=Discovery", "AuthMethod=CHAP,None")
                        .release();
                Chap.Requester requester = new Chap.Requester(
                        new Chap.Credentials("b", secret.getBytes(StandardCharsets.UTF_8)), null, new SecureRandom());
                requester.begin();
                Chap.Step step = requester.receive(chapKeys(host.login(0, 1, false, "CHAP_A=7")));
                String[] proof = ((Chap.Send) step)
                        .keys().stream().map(KeyValue::toString).toArray(String[]::new);
                Pdu.LoginResponse answer = host.login(0, 3, true, proof);
                assertThat(status(answer))
                        .isEqualTo(secret.equals(SECRET_B) ? LoginStatus.SUCCESS : LoginStatus.AUTHENTICATION_FAILURE);
                answer.release();
            }
        }
    }

    private static Pdu.TextResponse sendTargets(WireInitiator host, String value) {
        host.send(new Pdu.TextRequest(
                false,
                true,
                false,
                0,
                host.nextTag++,
                Pdu.NO_TAG,
                host.cmdSn++,
                host.expStatSn,
                WireInitiator.text("SendTargets=" + value)));
        Pdu.TextResponse response = host.expect(Pdu.TextResponse.class);
        assertThat(response.isFinal()).isTrue();
        host.expStatSn = response.statSn() + 1;
        return response;
    }
}
