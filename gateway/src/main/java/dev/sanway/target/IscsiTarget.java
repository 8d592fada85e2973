package dev.sanway.target;

import dev.sanway.iscsi.Isid;
import dev.sanway.target.lun.TargetDevice;
import io.netty.channel.EventLoop;
import java.util.List;

/**
 * An iSCSI target as configured: its name, who may log in, its logical units, and the loops that its sessions run on.
 *
 * @param name the normalized iSCSI name
 * @param loops at least one; of several, a session gets one by its ISID, so that a session that takes another's place runs
 *     on the same loop. They should be the loops that own the target's logical units: a request for a unit of another loop
 *     goes there by message.
 */
public record IscsiTarget(String name, LoginPolicy policy, TargetDevice device, List<EventLoop> loops) {

    public IscsiTarget {
        loops = List.copyOf(loops);
        if (loops.isEmpty()) {
            throw new IllegalArgumentException("a target needs a loop");
        }
    }

    /** With one loop for all sessions. */
    public IscsiTarget(String name, LoginPolicy policy, TargetDevice device, EventLoop loop) {
        this(name, policy, device, List.of(loop));
    }

    /** The loop of the sessions with this ISID. Initiators number theirs, so that they spread. */
    EventLoop loopOf(Isid isid) {
        return loops.get((int) (isid.value() % loops.size()));
    }
}
