package dev.sanway.volume;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Where each block of a volume lies: which part, and which block of it. Pure arithmetic. A <em>fragment</em> is a run of
 * volume blocks that is a run of blocks on one part, too.
 */
public sealed interface Layout {

    /** Blocks of the volume. */
    long blockCount();

    /** How many parts there are. */
    int partCount();

    /** How many blocks of a part the volume uses. */
    long usedBlocks(int part);

    /** The part that holds a block of the volume. */
    int partOf(long lba);

    /** Which block of {@link #partOf} that is. */
    long partLbaOf(long lba);

    /** How many blocks the fragment goes on for, from {@code lba} on. */
    long fragmentRest(long lba);

    /** The block of the volume that a part's block is. */
    long volumeLba(int part, long partLba);

    /** A run of blocks on one part. */
    record Run(int part, long lba, long blockCount) {
        long end() {
            return lba + blockCount;
        }
    }

    /**
     * The parts' blocks that a range of the volume takes: for each part touched exactly one run, in the order in which the
     * range first touches them. Of a striped volume a run's chunks are apart on the volume yet adjacent on the part, so that
     * one command per part carries them.
     */
    List<Run> runs(long lba, long blockCount);

    /** How its chunks are dealt out; null: it has none. */
    default @Nullable Striped striping() {
        return null;
    }

    /**
     * One part after the other.
     *
     * <pre>
     *              |---- range ----|
     *   volume  0 .... 1 .... 2 .... 3 .... 4 .... 5 .... 6
     *   parts   |0 ---- part 0 -----||0 ------ part 1 -----|
     *   runs           |------------||----|
     * </pre>
     */
    final class Linear implements Layout {
        /** ends[i]: the volume's first block after part i. */
        private final long[] ends;

        public Linear(long... partBlocks) {
            ends = partBlocks.clone();
            Arrays.parallelPrefix(ends, Math::addExact);
            if (ends.length == 0 || Arrays.stream(partBlocks).anyMatch(blocks -> blocks <= 0)) {
                throw new IllegalArgumentException("parts of " + Arrays.toString(partBlocks) + " blocks");
            }
        }

        @Override
        public long blockCount() {
            return ends[ends.length - 1];
        }

        @Override
        public int partCount() {
            return ends.length;
        }

        private long start(int part) {
            return part == 0 ? 0 : ends[part - 1];
        }

        @Override
        public long usedBlocks(int part) {
            return ends[part] - start(part);
        }

        @Override
        public int partOf(long lba) {
            int found = Arrays.binarySearch(ends, lba);
            return found >= 0 ? found + 1 : -found - 1;
        }

        @Override
        public long partLbaOf(long lba) {
            return lba - start(partOf(lba));
        }

        @Override
        public long fragmentRest(long lba) {
            return ends[partOf(lba)] - lba;
        }

        @Override
        public long volumeLba(int part, long partLba) {
            return start(part) + partLba;
        }

        @Override
        public List<Run> runs(long lba, long blockCount) {
            if (blockCount == 0) {
                return List.of();
            }
            long end = lba + blockCount;
            int first = partOf(lba);
            if (end <= ends[first]) {
                return List.of(new Run(first, lba - start(first), blockCount));
            }
            List<Run> runs = new ArrayList<>();
            for (long at = lba; at < end; ) {
                int part = partOf(at);
                long count = Math.min(ends[part], end) - at;
                runs.add(new Run(part, at - start(part), count));
                at += count;
            }
            return runs;
        }
    }

    /**
     * Chunks dealt out to the parts in turn.
     *
     * <pre>
     *   volume   c0   c1   c2   c3   c4   c5   c6 ...      width 3
     *                 |------- range --------|
     *   part 0   c0   c3   c6                              run: c3         (one command)
     *   part 1   c1   c4   c7                              run: c1 c4      (one command)
     *   part 2   c2   c5   c8                              run: c2 c5      (one command)
     * </pre>
     *
     * @param width number of parts, 1 or more
     * @param chunkBlocks blocks in a chunk
     * @param blockCount of the volume; the last stripe and the last chunk may be incomplete
     */
    record Striped(int width, int chunkBlocks, long blockCount) implements Layout {
        public Striped {
            if (width < 1 || chunkBlocks < 1 || blockCount < 1) {
                throw new IllegalArgumentException(
                        "width " + width + ", chunk of " + chunkBlocks + " blocks, " + blockCount + " blocks");
            }
        }

        @Override
        public int partCount() {
            return width;
        }

        @Override
        public Striped striping() {
            return this;
        }

        @Override
        public long usedBlocks(int part) {
            long used = 0;
            for (Run run : runs(0, blockCount)) {
                used = run.part() == part ? run.end() : used;
            }
            return used;
        }

