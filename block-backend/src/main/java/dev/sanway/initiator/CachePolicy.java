package dev.sanway.initiator;

/** What is known of a foreign unit's write cache ({@code cache:} in the YAML). */
public enum CachePolicy {
    /** What was not flushed may be lost with power: a power-on unit attention makes the next flush fail once. */
    VOLATILE,
    /** The cache survives loss of power: power-on unit attentions mean nothing. */
    PROTECTED,
    /** Every write is sent with FUA, so that nothing is ever unflushed. */
    WRITE_THROUGH
}
