package dev.sanway.initiator;

import dev.sanway.iscsi.Chap;
import dev.sanway.iscsi.ConnectionParameters;
import dev.sanway.iscsi.KeyValue;
import dev.sanway.iscsi.LoginStage;
import dev.sanway.iscsi.LoginStatus;
import dev.sanway.iscsi.Negotiation;
import dev.sanway.iscsi.NegotiationWishes;
import dev.sanway.iscsi.SessionParameters;
import dev.sanway.iscsi.TargetAddress;
import dev.sanway.iscsi.TextKey;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Login as the initiator sees it (RFC 7143 section 6.3): texts in, texts out, no network.
 *
 * <pre>
 *   NAMES_SENT ── AuthMethod=CHAP ──▶ CHAP ── proven ──▶ OPERATIONAL ──▶ full feature
 *        └────────── no CHAP wanted, stage over ────────────▲
 * </pre>
 */
public final class LoginExchange {
    /** What to do next. */
    public sealed interface Step {}

    /** Send a login request with these keys. */
    public record Send(boolean transit, LoginStage stage, LoginStage next, List<KeyValue> keys) implements Step {}

    /** Logged in. */
    public record Done(SessionParameters session, ConnectionParameters connection) implements Step {}

    /** The unit sends us elsewhere: for this login, or {@code permanent}ly (section 11.13.5, 0101 and 0102). */
    public record Moved(TargetAddress to, boolean permanent) implements Step {}

    /** Login failed; {@code why} says it to an operator. */
    public record Refused(String why, boolean byUnit) implements Step {}

    private enum State {
        NAMES_SENT,
        CHAP,
        OPERATIONAL
    }

    private static final int MAX_ROUNDS = 32;
    private static final int REDIRECTION = 0x01;

    private final UnitSessionConfig config;
    private final Negotiation negotiation;
    private final Chap.@Nullable Requester chap;
    private State state = State.NAMES_SENT;
    private boolean proven;
    private int rounds;

    /**
     * Prepares a login.
     *
     * @param weakChap offer MD5 alone, for units that misunderstand the codes of other algorithms (tgtd 1.0.85 takes 7,
     *     SHA-256, for SHA-1)
     */
    public LoginExchange(UnitSessionConfig config, boolean discovery, boolean weakChap, SecureRandom random) {
        this.config = config;
        this.negotiation = new Negotiation(
                Negotiation.Role.INITIATOR,
                NegotiationWishes.initiator(config.headerDigest(), config.dataDigest()),
                discovery);
        Chap.Credentials own = config.chap();
        this.chap = own == null
                ? null
                : new Chap.Requester(
                        own,
                        config.mutualChap(),
                        random,
                        weakChap ? List.of(Chap.Algorithm.MD5) : List.of(Chap.Algorithm.values()));
    }

    /**
     * The first step. A login begins in the security stage also where there is nothing to prove: tgtd 1.0.85 looks for the session
     * that this one is to replace when it leaves that stage, and lets the old one go on writing otherwise.
     */
    public Step begin() {
        List<KeyValue> keys = new ArrayList<>();
        keys.add(TextKey.INITIATOR_NAME.with(config.initiatorName().value()));
        keys.add(TextKey.SESSION_TYPE.with(negotiation.discovery() ? "Discovery" : "Normal"));
        if (!negotiation.discovery()) {
            keys.add(TextKey.TARGET_NAME.with(config.targetName().written()));
        }
        keys.add(TextKey.AUTH_METHOD.with(chap == null ? "None" : "CHAP"));
        return new Send(chap == null, LoginStage.SECURITY, LoginStage.OPERATIONAL, keys);
    }

    /**
     * Takes an answer.
     *
     * @param nextStage NSG, meaningful if {@code transit}
     */
    public Step receive(boolean transit, int nextStage, int statusClass, int statusDetail, List<KeyValue> keys) {
        if (statusClass == REDIRECTION) {
            return moved(statusDetail, keys);
        }
        if (statusClass != 0) {
            return new Refused("the unit refuses login: " + meaning(statusClass, statusDetail), true);
        }
        if (++rounds > MAX_ROUNDS) {
            return new Refused("login does not come to an end", true);
        }
        LoginStage stage = state == State.OPERATIONAL ? LoginStage.OPERATIONAL : LoginStage.SECURITY;
        Negotiation.Outcome outcome = negotiation.receive(keys, stage);
        return switch (outcome) {
            case Negotiation.Failed failed -> new Refused(failed.why(), false);
            case Negotiation.Answered answered ->
                switch (state) {
                    case NAMES_SENT -> named(transit, nextStage, answered);
                    case CHAP -> prove(transit, nextStage, answered);
                    case OPERATIONAL -> operational(transit, nextStage, answered.answers());
                };
        };
    }

