@NullMarked
package dev.sanway.file;

import org.jspecify.annotations.NullMarked;
