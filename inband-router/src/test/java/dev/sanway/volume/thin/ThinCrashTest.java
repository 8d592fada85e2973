package dev.sanway.volume.thin;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sanway.block.BlockDevice;
import dev.sanway.block.BlockFailure;
import dev.sanway.block.BlockOutcome;
import dev.sanway.block.BlockRange;
import dev.sanway.block.BlockRequest;
import dev.sanway.block.CheckedDevice;
import dev.sanway.block.Identity;
import dev.sanway.block.OrderedDevice;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.util.concurrent.DefaultEventExecutor;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Random requests, many at once, on a thin volume whose gateway is killed and whose units lose power at any moment, beside a
 * model that knows what each block may hold. A failure names its seed ({@code -Dsanway.seed=N} repeats it,
 * {@code -Dsanway.thinSeeds=N} runs more).
 *
 * <p>What must hold: an acknowledged write survives a killed gateway; one that is flushed or was made with FUA survives a loss of
 * power; what was unmapped and acknowledged reads as zeroes afterwards; no block ever shows what another left behind.
 */
class ThinCrashTest {
    private static final int BLOCK = 512;
    private static final int EXTENT_BLOCKS = SlabFormat.EXTENT_BYTES / BLOCK;
    private static final int EXTENTS = 7;
    private static final int BLOCKS = EXTENTS * EXTENT_BLOCKS - 100;
    private static final int UNKNOWN = 0xeeeeeeee;

    /**
     * @param failures how often a request to a unit is lost on its way there or back
     * @param moves whether slabs move meanwhile
     */
    @ParameterizedTest
    @CsvSource({"200, 0, false", "200, 0.02, false", "100, 0.15, false", "20, 0, true", "15, 0.002, true"})
    void nothingIsLostAndNothingOldIsShown(int seeds, double failures, boolean moves) throws Exception {
        int runs = Integer.getInteger("sanway.thinSeeds", seeds);
        Long only = Long.getLong("sanway.seed");
        Random choice = new Random();
        Totals totals = new Totals();
        for (int i = 0; i < (only == null ? runs : 1); i++) {
            long seed = only == null ? choice.nextLong() : only;
            try {
                new Life(new Random(seed), failures, moves, totals).live();
            } catch (ExecutionException | TimeoutException failure) {
                throw new AssertionError("seed " + seed + ", failures " + failures + ", moves " + moves, failure);
            }
        }
        System.out.println("thin volumes: " + runs + " seeds, " + totals);
        if (only == null) {
            assertThat(totals.kills).isPositive();
            assertThat(totals.powerLosses).isPositive();
            if (!moves) {
                assertThat(totals.lost)
                        .as("blocks that lost something unflushed, or the test shows nothing")
                        .isPositive();
            }
            assertThat(totals.unmaps).isPositive();
            if (!moves) {
                assertThat(totals.givenBack)
                        .as("slabs that went back to the pool")
                        .isPositive();
            }
            assertThat(totals.outOfSpace)
                    .as("writes for which there was no space")
                    .isPositive();
            if (moves) {
                assertThat(totals.moves.moved).as("slabs that moved").isGreaterThan(runs / 2);
                assertThat(totals.moves.resumed).isPositive();
                assertThat(totals.moves.givenUp).isPositive();
            }
        }
    }

    private static final class Totals {
        final RandomMoves.Totals moves = new RandomMoves.Totals();
        int kills;
        int powerLosses;
        int lost;
        int writes;
        int unmaps;
        int failed;
        int outOfSpace;
        int givenBack;

        @Override
        public String toString() {
            return kills + " kills, " + powerLosses + " losses of power, " + writes + " writes, " + unmaps + " unmaps, "
                    + failed + " failed requests, " + outOfSpace + " without space, " + givenBack
                    + " slabs given back, " + lost + " blocks lost what was not flushed, " + moves;
        }
    }

    /** What one block may hold: the last is what it holds if nothing happens. */
    private static final class Cell {
        /** Values with the moment at which each was acknowledged; the first is durable. */
        private final ArrayDeque<long[]> acknowledged = new ArrayDeque<>(List.of(new long[] {0, 0}));
        /** Values on their way: their number of requests. Also those whose request failed: they may have landed. */
        private final Map<Integer, Integer> underWay = new HashMap<>();

        private final Set<Integer> doubtful = new HashSet<>();

        void begins(int value) {
            underWay.merge(value, 1, Integer::sum);
        }

        void ends(int value) {
            underWay.computeIfPresent(value, (_, count) -> count == 1 ? null : count - 1);
        }

