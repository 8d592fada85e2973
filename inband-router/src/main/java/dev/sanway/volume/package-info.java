/** Volumes as {@link dev.sanway.block.BlockDevice}s composed of {@link dev.sanway.block.BlockDevice}s. */
@NullMarked
package dev.sanway.volume;

import org.jspecify.annotations.NullMarked;
