package dev.sanway.iscsi;

import org.jspecify.annotations.Nullable;

/** CSG and NSG of login PDUs (RFC 7143 section 11.12.3). */
public enum LoginStage {
    /** Security negotiation. */
    SECURITY(0),
    /** Operational parameters. */
    OPERATIONAL(1),
    /** Full feature phase. */
    FULL_FEATURE(3);

    private final int code;

    LoginStage(int code) {
        this.code = code;
    }

    /** The number on the wire. */
    public int code() {
        return code;
    }

    /** The row of a number; null if nothing stands for it. */
    public static @Nullable LoginStage of(int code) {
        for (LoginStage row : values()) {
            if (row.code == code) {
                return row;
            }
        }
        return null;
    }
}
