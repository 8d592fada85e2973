package dev.sanway.initiator;

/** How a logical unit tells that it was restarted, so that what was not flushed may be lost. */
public enum RestartSign {
    /** By another boot id (vendor VPD page C0h): our units do. It is certain. */
    BOOT_ID("the unit was restarted"),
    /**
     * By a unit attention of power on (SPC-4 table 56: 29h/00h, 01h, 04h). Whoever sends it to every new session (tgtd) cannot be told
     * from one that was restarted, so each is taken for a restart.
     */
    ATTENTION("the unit was restarted, or tells every new session so (see \"cache\" of units in gateway.yaml)"),
    /** Not at all: a first session was not greeted by such an attention (LIO). */
    NONE("the connection broke, and the unit does not tell whether it was restarted");

    private final String restart;

    RestartSign(String restart) {
        this.restart = restart;
    }

    /** What has happened, for a log, once the sign was seen. */
    @Override
    public String toString() {
        return restart;
    }
}
