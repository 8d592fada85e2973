/** The iSCSI initiator: sessions to IP SAN units, and a remote logical unit as a {@link dev.sanway.block.BlockDevice}. */
@NullMarked
package dev.sanway.initiator;

import org.jspecify.annotations.NullMarked;
