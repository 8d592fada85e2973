package dev.sanway.control;

import java.time.Instant;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * What a unit's agent tells, as the REST API shows it.
 *
 * @param admission pending, adopted or refused
 * @param status absent, online, suspect, offline or shutDown
 * @param capacityBytes what its volumes may have together; 0: not told yet
 * @param unusedBytes what of that no volume has
 * @param keyId of the pool's key with which it signs; null: not heard since the gateway's start
 * @param clockSkewMillis how far its clock is ahead of the gateway's
 * @param heardAt null: not since the gateway's start
 * @param address where its agent was heard last
 */
public record AgentView(
        UUID uuid,
        String admission,
        String status,
        @Nullable String software,
        long capacityBytes,
        long unusedBytes,
        int volumes,
        int partitions,
        @Nullable Integer keyId,
        long clockSkewMillis,
        @Nullable Instant heardAt,
        @Nullable String address) {}
