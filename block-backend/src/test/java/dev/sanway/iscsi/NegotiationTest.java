package dev.sanway.iscsi;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sanway.iscsi.Negotiation.Answered;
import dev.sanway.iscsi.Negotiation.Failed;
import dev.sanway.iscsi.Negotiation.Role;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class NegotiationTest {
    private static final NegotiationWishes TARGET = NegotiationWishes.target();

    @ParameterizedTest
    @EnumSource(TextKey.class)
    void everyRowOfTheTableIsSound(TextKey key) {
        assertThat(TextKey.of(key.text())).isSameAs(key);
        assertThat(key.text().length()).isLessThanOrEqualTo(Text.MAX_KEY_LENGTH);
        assertThat(key.section()).startsWith(key.use() == TextKey.Use.SECURITY ? "12" : "13.");
        switch (key.rule()) {
            case TextKey.Choice rule -> assertThat(rule.values()).isNotEmpty();
            case TextKey.Minimum rule -> assertThat(rule.defaultValue()).isBetween(rule.min(), rule.max());
            case TextKey.Maximum rule -> assertThat(rule.defaultValue()).isBetween(rule.min(), rule.max());
            case TextKey.DeclaredNumber rule -> assertThat(rule.defaultValue()).isBetween(rule.min(), rule.max());
            case TextKey.And _,
                    TextKey.Or _,
                    TextKey.DeclaredText _,
                    TextKey.Binary _,
                    TextKey.Request _,
                    TextKey.Obsolete _ -> {}
        }
    }

    /** Offer of the initiator and our target's answer, for each negotiated key. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "HeaderDigest | CRC32C,None | CRC32C",
                "HeaderDigest | None,CRC32C | None",
                "HeaderDigest | None | None",
                "HeaderDigest | X-own | Reject",
                "DataDigest | X-own,CRC32C | CRC32C",
                "DataDigest | '' | Reject",
                "MaxConnections | 8 | 1",
                "MaxConnections | 0 | Reject",
                "MaxConnections | 65536 | Reject",
                "InitialR2T | Yes | Yes",
                "InitialR2T | No | No",
                "InitialR2T | yes | Reject",
                "ImmediateData | Yes | Yes",
                "ImmediateData | No | No",
                "MaxBurstLength | 16776192 | 1048576",
                "MaxBurstLength | 512 | 512",
                "MaxBurstLength | 511 | Reject",
                "MaxBurstLength | 0x1000 | 4096",
                "FirstBurstLength | 16777215 | 262144",
                "FirstBurstLength | 16777216 | Reject",
                "FirstBurstLength | twelve | Reject",
                "DefaultTime2Wait | 2 | 2",
                "DefaultTime2Wait | 3601 | Reject",
                "DefaultTime2Retain | 20 | 0",
                "MaxOutstandingR2T | 1 | 1",
                "MaxOutstandingR2T | 64 | 16",
                "DataPDUInOrder | No | Yes",
                "DataSequenceInOrder | No | Yes",
                "ErrorRecoveryLevel | 2 | 0",
                "ErrorRecoveryLevel | 3 | Reject",
                "TaskReporting | ResponseFence,RFC3720 | RFC3720",
                "iSCSIProtocolLevel | 1 | 1",
                "iSCSIProtocolLevel | 31 | 2",
                "IFMarker | Yes | No",
                "OFMarker | No | No",
                "IFMarkInt | 2048~8192 | Reject",
                "OFMarkInt | 2048 | Reject",
                "X-com.example.key | 1 | NotUnderstood",
                "X#Something | 1 | NotUnderstood",
                "headerdigest | None | NotUnderstood",
                "TargetAlias | x | Reject",
                "TargetPortalGroupTag | 1 | Reject",
            })
    void theTargetAnswersByTheKeysRule(String key, String offer, String answer) {
        Negotiation target = new Negotiation(Role.TARGET, TARGET, false);
        assertThat(answers(target, new KeyValue(key, offer))).contains(new KeyValue(key, answer));
    }

    @ParameterizedTest
    @CsvSource({
        "MaxConnections, 4",
        "InitialR2T, No",
        "ImmediateData, Yes",
        "MaxBurstLength, 4096",
        "FirstBurstLength, 4096",
        "MaxOutstandingR2T, 2",
        "DataPDUInOrder, No",
        "DataSequenceInOrder, No",
        "TaskReporting, FastAbort",
        "iSCSIProtocolLevel, 1"
    })
    void inADiscoverySessionWhatConcernsCommandsIsIrrelevant(String key, String value) {
        Negotiation target = new Negotiation(Role.TARGET, TARGET, false);
        assertThat(answers(target, new KeyValue(key, value), new KeyValue("SessionType", "Discovery")))
                .contains(new KeyValue(key, "Irrelevant"));
        assertThat(target.session().discovery()).isTrue();
        assertThat(target.session().maxBurstLength()).isEqualTo(262144);
    }

    @Test
    void nothingOfferedLeavesTheDefaultsOfTheRfc() {
        Negotiation target = new Negotiation(Role.TARGET, TARGET, false);
        assertThat(target.session())
                .isEqualTo(new SessionParameters(
                        false, 1, true, true, 262144, 65536, 2, 20, 1, true, true, 0, "RFC3720", 1));
        assertThat(target.connection()).isEqualTo(new ConnectionParameters(false, false, 8192, 8192));
    }

    @Test
    void firstBurstNeverExceedsMaxBurstWhateverTheOrder() {
        Negotiation target = new Negotiation(Role.TARGET, TARGET, false);
        assertThat(answers(target, new KeyValue("FirstBurstLength", "65536"), new KeyValue("MaxBurstLength", "4096")))
                .contains(new KeyValue("FirstBurstLength", "4096"), new KeyValue("MaxBurstLength", "4096"));
        assertThat(target.session().firstBurstLength()).isEqualTo(4096);
    }

    @Test
    void declarationsGetNoAnswerAndOursIsMadeOnce() {
        Negotiation target = new Negotiation(Role.TARGET, TARGET, false);
        KeyValue length = new KeyValue("MaxRecvDataSegmentLength", "65536");
        assertThat(answers(target, length, new KeyValue("InitiatorAlias", "me")))
                .containsExactly(new KeyValue("MaxRecvDataSegmentLength", "262144"));
        assertThat(answers(target, new KeyValue("InitialR2T", "No"))).containsExactly(new KeyValue("InitialR2T", "No"));
        assertThat(target.connection().maxSendDataSegmentLength()).isEqualTo(65536);
        assertThat(target.connection().maxRecvDataSegmentLength()).isEqualTo(262144);
        assertThat(target.declared(TextKey.INITIATOR_ALIAS)).isEqualTo("me");
    }

    @Test
    void inFullFeaturePhaseTheSegmentLengthMayChangeAndTheRestMayNot() {
        Negotiation target = new Negotiation(Role.TARGET, TARGET, false);
        answers(target, new KeyValue("MaxRecvDataSegmentLength", "8192"));
        Answered later = (Answered) target.receive(
                List.of(
                        new KeyValue("MaxRecvDataSegmentLength", "16384"),
                        new KeyValue("MaxBurstLength", "4096"),
                        new KeyValue("AuthMethod", "None"),
                        new KeyValue("SendTargets", "All")),
                LoginStage.FULL_FEATURE);
        assertThat(later.answers())
                .containsExactly(new KeyValue("MaxBurstLength", "Reject"), new KeyValue("AuthMethod", "Reject"));
        assertThat(later.forCaller()).containsExactly(new KeyValue("SendTargets", "All"));
        assertThat(target.connection().maxSendDataSegmentLength()).isEqualTo(16384);
    }

    @Test
    void aSecondTimeDuringLoginIsAnInitiatorsError() {
        Negotiation target = new Negotiation(Role.TARGET, TARGET, false);
        answers(target, new KeyValue("ImmediateData", "No"));
        assertThat(target.receive(List.of(new KeyValue("ImmediateData", "Yes")), LoginStage.OPERATIONAL))
                .isInstanceOfSatisfying(
                        Failed.class, failed -> assertThat(failed.status()).isEqualTo(LoginStatus.INITIATOR_ERROR));
    }

    @Test
    void operationalKeysInTheSecurityStageAndSecurityKeysLaterAreRefused() {
        assertThat(new Negotiation(Role.TARGET, TARGET, false)
                        .receive(List.of(new KeyValue("MaxBurstLength", "4096")), LoginStage.SECURITY))
                .isInstanceOf(Failed.class);
        assertThat(new Negotiation(Role.TARGET, TARGET, false)
                        .receive(List.of(new KeyValue("AuthMethod", "None")), LoginStage.OPERATIONAL))
                .isInstanceOf(Failed.class);
        Answered security = (Answered) new Negotiation(Role.TARGET, TARGET, false)
                .receive(
                        List.of(new KeyValue("InitiatorName", "iqn.x"), new KeyValue("AuthMethod", "CHAP,None")),
                        LoginStage.SECURITY);
        assertThat(security.forCaller()).containsExactly(new KeyValue("AuthMethod", "CHAP,None"));
        assertThat(security.answers()).isEmpty();
    }

    /** An impossible answer of the target, for each rule, ends the initiator's login. */
    @ParameterizedTest
    @CsvSource({
        "HeaderDigest, None", "HeaderDigest, Reject", "InitialR2T, Maybe", "MaxBurstLength, 16777215",
        "MaxBurstLength, 12", "FirstBurstLength, x", "ErrorRecoveryLevel, 1", "MaxConnections, 2",
        "DataPDUInOrder, No"
    })
    void theInitiatorTakesOnlyAnswersThatTheRuleAllows(String key, String answer) {
        Negotiation initiator = new Negotiation(Role.INITIATOR, NegotiationWishes.initiator(true, true), false);
        initiator.offers();
        assertThat(initiator.receive(List.of(new KeyValue(key, answer)), LoginStage.OPERATIONAL))
                .isInstanceOf(Failed.class);
    }

    @Test
    void refusedKeysKeepTheirDefaults() {
        Negotiation initiator = new Negotiation(Role.INITIATOR, NegotiationWishes.initiator(false, false), false);
        List<KeyValue> refusals = new ArrayList<>();
        for (KeyValue offer : initiator.offers()) {
            if (!offer.key().equals("MaxRecvDataSegmentLength")) {
                refusals.add(new KeyValue(offer.key(), "Reject"));
            }
        }
        assertThat(initiator.receive(refusals, LoginStage.OPERATIONAL)).isInstanceOf(Answered.class);
        assertThat(initiator.settled()).isTrue();
        assertThat(initiator.session().initialR2T()).isTrue();
        assertThat(initiator.session().firstBurstLength()).isEqualTo(65536);
    }

    @Test
    void bothSidesComeToTheSameParametersWhateverTheirWishes() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        for (int round = 0; round < 500; round++) {
            Negotiation initiator = new Negotiation(Role.INITIATOR, wishes(random), random.nextInt(5) == 0);
            Negotiation target = new Negotiation(Role.TARGET, wishes(random), false);
            List<KeyValue> offers = new ArrayList<>();
            offers.add(new KeyValue("SessionType", initiator.discovery() ? "Discovery" : "Normal"));
            offers.addAll(initiator.offers());
            Answered answered = (Answered) target.receive(offers, LoginStage.OPERATIONAL);
            assertThat(initiator.receive(answered.answers(), LoginStage.OPERATIONAL))
                    .as("seed " + seed + ": " + offers + " -> " + answered)
                    .isEqualTo(new Answered(List.of(), List.of()));
            assertThat(initiator.settled()).as("seed " + seed).isTrue();
            assertThat(initiator.session()).as("seed " + seed).isEqualTo(target.session());
            ConnectionParameters a = initiator.connection();
            ConnectionParameters b = target.connection();
            assertThat(a.headerDigest()).isEqualTo(b.headerDigest());
            assertThat(a.dataDigest()).isEqualTo(b.dataDigest());
            assertThat(a.maxRecvDataSegmentLength()).isEqualTo(b.maxSendDataSegmentLength());
            assertThat(a.maxSendDataSegmentLength()).isEqualTo(b.maxRecvDataSegmentLength());
        }
    }

    @Test
    void codesOfTheTablesComeBack() {
        for (LoginStatus status : LoginStatus.values()) {
            assertThat(LoginStatus.of(status.statusClass(), status.statusDetail()))
                    .isSameAs(status);
        }
        for (RejectReason row : RejectReason.values()) {
            assertThat(RejectReason.of(row.code())).isSameAs(row);
        }
        for (AsyncEvent row : AsyncEvent.values()) {
            assertThat(AsyncEvent.of(row.code())).isSameAs(row);
        }
        for (TaskManagementFunction row : TaskManagementFunction.values()) {
            assertThat(TaskManagementFunction.of(row.code())).isSameAs(row);
        }
        for (TaskManagementOutcome row : TaskManagementOutcome.values()) {
            assertThat(TaskManagementOutcome.of(row.code())).isSameAs(row);
        }
        for (LogoutReason row : LogoutReason.values()) {
            assertThat(LogoutReason.of(row.code())).isSameAs(row);
        }
        for (LogoutOutcome row : LogoutOutcome.values()) {
            assertThat(LogoutOutcome.of(row.code())).isSameAs(row);
        }
        for (TaskAttribute row : TaskAttribute.values()) {
            assertThat(TaskAttribute.of(row.code())).isSameAs(row);
        }
        for (LoginStage row : LoginStage.values()) {
            assertThat(LoginStage.of(row.code())).isSameAs(row);
        }
        for (Opcode row : Opcode.values()) {
            assertThat(Opcode.of(row.code())).isSameAs(row);
        }
        assertThat(LoginStage.of(2)).isNull();
        assertThat(TaskManagementFunction.of(0)).isNull();
    }

    private static List<KeyValue> answers(Negotiation negotiation, KeyValue... keys) {
        return ((Answered) negotiation.receive(List.of(keys), LoginStage.OPERATIONAL)).answers();
    }

    private static NegotiationWishes wishes(Random random) {
        return new NegotiationWishes(
                digests(random),
                digests(random),
                512 + random.nextInt(1 << 20),
                random.nextBoolean(),
                random.nextBoolean(),
                512 + random.nextInt(1 << 20),
                512 + random.nextInt(1 << 20),
                random.nextInt(10),
                random.nextInt(10),
                1 + random.nextInt(20),
                random.nextBoolean() ? List.of("ResponseFence", "RFC3720") : List.of("RFC3720"),
                1 + random.nextInt(3));
    }

    private static List<String> digests(Random random) {
        return random.nextBoolean() ? List.of("CRC32C", "None") : List.of("None", "CRC32C");
    }
}
