package dev.sanway.target;

import dev.sanway.iscsi.Negotiation;
import dev.sanway.target.lun.Nexus;
import java.util.function.Consumer;

/**
 * What login hands to a {@link Session}.
 *
 * @param statSn the next StatSN
 * @param whenEnded told on the loop when a session is over and none of its writes can land any more
 */
record SessionSetup(
        IscsiTarget target,
        Nexus nexus,
        int tsih,
        int cid,
        Negotiation negotiation,
        NegotiatedParameters parameters,
        int expCmdSn,
        int statSn,
        TargetLimits limits,
        SessionMemory memory,
        Refusals refusals,
        SessionRegistry registry,
        TargetDirectory directory,
        Consumer<Session> whenEnded) {}
