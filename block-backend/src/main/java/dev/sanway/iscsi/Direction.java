package dev.sanway.iscsi;

/** Which way a PDU travels. */
public enum Direction {
    /** From initiator to target. */
    TO_TARGET,
    /** From target to initiator. */
    TO_INITIATOR
}
