package dev.sanway.autoconfig;

import java.security.MessageDigest;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * The keys whose holders are the pool's members: one that signs, and while keys are rotated another one that is accepted as well.
 * Never printed.
 */
public final class PoolKeys {
    /** A shorter key is refused. */
    public static final int MIN_KEY_BYTES = 32;

    /** A longer key is refused. */
    public static final int MAX_KEY_BYTES = 1024;

    /** How many may be valid at once. */
    public static final int MAX_KEYS = 2;

    private final int signing;
    private final Map<Integer, byte[]> keys;

    /**
     * Keys by their ids.
     *
     * @param signing the id, 0 to 255, of the key for what is sent
     * @throws IllegalArgumentException if there are none, too many, or one is too short, too long or has an impossible id
     */
    public PoolKeys(int signing, Map<Integer, byte[]> keys) {
        this.signing = signing;
        this.keys = new TreeMap<>();
        keys.forEach((id, key) -> {
            if (id < 0 || id > 255) {
                throw new IllegalArgumentException("the key id " + id + " is not within 0 to 255");
            }
            if (key.length < MIN_KEY_BYTES || key.length > MAX_KEY_BYTES) {
                throw new IllegalArgumentException("the key with id " + id + " has " + key.length + " bytes; it needs "
                        + MIN_KEY_BYTES + " to " + MAX_KEY_BYTES);
            }
            this.keys.put(id, key.clone());
        });
        if (keys.size() > MAX_KEYS) {
            throw new IllegalArgumentException(keys.size() + " keys; at most " + MAX_KEYS + " are valid at once");
        }
        if (!keys.containsKey(signing)) {
            throw new IllegalArgumentException("no key has the id " + signing);
        }
    }

    /** The id of the key for what is sent. */
    public int signing() {
        return signing;
    }

    /** Whether they are the same keys, and the same one signs. */
    public boolean same(PoolKeys other) {
        return signing == other.signing
                && keys.keySet().equals(other.keys.keySet())
                && keys.entrySet().stream()
                        .allMatch(key -> MessageDigest.isEqual(key.getValue(), other.keys.get(key.getKey())));
    }

    /** Which they are, by their ids: for people. */
    public String words() {
        return "key " + signing + " signs"
                + keys.keySet().stream()
                        .filter(id -> id != signing)
                        .map(id -> ", key " + id + " is accepted, too")
                        .collect(Collectors.joining());
    }

    Map<Integer, byte[]> keys() {
        return keys;
    }

    @Override
    public String toString() {
        return "PoolKeys" + keys.keySet();
    }
}
