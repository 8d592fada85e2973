package dev.sanway.control;

import dev.sanway.autoconfig.Message.StoredVolume;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/**
 * Which of a unit's LUNs are used, and what they must show at a login: as the YAML says, or as the unit's agent told. Any thread.
 */
final class LunClaims {

    /** Which are used; null: all. */
    private volatile @org.jspecify.annotations.Nullable Set<Integer> wanted;

    /** What the agent told, by LUN. */
    private volatile Map<Integer, StoredVolume> told = Map.of();

    private LunClaims(@org.jspecify.annotations.Nullable Set<Integer> wanted) {
        this.wanted = wanted;
    }

    /** Of a unit without an agent; empty: every disk. */
    static LunClaims declared(List<Integer> luns) {
        return new LunClaims(luns.isEmpty() ? null : new TreeSet<>(luns));
    }

    /** Of a unit with an agent: the LUNs that it had, until it tells. */
    static LunClaims known(Collection<Integer> luns) {
        return new LunClaims(new TreeSet<>(luns));
    }

    /**
     * The agent tells what it stores.
     *
     * @return false if that is what it told before
     */
    boolean tell(Collection<StoredVolume> volumes) {
        Map<Integer, StoredVolume> now = new HashMap<>();
        volumes.forEach(volume -> now.put(volume.lun(), volume));
        if (now.equals(told)) {
            return false;
        }
        told = now;
        wanted = new TreeSet<>(now.keySet());
        return true;
    }

    /** How large the agent says that a LUN is; 0: it says nothing. */
    long sizeBytes(int lun) {
        StoredVolume claimed = told.get(lun);
        return claimed == null ? 0 : claimed.sizeBytes();
    }

    boolean wants(int lun) {
        Set<Integer> now = wanted;
        return now == null || now.contains(lun);
    }

    /** The LUNs that must be there. */
    Set<Integer> named() {
        Set<Integer> now = wanted;
        return now == null ? Set.of() : now;
    }

    /** Why a LUN is not what was claimed, or nothing. {@code serial}: the one that it shows (VPD 80h). */
    Optional<String> objection(int lun, String serial) {
        StoredVolume claimed = told.get(lun);
        return claimed == null || serial.equals(claimed.uuid().toString().replace("-", ""))
                ? Optional.empty()
                : Optional.of("the unit's agent claims volume " + claimed.uuid()
                        + " there, and the LUN shows serial number " + (serial.isEmpty() ? "none" : serial)
                        + ": the agent and the target are not of one unit");
    }
}
