package dev.sanway.metadata;

/**
 * Somebody who may use the API.
 *
 * @param passwordHash Argon2id in its usual written form, with salt and parameters
 * @param createdAt an ISO 8601 instant
 */
public record OperatorRecord(String name, Role role, String passwordHash, String createdAt) {

    public static final Catalog.Kind<OperatorRecord> KIND = new Catalog.Kind<>("operator", OperatorRecord.class);

    /** What one may do; each may what those before it may. */
    public enum Role {
        /** Look. */
        viewer,
        /** Make and grow what holds data. */
        operator,
        /** Everything. */
        admin;

        public boolean covers(Role needed) {
            return compareTo(needed) >= 0;
        }
    }

    public OperatorRecord withPassword(String hash) {
        return new OperatorRecord(name, role, hash, createdAt);
    }

    public OperatorRecord withRole(Role other) {
        return new OperatorRecord(name, other, passwordHash, createdAt);
    }

    /** Without the hash. */
    @Override
    public String toString() {
        return name + " (" + role + ")";
    }
}
