package dev.sanway.control;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.Base64;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.bouncycastle.crypto.generators.Argon2BytesGenerator;
import org.bouncycastle.crypto.params.Argon2Parameters;

/**
 * Argon2id (RFC 9106), written as {@code $argon2id$v=19$m=…,t=…,p=…$salt$hash}. One is computed at a time, since each takes
 * {@link #MEMORY_KIB} of the heap; whoever waits too long for that is sent away.
 */
final class PasswordHash {

    /** What OWASP's password storage cheat sheet recommends at least. */
    private static final int MEMORY_KIB = 19 << 10;

    private static final int PASSES = 2;
    private static final int LANES = 1;
    private static final int SALT_BYTES = 16;
    private static final int HASH_BYTES = 32;
    private static final int WAIT_SECONDS = 3;
    private static final int MAX_MEMORY_KIB = 64 << 10;
    private static final int MAX_PASSES = 16;

    private static final Pattern WRITTEN = Pattern.compile(
            "\\$argon2id\\$v=19\\$m=(\\d{1,7}),t=(\\d{1,3}),p=(\\d{1,2})\\$([A-Za-z0-9+/]+)\\$([A-Za-z0-9+/]+)");

    private static final Semaphore TURN = new Semaphore(1, true);

    private PasswordHash() {}

    static String of(String password, SecureRandom random) throws ApiRefusal {
        byte[] salt = new byte[SALT_BYTES];
        random.nextBytes(salt);
        byte[] hash = hash(password, salt, HASH_BYTES, MEMORY_KIB, PASSES, LANES);
        Base64.Encoder base64 = Base64.getEncoder().withoutPadding();
        return "$argon2id$v=19$m=" + MEMORY_KIB + ",t=" + PASSES + ",p=" + LANES + "$" + base64.encodeToString(salt)
                + "$" + base64.encodeToString(hash);
    }

    /** Whether a hash is one of this password. */
    static boolean matches(String password, String written) throws ApiRefusal {
        Matcher matcher = WRITTEN.matcher(written);
        if (!matcher.matches()) {
            throw new IllegalStateException("a password hash in the store is damaged");
        }
        int memory = Integer.parseInt(matcher.group(1));
        int passes = Integer.parseInt(matcher.group(2));
        if (memory > MAX_MEMORY_KIB || passes > MAX_PASSES) {
            throw new IllegalStateException("a password hash in the store wants " + memory + " KiB");
        }
        byte[] wanted = Base64.getDecoder().decode(matcher.group(5));
        byte[] salt = Base64.getDecoder().decode(matcher.group(4));
        byte[] has = hash(password, salt, wanted.length, memory, passes, Integer.parseInt(matcher.group(3)));
        return MessageDigest.isEqual(wanted, has);
    }

    /** Takes as long as {@link #matches} does: so that nobody learns by the clock who is an operator. */
    static void waste(String password) throws ApiRefusal {
        hash(password, new byte[SALT_BYTES], HASH_BYTES, MEMORY_KIB, PASSES, LANES);
    }

    private static byte[] hash(String password, byte[] salt, int length, int memoryKib, int passes, int lanes)
            throws ApiRefusal {
        try {
            if (!TURN.tryAcquire(WAIT_SECONDS, TimeUnit.SECONDS)) {
                throw ApiRefusal.tooMany("too many log-ins at once; try again", WAIT_SECONDS);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw ApiRefusal.conflict("the gateway is being stopped");
        }
        try {
            Argon2BytesGenerator generator = new Argon2BytesGenerator();
            generator.init(new Argon2Parameters.Builder(Argon2Parameters.ARGON2_id)
                    .withVersion(Argon2Parameters.ARGON2_VERSION_13)
                    .withMemoryAsKB(memoryKib)
                    .withIterations(passes)
                    .withParallelism(lanes)
                    .withSalt(salt)
                    .build());
            byte[] hash = new byte[length];
            generator.generateBytes(password.getBytes(StandardCharsets.UTF_8), hash);
            return hash;
        } finally {
            TURN.release();
        }
    }
}