        @Override
        public int partOf(long lba) {
            return (int) (lba / chunkBlocks % width);
        }

        @Override
        public long partLbaOf(long lba) {
            return lba / chunkBlocks / width * chunkBlocks + lba % chunkBlocks;
        }

        @Override
        public long fragmentRest(long lba) {
            // On one part alone all chunks are adjacent.
            return width == 1 ? blockCount - lba : chunkBlocks - lba % chunkBlocks;
        }

        @Override
        public long volumeLba(int part, long partLba) {
            return (partLba / chunkBlocks * width + part) * chunkBlocks + partLba % chunkBlocks;
        }

        @Override
        public List<Run> runs(long lba, long blockCountOfRange) {
            if (blockCountOfRange == 0) {
                return List.of();
            }
            long last = lba + blockCountOfRange - 1;
            long firstChunk = lba / chunkBlocks;
            long lastChunk = last / chunkBlocks;
            int touched = (int) Math.min(width, lastChunk - firstChunk + 1);
            List<Run> runs = new ArrayList<>(touched);
            for (int i = 0; i < touched; i++) {
                long first = firstChunk + i;
                long finish = lastChunk - (lastChunk - first) % width;
                long start = first / width * chunkBlocks + (first == firstChunk ? lba % chunkBlocks : 0);
                long end = finish / width * chunkBlocks + (finish == lastChunk ? last % chunkBlocks + 1 : chunkBlocks);
                runs.add(new Run((int) (first % width), start, end - start));
            }
            return runs;
        }
    }

    /**
     * One layout after the other, each with parts of its own: what a striped volume becomes when it grows.
     *
     * <pre>
     *   volume  0 ........ segment 0 ........|........ segment 1 ........
     *   parts   0 .. width - 1                width .. 2 * width - 1
     * </pre>
     */
    final class Concatenated implements Layout {
        private final Layout[] segments;
        /** ends[i]: the volume's first block after segment i. */
        private final long[] ends;
        /** partEnds[i]: the first part after segment i. */
        private final int[] partEnds;

        public Concatenated(List<? extends Layout> segments) {
            if (segments.isEmpty()) {
                throw new IllegalArgumentException("no segments");
            }
            this.segments = segments.toArray(Layout[]::new);
            this.ends = segments.stream().mapToLong(Layout::blockCount).toArray();
            this.partEnds = segments.stream().mapToInt(Layout::partCount).toArray();
            Arrays.parallelPrefix(ends, Math::addExact);
            Arrays.parallelPrefix(partEnds, Math::addExact);
        }

        private long start(int segment) {
            return segment == 0 ? 0 : ends[segment - 1];
        }

        private int firstPart(int segment) {
            return segment == 0 ? 0 : partEnds[segment - 1];
        }

        private int segmentOf(long lba) {
            int found = Arrays.binarySearch(ends, lba);
            return found >= 0 ? found + 1 : -found - 1;
        }

        private int segmentOfPart(int part) {
            int found = Arrays.binarySearch(partEnds, part);
            return found >= 0 ? found + 1 : -found - 1;
        }

        @Override
        public @Nullable Striped striping() {
            return segments[0].striping();
        }

        @Override
        public long blockCount() {
            return ends[ends.length - 1];
        }

        @Override
        public int partCount() {
            return partEnds[partEnds.length - 1];
        }

        @Override
        public long usedBlocks(int part) {
            int segment = segmentOfPart(part);
            return segments[segment].usedBlocks(part - firstPart(segment));
        }

        @Override
        public int partOf(long lba) {
            int segment = segmentOf(lba);
            return firstPart(segment) + segments[segment].partOf(lba - start(segment));
        }

        @Override
        public long partLbaOf(long lba) {
            int segment = segmentOf(lba);
            return segments[segment].partLbaOf(lba - start(segment));
        }

        @Override
        public long fragmentRest(long lba) {
            int segment = segmentOf(lba);
            return Math.min(segments[segment].fragmentRest(lba - start(segment)), ends[segment] - lba);
        }

        @Override
        public long volumeLba(int part, long partLba) {
            int segment = segmentOfPart(part);
            return start(segment) + segments[segment].volumeLba(part - firstPart(segment), partLba);
        }

        @Override
        public List<Run> runs(long lba, long blockCount) {
            long end = lba + blockCount;
            List<Run> runs = new ArrayList<>();
            for (long at = lba; at < end; ) {
                int segment = segmentOf(at);
                long count = Math.min(ends[segment], end) - at;
                for (Run run : segments[segment].runs(at - start(segment), count)) {
                    runs.add(new Run(firstPart(segment) + run.part(), run.lba(), run.blockCount()));
                }
                at += count;
            }
            return runs;
        }
    }
}
