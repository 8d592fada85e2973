package dev.sanway.volume.thin;

import dev.sanway.block.BlockDevice;
import dev.sanway.volume.MovingSlab;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.function.UnaryOperator;

/**
 * Moves a volume's slabs from place to place as a seed has it, in one life of a gateway: what {@code PartitionMoves} does. What would be
 * in the store is the pool's. On the loop.
 */
final class RandomMoves {
    /** Through all lives. */
    static final class Totals {
        int moved;
        int givenUp;
        /** Begun in an earlier life. */
        int resumed;
        /** To where the slab had been before. */
        int back;
        /** Ended because the slab was given back. */
        int overtaken;

        @Override
        public String toString() {
            return moved + " slabs moved, " + back + " of them back to where they had been, " + givenUp
                    + " moves given up, " + resumed + " begun anew after a kill, " + overtaken
                    + " slabs given back meanwhile";
        }
    }

    interface Later {
        void run(int turns, Runnable action);
    }

    private final SlabPool pool;
    private final Random random;
    private final UnaryOperator<BlockDevice> way;
    private final UnstableDevice.Kill kill;
    private final Later later;
    private final Totals totals;
    /** Where each slab was, through all lives. */
    private final Map<UUID, Set<SlabPool.Place>> past;

    private final Map<UUID, Move> moves = new LinkedHashMap<>();
    private final Set<UUID> leaving = new HashSet<>();

    RandomMoves(
            SlabPool pool,
            Random random,
            UnaryOperator<BlockDevice> way,
            UnstableDevice.Kill kill,
            Later later,
            Totals totals,
            Map<UUID, Set<SlabPool.Place>> past) {
        this.pool = pool;
        this.random = random;
        this.way = way;
        this.kill = kill;
        this.later = later;
        this.totals = totals;
        this.past = past;
        pool.beforeGivingBack = this::leave;
    }

    /** A life begins: nothing of the one before is under way any more. Its moves begin anew, or are given up. */
    void begin() {
        pool.free.addAll(pool.leaving);
        pool.leaving.clear();
        for (Map.Entry<UUID, SlabPool.Place> move : new LinkedHashMap<>(pool.copying).entrySet()) {
            if (random.nextInt(3) > 0) {
                totals.resumed++;
                start(move.getKey(), move.getValue());
            } else {
                pool.copying.remove(move.getKey());
                pool.free.add(move.getValue());
            }
        }
    }

    /** Perhaps begins to move something, perhaps ends that. */
    void step() {
        List<UUID> still = new ArrayList<>(pool.parts.keySet());
        still.removeAll(moves.keySet());
        still.removeAll(leaving);
        if (!still.isEmpty() && !pool.free.isEmpty() && random.nextInt(6) == 0) {
            UUID slab = still.get(random.nextInt(still.size()));
            SlabPool.Place to = pool.free.remove(random.nextInt(pool.free.size()));
            pool.copying.put(slab, to);
            start(slab, to);
        }
        if (!moves.isEmpty() && random.nextInt(200) == 0) {
            moves.values().iterator().next().stop();
        }
    }

    boolean underWay() {
        return !moves.isEmpty();
    }

    private void start(UUID slab, SlabPool.Place to) {
        Move move = new Move(slab, Objects.requireNonNull(pool.taken.get(slab)), to);
        moves.put(slab, move);
        soon(move::copy);
    }

    private void soon(Runnable action) {
        later.run(random.nextInt(12), () -> {
            if (!kill.killed) {
                action.run();
            }
        });
    }

    /** The slab is given back: what moves it ends first. */
    private CompletableFuture<Void> leave(UUID slab) {
        leaving.add(slab);
        Move move = moves.get(slab);
        if (move == null) {
            return CompletableFuture.completedFuture(null);
        }
        totals.overtaken++;
        move.stop();
        return move.end;
    }

    private final class Move {
        private final UUID slab;
        private final SlabPool.Place from;
        private final SlabPool.Place to;
        private final CompletableFuture<Void> end = new CompletableFuture<>();
        private boolean begun;
        private boolean stopped;
        private boolean deciding;

        Move(UUID slab, SlabPool.Place from, SlabPool.Place to) {
            this.slab = slab;
            this.from = from;
            this.to = to;
        }

        private MovingSlab part() {
            return Objects.requireNonNull(pool.parts.get(slab));
        }

        void stop() {
            if (!stopped && !deciding) {
                stopped = true;
                soon(this::giveUp);
            }
        }

        private void copy() {
            if (stopped) {
                return;
            }
            begun = true;
            part().begin(pool.window(slab, from, way), pool.window(slab, to, way));
            part().failed().thenRun(this::stop);
            attempt();
        }

        private void attempt() {
            part().inStep()
                    .thenRun(() -> soon(() -> {
                        if (!stopped) {
                            part().hold().thenAccept(held -> soon(() -> held(held)));
                        }
                    }));
        }

        private void held(boolean held) {
            if (stopped) {
                return;
            }
            if (!held) {
                attempt();
            } else if (random.nextInt(6) == 0) {
                part().goOn();
                attempt();
            } else {
                deciding = true;
                soon(this::commit);
            }
        }

        private void commit() {
            pool.taken.put(slab, to);
            pool.copying.remove(slab);
            pool.leaving.add(from);
            totals.moved++;
            past.computeIfAbsent(slab, _ -> new HashSet<>()).add(from);
            totals.back += past.getOrDefault(slab, Set.of()).contains(to) ? 1 : 0;
            soon(() -> left(from, part().takeOver()));
        }

        private void giveUp() {
            pool.copying.remove(slab);
            pool.leaving.add(to);
            totals.givenUp++;
            left(to, begun ? part().giveUp() : CompletableFuture.completedFuture(null));
        }

        /** Its place is free when nothing is under way there. */
        private void left(SlabPool.Place place, CompletableFuture<Void> quiet) {
            moves.remove(slab);
            end.complete(null);
            quiet.thenRun(() -> {
                if (!kill.killed) {
                    pool.leaving.remove(place);
                    pool.free.add(place);
                }
            });
        }
    }

    static Map<UUID, Set<SlabPool.Place>> noPast() {
        return new HashMap<>();
    }
}
