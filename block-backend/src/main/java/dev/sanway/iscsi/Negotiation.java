package dev.sanway.iscsi;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Negotiates the text keys of one connection by the rules of {@link TextKey} (RFC 7143 sections 6.2 and 13), for either
 * side. It knows of no PDU, channel or clock: keys in, keys out. Authentication and SendTargets are left to the caller, who
 * gets their keys back. One thread.
 */
public final class Negotiation {
    /** Which side we are. */
    public enum Role {
        INITIATOR,
        TARGET
    }

    /** What came of keys that were received. */
    public sealed interface Outcome {}

    /**
     * All is well.
     *
     * @param answers to be sent
     * @param forCaller keys that are not negotiated here: AuthMethod, CHAP_… and SendTargets
     */
    public record Answered(List<KeyValue> answers, List<KeyValue> forCaller) implements Outcome {
        public Answered {
            answers = List.copyOf(answers);
            forCaller = List.copyOf(forCaller);
        }
    }

    /** The peer broke a rule: login ends with this status. */
    public record Failed(LoginStatus status, String why) implements Outcome {}

    private static final String NOT_UNDERSTOOD = "NotUnderstood";
    private static final String IRRELEVANT = "Irrelevant";
    private static final String REJECT = "Reject";

    private final Role role;
    private final NegotiationWishes wishes;
    private boolean discovery;
    /** Results so far; keys that are absent hold their defaults. */
    private final Map<TextKey, String> results = new EnumMap<>(TextKey.class);
    /** Declared by the peer. */
    private final Map<TextKey, String> declared = new EnumMap<>(TextKey.class);
    /** Received during login, so that a second time is noticed. */
    private final Set<TextKey> received = EnumSet.noneOf(TextKey.class);
    /** Offered by us and not answered yet. */
    private final Map<TextKey, String> outstanding = new EnumMap<>(TextKey.class);

    private boolean ownLengthDeclared;

    /**
     * @param discovery what we are about to ask for, as initiator; a target learns it from SessionType
     */
    public Negotiation(Role role, NegotiationWishes wishes, boolean discovery) {
        this.role = role;
        this.wishes = wishes;
        this.discovery = discovery;
    }

    /** The first value of an offered list that is acceptable; null if none is. */
    public static @Nullable String choose(String offered, List<String> acceptable) {
        for (String value : offered.split(",", -1)) {
            if (acceptable.contains(value)) {
                return value;
            }
        }
        return null;
    }

    /** What the peer said of a declared key; null if nothing, or nothing valid. */
    public @Nullable String declared(TextKey key) {
        return declared.get(key);
    }

    /** Whether this is a discovery session. */
    public boolean discovery() {
        return discovery;
    }

    /** What is to be offered and declared on entering the operational stage, as originator. */
    public List<KeyValue> offers() {
        List<KeyValue> offers = new ArrayList<>();
        offer(offers, TextKey.HEADER_DIGEST);
        offer(offers, TextKey.DATA_DIGEST);
        declareOwnLength(offers);
        for (TextKey key : TextKey.values()) {
            if (key.use() == TextKey.Use.LEADING && (key.inDiscovery() || !discovery) && worthOffering(key)) {
                offer(offers, key);
            }
        }
        return offers;
    }

    /** Old targets stumble over keys younger than they are: what would be offered at its default is not offered. */
    private boolean worthOffering(TextKey key) {
        return switch (key) {
            case TASK_REPORTING, ISCSI_PROTOCOL_LEVEL -> !wish(key).equals(defaultOf(key));
            default -> true;
        };
    }

    private void offer(List<KeyValue> offers, TextKey key) {
        String value = wish(key);
        outstanding.put(key, value);
        offers.add(key.with(value));
    }

    private void declareOwnLength(List<KeyValue> to) {
        if (!ownLengthDeclared) {
            ownLengthDeclared = true;
            to.add(TextKey.MAX_RECV_DATA_SEGMENT_LENGTH.with(wish(TextKey.MAX_RECV_DATA_SEGMENT_LENGTH)));
        }
    }

    /**
     * Whether the peer has answered all that was offered.
     */
    public boolean settled() {
        return outstanding.isEmpty();
    }

