package dev.sanway.iscsi;

import org.jspecify.annotations.Nullable;

/** Why a PDU is rejected (RFC 7143 section 11.17.1). */
public enum RejectReason {
    /** The data digest does not match; the original may be sent again. */
    DATA_DIGEST_ERROR(0x02),
    /** A SNACK that cannot be served. */
    SNACK_REJECT(0x03),
    /** For example a SNACK for a status that was acknowledged. */
    PROTOCOL_ERROR(0x04),
    /** An opcode that is not served. */
    COMMAND_NOT_SUPPORTED(0x05),
    /** The immediate command was not taken; it may be sent again. */
    TOO_MANY_IMMEDIATE_COMMANDS(0x06),
    /** The tag names a task under way. */
    TASK_IN_PROGRESS(0x07),
    /** An acknowledgement of data not asked for. */
    INVALID_DATA_ACK(0x08),
    /** A field has a forbidden value. */
    INVALID_PDU_FIELD(0x09),
    /** No target transfer tag can be made for want of resources; may be sent again. */
    LONG_OPERATION_REJECT(0x0a),
    /** Deprecated by RFC 7143; kept so that it can be named. */
    NEGOTIATION_RESET(0x0b),
    /** Only a logout is taken now. */
    WAITING_FOR_LOGOUT(0x0c);

    private final int code;

    RejectReason(int code) {
        this.code = code;
    }

    /** The number on the wire. */
    public int code() {
        return code;
    }

    /** The row of a number; null if nothing stands for it. */
    public static @Nullable RejectReason of(int code) {
        for (RejectReason row : values()) {
            if (row.code == code) {
                return row;
            }
        }
        return null;
    }
}
