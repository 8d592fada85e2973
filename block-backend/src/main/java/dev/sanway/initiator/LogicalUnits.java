package dev.sanway.initiator;

import java.util.List;

/** The logical units of a target, or why they are not known. */
public sealed interface LogicalUnits {
    /** Their numbers. */
    record Known(List<Integer> luns) implements LogicalUnits {
        public Known {
            luns = List.copyOf(luns);
        }
    }

    /** They are not known. */
    record Unknown(String reason) implements LogicalUnits {}
}
