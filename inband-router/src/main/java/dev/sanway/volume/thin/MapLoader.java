package dev.sanway.volume.thin;

import dev.sanway.block.BlockDevice;
import dev.sanway.block.BlockFailure;
import dev.sanway.block.BlockOutcome;
import dev.sanway.block.BlockRequest;
import io.netty.buffer.ByteBufUtil;
import java.util.UUID;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Reads a slab's map, both copies at once, when its turn has come.
 *
 * <p>It is flushed before: a page that an earlier process was writing when it ended may be in the unit's cache and no further. What
 * counts as durable from now on must be so.
 */
final class MapLoader {

    /** How it ended. */
    sealed interface Outcome {
        record Loaded(SlabMap map) implements Outcome {}

        /** Trying again may help. */
        record Failed(BlockFailure failure) implements Outcome {}

        /** It cannot be used. */
        record Unusable(String why) implements Outcome {}
    }

    private final UUID volume;
    private final UUID slab;
    private final int extents;
    private final Turns turns;
    private final Consumer<Outcome> told;
    private final byte[][] copies = new byte[2][];
    private @Nullable BlockFailure failure;
    private int remaining = 2;

    private MapLoader(UUID volume, UUID slab, int extents, Turns turns, Consumer<Outcome> told) {
        this.volume = volume;
        this.slab = slab;
        this.extents = extents;
        this.turns = turns;
        this.told = told;
    }

    static void load(UUID volume, UUID slab, BlockDevice part, Turns turns, Consumer<Outcome> told) {
        int extents = SlabFormat.extents(part.geometry().sizeBytes());
        MapLoader loader = new MapLoader(volume, slab, extents, turns, told);
        turns.take(() -> loader.flush(part));
    }

    private void flush(BlockDevice part) {
        int blockSize = part.geometry().blockSizeBytes();
        part.submit(new BlockRequest.Flush(0, SlabFormat.MAP_BYTES / blockSize), outcome -> {
            switch (outcome) {
                case BlockOutcome.Failed(BlockFailure.UnflushedWritesLost _) ->
                    // Said once, of what somebody else had there: pages are written with FUA.
                    flush(part);
                case BlockOutcome.Failed(BlockFailure failed) -> ended(new Outcome.Failed(failed));
                case BlockOutcome.Done _, BlockOutcome.Data _, BlockOutcome.Status _ -> read(part);
            }
        });
    }

    private void read(BlockDevice part) {
        int blockSize = part.geometry().blockSizeBytes();
        for (int copy = 0; copy < 2; copy++) {
            int number = copy;
            part.submit(
                    new BlockRequest.Read(
                            SlabFormat.pageOffset(copy, 0) / blockSize,
                            SlabFormat.pages(extents) * SlabFormat.PAGE_BYTES / blockSize,
                            false),
                    outcome -> read(number, outcome));
        }
    }

    private void ended(Outcome outcome) {
        turns.done();
        told.accept(outcome);
    }

    private void read(int copy, BlockOutcome outcome) {
        switch (outcome) {
            case BlockOutcome.Data data -> {
                copies[copy] = ByteBufUtil.getBytes(data.bytes());
                data.bytes().release();
            }
            case BlockOutcome.Failed failed -> failure = failed.failure();
            case BlockOutcome.Done _, BlockOutcome.Status _ -> failure = new BlockFailure.Broken("not data");
        }
        if (--remaining > 0) {
            return;
        }
        BlockFailure failed = failure;
        if (failed != null) {
            ended(new Outcome.Failed(failed));
            return;
        }
        ended(
                switch (SlabMap.load(slab, volume, extents, copies[0], copies[1])) {
                    case SlabMap.Loaded.Read(SlabMap map) -> new Outcome.Loaded(map);
                    case SlabMap.Loaded.Unusable(String why) -> new Outcome.Unusable(why);
                });
    }
}
