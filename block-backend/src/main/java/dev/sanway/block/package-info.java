/**
 * {@link dev.sanway.block.BlockDevice}: the one asynchronous contract of everything that stores blocks, its requests and
 * outcomes, and the devices that need no network. Layers compose: a volume is a {@code BlockDevice} made of others.
 */
@NullMarked
package dev.sanway.block;

import org.jspecify.annotations.NullMarked;
