/** The SCSI device server: logical units, task sets, the command table, reservations, unit attentions. */
@NullMarked
package dev.sanway.target.lun;

import org.jspecify.annotations.NullMarked;
