package dev.sanway.initiator;

import dev.sanway.iscsi.TargetAddress;
import org.jspecify.annotations.Nullable;

/**
 * Where a session is to log in: at the configured address, or where the unit sends it (RFC 7143 section 11.13.5, status class 1).
 * Each attempt to log in begins at the configured address. One that was sent on for good (0102), and got in there, begins at the
 * new address from then on; while it cannot be reached there, the configured one is tried in turns with it. Nothing of this outlives
 * the process. Pure; confined to one thread.
 */
final class Redirects {
    /** Addresses that one attempt follows, one after the other. */
    static final int MOST_IN_A_ROW = 10;

    private final TargetAddress configured;
    private @Nullable TargetAddress kept;
    /** The last attempt from the kept address failed. */
    private boolean doubted;

    private TargetAddress at;
    private int inARow;
    /** How far this attempt was sent on for good, and never only for a while before. */
    private @Nullable TargetAddress forGood;

    private boolean forAWhile;

    Redirects(TargetAddress configured) {
        this.configured = configured;
        this.at = configured;
    }

    /** A new attempt begins: where to. */
    TargetAddress begin() {
        TargetAddress known = kept;
        at = known == null || doubted ? configured : known;
        forGood = at.equals(configured) ? null : known;
        forAWhile = false;
        inARow = 0;
        return at;
    }

    /** The unit sends the attempt on; whether it is followed. */
    boolean follow(TargetAddress to, boolean permanent) {
        if (inARow == MOST_IN_A_ROW) {
            return false;
        }
        inARow++;
        at = to;
        forAWhile |= !permanent;
        if (!forAWhile) {
            forGood = to;
        }
        return true;
    }

    /** The attempt got in; whether this address is kept from now on, and was not before. */
    boolean loggedIn() {
        TargetAddress before = kept;
        kept = forGood;
        doubted = false;
        return kept != null && !kept.equals(before);
    }

    /** The attempt did not get in. */
    void failed() {
        doubted = !doubted;
    }

    /** Where the attempt is, or got in. */
    TargetAddress at() {
        return at;
    }
}
