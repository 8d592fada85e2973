package dev.sanway.volume;

import static dev.sanway.block.BlockOutcome.DONE;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sanway.block.BlockDevice;
import dev.sanway.block.BlockFailure;
import dev.sanway.block.BlockOperation;
import dev.sanway.block.BlockOutcome;
import dev.sanway.block.BlockRange;
import dev.sanway.block.BlockRequest;
import dev.sanway.block.CheckedDevice;
import dev.sanway.block.Identity;
import dev.sanway.block.OrderedDevice;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.embedded.EmbeddedChannel;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/**
 * A host writes, reads, flushes and cancels while its part is copied and switched, on disks that fail, hang and lose power as a seed
 * has it. After every read the block is known: it may not become what it was before. {@code -Dsanway.moveSeeds=N} for more seeds,
 * {@code -Dsanway.moveSeed=S} for one.
 */
class PartCopySimulationTest {
    private static final int WINDOW_BLOCKS = MovingDevice.WINDOW_BYTES / SimulatedDisk.BLOCK_BYTES;
    private static final int WINDOWS = 4;
    /** The last window is not a whole one. */
    private static final int BLOCKS = WINDOWS * WINDOW_BLOCKS - 100;

    /** Where another's partition lies on the target's disk. */
    private static final int BEFORE = 64;

    private static final long FOREIGN = -1;
    private static final int STEPS = 2500;

    @Test
    void hostsNeverSeeABlockGoBackAndBothAreEqualAtTheSwitch() {
        Long one = Long.getLong("sanway.moveSeed");
        int moved = 0;
        int seeds = Integer.getInteger("sanway.moveSeeds", 300);
        for (long seed = one == null ? 1 : one; seed <= (one == null ? seeds : one); seed++) {
            try {
                moved += new Run(seed).run() ? 1 : 0;
            } catch (RuntimeException | AssertionError failure) {
                throw new AssertionError("-Dsanway.moveSeed=" + seed + ": " + failure.getMessage(), failure);
            }
        }
        if (one == null) {
            assertThat(moved).as("moves that came to their end").isBetween(seeds / 4, seeds);
        }
    }

    /** What is known of a block. */
    private static final class Block {
        /** What it may be now. */
        Set<Long> may = new HashSet<>(Set.of(0L));
        /** What it may have been since it was last known to be on the medium. */
        Set<Long> sinceFlush = new HashSet<>(Set.of(0L));

        int changing;
        long changes;

        void mayBe(long value) {
            may.add(value);
            sinceFlush.add(value);
        }
    }

    private static final class Run {
        private final Random random;
        private final EmbeddedChannel channel = new EmbeddedChannel();
        private long nanos;
        private final SimulatedDisk source;
        private final SimulatedDisk targetDisk;
        private final Block[] blocks = new Block[BLOCKS];
        private final MovablePart part;
        private final BlockDevice host;
        private final MovePace pace = new MovePace(2_000_000_000);
        private final BlockDevice target;
        private PartCopy copy;
        private final List<CompletableFuture<Boolean>> holds = new ArrayList<>();
        private int inFlight;
        private long stamp;
        /** So many times power was lost with what the host had been told was done. */
        private int losses;

        private int lossesTold;
        private boolean taken;
        private boolean calm;
        /** The store was told that the part is moved. */
        private boolean deciding;
        /** It is being given up. */
        private boolean leaving;
        /** What every block was when both were said to be equal, and nothing to change. */
        private long[] whenHeld = {};
        /** What was found wrong first: devices and futures keep to themselves what is thrown into them. */
        private @Nullable Throwable wrong;

        Run(long seed) {
            random = new Random(seed);
            channel.freezeTime();
            source = new SimulatedDisk(channel.eventLoop(), random, "source", BLOCKS, 0);
            targetDisk = new SimulatedDisk(channel.eventLoop(), random, "target", BEFORE + BLOCKS + 10, FOREIGN);
            for (int i = 0; i < BLOCKS; i++) {
                blocks[i] = new Block();
            }
            part = new MovablePart(window(source, 0), MovablePart.Above.HOSTS);
            host = new CheckedDevice(new OrderedDevice(part));
            target = window(targetDisk, BEFORE);
            copy = new PartCopy(part, window(source, 0), target, () -> true, pace, () -> nanos);
        }

