package dev.sanway.pool;

import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * The units, by name, that are given no new partitions, and why. A value.
 *
 * @param reasons of each that is closed to everybody
 * @param spares what only takes the place of another unit
 */
public record ClosedUnits(Map<String, Reason> reasons, Set<String> spares) {

    public static final ClosedUnits NONE = new ClosedUnits(Map.of(), Set.of());

    /** Why a unit is closed; {@code passes}: it is likely to be open again some time. */
    public enum Reason {
        SILENT("is silent", true),
        DISAGREES("contradicts the gateway in its table", true),
        MAINTENANCE("is in maintenance", true),
        DRAINING("is being drained", false),
        LEAVING("is being removed", false);

        private final String words;
        private final boolean passes;

        Reason(String words, boolean passes) {
            this.words = words;
            this.passes = passes;
        }
    }

    public ClosedUnits {
        reasons = Map.copyOf(reasons);
        spares = Set.copyOf(spares);
    }

    /** Whether an ordinary volume may be given something there. */
    public boolean open(String unit) {
        return !reasons.containsKey(unit) && !spares.contains(unit);
    }

    /** What ordinary volumes may be given of a pool. */
    public PoolState open(PoolState pool) {
        Set<String> closed = new HashSet<>(reasons.keySet());
        closed.addAll(spares);
        return pool.without(closed);
    }

    /** Whether something that has to leave its unit may be given something there. */
    public boolean openWithSpares(String unit) {
        return !reasons.containsKey(unit);
    }

    /** What may be given of a pool to something that has to leave its unit. */
    public PoolState openWithSpares(PoolState pool) {
        return pool.without(reasons.keySet());
    }

    /** What ordinary volumes may be given of a pool once what passes has passed. */
    public PoolState openLater(PoolState pool) {
        Set<String> closed = new HashSet<>(spares);
        reasons.forEach((unit, reason) -> {
            if (!reason.passes) {
                closed.add(unit);
            }
        });
        return pool.without(closed);
    }

    /** For the end of an explanation why there is no room; empty if nothing is closed. */
    public String note() {
        Map<String, String> words = new TreeMap<>();
        spares.forEach(unit -> words.put(unit, "is a spare"));
        reasons.forEach((unit, reason) -> words.put(unit, reason.words));
        return words.isEmpty()
                ? ""
                : words.entrySet().stream()
                        .map(each -> each.getKey() + " " + each.getValue())
                        .collect(Collectors.joining(", ", "; given nothing new: ", ""));
    }
}
