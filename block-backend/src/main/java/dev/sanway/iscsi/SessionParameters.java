package dev.sanway.iscsi;

/**
 * What holds for a session (RFC 7143 section 13, keys of session-wide scope). Lengths in bytes, times in seconds.
 *
 * @param discovery the session serves SendTargets only
 * @param firstBurstLength never above {@code maxBurstLength}
 * @param taskReporting one of the values of the key TaskReporting
 */
public record SessionParameters(
        boolean discovery,
        int maxConnections,
        boolean initialR2T,
        boolean immediateData,
        int maxBurstLength,
        int firstBurstLength,
        int defaultTime2Wait,
        int defaultTime2Retain,
        int maxOutstandingR2T,
        boolean dataPduInOrder,
        boolean dataSequenceInOrder,
        int errorRecoveryLevel,
        String taskReporting,
        int protocolLevel) {}
