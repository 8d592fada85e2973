/**
 * Microbenchmarks of the data path's parts: {@code scripts/bench --jmh}. Where they allocate buffers, their thread gets a cache
 * as event loops have one.
 */
@NullMarked
package dev.sanway.integration.jmh;

import org.jspecify.annotations.NullMarked;
