package dev.sanway.volume;

import dev.sanway.block.AwakeClock;
import dev.sanway.block.BlockDevice;
import dev.sanway.block.Identity;
import dev.sanway.block.OrderedDevice;
import dev.sanway.block.Readiness;
import dev.sanway.metadata.VolumeRecord;
import dev.sanway.pool.Partition;
import dev.sanway.pool.PoolState;
import dev.sanway.pool.UnitVolume;
import dev.sanway.pool.VolumeLayout;
import dev.sanway.volume.thin.ThinDevice;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.UUID;

/**
 * Makes a volume's device of its assignment and the unit volumes of a loop.
 *
 * <pre>
 *   OrderedDevice             order of overlapping requests, compare-and-write
 *     SlotDevice              the gate: closed while the volume is wiped or given up
 *       ComposedDevice        linear or striped; or ThinDevice
 *         MovablePart         a part; while it moves, a MovingDevice and two of what follows
 *         BlockSizeDevice     only where a unit's blocks are smaller than the volume's
 *           PartitionDevice   the window on the unit's LUN
 *             SlotDevice      the place of the unit's LUN, in the loop's LunDirectory
 * </pre>
 */
public final class VolumeAssembler {
    /** The longest transfer of a volume, in bytes. */
    public static final int MAX_TRANSFER_BYTES = 8 << 20;

    private VolumeAssembler() {}

    /** An assembled volume. Used on the loop it was assembled for, but for {@link #device}. */
    public static final class Assembled {
        private final LunDirectory directory;
        private final SlotDevice gate;
        private final OrderedDevice device;
        /** By partition; of a thin volume by slab. */
        private final Map<UUID, MovablePart> parts;

        private BlockDevice body;

        private Assembled(LunDirectory directory, SlotDevice gate, BlockDevice body, Map<UUID, MovablePart> parts) {
            this.directory = directory;
            this.gate = gate;
            this.device = new OrderedDevice(gate);
            this.body = body;
            this.parts = parts;
        }

        /** To be served; there even while its units are not. */
        public OrderedDevice device() {
            return device;
        }

        /**
         * Opens or closes the gate as the volume's record says, and gives it the record's size if that has grown.
         *
         * @param partitionBytes of the partitions against which the record's progress counts
         */
        public void update(VolumeRecord volume, PoolState pool, long partitionBytes) {
            switch (volume.state()) {
                case WIPING ->
                    gate.empty(new Readiness.Preparing("being wiped", of65536(volume.wipedBytes(), partitionBytes)));
                case ASSIGNED -> {
                    if (volume.sizeBytes() > gate.geometry().sizeBytes()) {
                        enlarge(volume, pool);
                    } else {
                        gate.fill(body);
                    }
                }
                case DELETED, ERASING, RELEASED -> gate.refuse("deleted");
            }
        }

        private static int of65536(long doneBytes, long allBytes) {
            return allBytes == 0 ? 0 : (int) Math.min(0xFFFF, (long) (65536.0 * doneBytes / allBytes));
        }

        private void enlarge(VolumeRecord volume, PoolState pool) {
            BlockDevice before = body;
            if (before instanceof ThinDevice thin) {
                thin.enlarge(volume.sizeBytes() / volume.blockSizeBytes());
                gate.enlarge(thin, thin.limits());
                return;
            }
            parts.clear();
            BlockDevice larger = compose(volume, pool, directory, parts);
            body = larger;
            gate.enlarge(larger, larger.limits());
            before.close(() -> {});
        }

        /**
         * Begins to copy a part to another partition. Not while the volume grows.
         *
         * @throws IllegalStateException if the volume does not have the source
         */
        PartCopy copy(VolumeRecord volume, Partition source, PoolState pool, Partition target, MovePace pace) {
            MovablePart part = parts.get(source.slab());
            if (part == null) {
                throw new IllegalStateException(volume.name() + " is served without partition " + source.uuid());
            }
            return begin(part, volume, source, pool, target, directory, pace);
        }

        /** After a copy took over: the part is known by another partition. */
        void moved(Partition source, Partition target) {
            MovablePart part = parts.remove(source.slab());
            if (part != null) {
                parts.put(target.slab(), part);
            }
        }

        /** Ends it for good: when {@code whenClosed} runs nothing of it is under way at any unit, be it a host's or the volume's own. */
        public void close(Runnable whenClosed) {
            device.close(() -> body.close(whenClosed));
        }

        /** The device of a thin volume, or nothing. Any thread. */
        public Optional<ThinDevice> thin() {
            return body instanceof ThinDevice thin ? Optional.of(thin) : Optional.empty();
        }
    }

    /**
     * Assembles a volume on a directory's loop. The gate is open if the volume is assigned.
     *
     * @param pool knows the volume's partitions and their unit volumes
     * @param slabs where a thin volume gets its slabs from
     */
    public static Assembled assemble(VolumeRecord volume, PoolState pool, LunDirectory directory, Slabs slabs) {
        Map<UUID, MovablePart> parts = new HashMap<>();
        BlockDevice body = Slabs.thin(volume)
                ? ThinAssembly.open(volume, pool, directory, slabs, parts)
                : compose(volume, pool, directory, parts);
        Identity identity = body.identity();
        SlotDevice gate = new SlotDevice(directory.loop(), identity, body.geometry(), body.limits(), "being set up");
        Assembled assembled = new Assembled(directory, gate, body, parts);
        assembled.update(volume, pool, partitionBytes(volume, pool));
        return assembled;
    }