        void done(int value, long moment, boolean durable) {
            ends(value);
            if (durable) {
                acknowledged.clear();
            } else {
                // What failed may be on the medium, where this one is not yet.
                doubtful.forEach(old -> acknowledged.add(new long[] {old, moment}));
            }
            doubtful.clear();
            acknowledged.add(new long[] {value, moment});
        }

        void failed(int value) {
            ends(value);
            doubtful.add(value);
        }

        void flushed(long moment) {
            while (acknowledged.size() > 1) {
                long[] first = acknowledged.removeFirst();
                if (acknowledged.getFirst()[1] > moment) {
                    acknowledged.addFirst(first);
                    return;
                }
            }
        }

        boolean mayShow(int value, boolean powerWasLost) {
            if (underWay.containsKey(value)
                    || doubtful.contains(value)
                    || acknowledged.getLast()[0] == value) {
                return true;
            }
            return powerWasLost && acknowledged.stream().anyMatch(each -> each[0] == value);
        }

        /** It was looked at when nothing was under way. */
        void is(int value, long moment, boolean powerWasLost) {
            if (powerWasLost) {
                acknowledged.clear();
            } else {
                doubtful.addAll(underWay.keySet());
                doubtful.forEach(old -> acknowledged.add(new long[] {old, moment}));
            }
            if (acknowledged.isEmpty() || acknowledged.getLast()[0] != value) {
                acknowledged.add(new long[] {value, moment});
            }
            underWay.clear();
            doubtful.clear();
        }
    }

    /** A volume and its units through several lives of its gateway. All of it runs on the loop, so that a seed tells everything. */
    private static final class Life {
        /** Its own: what timers of gateways that were killed hold goes with it. */
        private final DefaultEventExecutor loop = new DefaultEventExecutor();

        private final Random random;
        private final double failures;
        private final boolean moving;
        private final Totals totals;
        private final Map<UUID, Set<SlabPool.Place>> past = RandomMoves.noPast();
        private final SlabPool pool;
        private final Cell[] cells = new Cell[BLOCKS];
        private final CompletableFuture<Boolean> end = new CompletableFuture<>();
        private UnstableDevice.Kill kill = new UnstableDevice.Kill();
        private BlockDevice volume;
        private RandomMoves moves;
        private long moment;
        private int value;
        private int underWay;
        private int lives;
        private int steps;
        private int patience;

        Life(Random random, double failures, boolean moving, Totals totals) throws InterruptedException {
            this.random = random;
            this.failures = failures;
            this.moving = moving;
            this.totals = totals;
            for (int i = 0; i < BLOCKS; i++) {
                cells[i] = new Cell();
            }
            // Room for all extents or for some only.
            int slabMib = 2 + random.nextInt(3);
            int places = random.nextBoolean() ? 8 : 2;
            this.pool = new SlabPool(loop, BLOCK, 2, places / 2, slabMib);
            pool.keepsAll = moving && random.nextBoolean();
            this.volume = pool.units.getFirst();
            this.moves = moves(part -> part);
        }

        private RandomMoves moves(UnaryOperator<BlockDevice> way) {
            return new RandomMoves(pool, random, way, kill, this::later, totals.moves, past);
        }

        void live() throws InterruptedException, ExecutionException, TimeoutException {
            try {
                loop.execute(guarded(this::begin));
                end.get(60, TimeUnit.SECONDS);
            } finally {
                loop.shutdownGracefully(0, 5, TimeUnit.SECONDS);
            }
        }

        private Runnable guarded(Runnable action) {
            return () -> {
                if (end.isDone()) {
                    return;
                }
                try {
                    action.run();
                } catch (Throwable failure) {
                    end.completeExceptionally(failure);
                }
            };
        }

        private void begin() {
            kill = new UnstableDevice.Kill();
            UnstableDevice.Kill mine = kill;
            double chance = lives == 3 ? 0 : failures;
            UnaryOperator<BlockDevice> way = part -> new CheckedDevice(new UnstableDevice(part, random, mine, chance));
            volume = new CheckedDevice(new OrderedDevice(new ThinDevice(
                    new Identity(SlabPool.VOLUME, "thin"),
                    BLOCK,
                    BLOCKS,
                    4096,
                    new ThinDevice.Parts(
                            loop, pool.slabs(way), pool.source(way, mine), SlabPool::zero, new Turns(3), 0))));
            steps = 30 + random.nextInt(120);
            patience = moving && random.nextInt(3) > 0 ? 40_000 : 0;
            moves = moves(way);
            moves.begin();
            verify(0);
        }

        // ---- looking

