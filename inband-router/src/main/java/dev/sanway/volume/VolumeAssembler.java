package dev.sanway.volume;

import dev.sanway.block.BlockDevice;
import dev.sanway.block.Geometry;
import dev.sanway.block.Identity;
import dev.sanway.block.Limits;
import dev.sanway.block.OrderedDevice;
import dev.sanway.metadata.VolumeRecord;
import dev.sanway.pool.Partition;
import dev.sanway.pool.PoolState;
import dev.sanway.pool.UnitVolume;
import dev.sanway.pool.VolumeLayout;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Objects;

/**
 * Makes a volume's device of its assignment and the unit volumes of a loop.
 *
 * <pre>
 *   OrderedDevice             order of overlapping requests, compare-and-write
 *     SlotDevice              the gate: closed while the volume is wiped or given up
 *       ComposedDevice        linear or striped
 *         BlockSizeDevice     only where a unit's blocks are smaller than the volume's
 *           PartitionDevice   the window on the unit's LUN
 *             SlotDevice      the place of the unit's LUN, in the loop's LunDirectory
 * </pre>
 */
public final class VolumeAssembler {
    /** The longest transfer of a volume, in bytes. */
    public static final int MAX_TRANSFER_BYTES = 8 << 20;

    private VolumeAssembler() {}

    /**
     * An assembled volume. Used on the loop it was assembled for.
     *
     * @param device to be served; there even while its units are not
     */
    public record Assembled(OrderedDevice device, SlotDevice gate, ComposedDevice composed) {

        /** Opens or closes the gate as the volume's record says. */
        public void update(VolumeRecord volume, long partitionBytes) {
            switch (volume.state()) {
                case WIPING ->
                    gate.empty("being wiped, " + (partitionBytes == 0 ? 0 : 100 * volume.wipedBytes() / partitionBytes)
                            + " %");
                case ASSIGNED -> {
                    gate.fill(composed);
                    if (!composed.complete()) {
                        gate.startsNotReady("a unit is not reachable");
                    }
                }
                case RELEASED -> gate.empty("deleted");
            }
        }

        /** Whether the volume is served and all its parts are there. */
        public boolean ready() {
            return gate.filled() && composed.complete();
        }
    }

    /**
     * Assembles a volume on a directory's loop. The gate is open if the volume is assigned.
     *
     * @param pool knows the volume's partitions and their unit volumes
     */
    public static Assembled assemble(VolumeRecord volume, PoolState pool, LunDirectory directory) {
        int blockSize = volume.blockSizeBytes();
        Identity identity = new Identity(volume.uuid(), volume.name());
        List<Partition> partitions = pool.partitionsOf(volume.uuid());
        List<BlockDevice> parts = new ArrayList<>();
        BitSet absent = new BitSet();
        long partitionBytes = 0;
        for (Partition partition : partitions) {
            UnitVolume unitVolume = Objects.requireNonNull(pool.unitVolumes().get(partition.unitVolume()));
            SlotDevice slot = directory.slot(unitVolume);
            int unitBlock = unitVolume.blockSizeBytes();
            BlockDevice part = new PartitionDevice(
                    slot,
                    new Identity(partition.uuid(), volume.name() + " on " + unitVolume.where()),
                    partition.startBytes() / unitBlock,
                    partition.lengthBytes() / unitBlock);
            absent.set(parts.size(), !slot.filled());
            parts.add(unitBlock == blockSize ? part : new BlockSizeDevice(part, blockSize));
            partitionBytes += partition.lengthBytes();
        }
        ComposedDevice composed =
                new ComposedDevice(identity, layout(volume, partitions), parts, absent, MAX_TRANSFER_BYTES / blockSize);
        Geometry geometry = composed.geometry();
        Limits limits = composed.limits();
        SlotDevice gate = new SlotDevice(directory.loop(), identity, geometry, limits, "being set up");
        Assembled assembled = new Assembled(new OrderedDevice(gate), gate, composed);
        assembled.update(volume, partitionBytes);
        return assembled;
    }

    static Layout layout(VolumeRecord volume, List<Partition> partitions) {
        int blockSize = volume.blockSizeBytes();
        long blockCount = volume.sizeBytes() / blockSize;
        return switch (volume.layout()) {
            case VolumeLayout.Striped striped ->
                new Layout.Striped(striped.width(), striped.chunkBytes() / blockSize, blockCount);
            case VolumeLayout.Linear _ -> {
                long[] lengths = new long[partitions.size()];
                long rest = blockCount;
                for (int i = 0; i < lengths.length; i++) {
                    // Partitions are whole MiB; the last one's tail may be more than the volume needs.
                    lengths[i] = Math.min(rest, partitions.get(i).lengthBytes() / blockSize);
                    rest -= lengths[i];
                }
                yield new Layout.Linear(lengths);
            }
        };
    }
}
