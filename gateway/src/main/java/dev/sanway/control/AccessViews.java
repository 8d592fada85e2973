package dev.sanway.control;

import dev.sanway.metadata.OperatorRecord.Role;
import java.time.Instant;

/** What the REST API shows of who may use it and who did. */
public interface AccessViews {

    /** An operator; {@code tokens} of it are valid. */
    record OperatorView(String name, Role role, String createdAt, int tokens) {}

    /** A token that is valid, without the token itself. */
    record TokenView(String id, String operator, String label, String createdAt, String expiresAt) {}

    /** A token that was just made; it is shown this once. */
    record NewTokenView(
            String token, String id, String operator, Role role, String label, String createdAt, String expiresAt) {}

    /** Whose token a call bears. */
    record CallerView(String name, Role role) {}

    /**
     * A call that changed something, or was to.
     *
     * @param who an operator's name, or {@code (local)}
     * @param from the address it came from
     * @param detail what was sent, as JSON without secrets, cut to some length
     * @param status of HTTP; 0: it was begun, and the gateway ended before it was known what came of it, or it is under way
     * @param outcome {@code done}, or what was answered
     */
    record AuditView(
            long id,
            Instant at,
            String who,
            String from,
            String method,
            String path,
            String detail,
            int status,
            String outcome) {

        AuditView numbered(long number) {
            return new AuditView(number, at, who, from, method, path, detail, status, outcome);
        }

        AuditView ended(int newStatus, String newOutcome) {
            return new AuditView(id, at, who, from, method, path, detail, newStatus, newOutcome);
        }
    }
}
