package dev.sanway.scsi;

/** Sense keys (SPC-4 4.5.6); the ordinal is the code. */
public enum SenseKey {
    NO_SENSE,
    RECOVERED_ERROR,
    NOT_READY,
    MEDIUM_ERROR,
    HARDWARE_ERROR,
    ILLEGAL_REQUEST,
    UNIT_ATTENTION,
    DATA_PROTECT,
    BLANK_CHECK,
    VENDOR_SPECIFIC,
    COPY_ABORTED,
    ABORTED_COMMAND,
    RESERVED_C,
    VOLUME_OVERFLOW,
    MISCOMPARE,
    COMPLETED;

    private static final SenseKey[] BY_CODE = values();

    public int code() {
        return ordinal();
    }

    /** The key with the low four bits of {@code code}. */
    public static SenseKey of(int code) {
        return BY_CODE[code & 0x0F];
    }
}
