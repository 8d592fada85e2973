package dev.sanway.target;

import dev.sanway.iscsi.Chap;
import dev.sanway.iscsi.IscsiName;
import dev.sanway.iscsi.KeyValue;
import dev.sanway.iscsi.LoginStage;
import dev.sanway.iscsi.LoginStatus;
import dev.sanway.iscsi.Negotiation;
import dev.sanway.iscsi.NegotiationWishes;
import dev.sanway.iscsi.Pdu;
import dev.sanway.iscsi.Text;
import dev.sanway.iscsi.TextKey;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The login of one connection at the target (RFC 7143 6.3, 11.12, 11.13), pure: login requests in, steps out; no channel and
 * no clock. One thread.
 *
 * <pre>
 *   FIRST ──▶ SECURITY ──T, authenticated──▶ OPERATIONAL ──T──▶ COMPLETE
 *     │           └────────────T, authenticated, NSG=3───────────▲
 *     └─CSG=1, no authentication wanted──▶ OPERATIONAL
 *   any ──broken rule──▶ REFUSED
 * </pre>
 */
final class LoginSequence {

    /** What to do next. */
    sealed interface Step {}

    /** Answer and wait for the next request. */
    record Answer(
            boolean transit, LoginStage current, @Nullable LoginStage next, List<KeyValue> keys) implements Step {}

    /** Login is over but for the session's making: answer with {@code keys} and transit to full feature phase. */
    record Complete(
            LoginStage current,
            String initiatorName,
            @Nullable IscsiTarget target,
            List<KeyValue> keys) implements Step {}

    /** Answer with this status and close; {@code rule} is for the log. */
    record Refuse(LoginStatus status, String rule) implements Step {}

    /** Bytes of one login text; at least 8,192 are to be taken (RFC 7143 6.2). Anybody can send one, so no more than is needed. */
    private static final int MAX_TEXT_BYTES = 16 << 10;

    /** Of a name that many hosts' lists entitle, so that a proof stays cheap. */
    private static final int MAX_DISCOVERY_CREDENTIALS = 64;

    private final TargetDirectory directory;
    private final SecureRandom random;
    private final Negotiation negotiation;
    private final Text.Gathering gathering = new Text.Gathering(MAX_TEXT_BYTES);

    private Pdu.@Nullable LoginRequest first;
    private boolean firstText = true;
    /** Names and session type as they stood in the first text. */
    private final Map<TextKey, String> told = new EnumMap<>(TextKey.class);

    private LoginStage stage = LoginStage.SECURITY;
    private String initiatorName = "";
    private @Nullable IscsiTarget target;
    /** What the initiator may prove; empty: nothing is known for its name. */
    private List<LoginPolicy.ChapCredentials> credentials = List.of();

    private Chap.@Nullable Acceptor chap;
    private boolean authenticated;
    /** Settled by the first text, like the names. */
    private boolean discovery;

    LoginSequence(TargetDirectory directory, NegotiationWishes wishes, SecureRandom random) {
        this.directory = directory;
        this.random = random;
        this.negotiation = new Negotiation(Negotiation.Role.TARGET, wishes, false);
    }

    Negotiation negotiation() {
        return negotiation;
    }

    /** Who wants to log in, as far as is known: for the log. */
    String initiatorName() {
        return initiatorName.isEmpty() ? "(no name given)" : initiatorName;
    }

    /** Where to, as far as is known: for the log. */
    String targetName() {
        return target == null ? (discovery ? "(discovery)" : "(no target)") : target.name();
    }

    /** Takes a request over. */
    Step receive(Pdu.LoginRequest request) {
        Refuse wrong = checkHeader(request);
        if (wrong != null) {
            request.release();
            return wrong;
        }
        if (first == null) {
            first = request;
            stage = request.currentStage() == 0 ? LoginStage.SECURITY : LoginStage.OPERATIONAL;
        }
        if (!gathering.add(request.data())) {
            return new Refuse(LoginStatus.INITIATOR_ERROR, "login text of more than 16 KiB");
        }
        if (request.continues()) {
            return new Answer(false, stage, null, List.of());
        }
        return switch (gathering.parse(false)) {
            case Text.Malformed malformed ->
                new Refuse(LoginStatus.INITIATOR_ERROR, "malformed login text: " + malformed.detail());
            case Text.Parsed parsed -> receive(request, parsed.pairs());
        };
    }

