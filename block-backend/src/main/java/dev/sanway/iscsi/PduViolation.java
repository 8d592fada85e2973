package dev.sanway.iscsi;

/**
 * What is wrong with bytes that a peer sent.
 *
 * @param kind what kind of wrong
 * @param header the 48 bytes of the basic header segment as received (zeroes where less than that came)
 * @param detail for the log
 */
public record PduViolation(Kind kind, byte[] header, String detail) {

    /** Kinds of violation; those that are fatal leave no way to find the next PDU, and the connection has to end. */
    public enum Kind {
        /** The header digest does not match: nothing in the header can be believed (section 7.7). */
        HEADER_DIGEST(true),
        /** The data digest does not match; the payload was consumed, the header is good (section 7.8). */
        DATA_DIGEST(false),
        /** No such opcode in this direction; the PDU was consumed. */
        UNKNOWN_OPCODE(false),
        /** The data segment exceeds what was declared as MaxRecvDataSegmentLength. */
        TOO_LONG(true),
        /** An additional header segment that contradicts itself; the PDU was consumed. */
        BAD_AHS(false),
        /** A field has a value that its section forbids; the PDU was consumed. */
        BAD_FIELD(false);

        private final boolean fatal;

        Kind(boolean fatal) {
            this.fatal = fatal;
        }

        /** Whether the connection cannot go on. */
        public boolean fatal() {
            return fatal;
        }
    }

    /** The Initiator Task Tag that the header carries. */
    public int initiatorTaskTag() {
        return ((header[16] & 0xff) << 24)
                | ((header[17] & 0xff) << 16)
                | ((header[18] & 0xff) << 8)
                | (header[19] & 0xff);
    }

    /** The six opcode bits that the header carries. */
    public int opcodeBits() {
        return header[0] & 0x3f;
    }

    @Override
    public String toString() {
        return kind + " (" + detail + ") in PDU with opcode 0x" + Integer.toHexString(opcodeBits());
    }
}