        private static BlockDevice window(SimulatedDisk disk, long first) {
            return new PartitionDevice(disk, new Identity(UUID.randomUUID(), "window"), first, BLOCKS);
        }

        private void turn() {
            long micros = random.nextInt(20) == 0 ? random.nextInt(20_000) : random.nextInt(300);
            channel.advanceTimeBy(micros, TimeUnit.MICROSECONDS);
            nanos += micros * 1000;
            channel.runPendingTasks();
            check(() -> assertThat(part.device().equals(target) && !deciding)
                    .as("the part is at P' though the store has not decided so")
                    .isFalse());
            if (wrong != null) {
                throw new AssertionError(wrong.getMessage(), wrong);
            }
        }

        private void check(Runnable assertion) {
            try {
                assertion.run();
            } catch (AssertionError | RuntimeException failure) {
                wrong = wrong == null ? failure : wrong;
            }
        }

        private void until(String what, java.util.function.BooleanSupplier done) {
            for (int i = 0; !done.getAsBoolean(); i++) {
                assertThat(i).as("never: " + what).isLessThan(400_000);
                turn();
            }
        }

        /** Whether the part was moved. */
        boolean run() {
            boolean troubles = random.nextInt(4) > 0;
            source.failureChance = troubles && random.nextBoolean() ? 0.02 : 0;
            targetDisk.failureChance = troubles && random.nextInt(3) == 0 ? 0.002 : 0;
            int before = random.nextInt(300);
            int hangAt = troubles && random.nextInt(6) == 0 ? random.nextInt(STEPS) : -1;
            int deadAt = troubles && random.nextInt(6) == 0 ? random.nextInt(STEPS) : -1;
            int cancelAt = random.nextInt(6) == 0 ? before + 1 + random.nextInt(STEPS) : -1;
            double lossChance = troubles && random.nextBoolean() ? 0.0005 : 0;
            CompletableFuture<String> decided = new CompletableFuture<>();
            for (int step = 0; step < STEPS || !decided.isDone(); step++) {
                assertThat(step).as("it is never decided").isLessThan(100 * STEPS);
                if (step == before) {
                    channel.eventLoop().execute(copy::start);
                    control(decided);
                }
                calm = step > STEPS;
                if (calm) {
                    source.failureChance = 0;
                } else {
                    hostDoes();
                    trouble(step, hangAt, deadAt, lossChance);
                }
                if (step == cancelAt && !decided.isDone()) {
                    leave(decided, "cancelled");
                }
                turn();
            }
            finish(decided);
            return taken;
        }

        private void trouble(int step, int hangAt, int deadAt, double lossChance) {
            if (step == hangAt && !taken) {
                targetDisk.hangs = true;
            }
            if (step == deadAt && !taken) {
                targetDisk.dead = true;
            }
            if (random.nextDouble() < lossChance) {
                lose(random.nextBoolean() ? source : targetDisk);
            }
        }

        private boolean truth(SimulatedDisk disk) {
            return taken == disk.equals(targetDisk);
        }

        private void lose(SimulatedDisk disk) {
            int lost = disk.losePower();
            if (truth(disk) && lost > 0) {
                losses++;
                for (Block block : blocks) {
                    block.may.addAll(block.sinceFlush);
                    block.changes++;
                }
            }
        }

        // ---- what PartitionMoves does

        private void control(CompletableFuture<String> decided) {
            copy.failed().thenAccept(why -> leave(decided, why));
            attempt(decided);
        }

        private void attempt(CompletableFuture<String> decided) {
            copy.inStep()
                    .thenRun(() -> later(() -> {
                        if (!decided.isDone()) {
                            CompletableFuture<Boolean> hold = copy.hold();
                            holds.add(hold);
                            hold.thenAccept(held -> {
                                if (!held) {
                                    later(() -> attempt(decided));
                                } else {
                                    whenHeld = source.now.clone();
                                    check(() -> equal("while held"));
                                    later(() -> commit(decided));
                                }
                            });
                        }
                    }));
        }

        private void later(Runnable action) {
            var _ = channel.eventLoop().schedule(action, random.nextInt(3000), TimeUnit.MICROSECONDS);
        }

