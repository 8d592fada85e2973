package dev.sanway.iscsi;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sanway.iscsi.Chap.Acceptor;
import dev.sanway.iscsi.Chap.Algorithm;
import dev.sanway.iscsi.Chap.Credentials;
import dev.sanway.iscsi.Chap.Failure;
import dev.sanway.iscsi.Chap.Requester;
import dev.sanway.iscsi.Chap.Send;
import dev.sanway.iscsi.Chap.Step;
import dev.sanway.iscsi.Chap.Success;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class ChapTest {
    private static final SecureRandom RANDOM = new SecureRandom();
    private static final Credentials HOST = new Credentials("web1", "secret-of-web1");
    private static final Credentials GATEWAY = new Credentials("gw1", "secret-of-gw1!");

    @ParameterizedTest
    @EnumSource(Algorithm.class)
    void oneWayAndMutualSucceedWithEachAlgorithm(Algorithm algorithm) {
        for (Credentials mutual : new @Nullable Credentials[] {null, GATEWAY}) {
            Requester requester = new Requester(HOST, mutual, RANDOM);
            Acceptor acceptor = new Acceptor(HOST, GATEWAY, RANDOM);
            Send challenge = (Send) acceptor.receive(List.of(TextKey.CHAP_A.with(Integer.toString(algorithm.code()))));
            Send proof = (Send) requester.receive(challenge.keys());
            Success accepted = (Success) acceptor.receive(proof.keys());
            assertThat(accepted.peerName()).isEqualTo("web1");
            assertThat(accepted.keys()).hasSize(mutual == null ? 0 : 2);
            assertThat(requester.receive(accepted.keys())).isInstanceOf(Success.class);
        }
    }

    @Test
    void theResponseIsTheHashOfIdentifierSecretAndChallenge() throws Exception {
        byte[] challenge = {1, 2, 3};
        byte[] whole = "\7secret\1\2\3".getBytes(StandardCharsets.US_ASCII);
        assertThat(Chap.response(Algorithm.MD5, 7, "secret".getBytes(StandardCharsets.US_ASCII), challenge))
                .isEqualTo(MessageDigest.getInstance("MD5").digest(whole));
    }

    @Test
    void theInitiatorOffersTheStrongestFirstAndTheTargetTakesTheFirstItKnows() {
        assertThat(new Requester(HOST, null, RANDOM).begin()).containsExactly(TextKey.CHAP_A.with("8,7,6,5"));
        Send send = (Send) new Acceptor(HOST, null, RANDOM).receive(List.of(TextKey.CHAP_A.with("99,6,5")));
        assertThat(send.keys()).contains(TextKey.CHAP_A.with("6"));
        assertThat(rule(new Acceptor(HOST, null, RANDOM).receive(List.of(TextKey.CHAP_A.with("99")))))
                .contains("algorithm");
    }

    @Test
    void wrongSecretAndWrongNameAreRefusedByTheirRule() {
        assertThat(rule(attempt(new Credentials("web1", "something else"), null, GATEWAY)))
                .contains("CHAP_R");
        assertThat(rule(attempt(new Credentials("web2", "secret-of-web1"), null, GATEWAY)))
                .contains("CHAP_N");
    }

    @Test
    void mutualWithoutASecretOrWithTheSameSecretIsRefused() {
        assertThat(rule(attempt(HOST, GATEWAY, null))).contains("no mutual secret");
        assertThat(rule(attempt(HOST, GATEWAY, new Credentials("gw1", HOST.secret()))))
                .contains("same secret");
        Requester sameSecret = new Requester(HOST, new Credentials("gw1", HOST.secret()), RANDOM);
        Send challenge = (Send) new Acceptor(HOST, null, RANDOM).receive(sameSecret.begin());
        assertThat(rule(sameSecret.receive(challenge.keys()))).contains("same secret");
    }

    @Test
    void aReflectedChallengeIsRefused() {
        Acceptor acceptor = new Acceptor(HOST, GATEWAY, RANDOM);
        Send challenge = (Send) acceptor.receive(List.of(TextKey.CHAP_A.with("5")));
        Send proof = (Send) new Requester(HOST, null, RANDOM).receive(challenge.keys());
        List<KeyValue> reflected = new ArrayList<>(proof.keys());
        for (KeyValue pair : challenge.keys()) {
            if (pair.key().equals("CHAP_C") || pair.key().equals("CHAP_I")) {
                reflected.add(pair);
            }
        }
        assertThat(rule(acceptor.receive(reflected))).contains("reflection");
    }

    @Test
    void aTargetThatDoesNotProveItselfIsRefused() {
        Requester requester = new Requester(HOST, GATEWAY, RANDOM);
        Send challenge = (Send) new Acceptor(HOST, null, RANDOM).receive(requester.begin());
        assertThat(requester.receive(challenge.keys())).isInstanceOf(Send.class);
        assertThat(rule(requester.receive(List.of()))).contains("CHAP_N");
    }

    @Test
    void malformedKeysAreRefused() {
        for (KeyValue bad : List.of(
                TextKey.CHAP_I.with("256"),
                TextKey.CHAP_I.with("x"),
                TextKey.CHAP_C.with("0x"),
                TextKey.CHAP_C.with("abc"),
                TextKey.CHAP_C.with("0x" + "00".repeat(1025)),
                TextKey.CHAP_A.with("4"))) {
            List<KeyValue> keys = new ArrayList<>(
                    List.of(TextKey.CHAP_A.with("5"), TextKey.CHAP_I.with("1"), TextKey.CHAP_C.with("0x0102")));
            keys.removeIf(pair -> pair.key().equals(bad.key()));
            keys.add(bad);
            assertThat(new Requester(HOST, null, RANDOM).receive(keys))
                    .as(bad.toString())
                    .isInstanceOf(Failure.class);
        }
    }

    @Test
    void afterTheEndNothingIsAccepted() {
        Acceptor acceptor = new Acceptor(HOST, null, RANDOM);
        assertThat(acceptor.receive(List.of())).isInstanceOf(Failure.class);
        assertThat(acceptor.receive(List.of(TextKey.CHAP_A.with("5")))).isInstanceOf(Failure.class);
    }

    @Test
    void secretsAreNotShown() {
        assertThat(HOST.toString()).doesNotContain("secret");
    }

    private static Step attempt(Credentials initiator, @Nullable Credentials expected, @Nullable Credentials own) {
        Requester requester = new Requester(initiator, expected, RANDOM);
        Acceptor acceptor = new Acceptor(HOST, own, RANDOM);
        Send challenge = (Send) acceptor.receive(requester.begin());
        Send proof = (Send) requester.receive(challenge.keys());
        return acceptor.receive(proof.keys());
    }

    private static String rule(Step step) {
        return ((Failure) step).rule();
    }
}
