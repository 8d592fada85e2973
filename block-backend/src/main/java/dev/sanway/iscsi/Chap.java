package dev.sanway.iscsi;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * CHAP within iSCSI login (RFC 7143 section 12.1.3, RFC 1994): the state machines of both sides, fed with the CHAP_… keys
 * of each login text. A failure names the rule that was broken, never a secret.
 *
 * <pre>
 *   Requester (initiator)                      Acceptor (target)
 *   CHAP_A=5,6,7,8                    ──▶
 *                                     ◀──      CHAP_A, CHAP_I, CHAP_C
 *   CHAP_N, CHAP_R [CHAP_I, CHAP_C]   ──▶      checks; Success
 *   checks; Success                   ◀──      [CHAP_N, CHAP_R]
 * </pre>
 */
public final class Chap {
    /** Secrets below 96 bits may only be used with IPsec (section 9.2.1): configuration should refuse them. */
    public static final int MIN_SECRET_BYTES = 12;

    /** The longest name that fits a text value (RFC 7143 6.1: 255 bytes unless a key says otherwise). */
    public static final int MAX_NAME_BYTES = 255;

    private static final int CHALLENGE_BYTES = 32;
    private static final int MAX_CHALLENGE_BYTES = 1024;

    private Chap() {}

    /** Hash algorithms, in the order we prefer them. */
    public enum Algorithm {
        SHA3_256(8, "SHA3-256"),
        SHA_256(7, "SHA-256"),
        SHA_1(6, "SHA-1"),
        MD5(5, "MD5");

        private final int code;
        private final String digestName;

        Algorithm(int code, String digestName) {
            this.code = code;
            this.digestName = digestName;
        }

        /** Value of CHAP_A. */
        public int code() {
            return code;
        }

        MessageDigest digest() {
            try {
                return MessageDigest.getInstance(digestName);
            } catch (NoSuchAlgorithmException everyJdkHasIt) {
                throw new IllegalStateException(everyJdkHasIt);
            }
        }

        static @Nullable Algorithm of(String code) {
            for (Algorithm algorithm : values()) {
                if (Integer.toString(algorithm.code).equals(code)) {
                    return algorithm;
                }
            }
            return null;
        }
    }

    /** A name and the secret that proves it. Its text leaves the secret out. */
    public record Credentials(String name, byte[] secret) {
        public Credentials(String name, String secret) {
            this(name, secret.getBytes(StandardCharsets.UTF_8));
        }

        @Override
        public String toString() {
            return "Credentials[" + name + "]";
        }
    }

    /** What to do next. */
    public sealed interface Step {}

    /** Send these keys and wait for the peer's. */
    public record Send(List<KeyValue> keys) implements Step {
        public Send {
            keys = List.copyOf(keys);
        }
    }

    /** Authenticated; send these keys (perhaps none) with whatever comes next. */
    public record Success(String peerName, List<KeyValue> keys) implements Step {
        public Success {
            keys = List.copyOf(keys);
        }
    }

    /** Not authenticated; {@code rule} is for the log. */
    public record Failure(String rule) implements Step {}

    /** Response to a challenge (RFC 1994 section 4.1): the hash of identifier, secret and challenge. */
    public static byte[] response(Algorithm algorithm, int identifier, byte[] secret, byte[] challenge) {
        MessageDigest digest = algorithm.digest();
        digest.update((byte) identifier);
        digest.update(secret);
        return digest.digest(challenge);
    }

    /** What CHAP_I and CHAP_C carry: a challenge, or the rule that they break. */
    private sealed interface Asked {}

    private record BadChallenge(String rule) implements Asked {}

    private record Challenge(int identifier, byte[] bytes) implements Asked {
        static Challenge random(SecureRandom random) {
            byte[] bytes = new byte[CHALLENGE_BYTES];
            random.nextBytes(bytes);
            return new Challenge(random.nextInt(256), bytes);
        }

        List<KeyValue> keys() {
            return List.of(
                    TextKey.CHAP_I.with(Integer.toString(identifier)), TextKey.CHAP_C.with(BinaryValue.hex(bytes)));
        }

        static Asked of(Map<String, String> keys) {
            String identifier = keys.get("CHAP_I");
            String challenge = keys.get("CHAP_C");
            if (identifier == null || challenge == null) {
                return new BadChallenge("CHAP_I and CHAP_C belong together");
            }
            long number = BinaryValue.number(identifier);
            byte[] bytes = BinaryValue.decode(challenge);
            if (number < 0 || number > 255) {
                return new BadChallenge("CHAP_I is one byte");
            }
            if (bytes == null || bytes.length == 0 || bytes.length > MAX_CHALLENGE_BYTES) {
                return new BadChallenge("CHAP_C is 1 to 1024 bytes, in hexadecimal or base64");
            }
            return new Challenge((int) number, bytes);
        }
    }

