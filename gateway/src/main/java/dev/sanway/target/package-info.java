/** The iSCSI target: portals, login, sessions, data transfer, task management. */
@NullMarked
package dev.sanway.target;

import org.jspecify.annotations.NullMarked;
