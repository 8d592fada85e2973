package dev.sanway.metadata;

/** The store cannot be opened, read or written; the message is for the operator. */
public final class MetadataException extends Exception {
    public MetadataException(String message) {
        super(message);
    }

    public MetadataException(String message, Throwable cause) {
        super(message, cause);
    }
}
