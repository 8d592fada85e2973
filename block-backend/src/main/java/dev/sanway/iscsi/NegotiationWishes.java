package dev.sanway.iscsi;

import java.util.List;

/**
 * What a side would like, within what it can do: the offer of an originator, the limits of a responder. Lengths in bytes,
 * times in seconds. Connections are one per session and error recovery level is 0, always; data come in order.
 *
 * @param headerDigests values of HeaderDigest that are acceptable, best first
 * @param dataDigests values of DataDigest that are acceptable, best first
 * @param taskReporting values of TaskReporting that are acceptable, best first
 */
public record NegotiationWishes(
        List<String> headerDigests,
        List<String> dataDigests,
        int maxRecvDataSegmentLength,
        boolean initialR2T,
        boolean immediateData,
        int maxBurstLength,
        int firstBurstLength,
        int defaultTime2Wait,
        int defaultTime2Retain,
        int maxOutstandingR2T,
        List<String> taskReporting,
        int protocolLevel) {
    public NegotiationWishes {
        headerDigests = List.copyOf(headerDigests);
        dataDigests = List.copyOf(dataDigests);
        taskReporting = List.copyOf(taskReporting);
    }

    /** What a target takes: digests either way, unsolicited and immediate data, several R2Ts. */
    public static NegotiationWishes target() {
        return new NegotiationWishes(
                List.of("CRC32C", "None"),
                List.of("CRC32C", "None"),
                262144,
                false,
                true,
                1 << 20,
                262144,
                0,
                0,
                16,
                List.of("RFC3720"),
                2);
    }

    /** What an initiator asks for. */
    public static NegotiationWishes initiator(boolean wantHeaderDigest, boolean wantDataDigest) {
        return new NegotiationWishes(
                wantHeaderDigest ? List.of("CRC32C") : List.of("None"),
                wantDataDigest ? List.of("CRC32C") : List.of("None"),
                262144,
                false,
                true,
                1 << 20,
                262144,
                0,
                0,
                16,
                List.of("RFC3720"),
                1);
    }
}
