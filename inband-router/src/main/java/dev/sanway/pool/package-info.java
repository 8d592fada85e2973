/** Units, their volumes, partitions and their allocation: pure state and decisions. */
@NullMarked
package dev.sanway.pool;

import org.jspecify.annotations.NullMarked;
