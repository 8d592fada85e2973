/** Reading gateway.yaml and unit.yaml: every mistake gets one line that says where it is and what would be right. */
@NullMarked
package dev.sanway.config;

import org.jspecify.annotations.NullMarked;