        /** Everything there is, extent by extent, then what it is is known. */
        private void verify(int lba) {
            if (lba >= BLOCKS) {
                if (++lives > 4) {
                    totals.givenBack += pool.givenBack;
                    end.complete(true);
                } else {
                    step();
                }
                return;
            }
            int count = Math.min(2048, BLOCKS - lba);
            volume.submit(
                    new BlockRequest.Read(lba, count, false),
                    outcome -> guarded(() -> {
                                if (!(outcome instanceof BlockOutcome.Data(ByteBuf bytes))) {
                                    // Lost on its way: once more.
                                    loop.execute(guarded(() -> verify(lba)));
                                    return;
                                }
                                look(lba, count, bytes);
                                loop.execute(guarded(() -> verify(lba + count)));
                            })
                            .run());
        }

        private void look(int lba, int count, ByteBuf bytes) {
            for (int i = 0; i < count; i++) {
                Cell cell = cells[lba + i];
                int first = bytes.getInt(bytes.readerIndex() + i * BLOCK);
                int last = bytes.getInt(bytes.readerIndex() + (i + 1) * BLOCK - 4);
                int found = first == last ? first : UNKNOWN;
                if (!cell.mayShow(found, true) || (!powerWasLost && !cell.mayShow(found, false))) {
                    throw new AssertionError("block " + (lba + i) + " shows " + Integer.toHexString(found) + ", life "
                            + lives + ", last acknowledged " + cell.acknowledged.getLast()[0] + ", on their way "
                            + cell.underWay.keySet() + ", in doubt " + cell.doubtful + ", power was lost: "
                            + powerWasLost);
                }
                if (found != cell.acknowledged.getLast()[0] && cell.underWay.isEmpty() && cell.doubtful.isEmpty()) {
                    totals.lost++;
                }
                cell.is(found, moment, powerWasLost);
            }
            bytes.release();
        }

        private boolean powerWasLost;

        // ---- living

        private void step() {
            if (steps-- <= 0) {
                if (moves.underWay() && patience-- > 0) {
                    // To the end of what moves, where many blocks are flushed one after the other.
                    if (patience % 100 == 0) {
                        request();
                    }
                    later(1, this::step);
                } else {
                    die();
                }
                return;
            }
            if (failures == 0 && !moving && random.nextInt(400) == 0) {
                empty();
                return;
            }
            if (moving) {
                moves.step();
            }
            int burst = 1 + random.nextInt(3);
            for (int i = 0; i < burst && underWay < 16; i++) {
                request();
            }
            int pause = random.nextInt(8);
            later(pause, this::step);
        }

        private void later(int turns, Runnable action) {
            loop.execute(guarded(turns == 0 ? action : () -> later(turns - 1, action)));
        }

        private int hotLba() {
            int extent = random.nextInt(EXTENTS);
            int within = switch (random.nextInt(3)) {
                case 0 -> random.nextInt(8);
                case 1 -> 1000 + random.nextInt(8);
                default -> EXTENT_BLOCKS - 8 + random.nextInt(8);
            };
            return Math.min(extent * EXTENT_BLOCKS + within, BLOCKS - 1);
        }

        private void request() {
            int lba = hotLba();
            int count = Math.min(1 + random.nextInt(random.nextInt(8) == 0 ? 3000 : 12), BLOCKS - lba);
            switch (random.nextInt(12)) {
                case 0, 1 -> {
                    if (moving && random.nextBoolean()) {
                        unmapParts(lba, count);
                    } else {
                        unmap();
                    }
                }
                case 2 -> zeroes(lba, count);
                case 3 -> flush();
                case 4 -> read(lba, count);
                default -> write(lba, count);
            }
        }

        private void change(BlockRequest request, int what, List<BlockRange> ranges, boolean durable) {
            each(ranges, cell -> cell.begins(what));
            submit(request, outcome -> {
                if (outcome instanceof BlockOutcome.Failed(BlockFailure failure)) {
                    totals.failed++;
                    totals.outOfSpace += failure instanceof BlockFailure.OutOfSpace ? 1 : 0;
                    if (failures == 0 && !(failure instanceof BlockFailure.OutOfSpace)) {
                        throw new AssertionError("failed without reason: " + failure);
                    }
                    each(ranges, cell -> cell.failed(what));
                } else {
                    moment++;
                    each(ranges, cell -> cell.done(what, moment, durable));
                }
            });
        }

        /** Nobody hears of what a killed gateway would have said. */
        private void submit(BlockRequest request, Consumer<BlockOutcome> told) {
            UnstableDevice.Kill mine = kill;
            underWay++;
            volume.submit(request, outcome -> {
                if (mine.killed) {
                    BlockOutcome.release(outcome);
                } else {
                    guarded(() -> {
                                underWay--;
                                told.accept(outcome);
                            })
                            .run();
                }
            });
        }

