package dev.sanway.autoconfig;

/** A data area that is not what {@code docs/autoconfig.cddl} says. */
final class MalformedDataException extends Exception {
    MalformedDataException(String message) {
        super(message);
    }

    MalformedDataException(String message, Throwable cause) {
        super(message, cause);
    }
}
