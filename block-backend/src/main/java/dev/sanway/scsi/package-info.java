/** The SCSI vocabulary of SPC-4 and SBC-3 that target and initiator share: CDBs, sense data, VPD, mode and log pages. */
@NullMarked
package dev.sanway.scsi;

import org.jspecify.annotations.NullMarked;