    private static Map<String, String> map(List<KeyValue> pairs) {
        Map<String, String> map = new HashMap<>();
        for (KeyValue pair : pairs) {
            map.put(pair.key(), pair.value());
        }
        return map;
    }

    /** Whether CHAP_R is what the secret gives; takes the same time wherever the two differ. */
    private static boolean proves(
            Map<String, String> keys, Algorithm algorithm, Challenge challenge, Credentials credentials) {
        byte[] given = BinaryValue.decode(keys.getOrDefault("CHAP_R", ""));
        byte[] expected = response(algorithm, challenge.identifier, credentials.secret(), challenge.bytes);
        return given != null && MessageDigest.isEqual(expected, given);
    }

    /** The target's side. */
    public static final class Acceptor {
        /**
         * Somebody who is expected.
         *
         * @param initiator how he proves himself
         * @param own how we prove ourselves to him if he asks; null: then he is refused
         */
        public record Known(Credentials initiator, @Nullable Credentials own) {}

        private final List<Known> expected;
        private final SecureRandom random;
        private @Nullable Algorithm algorithm;
        private @Nullable Challenge challenge;
        private boolean ended;

        /**
         * @param initiator whom we expect
         * @param own how we prove ourselves if asked; null: then an initiator that asks is refused
         */
        public Acceptor(Credentials initiator, @Nullable Credentials own, SecureRandom random) {
            this(List.of(new Known(initiator, own)), random);
        }

        /** Whoever logs in may be any of these; CHAP_N tells which, and CHAP_R of those with that name. */
        public Acceptor(List<Known> expected, SecureRandom random) {
            this.expected = List.copyOf(expected);
            this.random = random;
        }

        /** Takes the CHAP_… keys of one login text. */
        public Step receive(List<KeyValue> pairs) {
            Map<String, String> keys = map(pairs);
            if (ended) {
                return fail("CHAP is over");
            }
            Algorithm chosen = algorithm;
            Challenge ours = challenge;
            return chosen == null || ours == null ? algorithms(keys) : proof(keys, chosen, ours);
        }

        private Step algorithms(Map<String, String> keys) {
            String offered = keys.get("CHAP_A");
            if (offered == null || keys.size() != 1) {
                return fail("CHAP begins with CHAP_A alone");
            }
            for (String code : offered.split(",", -1)) {
                Algorithm known = Algorithm.of(code);
                if (known != null) {
                    algorithm = known;
                    Challenge ours = Challenge.random(random);
                    challenge = ours;
                    List<KeyValue> answer = new ArrayList<>();
                    answer.add(TextKey.CHAP_A.with(Integer.toString(known.code)));
                    answer.addAll(ours.keys());
                    return new Send(answer);
                }
            }
            return fail("no common algorithm in CHAP_A");
        }

        private Step proof(Map<String, String> keys, Algorithm chosen, Challenge ours) {
            ended = true;
            String name = keys.get("CHAP_N");
            if (name == null || !keys.containsKey("CHAP_R")) {
                return fail("CHAP_N and CHAP_R are missing");
            }
            // All are looked at in every case, so that the time tells nothing of which was wrong.
            boolean named = false;
            Known found = null;
            for (Known each : expected) {
                boolean proven = proves(keys, chosen, ours, each.initiator());
                boolean same = name.equals(each.initiator().name());
                named |= same;
                found = same && proven ? each : found;
            }
            if (!named) {
                return fail("CHAP_N is not the name configured for this initiator");
            }
            if (found == null) {
                return fail("CHAP_R does not fit the secret");
            }
            if (!keys.containsKey("CHAP_I") && !keys.containsKey("CHAP_C")) {
                return new Success(name, List.of());
            }
            return mutual(keys, chosen, ours, found);
        }

        private Step mutual(Map<String, String> keys, Algorithm chosen, Challenge ours, Known found) {
            Credentials proof = found.own();
            if (proof == null) {
                return fail("the initiator asks the target to authenticate itself, and no mutual secret is configured");
            }
            if (MessageDigest.isEqual(proof.secret(), found.initiator().secret())) {
                return fail("both directions have the same secret");
            }
            return switch (Challenge.of(keys)) {
                case BadChallenge bad -> fail(bad.rule);
                case Challenge asked ->
                    prove(asked, chosen, ours, found.initiator().name(), proof);
            };
        }

