/** What is to be done so that volumes outlive their units: which partitions leave a unit, and where to. Decisions only. */
@NullMarked
package dev.sanway.recovery;

import org.jspecify.annotations.NullMarked;
