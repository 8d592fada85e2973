package dev.sanway.iscsi;

import org.jspecify.annotations.Nullable;

/** ATTR bits of a SCSI Command (RFC 7143 section 11.3.1). */
public enum TaskAttribute {
    /** As simple. */
    UNTAGGED(0),
    /** In any order. */
    SIMPLE(1),
    /** After every older task, before every younger one. */
    ORDERED(2),
    /** Before every other. */
    HEAD_OF_QUEUE(3),
    /** While an Auto Contingent Allegiance holds. */
    ACA(4);

    private final int code;

    TaskAttribute(int code) {
        this.code = code;
    }

    /** The number on the wire. */
    public int code() {
        return code;
    }

    /** The row of a number; null if nothing stands for it. */
    public static @Nullable TaskAttribute of(int code) {
        for (TaskAttribute row : values()) {
            if (row.code == code) {
                return row;
            }
        }
        return null;
    }
}
