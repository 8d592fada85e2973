/** The load generator of {@code sanway bench}: iSCSI sessions that do nothing but keep a number of requests under way. */
@NullMarked
package dev.sanway.bench;

import org.jspecify.annotations.NullMarked;
