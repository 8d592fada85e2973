@NullMarked
package dev.sanway.metadata;

import org.jspecify.annotations.NullMarked;
