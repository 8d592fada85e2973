package dev.sanway.volume;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

/**
 * The two descriptions of a layout, block by block and by runs, must agree.
 *
 * <pre>
 *   linear over parts of 5 and 7:      striped, width 2, chunk 2:
 *   volume  0 1 2 3 4|5 6 7 8 ...       volume  0 1|2 3|4 5|6 7
 *   part 0  0 1 2 3 4                   part 0  0 1     2 3
 *   part 1            0 1 2 3 ...       part 1      0 1     2 3
 * </pre>
 */
class LayoutTest {
    @Test
    void theExamplesOfThePicture() {
        Layout linear = new Layout.Linear(5, 7);
        assertThat(linear.runs(3, 4)).containsExactly(new Layout.Run(0, 3, 2), new Layout.Run(1, 0, 2));
        assertThat(linear.runs(5, 1)).containsExactly(new Layout.Run(1, 0, 1));
        Layout striped = new Layout.Striped(2, 2, 8);
        assertThat(striped.runs(1, 6)).containsExactly(new Layout.Run(0, 1, 3), new Layout.Run(1, 0, 3));
        assertThat(striped.runs(2, 2)).containsExactly(new Layout.Run(1, 0, 2));
        assertThat(striped.usedBlocks(1)).isEqualTo(4);
    }

    @Test
    void aStripedVolumeOfWidthOneIsOneRun() {
        Layout striped = new Layout.Striped(1, 8, 1000);
        assertThat(striped.runs(3, 900)).containsExactly(new Layout.Run(0, 3, 900));
        assertThat(striped.fragmentRest(3)).isEqualTo(997);
    }

    @Test
    void aFarEndBeyond32BitsIsFound() {
        long blocks = 1L << 45;
        Layout striped = new Layout.Striped(3, 128, blocks);
        List<Layout.Run> runs = striped.runs(blocks - 1, 1);
        assertThat(runs).hasSize(1);
        assertThat(striped.volumeLba(runs.getFirst().part(), runs.getFirst().lba()))
                .isEqualTo(blocks - 1);
    }

    @Test
    void runsAndBlocksAgreeForRandomLayoutsAndRanges() {
        long seed = Long.getLong("sanway.seed", System.nanoTime());
        Random random = new Random(seed);
        for (int round = 0; round < 2000; round++) {
            Layout layout = randomLayout(random);
            long lba = random.nextInt((int) layout.blockCount());
            long count = 1L + random.nextInt((int) (layout.blockCount() - lba));
            agree(layout, lba, count, "seed " + seed + ", round " + round + ", " + layout + " " + lba + "+" + count);
        }
    }

    private static Layout randomLayout(Random random) {
        if (random.nextBoolean()) {
            return new Layout.Linear(random.longs(1 + random.nextInt(5), 1, 60).toArray());
        }
        return new Layout.Striped(1 + random.nextInt(6), 1 + random.nextInt(12), 1L + random.nextInt(300));
    }

    private static void agree(Layout layout, long lba, long count, String which) {
        Set<List<Long>> byBlock = new HashSet<>();
        for (long at = lba; at < lba + count; at++) {
            int part = layout.partOf(at);
            long partLba = layout.partLbaOf(at);
            assertThat(layout.volumeLba(part, partLba)).as(which).isEqualTo(at);
            assertThat(partLba).as(which).isLessThan(layout.usedBlocks(part));
            byBlock.add(List.of((long) part, partLba));
            long rest = layout.fragmentRest(at);
            assertThat(rest).as(which).isPositive();
            if (rest > 1 && at + 1 < layout.blockCount()) {
                assertThat(layout.partOf(at + 1)).as(which).isEqualTo(part);
                assertThat(layout.partLbaOf(at + 1)).as(which).isEqualTo(partLba + 1);
            }
        }
        Set<List<Long>> byRun = new HashSet<>();
        List<Integer> partsSeen = new ArrayList<>();
        for (Layout.Run run : layout.runs(lba, count)) {
            partsSeen.add(run.part());
            for (long at = run.lba(); at < run.end(); at++) {
                assertThat(byRun.add(List.of((long) run.part(), at))).as(which).isTrue();
            }
        }
        assertThat(byRun).as(which).isEqualTo(byBlock);
        assertThat(partsSeen).as(which + ": one run for each part").doesNotHaveDuplicates();
    }
}
