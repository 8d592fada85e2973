package dev.sanway.integration.jmh;

import dev.sanway.iscsi.DecodeResult;
import dev.sanway.iscsi.Direction;
import dev.sanway.iscsi.Pdu;
import dev.sanway.iscsi.PduEncoder;
import dev.sanway.iscsi.PduFraming;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.Unpooled;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
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
import org.openjdk.jmh.infra.Blackhole;

/** The codec: one PDU out, or one in; with digests the CRC of 4 KiB is part of it. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(value = 1, jvmArgsAppend = "-Dio.netty.allocator.useCachedMagazinesForNonEventLoopThreads=true")
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class PduBenchmark {

    private static final int BLOCK_BYTES = 4096;

    @Param({"false", "true"})
    public boolean digests;

    private final ByteBuf block =
            ByteBufAllocator.DEFAULT.directBuffer(BLOCK_BYTES).writeZero(BLOCK_BYTES);
    private final byte[] cdb = new byte[16];
    private final ByteBuf readCommand = ByteBufAllocator.DEFAULT.directBuffer();
    private final ByteBuf writeCommand = ByteBufAllocator.DEFAULT.directBuffer();
    private final ByteBuf dataIn = ByteBufAllocator.DEFAULT.directBuffer();
    private final PduFraming fromInitiator = new PduFraming(Direction.TO_TARGET, 262144);
    private final PduFraming fromTarget = new PduFraming(Direction.TO_INITIATOR, 262144);

    @Setup(Level.Trial)
    public void encodeOnce() {
        wire(command(0), readCommand);
        wire(command(BLOCK_BYTES), writeCommand);
        wire(dataInPdu(), dataIn);
        fromInitiator.setDigests(digests, digests);
        fromTarget.setDigests(digests, digests);
    }

    @TearDown(Level.Trial)
    public void release() {
        block.release();
        readCommand.release();
        writeCommand.release();
        dataIn.release();
    }

    private void wire(Pdu pdu, ByteBuf into) {
        PduEncoder.encode(pdu, digests, digests, ByteBufAllocator.DEFAULT, part -> {
            into.writeBytes(part);
            part.release();
        });
    }

    private Pdu command(int dataBytes) {
        boolean write = dataBytes > 0;
        return new Pdu.ScsiCommandPdu(
                false,
                true,
                !write,
                write,
                1,
                0,
                7,
                BLOCK_BYTES,
                1,
                1,
                cdb,
                0,
                write ? slice() : Unpooled.EMPTY_BUFFER);
    }

    private Pdu dataInPdu() {
        return new Pdu.DataIn(
                true, false, Pdu.ResidualKind.NONE, true, 0, 0, 7, Pdu.NO_TAG, 1, 2, 33, 0, 0, 0, slice());
    }

    private ByteBuf slice() {
        return block.retainedSlice(0, BLOCK_BYTES);
    }

    private void encode(Pdu pdu, Blackhole sink) {
        PduEncoder.encode(pdu, digests, digests, ByteBufAllocator.DEFAULT, part -> {
            sink.consume(part);
            part.release();
        });
    }

    private static void decode(PduFraming framing, ByteBuf wire, Blackhole sink) {
        wire.readerIndex(0);
        Consumer<DecodeResult> consumer = result -> {
            if (!(result instanceof DecodeResult.Decoded(Pdu pdu))) {
                throw new IllegalStateException(result.toString());
            }
            sink.consume(pdu);
            pdu.release();
        };
        framing.feed(wire, consumer);
    }

    @Benchmark
    public void encodeReadCommand(Blackhole sink) {
        encode(command(0), sink);
    }

    @Benchmark
    public void encodeWriteCommandOf4KiB(Blackhole sink) {
        encode(command(BLOCK_BYTES), sink);
    }

    @Benchmark
    public void encodeDataInOf4KiB(Blackhole sink) {
        encode(dataInPdu(), sink);
    }

    @Benchmark
    public void decodeReadCommand(Blackhole sink) {
        decode(fromInitiator, readCommand, sink);
    }

    @Benchmark
    public void decodeWriteCommandOf4KiB(Blackhole sink) {
        decode(fromInitiator, writeCommand, sink);
    }

    @Benchmark
    public void decodeDataInOf4KiB(Blackhole sink) {
        decode(fromTarget, dataIn, sink);
    }
}
