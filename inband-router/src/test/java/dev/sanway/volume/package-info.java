@NullMarked
package dev.sanway.volume;

import org.jspecify.annotations.NullMarked;
