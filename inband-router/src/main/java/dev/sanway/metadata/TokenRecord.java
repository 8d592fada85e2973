package dev.sanway.metadata;

/**
 * A token by which an operator is known.
 *
 * @param digest SHA-256 of the token, in hexadecimal; the token itself is kept nowhere
 * @param id how people call it: the digest's beginning
 * @param label what it is for
 * @param createdAt an ISO 8601 instant, as {@code expiresAt}
 */
public record TokenRecord(String digest, String id, String operator, String label, String createdAt, String expiresAt) {

    public static final Catalog.Kind<TokenRecord> KIND = new Catalog.Kind<>("token", TokenRecord.class);
}
