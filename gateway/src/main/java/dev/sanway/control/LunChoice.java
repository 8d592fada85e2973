package dev.sanway.control;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/**
 * Which of the LUNs that a unit reports are used: those that are claimed, as far as there is room, for a unit may report any
 * number of them and each costs memory and time. Pure.
 *
 * @param used in ascending order
 * @param leftOut how many more are claimed
 */
record LunChoice(List<Integer> used, int leftOut) {
    /** LUNs of one unit. */
    static final int MAX_LUNS = 256;

    LunChoice {
        used = List.copyOf(used);
    }

    /**
     * Chooses.
     *
     * @param reported by the unit
     * @param open that are used already, and stay
     */
    static LunChoice of(Collection<Integer> reported, LunClaims claims, Set<Integer> open) {
        Set<Integer> wanted = new TreeSet<>(reported);
        wanted.removeIf(lun -> !claims.wants(lun));
        List<Integer> used = new ArrayList<>();
        int room = MAX_LUNS - open.size();
        for (int lun : wanted) {
            if (open.contains(lun)) {
                used.add(lun);
            } else if (room > 0) {
                room--;
                used.add(lun);
            }
        }
        return new LunChoice(used, wanted.size() - used.size());
    }

    /** Numbers for an operator; of many the first ones. */
    static String show(List<Integer> luns) {
        int most = 16;
        return luns.size() <= most ? luns.toString() : luns.subList(0, most) + " and " + (luns.size() - most) + " more";
    }
}