        private Step prove(Challenge asked, Algorithm chosen, Challenge ours, String name, Credentials proof) {
            if (Arrays.equals(asked.bytes, ours.bytes)) {
                return fail("the initiator's challenge is our own (reflection)");
            }
            byte[] response = response(chosen, asked.identifier, proof.secret(), asked.bytes);
            return new Success(
                    name, List.of(TextKey.CHAP_N.with(proof.name()), TextKey.CHAP_R.with(BinaryValue.hex(response))));
        }

        private Failure fail(String rule) {
            ended = true;
            return new Failure(rule);
        }
    }

    /** The initiator's side. */
    public static final class Requester {
        private enum State {
            ALGORITHMS_OFFERED,
            PROOF_SENT,
            ENDED
        }

        private final Credentials own;
        private final @Nullable Credentials target;
        private final SecureRandom random;
        private final List<Algorithm> algorithms;
        private State state = State.ALGORITHMS_OFFERED;
        private @Nullable Algorithm algorithm;
        private @Nullable Challenge challenge;

        /**
         * @param own how we prove ourselves
         * @param target what the target has to prove; null: nothing
         */
        public Requester(Credentials own, @Nullable Credentials target, SecureRandom random) {
            this(own, target, random, List.of(Algorithm.values()));
        }

        /**
         * Offers some algorithms only.
         *
         * @param algorithms best first
         */
        public Requester(
                Credentials own, @Nullable Credentials target, SecureRandom random, List<Algorithm> algorithms) {
            this.algorithms = List.copyOf(algorithms);
            this.own = own;
            this.target = target;
            this.random = random;
        }

        /** The keys that begin CHAP once AuthMethod=CHAP was agreed. */
        public List<KeyValue> begin() {
            StringBuilder codes = new StringBuilder();
            for (Algorithm known : algorithms) {
                codes.append(codes.isEmpty() ? "" : ",").append(known.code);
            }
            return List.of(TextKey.CHAP_A.with(codes.toString()));
        }

        /** Takes the CHAP_… keys of one login text. */
        public Step receive(List<KeyValue> pairs) {
            Map<String, String> keys = map(pairs);
            return switch (state) {
                case ALGORITHMS_OFFERED -> prove(keys);
                case PROOF_SENT -> check(keys);
                case ENDED -> new Failure("CHAP is over");
            };
        }

        private Step prove(Map<String, String> keys) {
            Algorithm chosen = Algorithm.of(keys.getOrDefault("CHAP_A", ""));
            if (chosen == null || !algorithms.contains(chosen)) {
                return fail("the target chose no algorithm that was offered");
            }
            return switch (Challenge.of(keys)) {
                case BadChallenge bad -> fail(bad.rule);
                case Challenge asked -> prove(asked, chosen);
            };
        }

        private Step prove(Challenge asked, Algorithm chosen) {
            List<KeyValue> answer = new ArrayList<>();
            answer.add(TextKey.CHAP_N.with(own.name()));
            byte[] response = response(chosen, asked.identifier, own.secret(), asked.bytes);
            answer.add(TextKey.CHAP_R.with(BinaryValue.hex(response)));
            Credentials mutual = target;
            if (mutual != null) {
                if (MessageDigest.isEqual(mutual.secret(), own.secret())) {
                    return fail("both directions have the same secret");
                }
                Challenge ours = Challenge.random(random);
                if (Arrays.equals(ours.bytes, asked.bytes)) {
                    return fail("the target's challenge is our own (reflection)");
                }
                algorithm = chosen;
                challenge = ours;
                answer.addAll(ours.keys());
            }
            state = State.PROOF_SENT;
            return new Send(answer);
        }

        private Step check(Map<String, String> keys) {
            state = State.ENDED;
            Credentials expected = target;
            Algorithm chosen = algorithm;
            Challenge ours = challenge;
            if (expected == null || chosen == null || ours == null) {
                return new Success("", List.of());
            }
            String name = keys.getOrDefault("CHAP_N", "");
            boolean proven = proves(keys, chosen, ours, expected);
            if (!name.equals(expected.name())) {
                return fail("CHAP_N is not the name configured for this target");
            }
            return proven ? new Success(name, List.of()) : fail("the target's CHAP_R does not fit the mutual secret");
        }

        private Failure fail(String rule) {
            state = State.ENDED;
            return new Failure(rule);
        }
    }
}
