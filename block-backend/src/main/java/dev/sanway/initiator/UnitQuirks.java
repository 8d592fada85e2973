package dev.sanway.initiator;

/** Commands that a logical unit turned out not to know, so that they are not tried again. */
final class UnitQuirks {
    /** READ(16) and WRITE(16): the 10-byte forms serve instead. */
    boolean no16;

    boolean noSynchronizeCache16;
    boolean noWriteSame;
    boolean noUnmap;
    boolean noLbaStatus;
    /** FUA is refused although it was said to be supported. */
    boolean noForceUnitAccess;
    /** It knows neither FUA nor SYNCHRONIZE CACHE: nothing that is written there is ever certain. */
    boolean neverDurable;
}
