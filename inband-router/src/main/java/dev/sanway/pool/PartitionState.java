package dev.sanway.pool;

/**
 * <pre>
 *   FREE → WIPING → ASSIGNED → RELEASED → FREE
 *            └────── RELEASED (given up before it was assigned)
 *   FREE → COPYING → ASSIGNED (the one that it replaces becomes RELEASED in the same commit)
 *             └───── RELEASED (the move was given up)
 * </pre>
 *
 * The codes stand in labels and never change their meaning. COPYING stands in none: a label calls such a partition WIPING, which
 * says what whoever reads it has to know, that it is somebody's and not served.
 */
public enum PartitionState {
    /** Nobody's. Not stored: it is what lies between the others. */
    FREE(0),
    /** Somebody's, but what another left behind is still being wiped: not served. */
    WIPING(1),
    /** One volume's, exclusively. */
    ASSIGNED(2),
    /** No longer anybody's; becomes free when the label says so, too. */
    RELEASED(3),
    /** Takes the place of another partition of its volume once it has all of that one's data: not served. */
    COPYING(4);

    private final int code;

    PartitionState(int code) {
        this.code = code;
    }

    public int code() {
        return code;
    }

    /**
     * The state of a code.
     *
     * @throws IllegalArgumentException if there is none
     */
    public static PartitionState of(int code) {
        for (PartitionState state : values()) {
            if (state.code == code) {
                return state;
            }
        }
        throw new IllegalArgumentException("no partition state " + code);
    }
}
