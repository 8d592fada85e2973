package dev.sanway.volume;

/** The durable steps of an assignment and of giving one up; a process may die after each. */
enum AssignmentStep {
    /** The store has a UUID for a LUN that is to be labelled. */
    LABEL_INTENDED,
    /** What a LUN held is overwritten at both its ends, as an operator wanted. */
    ERASED,
    /** A blank LUN has its first label. */
    FIRST_LABEL_WRITTEN,
    /** The store has the volume and its partitions as {@code WIPING}. */
    INTENT_STORED,
    /** The tables of units with an agent have the partitions. */
    UNIT_ASSIGNED,
    /** A stretch of a partition is wiped and flushed. */
    STRETCH_WIPED,
    /** The store knows of the stretch. */
    PROGRESS_STORED,
    /** One of the volume's unit volumes has the partitions in its label. */
    LABEL_WRITTEN,
    /** The store has the volume and its partitions as {@code ASSIGNED}. */
    ASSIGNED_STORED,
    /** The store has the volume and its partitions as {@code RELEASED}. */
    RELEASE_STORED,
    /** The tables of units with an agent have the partitions no longer. */
    UNIT_RELEASED,
    /** One of the unit volumes has the partitions no longer in its label. */
    LABEL_CLEARED,
    /** The store has forgotten the volume. */
    FORGOTTEN,
    /** The store has a thin volume's slab as {@code WIPING}. */
    SLAB_INTENDED,
    /** The slab has its empty map. */
    SLAB_FORMATTED,
    /** The slab is in its unit volume's label. */
    SLAB_LABELLED,
    /** The store has the slab as {@code ASSIGNED}. */
    SLAB_ASSIGNED,
    /** The store has the partition that is to take another's place, as {@code COPYING}. */
    MOVE_INTENDED,
    /** The label of its unit volume has it. */
    MOVE_LABELLED,
    /** It has all that the other has, and its label calls it assigned. */
    MOVE_LABELLED_ASSIGNED,
    /** The store has it as {@code ASSIGNED}, and the other as {@code RELEASED}. */
    MOVED,
    /** The move was given up: the store has it as {@code RELEASED}. */
    MOVE_GIVEN_UP,
    /** The store knows nothing any more of unit volumes that were given up as lost, and of what lay there. */
    UNIT_LOST
}
