package dev.sanway.integration;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStreamWriter;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A host that is not ours: qemu-io, whose iSCSI is libiscsi with libiscsi's own reconnection, writes patterns all over a range,
 * several at a time, and each acknowledgement is remembered.
 */
final class QemuWriter implements AutoCloseable {
    private static final int SLOT_BYTES = 64 << 10;
    private static final int AT_ONCE = 8;
    private static final int END_SECONDS = 90;
    private static final Pattern WROTE = Pattern.compile("wrote ([0-9]+)/([0-9]+) bytes at offset ([0-9]+)");

    private final long offsetBytes;
    /** The pattern of each slot, 0 before it was written. */
    private final int[] patterns;

    private final BitSet pending = new BitSet();
    private final List<String> complaints = new ArrayList<>();
    private final Process process;
    private final Thread sender;
    private final Thread reader;
    private int acknowledged;
    private boolean ended;
    private long lastNanos = System.nanoTime();
    private long slowestNanos;

    /** Starts writing to {@code slots} pieces of 64 KiB from {@code offsetBytes} on. */
    QemuWriter(String url, long offsetBytes, int slots) throws IOException {
        this.offsetBytes = offsetBytes;
        this.patterns = new int[slots];
        // Without stdbuf it would keep its acknowledgements in a buffer.
        this.process = new ProcessBuilder("stdbuf", "-oL", "qemu-io", "-f", "raw", url)
                .redirectErrorStream(true)
                .start();
        this.reader = Thread.ofVirtual().start(this::read);
        this.sender = Thread.ofVirtual().start(this::send);
    }

    private void send() {
        try (Writer commands = new OutputStreamWriter(process.getOutputStream(), StandardCharsets.US_ASCII)) {
            for (int write = 0; true; write++) {
                int slot = write % patterns.length;
                int pattern = 1 + write % 251;
                synchronized (this) {
                    while (!ended && (pending.cardinality() >= AT_ONCE || pending.get(slot))) {
                        wait();
                    }
                    if (ended) {
                        return;
                    }
                    pending.set(slot);
                    patterns[slot] = pattern;
                }
                commands.write("aio_write -P %d %d %d%n".formatted(pattern, at(slot), SLOT_BYTES));
                commands.flush();
            }
        } catch (IOException | InterruptedException failure) {
            complain("the writer: " + failure);
        }
    }

    private long at(int slot) {
        return offsetBytes + (long) slot * SLOT_BYTES;
    }

    private void read() {
        try (BufferedReader lines =
                new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                Matcher wrote = WROTE.matcher(line);
                if (wrote.find()) {
                    acknowledge(Integer.parseInt(wrote.group(1)), Long.parseLong(wrote.group(3)));
                } else if (line.contains("failed") || line.contains("rror")) {
                    complain(line);
                }
            }
        } catch (IOException failure) {
            complain("the reader: " + failure);
        }
    }

    private synchronized void acknowledge(int bytes, long offset) {
        int slot = (int) ((offset - offsetBytes) / SLOT_BYTES);
        if (bytes != SLOT_BYTES || !pending.get(slot)) {
            complain("an acknowledgement of " + bytes + " bytes at " + offset + " that nobody waits for");
        }
        pending.clear(slot);
        acknowledged++;
        long now = System.nanoTime();
        slowestNanos = Math.max(slowestNanos, now - lastNanos);
        lastNanos = now;
        notifyAll();
    }

    private synchronized void complain(String what) {
        complaints.add(what);
    }

    synchronized int acknowledged() {
        return acknowledged;
    }

    /** The longest time without an acknowledgement so far. */
    synchronized Duration longestPause() {
        return Duration.ofNanos(slowestNanos);
    }

    /** Lets what is under way end; no write may have failed and none be unanswered. */
    @Override
    public void close() throws InterruptedException {
        synchronized (this) {
            ended = true;
            notifyAll();
        }
        sender.join();
        boolean inTime = process.waitFor(END_SECONDS, TimeUnit.SECONDS);
        if (!inTime) {
            process.destroyForcibly().waitFor();
        }
        reader.join();
        synchronized (this) {
            assertThat(inTime).as("qemu-io ended; it said %s", complaints).isTrue();
            assertThat(complaints).isEmpty();
            assertThat(pending).as("writes without an answer").isEqualTo(new BitSet());
            assertThat(process.exitValue()).isZero();
        }
    }

    /** Reads every slot with another qemu-io: each holds what was acknowledged last. To be called after {@link #close}. */
    void verify(String url) {
        List<String> words = new ArrayList<>(List.of("qemu-io", "-f", "raw"));
        for (int slot = 0; slot < patterns.length; slot++) {
            words.add("-c");
            words.add("read -P %d %d %d".formatted(patterns[slot], at(slot), SLOT_BYTES));
        }
        words.add(url);
        String output = Command.run(120, words).succeeded();
        assertThat(output).doesNotContain("verification failed").doesNotContain("rror");
        assertThat(output.split("read 65536/65536 bytes", -1)).hasSize(patterns.length + 1);
    }
}
