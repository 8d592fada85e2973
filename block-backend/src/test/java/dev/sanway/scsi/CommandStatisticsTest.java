package dev.sanway.scsi;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sanway.block.LatencyHistogram;
import java.util.Arrays;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class CommandStatisticsTest {

    @Test
    void aLatencyFallsIntoTheFirstRangeThatHoldsIt() {
        long[] bounds = LatencyHistogram.boundsNanos();
        LatencyHistogram histogram = new LatencyHistogram();
        long sum = 0;
        for (long bound : bounds) {
            histogram.add(bound);
            histogram.add(bound + 1);
            sum += 2 * bound + 1;
        }
        histogram.add(0);
        LatencyHistogram.Snapshot snapshot = histogram.snapshot();
        assertThat(snapshot.sumNanos()).isEqualTo(sum);
        assertThat(snapshot.counts()).hasSize(bounds.length + 1);
        assertThat(snapshot.counts()[0]).isEqualTo(2);
        assertThat(Arrays.copyOfRange(snapshot.counts(), 1, bounds.length)).containsOnly(2);
        assertThat(snapshot.counts()[bounds.length]).isEqualTo(1);
        assertThat(bounds).isSorted();
    }

    @Test
    void commandsAreCountedByWhatTheyDo() {
        CommandStatistics statistics = new CommandStatistics();
        assertThat(statistics.snapshot()).isEmpty();
        statistics.completed(Cdb.read10(7, 8, false), TimeUnit.MILLISECONDS.toNanos(3), 4096, false);
        statistics.completed(Cdb.read10(7, 8, false), TimeUnit.MILLISECONDS.toNanos(3), 0, true);
        statistics.completed(new byte[6], 1, -1, false);
        assertThat(statistics.snapshot()).containsOnlyKeys(CommandKind.READ, CommandKind.OTHER);
        CommandStatistics.Snapshot reads =
                Objects.requireNonNull(statistics.snapshot().get(CommandKind.READ));
        assertThat(reads.bytes()).isEqualTo(4096);
        assertThat(reads.failures()).isEqualTo(1);
        assertThat(Arrays.stream(reads.latency().counts()).sum()).isEqualTo(2);
        assertThat(Objects.requireNonNull(statistics.snapshot().get(CommandKind.OTHER))
                        .bytes())
                .isZero();
    }

    @Test
    void everyCommandHasItsKind() {
        assertThat(CommandKind.of(new byte[] {0x28})).isEqualTo(CommandKind.READ);
        assertThat(CommandKind.of(new byte[] {(byte) 0x8a})).isEqualTo(CommandKind.WRITE);
        assertThat(CommandKind.of(new byte[] {(byte) 0x93})).isEqualTo(CommandKind.WRITE);
        assertThat(CommandKind.of(new byte[] {(byte) 0x91})).isEqualTo(CommandKind.FLUSH);
        assertThat(CommandKind.of(new byte[] {0x42})).isEqualTo(CommandKind.UNMAP);
        assertThat(CommandKind.of(new byte[] {(byte) 0xa0})).isEqualTo(CommandKind.OTHER);
    }
}
