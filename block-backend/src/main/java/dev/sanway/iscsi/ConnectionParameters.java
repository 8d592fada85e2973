package dev.sanway.iscsi;

/**
 * What holds for a connection.
 *
 * @param maxRecvDataSegmentLength bytes of data segment that we said we take (8,192 if we said nothing)
 * @param maxSendDataSegmentLength bytes of data segment that the peer takes
 */
public record ConnectionParameters(
        boolean headerDigest, boolean dataDigest, int maxRecvDataSegmentLength, int maxSendDataSegmentLength) {}
