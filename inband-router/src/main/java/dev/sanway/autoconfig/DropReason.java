package dev.sanway.autoconfig;

/** Why a datagram changed nothing but a counter. */
public enum DropReason {
    /** Shorter than a header with its authenticator, or than it says. */
    TRUNCATED,
    /** Longer than 1,400 bytes, or than it says. */
    OVERSIZED,
    /** Does not begin with the magic. */
    FOREIGN,
    UNKNOWN_VERSION,
    /** Its key id is none of the pool's. */
    UNKNOWN_KEY,
    BAD_AUTHENTICATOR,
    /** Flags, page numbers, port or sequence that version 1 does not have. */
    MALFORMED_HEADER,
    UNKNOWN_TYPE,
    /** The data area is no canonical map, or lacks a key, or a value is of another type or beyond its limit. */
    MALFORMED_DATA,
    /** Of a type that the receiving side itself sends. */
    WRONG_DIRECTION,
    /** For another recipient. */
    MISADDRESSED,
    /** For another boot of the recipient. */
    OTHER_BOOT,
    /** From an earlier boot of the sender than is known. */
    OLD_BOOT,
    /** Seen already, or too old to say. */
    REPLAYED,
    /** From somebody with whom there is no contact. */
    UNKNOWN_SENDER,
    /** From another address than the sender's contact has. */
    OTHER_ADDRESS,
    /** An answer to nothing that was asked. */
    UNEXPECTED_ANSWER,
    /** A page that contradicts the message's other pages. */
    PAGE_MISMATCH,
    /** Pages of a message whose others did not come in time, or which had to make room. */
    INCOMPLETE,
    /** A command while another is under way. */
    BUSY,
    /** A new unit beyond the number that is kept. */
    TOO_MANY_UNITS,
    /** More from one source than is looked at. */
    RATE_LIMITED
}