    /** As {@link Assembled#copy}, of a volume that nobody uses. On the directory's loop. */
    static PartCopy copyUnserved(
            VolumeRecord volume,
            Partition source,
            PoolState pool,
            Partition target,
            LunDirectory directory,
            MovePace pace) {
        MovablePart part = new MovablePart(window(source, pool, directory, volume), MovablePart.Above.HOSTS);
        return begin(part, volume, source, pool, target, directory, pace);
    }

    private static PartCopy begin(
            MovablePart part,
            VolumeRecord volume,
            Partition source,
            PoolState pool,
            Partition target,
            LunDirectory directory,
            MovePace pace) {
        SlotDevice there =
                directory.slot(Objects.requireNonNull(pool.unitVolumes().get(target.unitVolume())));
        PartCopy copy = new PartCopy(
                part,
                window(source, pool, directory, volume),
                window(target, pool, directory, volume),
                there::filled,
                pace,
                AwakeClock::nanoTime);
        copy.start();
        return copy;
    }

    private static BlockDevice window(
            Partition partition, PoolState pool, LunDirectory directory, VolumeRecord volume) {
        UnitVolume unitVolume = Objects.requireNonNull(pool.unitVolumes().get(partition.unitVolume()));
        return window(partition, unitVolume, directory.slot(unitVolume), volume);
    }

    private static long partitionBytes(VolumeRecord volume, PoolState pool) {
        return pool.partitionsOf(volume.uuid()).stream()
                .mapToLong(Partition::lengthBytes)
                .sum();
    }

    /** The partitions that a volume's data lie on: those that it is still to grow onto are not among them. */
    private static List<Partition> partitions(VolumeRecord volume, PoolState pool) {
        return pool.partitionsOf(volume.uuid()).stream()
                .filter(partition -> switch (partition.state()) {
                    case ASSIGNED -> true;
                    case WIPING -> volume.state() != VolumeRecord.State.ASSIGNED;
                    case RELEASED -> volume.state() == VolumeRecord.State.RELEASED;
                    case COPYING, FREE -> false;
                })
                .toList();
    }

    private static ComposedDevice compose(
            VolumeRecord volume, PoolState pool, LunDirectory directory, Map<UUID, MovablePart> movable) {
        int blockSize = volume.blockSizeBytes();
        List<Partition> partitions = partitions(volume, pool);
        List<MovablePart> parts = new ArrayList<>();
        for (Partition partition : partitions) {
            UnitVolume unitVolume = Objects.requireNonNull(pool.unitVolumes().get(partition.unitVolume()));
            SlotDevice slot = directory.slot(unitVolume);
            MovablePart part = new MovablePart(window(partition, unitVolume, slot, volume), MovablePart.Above.HOSTS);
            parts.add(part);
            movable.put(partition.slab(), part);
        }
        return new ComposedDevice(
                new Identity(volume.uuid(), volume.name()),
                layout(volume, partitions),
                parts,
                MAX_TRANSFER_BYTES / blockSize);
    }

    /** A partition in the volume's blocks. */
    static BlockDevice window(Partition partition, UnitVolume unitVolume, SlotDevice slot, VolumeRecord volume) {
        int unitBlock = unitVolume.blockSizeBytes();
        BlockDevice part = new PartitionDevice(
                slot,
                new Identity(partition.uuid(), volume.name() + " on " + unitVolume.where()),
                partition.startBytes() / unitBlock,
                partition.lengthBytes() / unitBlock);
        return unitBlock == volume.blockSizeBytes() ? part : new BlockSizeDevice(part, volume.blockSizeBytes());
    }

    static Layout layout(VolumeRecord volume, List<Partition> partitions) {
        int blockSize = volume.blockSizeBytes();
        long rest = volume.sizeBytes() / blockSize;
        return switch (volume.layout()) {
            case VolumeLayout.Striped striped -> {
                List<Layout.Striped> segments = new ArrayList<>();
                for (int i = 0; i < partitions.size(); i += striped.width()) {
                    long holds = striped.segmentBytes(partitions.get(i).lengthBytes()) / blockSize;
                    long blocks = Math.min(rest, holds);
                    segments.add(new Layout.Striped(striped.width(), striped.chunkBytes() / blockSize, blocks));
                    rest -= blocks;
                }
                yield segments.size() == 1 ? segments.getFirst() : new Layout.Concatenated(segments);
            }
            case VolumeLayout.Linear _ -> {
                long[] lengths = new long[partitions.size()];
                for (int i = 0; i < lengths.length; i++) {
                    // Partitions are whole MiB; the last one's tail may be more than the volume needs.
                    lengths[i] = Math.min(rest, partitions.get(i).lengthBytes() / blockSize);
                    rest -= lengths[i];
                }
                yield new Layout.Linear(lengths);
            }
            case VolumeLayout.Thin _ -> throw new IllegalStateException("a thin volume has no fixed layout");
        };
    }
}
