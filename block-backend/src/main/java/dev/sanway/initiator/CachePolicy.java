package dev.sanway.initiator;

/** What is known of a foreign unit's write cache ({@code cache:} in the YAML). */
public enum CachePolicy {
    /** Nothing: as {@link #WRITE_THROUGH} where the unit does not tell that it was restarted, else as {@link #VOLATILE}. */
    AUTOMATIC,
    /**
     * What was not flushed may be lost with power: a restart makes the next flush fail once, and so does, where the unit does not tell of
     * restarts, each connection that breaks.
     */
    VOLATILE,
    /** The cache survives loss of power: restarts mean nothing. */
    PROTECTED,
    /** Every write is sent with FUA, or is followed by a flush, so that nothing is ever unflushed. */
    WRITE_THROUGH
}