        private void commit(CompletableFuture<String> decided) {
            if (decided.isDone() || leaving) {
                return;
            }
            check(() -> equal("before the commit"));
            if (random.nextInt(8) == 0) {
                copy.goOn();
                later(() -> attempt(decided));
            } else {
                deciding = true;
                channel.eventLoop().execute(() -> {
                    check(() -> equal("at the switch"));
                    taken = true;
                });
                copy.takeOver().thenRun(() -> {
                    check(() -> assertThat(source.underWay)
                            .as("under way at the source that was left")
                            .isZero());
                    decided.complete("moved");
                });
            }
        }

        /** P and P', block by block, against the model of what hosts wrote, and against each other. */
        private void equal(String when) {
            for (int i = 0; i < BLOCKS; i++) {
                long truth = source.now[i];
                if (!blocks[i].may.contains(truth)) {
                    throw new AssertionError(
                            "block " + i + " " + when + ": P has " + truth + ", in the model are " + blocks[i].may);
                }
                same(i, when, "P when it was held", whenHeld[i]);
                same(i, when, "P'", targetDisk.now[BEFORE + i]);
                same(i, when, "the medium of P'", targetDisk.durable[BEFORE + i]);
                same(i, when, "the medium of P", source.durable[i]);
            }
        }

        private void same(int block, String when, String where, long found) {
            if (found != source.now[block]) {
                throw new AssertionError(
                        "block " + block + " " + when + ": P has " + source.now[block] + ", " + where + " " + found);
            }
        }

        private void leave(CompletableFuture<String> decided, String why) {
            if (deciding) {
                return;
            }
            leaving = true;
            copy.giveUp(why).thenRun(() -> {
                check(() -> assertThat(targetDisk.underWay)
                        .as("under way at the target that was left")
                        .isZero());
                decided.complete(why);
            });
            // What hangs there may do so for long; hosts have nothing to do with it.
            var _ = channel.eventLoop().schedule(targetDisk::wake, 8, TimeUnit.SECONDS);
        }

        // ---- the host

        private void hostDoes() {
            if (inFlight > 8 || random.nextInt(3) == 0) {
                return;
            }
            int lba = random.nextInt(BLOCKS);
            int count = Math.min(BLOCKS - lba, 1 + (random.nextInt(4) == 0 ? random.nextInt(400) : random.nextInt(8)));
            switch (random.nextInt(12)) {
                case 0, 1, 2, 3, 4 -> change(write(lba, count, ++stamp), lba, count, stamp);
                case 5 ->
                    change(
                            new BlockRequest.WriteZeroes(lba, count, random.nextBoolean(), random.nextBoolean()),
                            lba,
                            count,
                            0);
                case 6 -> change(new BlockRequest.Unmap(List.of(new BlockRange(lba, count))), lba, count, 0);
                case 7, 8, 9, 10 -> read(lba, count);
                case 11 -> flush();
                default -> throw new IllegalStateException();
            }
        }

        private BlockRequest write(int lba, int count, long value) {
            ByteBuf data =
                    Unpooled.buffer(count * SimulatedDisk.BLOCK_BYTES).writerIndex(count * SimulatedDisk.BLOCK_BYTES);
            for (int i = 0; i < count; i++) {
                data.setLong(i * SimulatedDisk.BLOCK_BYTES, value);
            }
            return new BlockRequest.Write(lba, count, data, random.nextInt(5) == 0);
        }

        private void change(BlockRequest request, int lba, int count, long value) {
            inFlight++;
            boolean through = request instanceof BlockRequest.Write write && write.forceUnitAccess();
            int lossesBefore = losses;
            for (int i = lba; i < lba + count; i++) {
                blocks[i].mayBe(value);
                blocks[i].changing++;
                blocks[i].changes++;
            }
            long mark = stamp;
            BlockOperation operation = host.submit(request, outcome -> {
                inFlight--;
                for (int i = lba; i < lba + count; i++) {
                    Block block = blocks[i];
                    block.changing--;
                    block.changes++;
                    boolean sure = outcome.equals(DONE)
                            && !(request instanceof BlockRequest.Unmap)
                            && block.changing == 0
                            && losses == lossesBefore
                            && latest(i) == mark;
                    if (sure) {
                        block.may = new HashSet<>(Set.of(value));
                        if (through) {
                            block.sinceFlush = new HashSet<>(Set.of(value));
                        }
                    }
                }
            });
            for (int i = lba; i < lba + count; i++) {
                latest[i] = mark;
            }
            if (random.nextInt(10) == 0) {
                var _ = channel.eventLoop().schedule(operation::cancel, random.nextInt(1500), TimeUnit.MICROSECONDS);
            }
        }

