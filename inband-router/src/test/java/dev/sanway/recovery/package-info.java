@NullMarked
package dev.sanway.recovery;

import org.jspecify.annotations.NullMarked;
