package dev.sanway.volume.thin;

import dev.sanway.block.BlockDevice;
import dev.sanway.block.BlockOutcome;
import dev.sanway.block.BlockRequest;
import dev.sanway.block.Geometry;
import dev.sanway.block.Identity;
import dev.sanway.block.Limits;
import dev.sanway.block.MemoryDevice;
import dev.sanway.block.VolatileCacheDevice;
import dev.sanway.pool.ControlIo;
import dev.sanway.volume.MovingSlab;
import dev.sanway.volume.PartitionDevice;
import io.netty.buffer.Unpooled;
import io.netty.util.concurrent.EventExecutor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.UnaryOperator;

/**
 * Units with volatile caches, full of what somebody left behind, cut into places for slabs, and the list of who has which: what
 * a store would keep. All of it outlives a gateway. Used on the loop.
 */
final class SlabPool {
    static final UUID VOLUME = UUID.nameUUIDFromBytes(new byte[] {1});
    static final byte LEFT_BEHIND = (byte) 0xee;

    record Place(int unit, int number) {}

    final EventExecutor loop;
    final List<VolatileCacheDevice> units = new ArrayList<>();
    private final int slabBlocks;
    private final int blockSize;
    final List<Place> free = new ArrayList<>();
    final Map<UUID, Place> taken = new LinkedHashMap<>();
    /** Where slabs move to, as long as that is not decided. */
    final Map<UUID, Place> copying = new LinkedHashMap<>();
    /** Places that are nobody's any more, but for what is under way there. */
    final List<Place> leaving = new ArrayList<>();
    /** Unit 1 gives nothing back, and guarantees no zeroes. */
    boolean keepsAll;

    int givenBack;
    /** What the gateway has now of each slab. */
    final Map<UUID, MovingSlab> parts = new LinkedHashMap<>();
    /** What is to end before a slab's part is closed. */
    Function<UUID, CompletableFuture<Void>> beforeGivingBack = _ -> CompletableFuture.completedFuture(null);

    SlabPool(EventExecutor loop, int blockSize, int unitCount, int slabsPerUnit, int slabMib) {
        this.loop = loop;
        this.blockSize = blockSize;
        this.slabBlocks = (slabMib << 20) / blockSize;
        for (int unit = 0; unit < unitCount; unit++) {
            MemoryDevice memory = new MemoryDevice(
                    loop,
                    new Identity(UUID.randomUUID(), "unit" + unit),
                    new Geometry(blockSize, 4096, (long) slabsPerUnit * slabBlocks));
            byte[] old = new byte[1 << 20];
            Arrays.fill(old, LEFT_BEHIND);
            for (int mib = 0; mib < slabsPerUnit * slabMib; mib++) {
                memory.submit(
                        new BlockRequest.Write(
                                (long) mib * old.length / blockSize,
                                old.length / blockSize,
                                Unpooled.wrappedBuffer(old),
                                true),
                        _ -> {});
            }
            units.add(new VolatileCacheDevice(memory));
            for (int number = 0; number < slabsPerUnit; number++) {
                free.add(new Place(unit, number));
            }
        }
    }

    int freePlaces() {
        return free.size();
    }

    BlockDevice window(UUID slab, Place place, UnaryOperator<BlockDevice> way) {
        BlockDevice unit = units.get(place.unit());
        return way.apply(new PartitionDevice(
                keepsAll && place.unit() == 1 ? new KeepingDevice(unit) : unit,
                new Identity(slab, "slab at " + place),
                (long) place.number() * slabBlocks,
                slabBlocks));
    }

    private SlabSource.SlabPart use(UUID slab, Place place, UnaryOperator<BlockDevice> way) {
        MovingSlab part = new MovingSlab(window(slab, place, way));
        parts.put(slab, part);
        return new SlabSource.SlabPart(slab, part.part(), true);
    }

    /** The volume's slabs, as a gateway that starts finds them. */
    List<SlabSource.SlabPart> slabs(UnaryOperator<BlockDevice> way) {
        parts.clear();
        return taken.entrySet().stream()
                .map(entry -> use(entry.getKey(), entry.getValue(), way))
                .toList();
    }

    /** The source of one gateway's life. */
    SlabSource source(UnaryOperator<BlockDevice> way, UnstableDevice.Kill kill) {
        return new SlabSource() {
            @Override
            public void request(Consumer<Answer> answer) {
                loop.execute(() -> {
                    if (kill.killed) {
                        return;
                    }
                    if (free.isEmpty()) {
                        answer.accept(new Answer.NoSpace("all places are taken"));
                        return;
                    }
                    Place place = free.removeFirst();
                    UUID slab = new UUID(place.unit(), System.nanoTime());
                    int extents = SlabFormat.extents((long) slabBlocks * blockSize);
                    byte[] map = SlabMap.format(slab, VOLUME, extents);
                    // The control's own way to the unit: it takes slabs into the list only when the map is durable.
                    units.get(place.unit())
                            .submit(
                                    new BlockRequest.Write(
                                            (long) place.number() * slabBlocks,
                                            map.length / blockSize,
                                            Unpooled.wrappedBuffer(map),
                                            true),
                                    outcome -> formatted(slab, place, outcome, answer));
                });
            }

            private void formatted(UUID slab, Place place, BlockOutcome outcome, Consumer<Answer> answer) {
                if (outcome instanceof BlockOutcome.Failed failed) {
                    free.add(place);
                    if (!kill.killed) {
                        answer.accept(new Answer.NotNow(failed.toString()));
                    }
                    return;
                }
                taken.put(slab, place);
                if (!kill.killed) {
                    answer.accept(new Answer.Given(use(slab, place, way)));
                }
            }

            @Override
            public void giveBack(UUID slab, BlockDevice part, Runnable closed) {
                if (!kill.killed) {
                    beforeGivingBack.apply(slab).thenRunAsync(() -> close(slab, part, closed), loop);
                }
            }

            private void close(UUID slab, BlockDevice part, Runnable closed) {
                part.close(() -> {
                    if (!kill.killed) {
                        givenBack++;
                        parts.remove(slab);
                        free.add(taken.remove(slab));
                    }
                    closed.run();
                });
            }
        };
    }

    /** Zeroes that are durable, as wiping gives them. */
    static CompletableFuture<Void> zero(BlockDevice device, long startBytes, long lengthBytes) {
        int blockSize = device.geometry().blockSizeBytes();
        Limits limits = device.limits();
        BlockRequest zeroes = new BlockRequest.WriteZeroes(
                startBytes / blockSize, lengthBytes / blockSize, limits.unmappedReadsZeroes(), false);
        return ControlIo.submit(device, zeroes, "zeroing")
                .thenCompose(_ -> ControlIo.submit(
                        device,
                        new BlockRequest.Flush(startBytes / blockSize, lengthBytes / blockSize),
                        "flushing zeroes"))
                .thenApply(_ -> null);
    }
}
