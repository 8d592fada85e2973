/** Thin volumes: slabs with a map of their own, and the device made of them (docs/adr/0005). */
@NullMarked
package dev.sanway.volume.thin;

import org.jspecify.annotations.NullMarked;
