package dev.sanway.target;

/**
 * What login settled, as far as full feature phase needs it (RFC 7143 13). Lengths in bytes.
 *
 * @param initiatorMaxRecvDataSegmentLength the largest data segment that the initiator takes
 */
record NegotiatedParameters(
        boolean initialR2t,
        boolean immediateData,
        int firstBurstLength,
        int maxBurstLength,
        int maxOutstandingR2t,
        int initiatorMaxRecvDataSegmentLength,
        boolean headerDigest,
        boolean dataDigest) {

    NegotiatedParameters withInitiatorMaxRecvDataSegmentLength(int lengthBytes) {
        return new NegotiatedParameters(
                initialR2t,
                immediateData,
                firstBurstLength,
                maxBurstLength,
                maxOutstandingR2t,
                lengthBytes,
                headerDigest,
                dataDigest);
    }
}
