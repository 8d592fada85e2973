package dev.sanway.initiator;

import dev.sanway.iscsi.Pdu;
import dev.sanway.iscsi.SessionParameters;
import org.jspecify.annotations.Nullable;

/**
 * How far a unit has asked for a write's data, on one connection. Each byte is sent once at most, for R2Ts come with ascending
 * numbers and offsets without gap (RFC 7143 sections 11.8 and 13.19, error recovery level 0) and no more at once than was
 * negotiated. Confined to the connection's loop.
 */
final class Solicitation {
    private final int lengthBytes;
    /** Up to here data were sent unasked or were asked for. */
    private int untilBytes;

    private int nextR2tSn;
    private int outstanding;

    /**
     * @param lengthBytes of the command's data
     * @param unsolicitedBytes of them that went out with or after the command, unasked
     */
    Solicitation(int lengthBytes, int unsolicitedBytes) {
        this.lengthBytes = lengthBytes;
        this.untilBytes = unsolicitedBytes;
    }

    /** Takes an R2T in; what is wrong with it, or null: its data are to be sent, and then {@link #served} is told. */
    @Nullable
    String receive(Pdu.ReadyToTransfer r2t, SessionParameters rules) {
        long offset = Integer.toUnsignedLong(r2t.bufferOffset());
        long desired = Integer.toUnsignedLong(r2t.desiredDataTransferLength());
        if (r2t.r2tSn() != nextR2tSn) {
            return "an R2T with number " + Integer.toUnsignedString(r2t.r2tSn()) + " instead of " + nextR2tSn;
        }
        if (offset != untilBytes) {
            return "an R2T for offset " + offset + " instead of " + untilBytes;
        }
        if (desired == 0 || desired > lengthBytes - offset) {
            return "an R2T for " + desired + " of " + (lengthBytes - offset) + " bytes that are left";
        }
        if (desired > rules.maxBurstLength()) {
            return "an R2T for " + desired + " bytes, and MaxBurstLength is " + rules.maxBurstLength();
        }
        if (outstanding == rules.maxOutstandingR2T()) {
            return "an R2T beyond MaxOutstandingR2T=" + rules.maxOutstandingR2T();
        }
        nextR2tSn++;
        untilBytes = (int) (offset + desired);
        outstanding++;
        return null;
    }

    /** The data of an R2T have left us. */
    void served() {
        outstanding--;
    }

    /** Bytes of the data that were neither sent unasked nor asked for. */
    int unaskedBytes() {
        return lengthBytes - untilBytes;
    }
}
