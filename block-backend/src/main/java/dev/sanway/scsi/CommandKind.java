package dev.sanway.scsi;

import java.util.Arrays;

/** What commands do, as far as it matters for counting them (SBC-3 table 12). */
public enum CommandKind {
    /** READ. */
    READ(0),
    /** WRITE, WRITE AND VERIFY, WRITE SAME, COMPARE AND WRITE, ORWRITE. */
    WRITE(1),
    /** SYNCHRONIZE CACHE. */
    FLUSH(2),
    /** UNMAP. */
    UNMAP(3),
    /** All others. */
    OTHER(4);

    private static final CommandKind[] BY_OPERATION_CODE = new CommandKind[256];

    static {
        Arrays.fill(BY_OPERATION_CODE, OTHER);
        assign(READ, 0x08, 0x28, 0xa8, 0x88);
        assign(WRITE, 0x0a, 0x2a, 0xaa, 0x8a, 0x2e, 0xae, 0x8e, 0x41, 0x93, 0x89, 0x8b);
        assign(FLUSH, 0x35, 0x91);
        assign(UNMAP, 0x42);
    }

    /** Its place in an array of one for each. */
    final int slot;

    CommandKind(int slot) {
        this.slot = slot;
    }

    private static void assign(CommandKind kind, int... operationCodes) {
        for (int code : operationCodes) {
            BY_OPERATION_CODE[code] = kind;
        }
    }

    public static CommandKind of(byte[] cdb) {
        return BY_OPERATION_CODE[cdb[0] & 0xff];
    }
}
