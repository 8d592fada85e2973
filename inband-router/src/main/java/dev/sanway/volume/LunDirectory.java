package dev.sanway.volume;

import dev.sanway.block.BlockDevice;
import dev.sanway.block.Geometry;
import dev.sanway.block.Identity;
import dev.sanway.block.Limits;
import dev.sanway.pool.UnitVolume;
import dev.sanway.volume.thin.Turns;
import io.netty.util.concurrent.EventExecutor;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.UUID;

/**
 * The unit volumes that one event loop can reach now, by label. Whoever keeps the sessions to the units fills it; volumes
 * of the loop draw on it. Used on the loop only.
 *
 * <p>A device is put in only after it was seen to carry the label ({@code LabelStore.carries}) on its present session.
 */
public final class LunDirectory {
    /** Requests that wait for one absent unit volume, on one loop. */
    private static final int MAX_WAITING = 4096;

    private static final int MAP_READS = 32;

    private final EventExecutor loop;
    private final SlotDevice.Patience patience;
    private final Map<UUID, SlotDevice> slots = new HashMap<>();
    private final Map<UUID, BlockDevice> attached = new HashMap<>();
    private final Map<UUID, String> reasons = new HashMap<>();
    private final Set<UUID> refused = new HashSet<>();
    private final Turns mapReads = new Turns(MAP_READS);

    /**
     * @param unitTimeoutMillis how long a request to a unit volume that is absent waits for it, the request itself included
     */
    public LunDirectory(EventExecutor loop, long unitTimeoutMillis) {
        this.loop = loop;
        this.patience = new SlotDevice.Patience(unitTimeoutMillis, MAX_WAITING);
    }

    public EventExecutor loop() {
        return loop;
    }

    /** The turns in which thin volumes of this loop read their maps. */
    Turns mapReads() {
        return mapReads;
    }

    /** A unit volume arrived, or arrived anew. The device belongs to the loop, and is not closed by the directory. */
    public void attach(UUID label, BlockDevice device) {
        onLoop();
        refused.remove(label);
        attached.put(label, device);
        SlotDevice slot = slots.get(label);
        if (slot != null) {
            slot.fill(device);
        }
    }

    /** A unit volume left; {@code reason} is what requests to it are told meanwhile. */
    public void detach(UUID label, String reason) {
        onLoop();
        attached.remove(label);
        refused.remove(label);
        reasons.put(label, reason);
        SlotDevice slot = slots.get(label);
        if (slot != null) {
            slot.empty(reason);
        }
    }

    /**
     * Where a unit volume was, something else is found: requests to it fail at once with the reason, until it is attached,
     * wherever it then is. Does nothing if it is attached.
     */
    public void refuse(UUID label, String reason) {
        onLoop();
        if (attached.containsKey(label)) {
            return;
        }
        reasons.put(label, reason);
        refused.add(label);
        SlotDevice slot = slots.get(label);
        if (slot != null) {
            slot.refuse(reason);
        }
    }

    /** The lasting place of a unit volume, whether it is there or not. */
    SlotDevice slot(UnitVolume unitVolume) {
        onLoop();
        return slots.computeIfAbsent(unitVolume.label(), label -> {
            int blockSize = unitVolume.blockSizeBytes();
            Limits limits = new Limits(
                    VolumeAssembler.MAX_TRANSFER_BYTES / blockSize,
                    0,
                    unitVolume.unmapGranularityBytes() / blockSize,
                    0,
                    unitVolume.unmappedReadsZeroes(),
                    true,
                    false);
            SlotDevice slot = new SlotDevice(
                    loop,
                    new Identity(label, unitVolume.where()),
                    new Geometry(blockSize, unitVolume.physicalBlockSizeBytes(), unitVolume.sizeBytes() / blockSize),
                    limits,
                    reasons.getOrDefault(label, unitVolume.where() + " is not reachable"),
                    patience);
            BlockDevice device = attached.get(label);
            if (device != null) {
                slot.fill(device);
            } else if (refused.contains(label)) {
                slot.refuse(reasons.getOrDefault(label, "refused"));
            }
            return slot;
        });
    }

    private void onLoop() {
        if (!loop.inEventLoop()) {
            throw new IllegalStateException("not on the directory's loop");
        }
    }
}