        private void each(List<BlockRange> ranges, Consumer<Cell> action) {
            for (BlockRange range : ranges) {
                for (long lba = range.lba(); lba < range.end(); lba++) {
                    action.accept(cells[(int) lba]);
                }
            }
        }

        private void write(int lba, int count) {
            totals.writes++;
            int what = ++value;
            byte[] bytes = new byte[count * BLOCK];
            java.nio.ByteBuffer into = java.nio.ByteBuffer.wrap(bytes);
            while (into.hasRemaining()) {
                into.putInt(what);
            }
            boolean force = random.nextInt(4) == 0;
            change(
                    new BlockRequest.Write(lba, count, Unpooled.wrappedBuffer(bytes), force),
                    what,
                    List.of(new BlockRange(lba, count)),
                    force);
        }

        private void zeroes(int lba, int count) {
            BlockRange range = random.nextBoolean() ? extents() : new BlockRange(lba, count);
            boolean mayUnmap = random.nextBoolean();
            boolean force = random.nextBoolean();
            change(
                    new BlockRequest.WriteZeroes(range.lba(), range.blockCount(), mayUnmap, force),
                    0,
                    List.of(range),
                    force);
        }

        private BlockRange extents() {
            int first = random.nextInt(EXTENTS);
            int count = 1 + random.nextInt(Math.min(3, EXTENTS - first));
            long from = (long) first * EXTENT_BLOCKS;
            return new BlockRange(from, Math.min(BLOCKS, from + (long) count * EXTENT_BLOCKS) - from);
        }

        private void unmap() {
            totals.unmaps++;
            List<BlockRange> ranges = new ArrayList<>(List.of(extents()));
            if (random.nextBoolean()) {
                BlockRange other = extents();
                if (!other.overlaps(ranges.getFirst())) {
                    ranges.add(other);
                }
            }
            // Whole extents that were unmapped are durably so.
            change(new BlockRequest.Unmap(ranges), 0, ranges, true);
        }

        /**
         * Everything at once, and a pause: so small a volume gives slabs back only when it holds nothing. Where requests are lost that comes
         * about by itself; where none is, with two of a hundred seeds.
         */
        private void empty() {
            totals.unmaps++;
            List<BlockRange> all = List.of(new BlockRange(0, BLOCKS));
            change(new BlockRequest.Unmap(all), 0, all, true);
            later(200, this::step);
        }

        /** Parts of extents read as zeroes, too, whatever the units do with an unmap; not durably so. */
        private void unmapParts(int lba, int count) {
            totals.unmaps++;
            List<BlockRange> ranges = List.of(new BlockRange(lba, count));
            change(new BlockRequest.Unmap(ranges), 0, ranges, false);
        }

        private void flush() {
            long from = moment;
            submit(new BlockRequest.Flush(0, 0), outcome -> {
                if (outcome instanceof BlockOutcome.Done) {
                    for (Cell cell : cells) {
                        cell.flushed(from);
                    }
                }
            });
        }

        /** While others are under way only what was never there is a mistake. */
        private void read(int lba, int count) {
            List<Set<Integer>> before = new ArrayList<>();
            int written = value;
            for (int i = 0; i < count; i++) {
                Set<Integer> may = new HashSet<>(cells[lba + i].underWay.keySet());
                may.addAll(cells[lba + i].doubtful);
                may.add((int) cells[lba + i].acknowledged.getLast()[0]);
                before.add(may);
            }
            submit(new BlockRequest.Read(lba, count, false), outcome -> {
                if (outcome instanceof BlockOutcome.Data(ByteBuf bytes)) {
                    for (int i = 0; i < count; i++) {
                        int found = bytes.getInt(bytes.readerIndex() + i * BLOCK);
                        boolean fine = before.get(i).contains(found)
                                || cells[lba + i].mayShow(found, false)
                                // Something may have come and gone while the read was on its way.
                                || (found > written && found <= value)
                                || found == 0;
                        if (!fine) {
                            throw new AssertionError("block " + (lba + i) + " was read as " + found + ", may be "
                                    + before.get(i) + " or one written since");
                        }
                    }
                    bytes.release();
                }
            });
        }

        // ---- dying

        private void die() {
            kill.killed = true;
            totals.kills++;
            underWay = 0;
            powerWasLost = random.nextBoolean();
            if (powerWasLost) {
                totals.powerLosses++;
                pool.units.forEach(unit -> unit.losePower(random, 0.5));
            }
            settle();
        }

        /** What the killed gateway had sent lands, or is gone: as sessions are reinstated before anything else. */
        private void settle() {
            if (kill.underWay > 0) {
                loop.execute(guarded(this::settle));
                return;
            }
            pool.units.forEach(unit -> unit.restorePower());
            later(10, this::begin);
        }
    }
}
