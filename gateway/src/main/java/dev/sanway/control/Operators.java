package dev.sanway.control;

import dev.sanway.control.AccessViews.NewTokenView;
import dev.sanway.control.AccessViews.OperatorView;
import dev.sanway.control.AccessViews.TokenView;
import dev.sanway.metadata.Catalog;
import dev.sanway.metadata.OperatorRecord;
import dev.sanway.metadata.OperatorRecord.Role;
import dev.sanway.metadata.TokenRecord;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletionException;
import java.util.regex.Pattern;

/**
 * Who may use the API: operators with their roles, passwords and tokens. Beside them whoever has the token file of the state
 * directory may everything, so that no mistake here locks the gateway's own administrator out.
 *
 * <p>Blocks its callers, who take turns where they change something. Passwords and tokens are kept as hashes only.
 */
final class Operators {

    static final int MIN_PASSWORD = 12;
    static final int MAX_PASSWORD = 256;
    static final int MAX_TOKEN_DAYS = 3650;
    static final Duration LOGIN_LASTS = Duration.ofHours(12);

    private static final Pattern NAME = Pattern.compile("[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?");
    private static final int MAX_OPERATORS = 500;
    private static final int MAX_TOKENS = 50;
    private static final int TOKEN_BYTES = 32;
    private static final int ID_DIGITS = 12;
    private static final int MAX_LABEL = 100;

    private final Catalog catalog;
    private final ApiCredentials local;
    private final Clock clock;
    private final LoginLimits limits;
    private final SecureRandom random = new SecureRandom();

    Operators(Catalog catalog, ApiCredentials local, Clock clock, LoginLimits limits) {
        this.catalog = catalog;
        this.local = local;
        this.clock = clock;
        this.limits = limits;
    }

    /** Whose token it is, if it is one and still valid. */
    Optional<Caller> caller(String token) {
        if (local.accepts(token)) {
            return Optional.of(Caller.local());
        }
        return catalog.one(TokenRecord.KIND, digest(token))
                .filter(this::valid)
                .flatMap(record -> catalog.one(OperatorRecord.KIND, record.operator())
                        .map(operator -> new Caller(operator.name(), operator.role(), record.id())));
    }

    private boolean valid(TokenRecord token) {
        return Instant.parse(token.expiresAt()).isAfter(clock.instant());
    }