    /**
     * Takes keys from the peer.
     *
     * @param pairs one whole text, all its PDUs together
     * @param stage where the connection is
     */
    public Outcome receive(List<KeyValue> pairs, LoginStage stage) {
        List<KeyValue> answers = new ArrayList<>();
        List<KeyValue> forCaller = new ArrayList<>();
        for (KeyValue pair : pairs) {
            if (role == Role.TARGET && pair.key().equals(TextKey.SESSION_TYPE.text())) {
                discovery = pair.value().equals("Discovery");
            }
        }
        List<KeyValue> ordered = new ArrayList<>(pairs);
        // FirstBurstLength is bounded by MaxBurstLength, so that is settled before.
        ordered.sort((a, b) -> Boolean.compare(isFirstBurst(a), isFirstBurst(b)));
        for (KeyValue pair : ordered) {
            TextKey key = TextKey.of(pair.key());
            if (key == null) {
                if (!isRefusal(pair.value())) {
                    answers.add(new KeyValue(pair.key(), NOT_UNDERSTOOD));
                }
                continue;
            }
            Failed failed = receive(key, pair.value(), stage, answers, forCaller);
            if (failed != null) {
                return failed;
            }
        }
        // In a discovery session the default will do: nothing long comes, and little is to be held for whoever that is.
        if (role == Role.TARGET
                && stage == LoginStage.OPERATIONAL
                && !discovery
                && answers.stream()
                        .noneMatch(answer -> answer.key().equals(TextKey.MAX_RECV_DATA_SEGMENT_LENGTH.text()))) {
            declareOwnLength(answers);
        }
        return new Answered(answers, forCaller);
    }

    private static boolean isFirstBurst(KeyValue pair) {
        return pair.key().equals(TextKey.FIRST_BURST_LENGTH.text());
    }

    private static boolean isRefusal(String value) {
        return value.equals(NOT_UNDERSTOOD) || value.equals(IRRELEVANT) || value.equals(REJECT);
    }

    private @Nullable Failed receive(
            TextKey key, String value, LoginStage stage, List<KeyValue> answers, List<KeyValue> forCaller) {
        String offered = outstanding.remove(key);
        if (offered != null) {
            return answered(key, offered, value);
        }
        if (isRefusal(value)) {
            return null;
        }
        if (!sentByPeer(key)) {
            answers.add(key.with(REJECT));
            return null;
        }
        if (!allowed(key, stage)) {
            if (stage == LoginStage.FULL_FEATURE) {
                answers.add(key.with(REJECT));
                return null;
            }
            return new Failed(
                    LoginStatus.INITIATOR_ERROR,
                    key.text() + " in the " + stage + " stage (section " + key.section() + ")");
        }
        if (key.use() == TextKey.Use.SECURITY || key.use() == TextKey.Use.FULL_FEATURE) {
            forCaller.add(key.with(value));
            return null;
        }
        if (stage != LoginStage.FULL_FEATURE && !received.add(key)) {
            return new Failed(LoginStatus.INITIATOR_ERROR, key.text() + " was negotiated before (section 6.3)");
        }
        if (discovery && !key.inDiscovery()) {
            answers.add(key.with(IRRELEVANT));
            return null;
        }
        switch (key.rule()) {
            case TextKey.DeclaredText _ -> declared.put(key, value);
            case TextKey.DeclaredNumber number -> {
                if (inRange(value, number.min(), number.max())) {
                    declared.put(key, Long.toString(BinaryValue.number(value)));
                } else {
                    answers.add(key.with(REJECT));
                }
            }
            case TextKey.Obsolete obsolete -> answers.add(key.with(obsolete.answer()));
            case TextKey.Choice _, TextKey.And _, TextKey.Or _, TextKey.Minimum _, TextKey.Maximum _ -> {
                String result = result(key, value);
                if (result != null) {
                    results.put(key, result);
                }
                answers.add(key.with(result == null ? REJECT : result));
            }
            case TextKey.Binary _, TextKey.Request _ -> forCaller.add(key.with(value));
        }
        return null;
    }

