package dev.sanway.volume.thin;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Objects;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * What the extents of one slab hold, and which copies of its map pages are the durable ones. Pure state; who writes pages tells
 * it what became of them.
 *
 * <pre>
 *   DIRTY ── cleaning ──▶ CLEANING ── cleaned ──▶ CLEAN ── map ──▶ held by an extent of the volume
 *     ▲                                                                  │ free
 *     └─ released ── FREED ◀── durable ── FREEING ◀──────────────────────┘
 * </pre>
 *
 * An entry is <em>pending</em> from {@link #map} until a page that carries it is durable.
 */
final class SlabMap {
    /** May hold anything. */
    private static final int DIRTY = -1;
    /** Reads as zeroes, durably. */
    private static final int CLEAN = -2;
    /** Given up, and the page that says so is not durable yet. */
    private static final int FREEING = -3;
    /** Durably given up, but somebody may still be reading. */
    private static final int FREED = -4;
    /** Being zeroed. */
    private static final int CLEANING = -5;

    private final UUID slab;
    private final UUID volume;
    private final int[] states;
    private final long[] generations;
    private final long[] sequences;
    private final BitSet durableCopies = new BitSet();
    private final BitSet pending = new BitSet();
    private int dirty;
    private int clean;
    private int held;

    private SlabMap(UUID slab, UUID volume, int extents) {
        this.slab = slab;
        this.volume = volume;
        this.states = new int[extents];
        this.generations = new long[extents];
        this.sequences = new long[SlabFormat.pages(extents)];
        Arrays.fill(states, DIRTY);
        this.dirty = extents;
    }

    /** What reading a map came to. */
    sealed interface Loaded {
        record Read(SlabMap map) implements Loaded {}

        /** It cannot be used; {@code why} is for the operator. */
        record Unusable(String why) implements Loaded {}
    }

    /** The pages of a new slab's copy A, one after the other. */
    static byte[] format(UUID slab, UUID volume, int extents) {
        byte[] copy = new byte[SlabFormat.pages(extents) * SlabFormat.PAGE_BYTES];
        for (int page = 0; page < SlabFormat.pages(extents); page++) {
            byte[] bytes = MapPage.empty(slab, volume, page, 1).encode();
            System.arraycopy(bytes, 0, copy, page * SlabFormat.PAGE_BYTES, bytes.length);
        }
        return copy;
    }

    /** Reads a map from the pages of its two copies. */
    static Loaded load(UUID slab, UUID volume, int extents, byte[] copyA, byte[] copyB) {
        SlabMap map = new SlabMap(slab, volume, extents);
        for (int page = 0; page < map.sequences.length; page++) {
            MapPage.Found a = MapPage.decode(pageOf(copyA, page), slab, volume, page);
            MapPage.Found b = MapPage.decode(pageOf(copyB, page), slab, volume, page);
            for (MapPage.Found each : List.of(a, b)) {
                if (each instanceof MapPage.Found.Newer(int version)) {
                    return new Loaded.Unusable("its map has format " + version + ", this sanway knows "
                            + MapPage.FORMAT_VERSION + ": use the newer sanway");
                }
            }
            MapPage one = a instanceof MapPage.Found.Valid valid ? valid.page() : null;
            MapPage other = b instanceof MapPage.Found.Valid valid ? valid.page() : null;
            if (one == null && other == null) {
                return new Loaded.Unusable("both copies of page " + page + " of its map are damaged");
            }
            boolean second = one == null || (other != null && other.sequence() > one.sequence());
            map.adopt(page, second ? Objects.requireNonNull(other) : one, second);
        }
        return new Loaded.Read(map);
    }

    private static byte[] pageOf(byte[] copy, int page) {
        return Arrays.copyOfRange(copy, page * SlabFormat.PAGE_BYTES, (page + 1) * SlabFormat.PAGE_BYTES);
    }

    private void adopt(int number, @Nullable MapPage found, boolean second) {
        MapPage page = Objects.requireNonNull(found);
        sequences[number] = page.sequence();
        durableCopies.set(number, second);
        int first = number * MapPage.ENTRIES;
        for (int i = 0; i < MapPage.ENTRIES && first + i < states.length; i++) {
            long logical = page.logical()[i];
            if (logical >= 0 && logical <= Integer.MAX_VALUE) {
                states[first + i] = (int) logical;
                generations[first + i] = page.generations()[i];
                dirty--;
                held++;
            }
        }
    }

    UUID slab() {
        return slab;
    }

    int extents() {
        return states.length;
    }

    int pages() {
        return sequences.length;
    }

    int dirty() {
        return dirty;
    }

    int clean() {
        return clean;
    }

    /** How many hold an extent of the volume. */
    int held() {
        return held;
    }

    /** Nothing is in it, and nothing of it is on its way out. */
    boolean idle() {
        return dirty + clean == states.length;
    }

    /** The extent of the volume that it holds; negative if none. */
    int logical(int extent) {
        return states[extent];
    }

    long generation(int extent) {
        return generations[extent];
    }

    static int pageOf(int extent) {
        return extent / MapPage.ENTRIES;
    }

    /** Whether its entry is not known to be durable. */
    boolean pending(int extent) {
        return pending.get(extent);
    }

    // ---- changes

    private void expect(int extent, int state) {
        if (states[extent] != state) {
            throw new IllegalStateException(
                    "extent " + extent + " of slab " + slab + " is " + states[extent] + ", not " + state);
        }
    }

    /** A clean extent comes to hold one of the volume. */
    void map(int extent, int logical, long generation) {
        expect(extent, CLEAN);
        states[extent] = logical;
        generations[extent] = generation;
        pending.set(extent);
        clean--;
        held++;
    }

    /** It holds it no more; to be made durable. */
    void free(int extent) {
        if (states[extent] < 0) {
            throw new IllegalStateException("extent " + extent + " of slab " + slab + " holds nothing");
        }
        states[extent] = FREEING;
        pending.clear(extent);
        held--;
    }

    /** What was freed is durably so, and nobody uses it any more. */
    void released(int extent) {
        expect(extent, FREED);
        states[extent] = DIRTY;
        generations[extent] = 0;
        dirty++;
    }

    /** A run of extents. */
    record Run(int first, int count) {}

    /** Takes the first run of dirty extents from {@code from} on to be zeroed, of at most {@code most}; null if there is none. */
    @Nullable
    Run cleaning(int from, int most) {
        for (int first = from; first < states.length && dirty > 0; first++) {
            if (states[first] == DIRTY) {
                int end = first;
                while (end < states.length && end - first < most && states[end] == DIRTY) {
                    states[end++] = CLEANING;
                }
                dirty -= end - first;
                return new Run(first, end - first);
            }
        }
        return null;
    }

    /** They were zeroed durably, or they were not. */
    void cleaned(Run run, boolean done) {
        for (int extent = run.first(); extent < run.first() + run.count(); extent++) {
            expect(extent, CLEANING);
            states[extent] = done ? CLEAN : DIRTY;
        }
        if (done) {
            clean += run.count();
        } else {
            dirty += run.count();
        }
    }

    /** A clean extent from {@code from} on, or else the first; -1 if there is none. */
    int nextClean(int from) {
        if (clean == 0) {
            return -1;
        }
        for (int i = 0; i < states.length; i++) {
            int extent = (from + i) % states.length;
            if (states[extent] == CLEAN) {
                return extent;
            }
        }
        return -1;
    }

    // ---- pages

    /** What a write of a page carries: told to {@link #durable} when it was done. */
    record Snapshot(int page, long sequence, int copy, byte[] bytes, BitSet carried, List<Integer> freed) {}

    /** The page as it is now, for the copy that is not the durable one. */
    Snapshot snapshot(int page) {
        long[] logical = new long[MapPage.ENTRIES];
        long[] generation = new long[MapPage.ENTRIES];
        Arrays.fill(logical, MapPage.NONE);
        BitSet carried = new BitSet();
        List<Integer> freed = new ArrayList<>();
        int first = page * MapPage.ENTRIES;
        for (int i = 0; i < MapPage.ENTRIES && first + i < states.length; i++) {
            int state = states[first + i];
            if (state >= 0) {
                logical[i] = state;
                generation[i] = generations[first + i];
                if (pending.get(first + i)) {
                    carried.set(first + i);
                }
            } else if (state == FREEING) {
                freed.add(first + i);
            }
        }
        long sequence = ++sequences[page];
        int copy = durableCopies.get(page) ? 0 : 1;
        MapPage encoded = new MapPage(slab, volume, page, sequence, logical, generation);
        return new Snapshot(page, sequence, copy, encoded.encode(), carried, freed);
    }

    /** A snapshot is on the medium; tells what is durably freed by it. */
    List<Integer> durable(Snapshot snapshot) {
        durableCopies.set(snapshot.page(), snapshot.copy() == 1);
        pending.andNot(snapshot.carried());
        snapshot.freed().forEach(extent -> {
            expect(extent, FREEING);
            states[extent] = FREED;
        });
        return snapshot.freed();
    }
}
