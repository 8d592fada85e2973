package dev.sanway.initiator;

import dev.sanway.block.Geometry;
import dev.sanway.iscsi.IscsiName;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * What a logical unit says of itself. None of it proves identity (every tgtd gives the same serial numbers): the label on
 * its blocks decides.
 *
 * @param serial unit serial number (VPD 80h); empty if it has none
 * @param designators device identification (VPD 83h), each as text
 * @param bootId of our own units: another one than before means that unflushed writes may be lost; null: a foreign unit
 */
public record LunEvidence(
        IscsiName targetName,
        int lun,
        String vendor,
        String product,
        String serial,
        List<String> designators,
        @Nullable UUID bootId,
        Geometry geometry) {
    public LunEvidence {
        designators = List.copyOf(designators);
    }
}