        private final long[] latest = new long[BLOCKS];

        private long latest(int block) {
            return latest[block];
        }

        private void read(int lba, int count) {
            inFlight++;
            long[] changesBefore = new long[count];
            List<Set<Long>> mayBefore = new ArrayList<>();
            for (int i = 0; i < count; i++) {
                changesBefore[i] = blocks[lba + i].changing > 0 ? -1 : blocks[lba + i].changes;
                mayBefore.add(new HashSet<>(blocks[lba + i].may));
            }
            host.submit(new BlockRequest.Read(lba, count, false), outcome -> {
                inFlight--;
                if (outcome instanceof BlockOutcome.Data(ByteBuf bytes)) {
                    for (int i = 0; i < count; i++) {
                        int at = i;
                        long value = bytes.getLong(i * SimulatedDisk.BLOCK_BYTES);
                        check(() -> seen(lba + at, value, changesBefore[at], mayBefore.get(at)));
                    }
                }
                BlockOutcome.release(outcome);
            });
        }

        private void seen(int number, long value, long changesBefore, Set<Long> mayBefore) {
            Block block = blocks[number];
            boolean still = block.changes == changesBefore;
            if (!block.may.contains(value) && (still || !mayBefore.contains(value))) {
                throw new AssertionError(
                        "block " + number + " reads as " + value + ", may be " + block.may + ", was " + mayBefore);
            }
            if (still) {
                // It was seen: from now on it is that.
                block.may = new HashSet<>(Set.of(value));
            }
        }

        private void flush() {
            inFlight++;
            int lossesBefore = losses;
            int untold = losses - lossesTold;
            List<Long> changesBefore = new ArrayList<>();
            for (Block block : blocks) {
                changesBefore.add(block.changing > 0 ? -1 : block.changes);
            }
            host.submit(new BlockRequest.Flush(0, 0), outcome -> {
                inFlight--;
                if (outcome instanceof BlockOutcome.Failed(BlockFailure.UnflushedWritesLost _)) {
                    lossesTold = losses;
                } else if (outcome.equals(DONE)) {
                    check(() -> assertThat(untold > 0 && lossesTold < lossesBefore)
                            .as("a flush is done though what was written before is lost, and nobody was told")
                            .isFalse());
                    for (int i = 0; i < BLOCKS; i++) {
                        if (blocks[i].changes == changesBefore.get(i)) {
                            blocks[i].sinceFlush = new HashSet<>(blocks[i].may);
                        }
                    }
                }
            });
        }

        // ---- the end

        private void finish(CompletableFuture<String> decided) {
            until("the host's last requests", () -> inFlight == 0);
            assertThat(((CheckedDevice) host).underWay()).isZero();
            SimulatedDisk truth = taken ? targetDisk : source;
            truth.failureChance = 0;
            for (int lba = 0; lba < BLOCKS; lba += WINDOW_BLOCKS) {
                read(lba, Math.min(WINDOW_BLOCKS, BLOCKS - lba));
            }
            until("the last reads", () -> inFlight == 0);
            for (int i = 0; i < targetDisk.now.length; i++) {
                if (i < BEFORE || i >= BEFORE + BLOCKS) {
                    assertThat(targetDisk.now[i]).as("another's block " + i).isEqualTo(FOREIGN);
                }
            }
            int lost = losses - lossesTold;
            if (lost > 0) {
                flush();
                until("the last flush", () -> inFlight == 0);
                assertThat(lossesTold).as("losses that were told").isEqualTo(losses);
            }
            assertThat(decided).isCompleted();
            assertThat(holds)
                    .as("whoever asked for a hold hears what came of it")
                    .allMatch(CompletableFuture::isDone);
            channel.close();
        }
    }
}
