package dev.sanway.metadata;

/**
 * What an operator has said of a unit that is in the pool.
 *
 * <pre>
 *   NONE ⇄ MAINTENANCE
 *     ⇅         ⇅
 *      DRAINING
 * </pre>
 */
public enum UnitStanding {
    /** Nothing: it is used as any other. */
    NONE,
    /** It may go away and come back without alarm, and is given nothing new. */
    MAINTENANCE,
    /** What lies on it moves elsewhere, and it is given nothing new. */
    DRAINING
}