    private @Nullable Refuse checkHeader(Pdu.LoginRequest request) {
        if (request.versionMin() > 0) {
            return new Refuse(
                    LoginStatus.UNSUPPORTED_VERSION, "version " + request.versionMin() + " wanted; 0 is served");
        }
        LoginStage current = LoginStage.of(request.currentStage());
        if (current == null || current == LoginStage.FULL_FEATURE) {
            return new Refuse(LoginStatus.INITIATOR_ERROR, "current stage " + request.currentStage());
        }
        if (request.transit()) {
            LoginStage next = LoginStage.of(request.nextStage());
            if (next == null || next.code() <= current.code() || request.continues()) {
                return new Refuse(
                        LoginStatus.INITIATOR_ERROR,
                        "transit from stage " + request.currentStage() + " to " + request.nextStage());
            }
        }
        Pdu.LoginRequest before = first;
        if (before != null
                && (current != stage
                        || !request.isid().equals(before.isid())
                        || request.tsih() != before.tsih()
                        || request.cid() != before.cid()
                        || request.initiatorTaskTag() != before.initiatorTaskTag())) {
            return new Refuse(
                    LoginStatus.INVALID_DURING_LOGIN, "stage, ISID, TSIH, CID or task tag changed during login");
        }
        return null;
    }

    private Step receive(Pdu.LoginRequest request, List<KeyValue> sent) {
        List<KeyValue> answers = new ArrayList<>();
        List<KeyValue> pairs = new ArrayList<>(sent);
        for (KeyValue pair : sent) {
            TextKey key = TextKey.of(pair.key());
            if (key != null && key.use() == TextKey.Use.FIRST_PDU) {
                if (firstText) {
                    told.put(key, pair.value());
                } else if (pair.value().equals(told.get(key))) {
                    // libiscsi 1.19 says its names again when it has credentials and AuthMethod=None was chosen; tgtd
                    // lets it.
                    pairs.remove(pair);
                } else {
                    // What decides who must prove what may not change once it was decided (RFC 7143 6.3, 13.4, 13.5,
                    // 13.21).
                    return new Refuse(LoginStatus.INITIATOR_ERROR, pair.key() + " after the first login text");
                }
            }
        }
        Negotiation.Answered answered;
        switch (negotiation.receive(pairs, stage)) {
            case Negotiation.Failed failed -> {
                return new Refuse(failed.status(), failed.why());
            }
            case Negotiation.Answered good -> answered = good;
        }
        if (firstText) {
            firstText = false;
            Refuse refused = identify(pairs);
            if (refused != null) {
                return refused;
            }
            if (target != null) {
                answers.add(new KeyValue("TargetPortalGroupTag", Integer.toString(SendTargets.PORTAL_GROUP_TAG)));
            }
        }
        answers.addAll(answered.answers());
        if (stage == LoginStage.SECURITY) {
            Refuse refused = authenticate(answered.forCaller(), request.transit(), answers);
            if (refused != null) {
                return refused;
            }
        } else if (!authenticated && wantsChap()) {
            return new Refuse(
                    LoginStatus.AUTHENTICATION_FAILURE, "the host must prove itself by CHAP and skipped that stage");
        }
        return advance(request, answers);
    }

    private Step advance(Pdu.LoginRequest request, List<KeyValue> answers) {
        LoginStage next = LoginStage.of(request.nextStage());
        boolean transit = request.transit() && (stage != LoginStage.SECURITY || authenticated);
        if (!transit || next == null) {
            return new Answer(false, stage, null, answers);
        }
        LoginStage current = stage;
        if (next == LoginStage.FULL_FEATURE) {
            return new Complete(current, initiatorName, target, answers);
        }
        stage = next;
        return new Answer(true, current, next, answers);
    }

    /** The keys that say who and where to; they stand in the first text. */
    private @Nullable Refuse identify(List<KeyValue> pairs) {
        Optional<String> name = value(pairs, TextKey.INITIATOR_NAME);
        if (name.isEmpty()) {
            return new Refuse(LoginStatus.MISSING_PARAMETER, "InitiatorName is missing");
        }
        IscsiName valid = IscsiName.parse(name.get());
        if (valid == null) {
            return new Refuse(LoginStatus.INITIATOR_ERROR, "InitiatorName: " + IscsiName.whyNot(name.get()));
        }
        initiatorName = valid.value();
        String type = value(pairs, TextKey.SESSION_TYPE).orElse("Normal");
        if (type.equals("Discovery")) {
            discovery = true;
            credentials = discoveryCredentials();
            return null;
        }
        if (!type.equals("Normal")) {
            return new Refuse(LoginStatus.SESSION_TYPE_NOT_SUPPORTED, "SessionType=" + type);
        }
        Optional<String> targetName = value(pairs, TextKey.TARGET_NAME);
        if (targetName.isEmpty()) {
            return new Refuse(LoginStatus.MISSING_PARAMETER, "TargetName is missing");
        }
        IscsiName validTarget = IscsiName.parse(targetName.get());
        IscsiTarget found = validTarget == null ? null : directory.find(validTarget.value());
        if (found == null) {
            // Not NOT_FOUND: a stranger is not to find out by name after name which targets there are.
            return new Refuse(LoginStatus.AUTHORIZATION_FAILURE, "there is no target " + targetName.get());
        }
        target = found;
        if (!found.policy().entitles(initiatorName)) {
            return new Refuse(
                    LoginStatus.AUTHORIZATION_FAILURE, "the initiator name is not among those entitled to the target");
        }
        LoginPolicy.ChapCredentials chapOfTarget = found.policy().chap();
        credentials = chapOfTarget == null ? List.of() : List.of(chapOfTarget);
        return null;
    }

