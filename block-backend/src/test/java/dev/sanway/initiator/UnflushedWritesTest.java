package dev.sanway.initiator;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sanway.block.BlockRange;
import org.junit.jupiter.api.Test;

class UnflushedWritesTest {
    /** Blocks of a chunk. */
    private static final long MIB = 2048;

    private final UnflushedWrites writes = new UnflushedWrites(512);

    private static BlockRange chunks(long first, long count) {
        return new BlockRange(first * MIB, count * MIB);
    }

    @Test
    void whatWasFlushedCannotBeLost() {
        writes.written(0, 8);
        writes.flushEnds(writes.flushBegins(chunks(0, 4)), true);
        assertThat(writes.lose()).isFalse();
        assertThat(writes.takeLost(chunks(0, 4))).isFalse();
    }

    @Test
    void aLossIsToldOnceToEachPartThatWroteAndToNoOther() {
        writes.written(MIB - 1, 2);
        writes.written(5 * MIB, 1);
        assertThat(writes.lose()).isTrue();
        assertThat(writes.takeLost(chunks(2, 3))).isFalse();
        assertThat(writes.takeLost(chunks(0, 1))).isTrue();
        assertThat(writes.takeLost(chunks(0, 1))).isFalse();
        assertThat(writes.takeLost(chunks(1, 1))).isTrue();
        assertThat(writes.takeLost(chunks(5, 100))).isTrue();
        assertThat(writes.takeLost(chunks(0, 1000))).isFalse();
    }

    @Test
    void aFailedFlushLeavesItsWritesUnflushed() {
        writes.written(0, 8);
        writes.flushEnds(writes.flushBegins(chunks(0, 1)), false);
        assertThat(writes.lose()).isTrue();
    }

    @Test
    void aLossDuringAFlushTakesWhatTheFlushCovered() {
        writes.written(0, 8);
        UnflushedWrites.Flush flush = writes.flushBegins(chunks(0, 1));
        assertThat(writes.lose()).isTrue();
        writes.flushEnds(flush, true);
        assertThat(writes.takeLost(chunks(0, 1))).isTrue();
    }

    @Test
    void aWriteAfterAFlushBeganIsNotCoveredByIt() {
        UnflushedWrites.Flush flush = writes.flushBegins(chunks(0, 1));
        writes.written(0, 8);
        writes.flushEnds(flush, true);
        assertThat(writes.lose()).isTrue();
    }

    @Test
    void aFlushOfPartOfAChunkCoversNothingOfIt() {
        writes.written(0, 8);
        writes.flushEnds(writes.flushBegins(new BlockRange(0, 100)), true);
        assertThat(writes.lose()).isTrue();
    }
}
