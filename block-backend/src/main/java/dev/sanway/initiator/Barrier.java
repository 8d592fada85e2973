package dev.sanway.initiator;

import dev.sanway.scsi.Designator;
import dev.sanway.scsi.InquiryData;
import java.util.List;
import java.util.Locale;

/**
 * What makes certain, after a login, that no command of an earlier session is at work any more on a logical unit. Known by
 * the kind of target, from INQUIRY.
 */
public enum Barrier {
    /** An ORDERED command, which is carried out after every older one: there are targets (tgtd) that let those finish. */
    ORDERED,
    /**
     * The login itself, which waits for them. So does Linux's LIO, and nothing but SIMPLE commands is sent there: an ORDERED one
     * after a session that broke can leave its logical unit without answers for everybody until the target is restarted.
     */
    LOGIN;

    private static final String LIO = "LIO-ORG";

    /** The first digits of each NAA identifier that LIO makes, whatever vendor a box built on it names. */
    private static final String LIO_NAA = "6001405";

    private static final int LIO_NAA_BYTES = 4;

    /** The barrier of a target of this kind. */
    static Barrier of(InquiryData inquiry, List<Designator> designators) {
        boolean lio = inquiry.vendor().equals(LIO) || designators.stream().anyMatch(Barrier::isOfLio);
        return lio ? LOGIN : ORDERED;
    }

    private static boolean isOfLio(Designator designator) {
        return designator.type() == Designator.TYPE_NAA
                && designator.value().length > LIO_NAA_BYTES
                && java.util.HexFormat.of()
                        .formatHex(designator.value(), 0, LIO_NAA_BYTES)
                        .startsWith(LIO_NAA);
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
