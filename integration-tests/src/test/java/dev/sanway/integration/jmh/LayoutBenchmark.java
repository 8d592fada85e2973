package dev.sanway.integration.jmh;

import dev.sanway.volume.Layout;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;
import org.openjdk.jmh.infra.Blackhole;

/** Where a range of a volume lies: splitting alone. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class LayoutBenchmark {

    private static final long BLOCKS = 1L << 31;

    @Param({"8", "2048"})
    public int blocks;

    private final Layout striped = new Layout.Striped(4, 128, BLOCKS);
    private final Layout linear = new Layout.Linear(BLOCKS / 4, BLOCKS / 4, BLOCKS / 4, BLOCKS / 4);
    private long lba;

    private long next() {
        lba = (lba + 7919) % (BLOCKS - 2048);
        return lba;
    }

    @Benchmark
    public void striped(Blackhole sink) {
        sink.consume(striped.runs(next(), blocks));
    }

    @Benchmark
    public void linear(Blackhole sink) {
        sink.consume(linear.runs(next(), blocks));
    }
}