    private static String digest(String token) {
        try {
            return HexFormat.of()
                    .formatHex(MessageDigest.getInstance("SHA-256").digest(token.getBytes(StandardCharsets.UTF_8)));
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }

    // ---- operators

    List<OperatorView> list() {
        return catalog.all(OperatorRecord.KIND).stream().map(this::view).toList();
    }

    private OperatorView view(OperatorRecord operator) {
        return new OperatorView(
                operator.name(),
                operator.role(),
                operator.createdAt(),
                tokensOf(operator.name()).size());
    }

    private OperatorRecord find(String name) throws ApiRefusal {
        return catalog.one(OperatorRecord.KIND, name)
                .orElseThrow(() -> ApiRefusal.unknown("there is no operator " + name));
    }

    synchronized OperatorView create(String name, Role role, String password) throws ApiRefusal {
        if (!NAME.matcher(name).matches()) {
            throw ApiRefusal.malformed("\"" + name + "\" is no name of an operator; write 1 to 63 lower-case letters, "
                    + "digits, dots, hyphens and underscores, for example anna");
        }
        checkPassword(password);
        if (catalog.one(OperatorRecord.KIND, name).isPresent()) {
            throw ApiRefusal.conflict("there is an operator " + name
                    + " already; to give it another password: sanway operator password " + name);
        }
        if (catalog.all(OperatorRecord.KIND).size() >= MAX_OPERATORS) {
            throw ApiRefusal.conflict("there are " + MAX_OPERATORS + " operators, which is the most there can be");
        }
        OperatorRecord operator = new OperatorRecord(
                name, role, PasswordHash.of(password, random), clock.instant().toString());
        commit(new Catalog.Batch().put(OperatorRecord.KIND, name, operator));
        return view(operator);
    }

    private static void checkPassword(String password) throws ApiRefusal {
        if (password.length() < MIN_PASSWORD || password.length() > MAX_PASSWORD) {
            throw ApiRefusal.malformed(
                    "a password of " + password.length() + " characters; use " + MIN_PASSWORD + " to " + MAX_PASSWORD);
        }
    }

    /** Deletes an operator; its tokens are worth nothing from then on. */
    synchronized OperatorView delete(String name) throws ApiRefusal {
        OperatorView before = view(find(name));
        Catalog.Batch batch = new Catalog.Batch().remove(OperatorRecord.KIND, name);
        allTokensOf(name).forEach(token -> batch.remove(TokenRecord.KIND, token.digest()));
        commit(batch);
        return before;
    }

    /**
     * Gives an operator another password; its tokens are worth nothing from then on, but the one that is used to say so.
     *
     * @param current needed of everybody but administrators
     */
    OperatorView password(Caller caller, String from, String name, String current, String password) throws ApiRefusal {
        if (!caller.isOrAdministers(name)) {
            throw ApiRefusal.forbidden("changing the password of another operator takes the role admin; you are "
                    + caller.name() + " (" + caller.role() + ")");
        }
        checkPassword(password);
        String known = find(name).passwordHash();
        if (caller.role() != Role.admin) {
            limits.attempt(name, from);
            if (!PasswordHash.matches(current, known)) {
                throw ApiRefusal.forbidden("the current password is another one");
            }
            limits.succeeded(name);
        }
        String hash = PasswordHash.of(password, random);
        synchronized (this) {
            OperatorRecord operator = find(name).withPassword(hash);
            Catalog.Batch batch = new Catalog.Batch().put(OperatorRecord.KIND, name, operator);
            allTokensOf(name).stream()
                    .filter(token -> !token.id().equals(caller.token()))
                    .forEach(token -> batch.remove(TokenRecord.KIND, token.digest()));
            commit(batch);
            return view(operator);
        }
    }

    synchronized OperatorView role(String name, Role role) throws ApiRefusal {
        OperatorRecord operator = find(name).withRole(role);
        commit(new Catalog.Batch().put(OperatorRecord.KIND, name, operator));
        return view(operator);
    }

    // ---- tokens

    /** A token for a password. */
    NewTokenView login(String name, String password, String from, String label) throws ApiRefusal {
        limits.attempt(name.length() > MAX_LABEL ? "" : name, from);
        Optional<OperatorRecord> operator = catalog.one(OperatorRecord.KIND, name);
        boolean right = false;
        if (password.length() > MAX_PASSWORD || operator.isEmpty()) {
            PasswordHash.waste(password.length() > MAX_PASSWORD ? "" : password);
        } else {
            right = PasswordHash.matches(password, operator.get().passwordHash());
        }
        if (!right) {
            throw ApiRefusal.unauthorized("no operator of that name has that password");
        }
        limits.succeeded(name);
        return newToken(name, label.isEmpty() ? "login" : label, LOGIN_LASTS);
    }

    /**
     * A token for a program. One that outlives the token with which it is asked for takes the caller's password as well: else whoever
     * has got hold of a token for a while could make that for years.
     */
    NewTokenView token(Caller caller, String from, String operator, String label, int days, String password)
            throws ApiRefusal {
        String whose = operator.isEmpty() ? caller.name() : operator;
        if (whose.equals(Caller.LOCAL)) {
            throw ApiRefusal.malformed("say which operator the token is for: sanway token create --operator NAME");
        }
        if (!caller.isOrAdministers(whose)) {
            throw ApiRefusal.forbidden("making a token for another operator takes the role admin; you are "
                    + caller.name() + " (" + caller.role() + ")");
        }
        if (days < 1 || days > MAX_TOKEN_DAYS) {
            throw ApiRefusal.malformed("a token is valid for 1 to " + MAX_TOKEN_DAYS + " days, not " + days);
        }
        if (outlives(caller, Duration.ofDays(days))) {
            checkOwnPassword(caller, from, password);
        }
        return newToken(whose, label, Duration.ofDays(days));
    }

    private boolean outlives(Caller caller, Duration lasts) {
        Instant until = clock.instant().plus(lasts);
        return caller.token() != null
                && catalog.all(TokenRecord.KIND).stream()
                        .filter(token -> token.id().equals(caller.token()))
                        .noneMatch(token -> Instant.parse(token.expiresAt()).isAfter(until));
    }

    private void checkOwnPassword(Caller caller, String from, String password) throws ApiRefusal {
        if (password.isEmpty()) {
            throw ApiRefusal.forbidden(
                    "a token that is valid for longer than the one that you use takes your password, "
                            + "too: sanway token create --password, or --password-file FILE");
        }
        limits.attempt(caller.name(), from);
        if (password.length() > MAX_PASSWORD
                || !PasswordHash.matches(password, find(caller.name()).passwordHash())) {
            throw ApiRefusal.forbidden("your password is another one");
        }
        limits.succeeded(caller.name());
    }

    private synchronized NewTokenView newToken(String name, String label, Duration lasts) throws ApiRefusal {
        OperatorRecord operator = find(name);
        if (label.length() > MAX_LABEL || label.chars().anyMatch(Character::isISOControl)) {
            throw ApiRefusal.malformed("a token's label is one line of at most " + MAX_LABEL + " characters");
        }
        Catalog.Batch batch = new Catalog.Batch();
        List<TokenRecord> all = allTokensOf(name);
        all.stream().filter(token -> !valid(token)).forEach(token -> batch.remove(TokenRecord.KIND, token.digest()));
        // Whoever logs in again and again without ever logging out pushes out the oldest.
        all.stream()
                .filter(this::valid)
                .sorted(Comparator.comparing(TokenRecord::createdAt).reversed())
                .skip(MAX_TOKENS - 1)
                .forEach(token -> batch.remove(TokenRecord.KIND, token.digest()));
        byte[] secret = new byte[TOKEN_BYTES];
        random.nextBytes(secret);
        String token = Base64.getUrlEncoder().withoutPadding().encodeToString(secret);
        String digest = digest(token);
        Instant now = clock.instant();
        TokenRecord record = new TokenRecord(
                digest,
                digest.substring(0, ID_DIGITS),
                name,
                label,
                now.toString(),
                now.plus(lasts).toString());
        commit(batch.put(TokenRecord.KIND, digest, record));
        return new NewTokenView(
                token, record.id(), name, operator.role(), label, record.createdAt(), record.expiresAt());
    }

    private List<TokenRecord> allTokensOf(String operator) {
        return catalog.all(TokenRecord.KIND).stream()
                .filter(token -> token.operator().equals(operator))
                .toList();
    }

    private List<TokenRecord> tokensOf(String operator) {
        return allTokensOf(operator).stream().filter(this::valid).toList();
    }

    /** One's own; those of all to an administrator. */
    List<TokenView> tokens(Caller caller) {
        return catalog.all(TokenRecord.KIND).stream()
                .filter(token -> caller.isOrAdministers(token.operator()) && valid(token))
                .sorted(Comparator.comparing(TokenRecord::operator).thenComparing(TokenRecord::createdAt))
                .map(Operators::view)
                .toList();
    }

    private static TokenView view(TokenRecord token) {
        return new TokenView(token.id(), token.operator(), token.label(), token.createdAt(), token.expiresAt());
    }

    synchronized TokenView revoke(Caller caller, String id) throws ApiRefusal {
        TokenRecord found = catalog.all(TokenRecord.KIND).stream()
                .filter(token -> token.id().equals(id) && caller.isOrAdministers(token.operator()))
                .findFirst()
                .orElseThrow(() -> ApiRefusal.unknown("you have no token " + id + "; see: sanway token list"));
        commit(new Catalog.Batch().remove(TokenRecord.KIND, found.digest()));
        return view(found);
    }

    private void commit(Catalog.Batch batch) throws ApiRefusal {
        try {
            catalog.commit(batch).join();
        } catch (CompletionException e) {
            throw ApiRefusal.conflict("the state directory cannot be written: " + e.getMessage());
        }
    }
}
