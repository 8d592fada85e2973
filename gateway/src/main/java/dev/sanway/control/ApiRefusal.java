package dev.sanway.control;

import java.util.List;

/** A call of the API that is refused: one line that says what was wrong and what to do, and the HTTP status. */
public final class ApiRefusal extends Exception {

    private static final long serialVersionUID = 1L;

    private final int status;
    private final transient List<String> problems;
    private final long retryAfterSeconds;

    private ApiRefusal(int status, String message, List<String> problems, long retryAfterSeconds) {
        super(message);
        this.status = status;
        this.problems = List.copyOf(problems);
        this.retryAfterSeconds = retryAfterSeconds;
    }

    private ApiRefusal(int status, String message) {
        this(status, message, List.of(), 0);
    }

    /** Nobody knows who calls. */
    static ApiRefusal unauthorized(String message) {
        return new ApiRefusal(401, message);
    }

    /** It is known who calls, and that one may not. */
    static ApiRefusal forbidden(String message) {
        return new ApiRefusal(403, message);
    }

    /** Too often; again after some time. */
    static ApiRefusal tooMany(String message, long retryAfterSeconds) {
        return new ApiRefusal(429, message, List.of(), retryAfterSeconds);
    }

    /** 0: no matter. */
    long retryAfterSeconds() {
        return retryAfterSeconds;
    }

    /** A configuration with mistakes, or with changes that a running gateway cannot make: one line for each. */
    static ApiRefusal configuration(String message, List<String> problems) {
        return new ApiRefusal(422, message, problems, 0);
    }

    List<String> problems() {
        return problems;
    }

    /** The request itself makes no sense. */
    static ApiRefusal malformed(String message) {
        return new ApiRefusal(400, message);
    }

    /** What it is about does not exist. */
    static ApiRefusal unknown(String message) {
        return new ApiRefusal(404, message);
    }

    /** It would make sense, but not before the gateway is mended. */
    static ApiRefusal unavailable(String message) {
        return new ApiRefusal(503, message);
    }

    /** It makes sense, but not as things are now. */
    static ApiRefusal conflict(String message) {
        return new ApiRefusal(409, message);
    }

    int status() {
        return status;
    }
}
