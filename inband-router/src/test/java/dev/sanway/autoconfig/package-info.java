@NullMarked
package dev.sanway.autoconfig;

import org.jspecify.annotations.NullMarked;
