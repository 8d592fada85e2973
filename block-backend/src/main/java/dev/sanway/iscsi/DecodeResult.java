package dev.sanway.iscsi;

/** What came of the bytes of one PDU: the PDU, or what is wrong with it. */
public sealed interface DecodeResult {

    /** A well-formed PDU; the receiver releases it. */
    record Decoded(Pdu pdu) implements DecodeResult {}

    /** Not a PDU; its payload, if any, was released. */
    record Violated(PduViolation violation) implements DecodeResult {}
}
