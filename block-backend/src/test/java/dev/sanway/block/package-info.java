/** Tests of the block contract, and fixtures that other modules' tests use from the test jar. */
@NullMarked
package dev.sanway.block;

import org.jspecify.annotations.NullMarked;
