/** The role of an IP SAN unit: a target over local files and disks. */
@NullMarked
package dev.sanway.unit;

import org.jspecify.annotations.NullMarked;