    /** Discovery may be had without CHAP; who wants it proves the secret of any host that it is entitled to be. */
    private List<LoginPolicy.ChapCredentials> discoveryCredentials() {
        return directory.targets().stream()
                .filter(each -> each.policy().entitles(initiatorName))
                .map(each -> each.policy().chap())
                .filter(Objects::nonNull)
                .limit(MAX_DISCOVERY_CREDENTIALS)
                .toList();
    }

    private static Optional<String> value(List<KeyValue> pairs, TextKey key) {
        return pairs.stream()
                .filter(pair -> pair.key().equals(key.text()))
                .map(KeyValue::value)
                .findFirst();
    }

    private @Nullable Refuse authenticate(List<KeyValue> pairs, boolean transit, List<KeyValue> answers) {
        List<KeyValue> chapKeys = new ArrayList<>();
        for (KeyValue pair : pairs) {
            if (pair.key().equals(TextKey.AUTH_METHOD.text())) {
                Refuse refused = chooseMethod(pair.value(), answers);
                if (refused != null) {
                    return refused;
                }
            } else {
                chapKeys.add(pair);
            }
        }
        if (!chapKeys.isEmpty()) {
            if (chap == null) {
                return new Refuse(LoginStatus.INITIATOR_ERROR, "CHAP keys before AuthMethod=CHAP");
            }
            return switch (chap.receive(chapKeys)) {
                case Chap.Send send -> {
                    answers.addAll(send.keys());
                    yield null;
                }
                case Chap.Success success -> {
                    authenticated = true;
                    answers.addAll(success.keys());
                    yield null;
                }
                case Chap.Failure failure -> new Refuse(LoginStatus.AUTHENTICATION_FAILURE, failure.rule());
            };
        }
        if (chap == null && !authenticated) {
            if (wantsChap()) {
                return transit
                        ? new Refuse(
                                LoginStatus.AUTHENTICATION_FAILURE,
                                "the host must prove itself by CHAP and offered no method")
                        : null;
            }
            authenticated = true;
        }
        return null;
    }

    private boolean wantsChap() {
        return !credentials.isEmpty() && !discovery;
    }

    /** The first of the initiator's methods, which come in its order of preference, that can be used (RFC 7143 section 6.2.1). */
    private @Nullable Refuse chooseMethod(String offered, List<KeyValue> answers) {
        if (chap != null || authenticated) {
            return new Refuse(LoginStatus.INITIATOR_ERROR, "AuthMethod was settled before");
        }
        for (String method : offered.split(",", -1)) {
            if (method.equals("CHAP") && !credentials.isEmpty()) {
                chap = new Chap.Acceptor(
                        credentials.stream().map(LoginSequence::known).toList(), random);
                answers.add(new KeyValue("AuthMethod", method));
                return null;
            }
            if (method.equals("None") && !wantsChap()) {
                authenticated = true;
                answers.add(new KeyValue("AuthMethod", method));
                return null;
            }
        }
        return new Refuse(
                LoginStatus.AUTHENTICATION_FAILURE,
                credentials.isEmpty()
                        ? "the initiator insists on " + offered + ", but no CHAP secret is configured for it"
                        : "the host must prove itself by CHAP and offered " + offered);
    }

    private static Chap.Acceptor.Known known(LoginPolicy.ChapCredentials wanted) {
        return new Chap.Acceptor.Known(
                new Chap.Credentials(wanted.user(), wanted.secret()),
                wanted.mutualUser() == null || wanted.mutualSecret() == null
                        ? null
                        : new Chap.Credentials(wanted.mutualUser(), wanted.mutualSecret()));
    }
}
