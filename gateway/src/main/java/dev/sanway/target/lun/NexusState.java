package dev.sanway.target.lun;

import io.netty.util.collection.IntObjectHashMap;
import java.util.HashSet;
import java.util.Set;

/** What a logical unit keeps of one nexus, from its establishment until its loss. Used on the unit's loop only. */
final class NexusState {
    final Nexus nexus;
    final HostTarget target;
    final UnitAttentions attentions = new UnitAttentions();

    /** Tasks under way by initiator task tag. */
    final IntObjectHashMap<Task> tasks = new IntObjectHashMap<>();

    /** PREVENT of PREVENT ALLOW MEDIUM REMOVAL. */
    boolean preventsRemoval;

    private final Set<Integer> unsupportedSeen = new HashSet<>();

    NexusState(Nexus nexus, HostTarget target) {
        this.nexus = nexus;
        this.target = target;
    }

    /** True the first time that this nexus sends an unsupported operation code and service action. */
    boolean firstUnsupported(int opcode, int serviceAction) {
        return unsupportedSeen.add(opcode << 8 | serviceAction);
    }
}
