package dev.sanway.iscsi;

import org.jspecify.annotations.Nullable;

/** Opcodes, who sends them, and the section of RFC 7143 that describes the PDU (the list is in section 11.2.1.2). */
public enum Opcode {
    NOP_OUT(0x00, Direction.TO_TARGET, "11.18"),
    SCSI_COMMAND(0x01, Direction.TO_TARGET, "11.3"),
    TASK_MANAGEMENT_REQUEST(0x02, Direction.TO_TARGET, "11.5"),
    LOGIN_REQUEST(0x03, Direction.TO_TARGET, "11.12"),
    TEXT_REQUEST(0x04, Direction.TO_TARGET, "11.10"),
    DATA_OUT(0x05, Direction.TO_TARGET, "11.7"),
    LOGOUT_REQUEST(0x06, Direction.TO_TARGET, "11.14"),
    SNACK_REQUEST(0x10, Direction.TO_TARGET, "11.16"),
    NOP_IN(0x20, Direction.TO_INITIATOR, "11.19"),
    SCSI_RESPONSE(0x21, Direction.TO_INITIATOR, "11.4"),
    TASK_MANAGEMENT_RESPONSE(0x22, Direction.TO_INITIATOR, "11.6"),
    LOGIN_RESPONSE(0x23, Direction.TO_INITIATOR, "11.13"),
    TEXT_RESPONSE(0x24, Direction.TO_INITIATOR, "11.11"),
    DATA_IN(0x25, Direction.TO_INITIATOR, "11.7"),
    LOGOUT_RESPONSE(0x26, Direction.TO_INITIATOR, "11.15"),
    READY_TO_TRANSFER(0x31, Direction.TO_INITIATOR, "11.8"),
    ASYNC_MESSAGE(0x32, Direction.TO_INITIATOR, "11.9"),
    REJECT(0x3f, Direction.TO_INITIATOR, "11.17");

    private static final @Nullable Opcode[] BY_CODE = new Opcode[64];

    static {
        for (Opcode opcode : values()) {
            BY_CODE[opcode.code] = opcode;
        }
    }

    private final int code;
    private final Direction direction;
    private final String section;

    Opcode(int code, Direction direction, String section) {
        this.code = code;
        this.direction = direction;
        this.section = section;
    }

    /** The six bits on the wire. */
    public int code() {
        return code;
    }

    public Direction direction() {
        return direction;
    }

    /** Section of RFC 7143. */
    public String section() {
        return section;
    }

    /** The opcode of these six bits; null for those that nothing stands for. */
    public static @Nullable Opcode of(int code) {
        return BY_CODE[code & 0x3f];
    }
}
