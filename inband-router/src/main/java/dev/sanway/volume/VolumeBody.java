package dev.sanway.volume;

import dev.sanway.block.BlockDevice;

/** What a volume's data lie on, behind its gate. */
public interface VolumeBody extends BlockDevice {

    /** Whether every part is there. On the owner. */
    boolean complete();
}
