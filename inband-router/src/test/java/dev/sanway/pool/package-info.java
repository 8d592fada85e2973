@NullMarked
package dev.sanway.pool;

import org.jspecify.annotations.NullMarked;
