package dev.sanway.integration;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sanway.block.BlockClient;
import dev.sanway.block.BlockOutcome;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A host that writes and writes, several requests at a time, and remembers of each block what it may hold: what was
 * acknowledged last, and what failed since.
 */
final class Writer implements AutoCloseable {
    private static final int STREAMS = 6;
    private static final int MAX_BLOCKS = 64;

    private final BlockClient client;
    private final int blockSizeBytes;
    private final int blocksPerStream;
    private final List<List<Set<Integer>>> possible = new ArrayList<>();
    private final List<Thread> threads = new ArrayList<>();
    private final AtomicInteger acknowledged = new AtomicInteger();
    private final AtomicInteger failed = new AtomicInteger();
    private final List<Throwable> faults = java.util.Collections.synchronizedList(new ArrayList<>());
    private volatile boolean ended;
    private volatile long slowestNanos;

    /** Starts writing all over the first {@code blockCount} blocks. */
    Writer(TestHost host, int lun, int blockCount, long seed) {
        this.client = host.client(lun);
        this.blockSizeBytes = host.lun(lun).geometry().blockSizeBytes();
        this.blocksPerStream = blockCount / STREAMS;
        for (int stream = 0; stream < STREAMS; stream++) {
            List<Set<Integer>> blocks = new ArrayList<>();
            for (int i = 0; i < blocksPerStream; i++) {
                blocks.add(new HashSet<>(Set.of(0)));
            }
            possible.add(blocks);
            int number = stream;
            threads.add(Thread.ofVirtual().start(() -> run(number, new Random(seed + number))));
        }
    }

    private void run(int stream, Random random) {
        try {
            List<Set<Integer>> blocks = possible.get(stream);
            for (int write = stream + 1; !ended; write += STREAMS) {
                int count = 1 + random.nextInt(MAX_BLOCKS);
                int at = random.nextInt(blocksPerStream - count);
                long start = System.nanoTime();
                BlockOutcome outcome = client.run(client.writeOf(
                        (long) stream * blocksPerStream + at, content(write, count), random.nextInt(8) == 0));
                took(System.nanoTime() - start);
                boolean done = outcome instanceof BlockOutcome.Done;
                (done ? acknowledged : failed).incrementAndGet();
                for (int i = at; i < at + count; i++) {
                    if (done) {
                        blocks.get(i).clear();
                    }
                    blocks.get(i).add(write);
                }
            }
        } catch (Throwable fault) {
            faults.add(fault);
        }
    }

    private synchronized void took(long nanos) {
        slowestNanos = Math.max(slowestNanos, nanos);
    }

    private byte[] content(int write, int count) {
        ByteBuffer bytes = ByteBuffer.allocate(count * blockSizeBytes);
        while (bytes.hasRemaining()) {
            bytes.putInt(write);
        }
        return bytes.array();
    }

    int acknowledged() {
        return acknowledged.get();
    }

    int failed() {
        return failed.get();
    }

    /** The longest that one request took so far. */
    Duration slowest() {
        return Duration.ofNanos(slowestNanos);
    }

    /** Lets what is under way end. */
    @Override
    public void close() {
        ended = true;
        for (Thread thread : threads) {
            try {
                thread.join();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new AssertionError(e);
            }
        }
        assertThat(faults).isEmpty();
    }

    /** Reads every block, whole, through {@code reader}. */
    void verify(BlockClient reader) {
        for (int stream = 0; stream < STREAMS; stream++) {
            for (int at = 0; at < blocksPerStream; ) {
                int count = Math.min(128, blocksPerStream - at);
                ByteBuffer bytes = ByteBuffer.wrap(reader.read((long) stream * blocksPerStream + at, count));
                for (int i = 0; i < count; i++) {
                    Set<Integer> found = new HashSet<>();
                    for (int word = 0; word < blockSizeBytes / 4; word++) {
                        found.add(bytes.getInt());
                    }
                    assertThat(found)
                            .as("block %d of stream %d: one write, wholly", at + i, stream)
                            .hasSize(1);
                    assertThat(possible.get(stream).get(at + i))
                            .as("block %d of stream %d", at + i, stream)
                            .containsAll(found);
                }
                at += count;
            }
        }
    }
}
