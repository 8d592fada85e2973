package dev.sanway.control;

/** A call of the API that is refused: one line that says what was wrong and what to do, and the HTTP status. */
public final class ApiRefusal extends Exception {

    private static final long serialVersionUID = 1L;

    private final int status;

    private ApiRefusal(int status, String message) {
        super(message);
        this.status = status;
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
