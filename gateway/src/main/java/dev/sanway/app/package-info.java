/** Wiring, and nothing else. */
@NullMarked
package dev.sanway.app;

import org.jspecify.annotations.NullMarked;
