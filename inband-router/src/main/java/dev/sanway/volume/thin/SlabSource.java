package dev.sanway.volume.thin;

import dev.sanway.block.BlockDevice;
import java.util.UUID;
import java.util.function.Consumer;

/** Where a thin volume gets slabs from and gives them back to. Called on the volume's loop, which answers come back to. */
public interface SlabSource {

    /**
     * A slab of the volume.
     *
     * @param slab what its map's pages bear
     * @param part the partition, on the volume's loop and in the volume's blocks; closed by the volume, unless that gives it back
     * @param present whether it can be reached now; events tell how that changes
     */
    record SlabPart(UUID slab, BlockDevice part, boolean present) {}

    /** What came of asking for one. */
    sealed interface Answer {
        record Given(SlabPart slab) implements Answer {}

        /** The pool has no room. */
        record NoSpace(String why) implements Answer {}

        /** There is none now, but trying again may help. */
        record NotNow(String why) implements Answer {}
    }

    /** Asks for a slab more; answered once. */
    void request(Consumer<Answer> answer);

    /**
     * A slab that holds nothing and is used no more, and nothing of it is under way.
     *
     * @param part closed by the source
     * @param closed runs when it is
     */
    void giveBack(UUID slab, BlockDevice part, Runnable closed);
}