    /** The result of what the peer offered; null if the offer is inadmissible. */
    private @Nullable String result(TextKey key, String value) {
        return switch (key.rule()) {
            case TextKey.Choice _ -> choose(value, wishedValues(key));
            case TextKey.And _ -> yesNo(value) == null ? null : both(value, wish(key), true);
            case TextKey.Or _ -> yesNo(value) == null ? null : both(value, wish(key), false);
            case TextKey.Minimum rule ->
                inRange(value, rule.min(), rule.max())
                        ? Long.toString(Math.min(BinaryValue.number(value), limit(key)))
                        : null;
            case TextKey.Maximum rule ->
                inRange(value, rule.min(), rule.max())
                        ? Long.toString(Math.max(BinaryValue.number(value), limit(key)))
                        : null;
            case TextKey.DeclaredNumber _,
                    TextKey.DeclaredText _,
                    TextKey.Binary _,
                    TextKey.Request _,
                    TextKey.Obsolete _ -> throw new IllegalArgumentException(key + " is not negotiated");
        };
    }

    private long limit(TextKey key) {
        long wish = BinaryValue.number(wish(key));
        return key == TextKey.FIRST_BURST_LENGTH ? Math.min(wish, number(TextKey.MAX_BURST_LENGTH)) : wish;
    }

    private static @Nullable Boolean yesNo(String value) {
        return value.equals("Yes") ? Boolean.TRUE : value.equals("No") ? Boolean.FALSE : null;
    }

    private static String both(String a, String b, boolean and) {
        boolean yes = and ? a.equals("Yes") && b.equals("Yes") : a.equals("Yes") || b.equals("Yes");
        return yes ? "Yes" : "No";
    }

    private static boolean inRange(String value, int min, int max) {
        long number = BinaryValue.number(value);
        return number >= min && number <= max;
    }

    /** Takes the peer's answer to what we offered; it must be one that the key's rule allows. */
    private @Nullable Failed answered(TextKey key, String offered, String value) {
        received.add(key);
        if (isRefusal(value)) {
            // The key keeps its default (section 6.2) unless that is what we cannot do.
            boolean acceptable = !(key.rule() instanceof TextKey.Choice choice)
                    || wishedValues(key).contains(choice.defaultValue());
            return acceptable ? null : failed(key, offered, value);
        }
        boolean valid = switch (key.rule()) {
            case TextKey.Choice _ -> Arrays.asList(offered.split(",")).contains(value);
            case TextKey.And _ -> yesNo(value) != null && (offered.equals("Yes") || value.equals("No"));
            case TextKey.Or _ -> yesNo(value) != null && (offered.equals("No") || value.equals("Yes"));
            case TextKey.Minimum rule ->
                inRange(value, rule.min(), rule.max()) && BinaryValue.number(value) <= BinaryValue.number(offered);
            case TextKey.Maximum rule ->
                inRange(value, rule.min(), rule.max()) && BinaryValue.number(value) >= BinaryValue.number(offered);
            case TextKey.DeclaredNumber _,
                    TextKey.DeclaredText _,
                    TextKey.Binary _,
                    TextKey.Request _,
                    TextKey.Obsolete _ -> false;
        };
        if (!valid) {
            return failed(key, offered, value);
        }
        results.put(key, value);
        return null;
    }

    private static Failed failed(TextKey key, String offered, String answer) {
        return new Failed(
                LoginStatus.INITIATOR_ERROR,
                key.text() + "=" + offered + " was offered and answered " + answer + " (section " + key.section()
                        + ")");
    }

    private boolean sentByPeer(TextKey key) {
        return switch (key.sender()) {
            case INITIATOR -> role == Role.TARGET;
            case TARGET -> role == Role.INITIATOR;
            case BOTH -> true;
        };
    }

    private static boolean allowed(TextKey key, LoginStage stage) {
        return switch (key.use()) {
            case SECURITY -> stage == LoginStage.SECURITY;
            case FIRST_PDU -> stage != LoginStage.FULL_FEATURE;
            case LOGIN, LEADING -> stage == LoginStage.OPERATIONAL;
            case FULL_FEATURE -> stage == LoginStage.FULL_FEATURE;
            case ALWAYS -> true;
        };
    }

    private List<String> wishedValues(TextKey key) {
        return Arrays.asList(wish(key).split(","));
    }

