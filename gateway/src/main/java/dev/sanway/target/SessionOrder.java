package dev.sanway.target;

import dev.sanway.iscsi.SerialNumber;
import java.util.Comparator;

/** Orders of sequence numbers. */
final class SessionOrder {

    /** By serial number arithmetic; a total order as long as all numbers lie within one window. */
    static final Comparator<Integer> BY_SERIAL =
            (a, b) -> a.intValue() == b.intValue() ? 0 : SerialNumber.lessThan(a, b) ? -1 : 1;

    private SessionOrder() {}
}
