package dev.sanway.iscsi;

import org.jspecify.annotations.Nullable;

/** Status-Class and Status-Detail of a Login Response (RFC 7143 section 11.13.5). */
public enum LoginStatus {
    SUCCESS(0x00, 0x00, "success"),
    TARGET_MOVED_TEMPORARILY(0x01, 0x01, "target moved temporarily"),
    TARGET_MOVED_PERMANENTLY(0x01, 0x02, "target moved permanently"),
    INITIATOR_ERROR(0x02, 0x00, "initiator error"),
    AUTHENTICATION_FAILURE(0x02, 0x01, "authentication failure"),
    AUTHORIZATION_FAILURE(0x02, 0x02, "initiator not allowed to use the target"),
    NOT_FOUND(0x02, 0x03, "no such target"),
    TARGET_REMOVED(0x02, 0x04, "target removed"),
    UNSUPPORTED_VERSION(0x02, 0x05, "protocol version not supported"),
    TOO_MANY_CONNECTIONS(0x02, 0x06, "too many connections in the session"),
    MISSING_PARAMETER(0x02, 0x07, "a required key is missing"),
    CANNOT_INCLUDE_IN_SESSION(0x02, 0x08, "target cannot span this connection with the session"),
    SESSION_TYPE_NOT_SUPPORTED(0x02, 0x09, "session type not supported"),
    SESSION_DOES_NOT_EXIST(0x02, 0x0a, "no such session"),
    INVALID_DURING_LOGIN(0x02, 0x0b, "request invalid during login"),
    TARGET_ERROR(0x03, 0x00, "target error"),
    SERVICE_UNAVAILABLE(0x03, 0x01, "service unavailable"),
    OUT_OF_RESOURCES(0x03, 0x02, "out of resources");

    private final int statusClass;
    private final int statusDetail;
    private final String meaning;

    LoginStatus(int statusClass, int statusDetail, String meaning) {
        this.statusClass = statusClass;
        this.statusDetail = statusDetail;
        this.meaning = meaning;
    }

    public int statusClass() {
        return statusClass;
    }

    public int statusDetail() {
        return statusDetail;
    }

    /** For logs. */
    public String meaning() {
        return meaning;
    }

    /** The row with these codes; null if the RFC lists none. */
    public static @Nullable LoginStatus of(int statusClass, int statusDetail) {
        for (LoginStatus status : values()) {
            if (status.statusClass == statusClass && status.statusDetail == statusDetail) {
                return status;
            }
        }
        return null;
    }
}
