package dev.sanway.integration.jmh;

import dev.sanway.iscsi.Digest;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** CRC32C of a header, a block, and a long data segment. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(value = 1, jvmArgsAppend = "-Dio.netty.allocator.useCachedMagazinesForNonEventLoopThreads=true")
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class DigestBenchmark {

    @Param({"48", "4096", "262144"})
    public int lengthBytes;

    private ByteBuf data = ByteBufAllocator.DEFAULT.directBuffer();

    @Setup(Level.Trial)
    public void fill() {
        data.writeZero(lengthBytes);
    }

    @TearDown(Level.Trial)
    public void release() {
        data.release();
    }

    @Benchmark
    public int crc32c() {
        return Digest.of(data, 0, lengthBytes, 0);
    }
}
