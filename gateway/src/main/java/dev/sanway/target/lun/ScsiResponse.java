package dev.sanway.target.lun;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;

/**
 * How a command ended.
 *
 * @param status SAM-5 status code: 00h good, 02h check condition, 04h condition met, 08h busy, 18h reservation conflict, 28h
 *     task set full, 30h ACA active, 40h task aborted
 * @param sense sense data in the format that the control mode page asks for; empty unless check condition
 * @param dataIn data for the initiator, already cut to the CDB's allocation length but not to the transport's expected length:
 *     the transport cuts and reports residuals; the receiver releases it
 * @param dataOutLengthBytes how much data the CDB asked the initiator to send in all, for residuals; -1: no data-out command
 */
public record ScsiResponse(int status, byte[] sense, ByteBuf dataIn, long dataOutLengthBytes) {

    public static final byte[] NO_SENSE = {};

    public static ScsiResponse status(int status) {
        return new ScsiResponse(status, NO_SENSE, Unpooled.EMPTY_BUFFER, -1);
    }
}
