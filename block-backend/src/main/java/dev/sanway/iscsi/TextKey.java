package dev.sanway.iscsi;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The text keys of RFC 7143 section 13 and of CHAP (section 12.1.3): who sends them, when, and by which rule they are
 * negotiated. Keys that are not here are answered NotUnderstood (section 6.2), those that begin with X- or X# included,
 * for we know no extension.
 */
public enum TextKey {
    AUTH_METHOD("AuthMethod", new Choice("None", List.of("CHAP", "None")), Use.SECURITY, Sender.BOTH, true, "12"),
    CHAP_A("CHAP_A", new Choice("", List.of("5", "6", "7", "8")), Use.SECURITY, Sender.BOTH, true, "12.1.3"),
    CHAP_I("CHAP_I", new DeclaredNumber(0, 0, 255), Use.SECURITY, Sender.BOTH, true, "12.1.3"),
    CHAP_N("CHAP_N", new DeclaredText(), Use.SECURITY, Sender.BOTH, true, "12.1.3"),
    CHAP_C("CHAP_C", new Binary(), Use.SECURITY, Sender.BOTH, true, "12.1.3"),
    CHAP_R("CHAP_R", new Binary(), Use.SECURITY, Sender.BOTH, true, "12.1.3"),
    HEADER_DIGEST("HeaderDigest", new Choice("None", List.of("CRC32C", "None")), Use.LOGIN, Sender.BOTH, true, "13.1"),
    DATA_DIGEST("DataDigest", new Choice("None", List.of("CRC32C", "None")), Use.LOGIN, Sender.BOTH, true, "13.1"),
    MAX_CONNECTIONS("MaxConnections", new Minimum(1, 1, 65535), Use.LEADING, Sender.BOTH, false, "13.2"),
    SEND_TARGETS("SendTargets", new Request(), Use.FULL_FEATURE, Sender.INITIATOR, true, "13.3"),
    TARGET_NAME("TargetName", new DeclaredText(), Use.FIRST_PDU, Sender.BOTH, true, "13.4"),
    INITIATOR_NAME("InitiatorName", new DeclaredText(), Use.FIRST_PDU, Sender.INITIATOR, true, "13.5"),
    TARGET_ALIAS("TargetAlias", new DeclaredText(), Use.ALWAYS, Sender.TARGET, true, "13.6"),
    INITIATOR_ALIAS("InitiatorAlias", new DeclaredText(), Use.ALWAYS, Sender.INITIATOR, true, "13.7"),
    TARGET_ADDRESS("TargetAddress", new DeclaredText(), Use.ALWAYS, Sender.TARGET, true, "13.8"),
    TARGET_PORTAL_GROUP_TAG(
            "TargetPortalGroupTag", new DeclaredNumber(0, 0, 65535), Use.FIRST_PDU, Sender.TARGET, true, "13.9"),
    INITIAL_R2T("InitialR2T", new Or(true), Use.LEADING, Sender.BOTH, false, "13.10"),
    IMMEDIATE_DATA("ImmediateData", new And(true), Use.LEADING, Sender.BOTH, false, "13.11"),
    MAX_RECV_DATA_SEGMENT_LENGTH(
            "MaxRecvDataSegmentLength",
            new DeclaredNumber(8192, 512, 0xffffff),
            Use.ALWAYS,
            Sender.BOTH,
            true,
            "13.12"),
    MAX_BURST_LENGTH("MaxBurstLength", new Minimum(262144, 512, 0xffffff), Use.LEADING, Sender.BOTH, false, "13.13"),
    FIRST_BURST_LENGTH("FirstBurstLength", new Minimum(65536, 512, 0xffffff), Use.LEADING, Sender.BOTH, false, "13.14"),
    DEFAULT_TIME2WAIT("DefaultTime2Wait", new Maximum(2, 0, 3600), Use.LEADING, Sender.BOTH, true, "13.15"),
    DEFAULT_TIME2RETAIN("DefaultTime2Retain", new Minimum(20, 0, 3600), Use.LEADING, Sender.BOTH, true, "13.16"),
    MAX_OUTSTANDING_R2T("MaxOutstandingR2T", new Minimum(1, 1, 65535), Use.LEADING, Sender.BOTH, false, "13.17"),
    DATA_PDU_IN_ORDER("DataPDUInOrder", new Or(true), Use.LEADING, Sender.BOTH, false, "13.18"),
    DATA_SEQUENCE_IN_ORDER("DataSequenceInOrder", new Or(true), Use.LEADING, Sender.BOTH, false, "13.19"),
    ERROR_RECOVERY_LEVEL("ErrorRecoveryLevel", new Minimum(0, 0, 2), Use.LEADING, Sender.BOTH, true, "13.20"),
    SESSION_TYPE("SessionType", new DeclaredText(), Use.FIRST_PDU, Sender.INITIATOR, true, "13.21"),
    TASK_REPORTING(
            "TaskReporting",
            new Choice("RFC3720", List.of("FastAbort", "ResponseFence", "RFC3720")),
            Use.LEADING,
            Sender.BOTH,
            false,
            "13.23"),
    ISCSI_PROTOCOL_LEVEL("iSCSIProtocolLevel", new Minimum(1, 0, 31), Use.LEADING, Sender.BOTH, false, "13.24"),
    // Obsolete: a marker key is answered No (allowed, and understood by initiators of the old RFC), its interval
    // Reject.
    IF_MARKER("IFMarker", new Obsolete("No"), Use.LOGIN, Sender.BOTH, true, "13.25"),
    OF_MARKER("OFMarker", new Obsolete("No"), Use.LOGIN, Sender.BOTH, true, "13.25"),
    IF_MARK_INT("IFMarkInt", new Obsolete("Reject"), Use.LOGIN, Sender.BOTH, true, "13.25"),
    OF_MARK_INT("OFMarkInt", new Obsolete("Reject"), Use.LOGIN, Sender.BOTH, true, "13.25"),
    NODE_ARCHITECTURE("X#NodeArchitecture", new DeclaredText(), Use.ALWAYS, Sender.BOTH, true, "13.26");

