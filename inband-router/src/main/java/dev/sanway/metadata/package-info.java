/** The revisioned store of what must survive: assignments, labels, reservations, initiator session identifiers. */
@NullMarked
package dev.sanway.metadata;

import org.jspecify.annotations.NullMarked;
