package dev.sanway.target;

import java.time.Instant;

/** A session as operators see it. Bytes are of data sent to and received from the host. */
public record SessionInfo(
        String target,
        String initiator,
        String isid,
        int tsih,
        String remoteAddress,
        Instant since,
        long commands,
        long readBytes,
        long writtenBytes) {}