    /** How a key's result comes about (section 6.2). */
    public sealed interface Rule {}

    /** Negotiated list: the acceptor takes the first of the offer's values that it wants. */
    public record Choice(String defaultValue, List<String> values) implements Rule {}

    /** Boolean whose result is Yes only if both say Yes. */
    public record And(boolean defaultValue) implements Rule {}

    /** Boolean whose result is Yes if either says Yes. */
    public record Or(boolean defaultValue) implements Rule {}

    /** Number; the result is the smaller one. */
    public record Minimum(int defaultValue, int min, int max) implements Rule {}

    /** Number; the result is the larger one. */
    public record Maximum(int defaultValue, int min, int max) implements Rule {}

    /** Number that a side states; there is no answer. */
    public record DeclaredNumber(int defaultValue, int min, int max) implements Rule {}

    /** Text that a side states; there is no answer. */
    public record DeclaredText() implements Rule {}

    /** Bytes that a side states, of at most 1,024 (section 12.1.3). */
    public record Binary() implements Rule {}

    /** A request, answered by other keys. */
    public record Request() implements Rule {}

    /** No longer negotiated: always this answer, never NotUnderstood (section 13.25). */
    public record Obsolete(String answer) implements Rule {}

    /** When a key may be sent ("Use" in section 13). */
    public enum Use {
        /** In the security stage of login only. */
        SECURITY,
        /** At the beginning of login, whatever its stage; TargetName also as an answer to SendTargets. */
        FIRST_PDU,
        /** In the operational stage of login (IO). */
        LOGIN,
        /** In the operational stage of a session's first login (LO). */
        LEADING,
        /** In the full feature phase only (FFPO). */
        FULL_FEATURE,
        /** At any time. */
        ALWAYS
    }

    /** Who may send a key. */
    public enum Sender {
        INITIATOR,
        TARGET,
        BOTH
    }

    private static final Map<String, TextKey> BY_NAME = new HashMap<>();

    static {
        for (TextKey key : values()) {
            BY_NAME.put(key.text, key);
        }
    }

    private final String text;
    // Immutable: records of numbers and of lists made by List.of.
    @SuppressWarnings("ImmutableEnumChecker")
    private final Rule rule;

    private final Use use;
    private final Sender sender;
    private final boolean inDiscovery;
    private final String section;

    TextKey(String text, Rule rule, Use use, Sender sender, boolean inDiscovery, String section) {
        this.text = text;
        this.rule = rule;
        this.use = use;
        this.sender = sender;
        this.inDiscovery = inDiscovery;
        this.section = section;
    }

    /** The key as it stands on the wire. */
    public String text() {
        return text;
    }

    public Rule rule() {
        return rule;
    }

    public Use use() {
        return use;
    }

    public Sender sender() {
        return sender;
    }

    /** Whether it means something in a discovery session; if not, it is answered Irrelevant there. */
    public boolean inDiscovery() {
        return inDiscovery;
    }

    /** Section of RFC 7143. */
    public String section() {
        return section;
    }

    /** This key with a value. */
    public KeyValue with(String value) {
        return new KeyValue(text, value);
    }

    /** The key of this name, case-sensitive; null if we do not know it. */
    public static @Nullable TextKey of(String text) {
        return BY_NAME.get(text);
    }
}
