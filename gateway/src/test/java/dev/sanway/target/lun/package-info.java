/** Tests of the SCSI device server. */
@NullMarked
package dev.sanway.target.lun;

import org.jspecify.annotations.NullMarked;
