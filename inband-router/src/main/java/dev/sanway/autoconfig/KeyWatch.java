package dev.sanway.autoconfig;

import dev.sanway.autoconfig.UnitView.Status;
import java.net.InetSocketAddress;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Which of the pool's keys each unit signs with, and who is left behind while keys are rotated. What is not authentic proves nothing:
 * it is only told of a unit that is not heard, and changes nothing. Belongs to the endpoint's event loop.
 */
public final class KeyWatch {
    /** So many in a row from a unit that is not heard mean that it does not understand the answers; a unit that starts says it less often. */
    private static final int UNANSWERED = 4;

    private static final class Seen {
        @Nullable
        InetSocketAddress address;

        Status status = Status.ABSENT;
        int keyId = -1;
        int unanswered;

        @Nullable
        String note;
    }

    private final Map<UUID, Seen> units = new HashMap<>();
    private final Map<InetSocketAddress, UUID> at = new HashMap<>();
    private PoolKeys keys;

    public KeyWatch(PoolKeys keys) {
        this.keys = keys;
    }

    /** These keys count from now on. */
    public void use(PoolKeys now) {
        keys = now;
        units.values().forEach(seen -> {
            seen.unanswered = 0;
            seen.note = null;
        });
    }

    /** A unit is somewhere, and heard or not. */
    public void changed(UnitView view) {
        Seen seen = units.computeIfAbsent(view.unit(), _ -> new Seen());
        InetSocketAddress address = view.address();
        if (address != null && !address.equals(seen.address)) {
            at.remove(seen.address, view.unit());
            at.put(address, view.unit());
            seen.address = address;
        }
        seen.status = view.status();
        if (seen.status == Status.ONLINE) {
            seen.unanswered = 0;
            seen.note = null;
        }
    }

    /** A unit is not known any more. */
    public void forgotten(UUID unit) {
        Seen seen = units.remove(unit);
        if (seen != null && seen.address != null) {
            at.remove(seen.address, unit);
        }
    }

    /**
     * Something came.
     *
     * @param reason as of {@link UdpEndpoint.Receiver#signed}
     * @return the unit that is left behind, if that is new
     */
    public Optional<UUID> signed(int keyId, InetSocketAddress from, @Nullable DropReason reason) {
        UUID unit = at.get(from);
        Seen seen = unit == null ? null : units.get(unit);
        if (unit == null || seen == null) {
            return Optional.empty();
        }
        if (reason == null) {
            seen.keyId = keyId;
            seen.unanswered = seen.status == Status.ONLINE || keyId == keys.signing() ? 0 : seen.unanswered + 1;
            return seen.unanswered < UNANSWERED
                    ? Optional.empty()
                    : note(
                            unit,
                            seen,
                            "its agent signs with pool key " + keyId + " and does not seem to know key "
                                    + keys.signing()
                                    + ", with which the gateway signs: write that into its pool.key as well, then send "
                                    + "it SIGHUP");
        }
        if (seen.status == Status.ONLINE) {
            return Optional.empty();
        }
        return note(
                unit,
                seen,
                reason == DropReason.UNKNOWN_KEY
                        ? "what comes from its address is signed with pool key " + keyId
                                + ", and the gateway has none of "
                                + "that id (" + keys.words() + "): give both the same pool.key, then at the gateway: "
                                + "sanway config apply, or SIGHUP; at the unit: SIGHUP"
                        : "what comes from its address is signed with another pool key " + keyId
                                + " than the gateway's: the same key must have the same id everywhere");
    }

    private static Optional<UUID> note(UUID unit, Seen seen, String note) {
        boolean news = !note.equals(seen.note);
        seen.note = note;
        return news ? Optional.of(unit) : Optional.empty();
    }

    /** What is to be done about a unit's keys; empty: nothing. */
    public Optional<String> note(UUID unit) {
        return Optional.ofNullable(units.get(unit)).map(seen -> seen.note);
    }

    /** The id of the key with which a unit signs, by unit; of those that were heard. */
    public Map<UUID, Integer> keyIds() {
        Map<UUID, Integer> ids = new HashMap<>();
        units.forEach((unit, seen) -> {
            if (seen.keyId >= 0) {
                ids.put(unit, seen.keyId);
            }
        });
        return ids;
    }
}
