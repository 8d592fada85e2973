package dev.sanway.control;

import dev.sanway.metadata.OperatorRecord.Role;
import org.jspecify.annotations.Nullable;

/**
 * Who makes a call of the API.
 *
 * @param name an operator's, or {@link #LOCAL}
 * @param token the {@code id} of the operator's token; null of the local administrator
 */
record Caller(String name, Role role, @Nullable String token) {

    /** Whoever has the token file of the state directory. No operator can be called so. */
    static final String LOCAL = "(local)";

    static Caller local() {
        return new Caller(LOCAL, Role.admin, null);
    }

    /** May do what its own operator may, whatever the role. */
    boolean isOrAdministers(String operator) {
        return name.equals(operator) || role == Role.admin;
    }
}
