package dev.sanway.target;

import dev.sanway.iscsi.SerialNumber;

/**
 * The command numbering of one session (RFC 7143 4.2.2.1): which CmdSN is expected next and how far the initiator may go.
 * Back-pressure comes from {@link #grant}: what is under way is not granted again. Confined to the session's loop.
 */
final class CommandWindow {

    /** Where a non-immediate request's CmdSN lies. */
    enum Arrival {
        /** The one expected: carry out, then {@link #advance}. */
        NEXT,
        /** Within the window but not its turn: hold. */
        EARLY,
        /** Outside: to be ignored in silence. */
        OUTSIDE
    }

    private final int depth;
    private int expCmdSn;
    private int maxCmdSn;

    /**
     * @param expCmdSn the first CmdSN of full feature phase
     * @param depth how many commands may be under way
     */
    CommandWindow(int expCmdSn, int depth) {
        this.depth = depth;
        this.expCmdSn = expCmdSn;
        this.maxCmdSn = expCmdSn + depth - 1;
    }

    int expCmdSn() {
        return expCmdSn;
    }

    int maxCmdSn() {
        return maxCmdSn;
    }

    Arrival arrival(int cmdSn) {
        if (cmdSn == expCmdSn) {
            return SerialNumber.lessOrEqual(cmdSn, maxCmdSn) ? Arrival.NEXT : Arrival.OUTSIDE;
        }
        return SerialNumber.within(cmdSn, expCmdSn, maxCmdSn) ? Arrival.EARLY : Arrival.OUTSIDE;
    }

    void advance() {
        expCmdSn++;
    }

    /** Undoes the last {@link #advance}, of which nobody was told. */
    void takeBack() {
        expCmdSn--;
    }

    /**
     * Opens the window for as many commands as are not under way. MaxCmdSN never moves back.
     *
     * @param underWay commands received and not yet answered
     */
    void grant(int underWay) {
        int limit = expCmdSn + Math.max(0, depth - underWay) - 1;
        if (SerialNumber.lessThan(maxCmdSn, limit)) {
            maxCmdSn = limit;
        }
    }
}
