package dev.sanway.control;

import java.util.List;

/** A call of the API that is refused: one line that says what was wrong and what to do, and the HTTP status. */
public final class ApiRefusal extends Exception {

    private static final long serialVersionUID = 1L;

    private final int status;
    private final transient List<String> problems;

    private ApiRefusal(int status, String message, List<String> problems) {
        super(message);
        this.status = status;
        this.problems = List.copyOf(problems);
    }

    private ApiRefusal(int status, String message) {
        this(status, message, List.of());
    }

    /** A configuration with mistakes, or with changes that a running gateway cannot make: one line for each. */
    static ApiRefusal configuration(String message, List<String> problems) {
        return new ApiRefusal(422, message, problems);
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

    /** It makes sense, but not as things are now. */
    static ApiRefusal conflict(String message) {
        return new ApiRefusal(409, message);
    }

    int status() {
        return status;
    }
}