    /** Our own value of a negotiated key or of MaxRecvDataSegmentLength, as text. */
    private String wish(TextKey key) {
        return switch (key) {
            case HEADER_DIGEST -> String.join(",", wishes.headerDigests());
            case DATA_DIGEST -> String.join(",", wishes.dataDigests());
            case MAX_RECV_DATA_SEGMENT_LENGTH -> Integer.toString(wishes.maxRecvDataSegmentLength());
            case MAX_CONNECTIONS -> "1";
            case INITIAL_R2T -> wishes.initialR2T() ? "Yes" : "No";
            case IMMEDIATE_DATA -> wishes.immediateData() ? "Yes" : "No";
            case MAX_BURST_LENGTH -> Integer.toString(wishes.maxBurstLength());
            case FIRST_BURST_LENGTH -> Integer.toString(wishes.firstBurstLength());
            case DEFAULT_TIME2WAIT -> Integer.toString(wishes.defaultTime2Wait());
            case DEFAULT_TIME2RETAIN -> Integer.toString(wishes.defaultTime2Retain());
            case MAX_OUTSTANDING_R2T -> Integer.toString(wishes.maxOutstandingR2T());
            case DATA_PDU_IN_ORDER, DATA_SEQUENCE_IN_ORDER -> "Yes";
            case ERROR_RECOVERY_LEVEL -> "0";
            case TASK_REPORTING -> String.join(",", wishes.taskReporting());
            case ISCSI_PROTOCOL_LEVEL -> Integer.toString(wishes.protocolLevel());
            default -> throw new IllegalArgumentException(key + " is not negotiated here");
        };
    }

    private static String defaultOf(TextKey key) {
        return switch (key.rule()) {
            case TextKey.Choice rule -> rule.defaultValue();
            case TextKey.And rule -> rule.defaultValue() ? "Yes" : "No";
            case TextKey.Or rule -> rule.defaultValue() ? "Yes" : "No";
            case TextKey.Minimum rule -> Integer.toString(rule.defaultValue());
            case TextKey.Maximum rule -> Integer.toString(rule.defaultValue());
            case TextKey.DeclaredNumber rule -> Integer.toString(rule.defaultValue());
            case TextKey.DeclaredText _, TextKey.Binary _, TextKey.Request _, TextKey.Obsolete _ -> "";
        };
    }

    private String value(TextKey key) {
        String result = results.get(key);
        return result == null ? defaultOf(key) : result;
    }

    private int number(TextKey key) {
        return (int) BinaryValue.number(value(key));
    }

    private boolean yes(TextKey key) {
        return value(key).equals("Yes");
    }

    /** What holds for the session as far as it was negotiated. */
    public SessionParameters session() {
        int maxBurst = number(TextKey.MAX_BURST_LENGTH);
        return new SessionParameters(
                discovery,
                number(TextKey.MAX_CONNECTIONS),
                yes(TextKey.INITIAL_R2T),
                yes(TextKey.IMMEDIATE_DATA),
                maxBurst,
                Math.min(number(TextKey.FIRST_BURST_LENGTH), maxBurst),
                number(TextKey.DEFAULT_TIME2WAIT),
                number(TextKey.DEFAULT_TIME2RETAIN),
                number(TextKey.MAX_OUTSTANDING_R2T),
                yes(TextKey.DATA_PDU_IN_ORDER),
                yes(TextKey.DATA_SEQUENCE_IN_ORDER),
                number(TextKey.ERROR_RECOVERY_LEVEL),
                value(TextKey.TASK_REPORTING),
                number(TextKey.ISCSI_PROTOCOL_LEVEL));
    }

    /** What holds for the connection as far as it was negotiated. */
    public ConnectionParameters connection() {
        String peer = declared.get(TextKey.MAX_RECV_DATA_SEGMENT_LENGTH);
        String initial = defaultOf(TextKey.MAX_RECV_DATA_SEGMENT_LENGTH);
        return new ConnectionParameters(
                value(TextKey.HEADER_DIGEST).equals("CRC32C"),
                value(TextKey.DATA_DIGEST).equals("CRC32C"),
                ownLengthDeclared ? wishes.maxRecvDataSegmentLength() : Integer.parseInt(initial),
                Integer.parseInt(peer == null ? initial : peer));
    }
}
