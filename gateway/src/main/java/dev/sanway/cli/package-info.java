/** The commands of {@code sanway}. */
@NullMarked
package dev.sanway.cli;

import org.jspecify.annotations.NullMarked;
