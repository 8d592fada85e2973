package dev.sanway.volume.thin;

import dev.sanway.block.BlockDevice;
import java.util.BitSet;

/** A slab in use: its map, its partition, which may change, and what is to be known about both. Confined to the volume's loop. */
final class Slab {
    final int number;
    final BlockDevice part;
    final SlabMap map;
    final MapWriter writer;

    /** Its unit is away. */
    boolean absent;
    /** Writes were done since the last flush was begun. */
    boolean unflushed;
    /** Flushes on their way. */
    int flushes;
    /** Where the next extent is looked for, so that what is written one after the other lies so. */
    int cursor;
    /** Extents that were given up: zeroed soon where that gives space back to the unit. */
    final BitSet given = new BitSet();

    Slab(int number, BlockDevice part, SlabMap map, MapWriter writer) {
        this.number = number;
        this.part = part;
        this.map = map;
        this.writer = writer;
    }

    /** Zeroing is quick here, as things are now, and gives space back. */
    boolean zeroesCheaply() {
        return part.limits().unmappedReadsZeroes();
    }

    long extentLba(int extent) {
        return SlabFormat.extentOffset(extent) / part.geometry().blockSizeBytes();
    }
}
