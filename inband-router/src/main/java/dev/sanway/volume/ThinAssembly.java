package dev.sanway.volume;

import dev.sanway.block.BlockDevice;
import dev.sanway.block.Identity;
import dev.sanway.metadata.VolumeRecord;
import dev.sanway.pool.Partition;
import dev.sanway.pool.PartitionState;
import dev.sanway.pool.PoolState;
import dev.sanway.pool.UnitVolume;
import dev.sanway.volume.thin.SlabSource;
import dev.sanway.volume.thin.ThinDevice;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import java.util.function.Consumer;

/** Makes a thin volume's device of its slabs, and gets it more of them. On the loop of the directory. */
final class ThinAssembly implements SlabSource {
    /** A slab that became empty may be wanted again soon. */
    private static final long GIVE_BACK_MILLIS = 5000;

    private final VolumeRecord volume;
    private final LunDirectory directory;
    private final Slabs slabs;
    /** By slab: those that the volume has now. */
    private final Map<UUID, MovablePart> parts;

    private ThinAssembly(VolumeRecord volume, LunDirectory directory, Slabs slabs, Map<UUID, MovablePart> partsBySlab) {
        this.volume = volume;
        this.directory = directory;
        this.slabs = slabs;
        this.parts = partsBySlab;
    }

    /** {@code partsBySlab}: kept up to date with the slabs that the volume has. */
    static ThinDevice open(
            VolumeRecord volume,
            PoolState pool,
            LunDirectory directory,
            Slabs slabs,
            Map<UUID, MovablePart> partsBySlab) {
        ThinAssembly assembly = new ThinAssembly(volume, directory, slabs, partsBySlab);
        List<SlabPart> parts = pool.partitionsOf(volume.uuid()).stream()
                .filter(partition -> partition.state() == PartitionState.ASSIGNED)
                .map(partition -> assembly.part(
                        partition, Objects.requireNonNull(pool.unitVolumes().get(partition.unitVolume()))))
                .toList();
        return new ThinDevice(
                new Identity(volume.uuid(), volume.name()),
                volume.blockSizeBytes(),
                volume.sizeBytes() / volume.blockSizeBytes(),
                VolumeAssembler.MAX_TRANSFER_BYTES / volume.blockSizeBytes(),
                new ThinDevice.Parts(
                        directory.loop(), parts, assembly, Wiping::wipe, directory.mapReads(), GIVE_BACK_MILLIS));
    }

    private SlabPart part(Partition partition, UnitVolume unitVolume) {
        SlotDevice slot = directory.slot(unitVolume);
        MovablePart part = new MovablePart(
                VolumeAssembler.window(partition, unitVolume, slot, volume), MovablePart.Above.THIN_VOLUME);
        parts.put(partition.slab(), part);
        return new SlabPart(partition.slab(), part, slot.filled());
    }

    @Override
    public void request(Consumer<Answer> answer) {
        slabs.request(volume.uuid())
                .whenCompleteAsync(
                        (outcome, failure) -> answer.accept(
                                switch (outcome) {
                                    case Slabs.Answer.Given(Partition slab, UnitVolume on) ->
                                        new Answer.Given(part(slab, on));
                                    case Slabs.Answer.Refused(String why, boolean full) ->
                                        full ? new Answer.NoSpace(why) : new Answer.NotNow(why);
                                    case null -> new Answer.NotNow(String.valueOf(failure));
                                }),
                        directory.loop());
    }

    /** What moves it ends first, for that uses the part. */
    @Override
    public void giveBack(UUID slab, BlockDevice part, Runnable closed) {
        slabs.leaving(volume.uuid(), slab)
                .whenCompleteAsync(
                        (_, _) -> {
                            parts.remove(slab);
                            part.close(() -> {
                                slabs.giveBack(volume.uuid(), slab);
                                closed.run();
                            });
                        },
                        directory.loop());
    }
}
