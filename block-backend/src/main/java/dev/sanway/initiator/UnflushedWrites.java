package dev.sanway.initiator;

import dev.sanway.block.BlockRange;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;

/**
 * Which parts of a logical unit hold writes that were done but not flushed, and which of them were lost. Kept in chunks of
 * 1 MiB, the granularity at which volumes share a unit, so that each volume concerned hears of its own loss. Confined to
 * one thread.
 */
final class UnflushedWrites {
    private static final int CHUNK_BYTES = 1 << 20;

    private final int blocksPerChunk;
    private BitSet unflushed = new BitSet();
    private final BitSet lost = new BitSet();
    private final List<Flush> flushing = new ArrayList<>();

    /** A flush under way, and the chunks that it covers. */
    static final class Flush {
        private final BitSet covered = new BitSet();
    }

    UnflushedWrites(int blockSizeBytes) {
        blocksPerChunk = CHUNK_BYTES / blockSizeBytes;
    }

    /** A write was done without FUA. */
    void written(long lba, long blockCount) {
        unflushed.set(first(lba), after(lba, blockCount));
    }

    /** A flush begins: what it covers wholly is unflushed no more if it succeeds. */
    Flush flushBegins(BlockRange range) {
        Flush flush = new Flush();
        BitSet covered = flush.covered;
        int from = (int) ((range.lba() + blocksPerChunk - 1) / blocksPerChunk);
        int to = clamp(range.end() / blocksPerChunk);
        if (from < to) {
            covered.set(from, to);
            covered.and(unflushed);
            unflushed.andNot(covered);
        }
        flushing.add(flush);
        return flush;
    }

    /** A flush that began ended. */
    void flushEnds(Flush flush, boolean done) {
        flushing.remove(flush);
        if (!done) {
            unflushed.or(flush.covered);
        }
    }

    /** The unit lost what was not flushed; whether there was anything. */
    boolean lose() {
        lost.or(unflushed);
        for (Flush flush : flushing) {
            lost.or(flush.covered);
            flush.covered.clear();
        }
        unflushed = new BitSet();
        return !lost.isEmpty();
    }

    /** It is not known what was unflushed: anything may be lost. */
    void loseAll(long blockCount) {
        if (blockCount > 0) {
            lost.set(0, after(0, blockCount));
        }
    }

    /** Whether something within the range was lost; says so once. */
    boolean takeLost(BlockRange range) {
        if (lost.isEmpty() || range.blockCount() == 0) {
            return false;
        }
        int from = first(range.lba());
        int to = after(range.lba(), range.blockCount());
        int hit = lost.nextSetBit(from);
        if (hit < 0 || hit >= to) {
            return false;
        }
        lost.clear(from, to);
        return true;
    }

    private int first(long lba) {
        return clamp(lba / blocksPerChunk);
    }

    private int after(long lba, long blockCount) {
        return clamp((lba + blockCount - 1) / blocksPerChunk + 1);
    }

    /** Beyond 2,048 TiB the last chunk stands for the rest. */
    private static int clamp(long chunk) {
        return (int) Math.min(chunk, Integer.MAX_VALUE - 1);
    }
}