    /** To the first address that can be understood. A detail that the standard does not know is taken for 0101. */
    private static Step moved(int statusDetail, List<KeyValue> keys) {
        for (KeyValue key : keys) {
            TargetAddress to =
                    key.key().equals(TextKey.TARGET_ADDRESS.text()) ? TargetAddress.parse(key.value()) : null;
            if (to != null) {
                return new Moved(to, statusDetail == LoginStatus.TARGET_MOVED_PERMANENTLY.statusDetail());
            }
        }
        return new Refused(
                "the unit sends us elsewhere without saying where: " + meaning(REDIRECTION, statusDetail), true);
    }

    private static String meaning(int statusClass, int statusDetail) {
        LoginStatus status = LoginStatus.of(statusClass, statusDetail);
        String codes = String.format(java.util.Locale.ROOT, "%02x%02x", statusClass, statusDetail);
        return status == null ? "status " + codes : status.meaning() + " (" + codes + ")";
    }

    private Step named(boolean transit, int nextStage, Negotiation.Answered answered) {
        String method = null;
        for (KeyValue key : answered.forCaller()) {
            if (key.key().equals(TextKey.AUTH_METHOD.text())) {
                method = key.value();
            }
        }
        if (chap == null) {
            if (method != null && !method.equals("None")) {
                return new Refused("the unit wants AuthMethod " + method + ", and no chap is configured for it", true);
            }
            proven = true;
            return stageOver(transit, nextStage, answered.answers());
        }
        if (!"CHAP".equals(method)) {
            return new Refused("the unit does not take CHAP (AuthMethod=" + method + ")", true);
        }
        state = State.CHAP;
        return new Send(false, LoginStage.SECURITY, LoginStage.SECURITY, chap.begin());
    }

    private Step prove(boolean transit, int nextStage, Negotiation.Answered answered) {
        if (proven || chap == null) {
            return stageOver(transit, nextStage, answered.answers());
        }
        return switch (chap.receive(answered.forCaller())) {
            case Chap.Send send -> new Send(true, LoginStage.SECURITY, LoginStage.OPERATIONAL, send.keys());
            case Chap.Failure failure -> new Refused("CHAP: " + failure.rule(), true);
            case Chap.Success _ -> {
                proven = true;
                yield stageOver(transit, nextStage, answered.answers());
            }
        };
    }

    private Step stageOver(boolean transit, int nextStage, List<KeyValue> answers) {
        if (!transit) {
            return new Send(true, LoginStage.SECURITY, LoginStage.OPERATIONAL, answers);
        }
        if (nextStage == LoginStage.FULL_FEATURE.code()) {
            return done();
        }
        if (nextStage != LoginStage.OPERATIONAL.code()) {
            return new Refused("the unit goes on to stage " + nextStage, true);
        }
        state = State.OPERATIONAL;
        List<KeyValue> keys = new ArrayList<>(answers);
        keys.addAll(negotiation.offers());
        return new Send(true, LoginStage.OPERATIONAL, LoginStage.FULL_FEATURE, keys);
    }

    private Step operational(boolean transit, int nextStage, List<KeyValue> answers) {
        if (!transit) {
            return new Send(true, LoginStage.OPERATIONAL, LoginStage.FULL_FEATURE, answers);
        }
        if (nextStage != LoginStage.FULL_FEATURE.code() || !answers.isEmpty()) {
            return new Refused("the unit ends login in the middle of a negotiation", true);
        }
        return done();
    }

    private Step done() {
        ConnectionParameters connection = negotiation.connection();
        if ((config.headerDigest() && !connection.headerDigest())
                || (config.dataDigest() && !connection.dataDigest())) {
            return new Refused("the unit does not use the digests that are configured", true);
        }
        return new Done(negotiation.session(), connection);
    }
}
