package dev.sanway.integration;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sanway.scsi.Cdb;
import dev.sanway.scsi.StatusCode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What the kernel sees of a unit: fdatasync has returned before the status of a write with FUA, and of SYNCHRONIZE CACHE after
 * a write, goes out.
 */
class SyscallOrderTest {
    private static final Path STRACE = Path.of("/usr/bin/strace");
    private static final int COMMANDS = 20;

    /** A SCSI Response is opcode 21h ({@code !}), then the final bit; strace shows bytes above 7Fh in octal. */
    private static final Pattern STATUS = Pattern.compile("\\b(write|writev|sendmsg|sendto)\\(.*\"!\\\\200");

    private static final Pattern DATA_WRITTEN =
            Pattern.compile("\\b(pwrite64|pwritev|pwritev2)\\(.*\\bDURABLE|resumed.*DURABLE");
    private static final Pattern SYNCED = Pattern.compile("fdatasync(\\(\\d+\\)| resumed>.*\\)) *= 0");
    private static final Pattern SYNC_BEGINS = Pattern.compile("\\bfdatasync\\(");

    @TempDir
    Path folder;

    @Test
    void dataAreSyncedBeforeTheStatusGoesOut() throws Exception {
        if (!Files.isExecutable(STRACE)) {
            assertThat(System.getenv("CI")).as("strace is missing").isNotEqualTo("true");
            Assumptions.abort("strace is missing");
        }
        try (San san = new San(folder)) {
            SanwayProcess unit = san.unit("unit1", "name: volume1, size: 16MiB");
            int port = san.unitPort("unit1");
            Path trace = folder.resolve("trace");
            Path said = folder.resolve("strace.log");
            try (TestHost host = new TestHost("iqn.2026-11.example:a", port, San.target("unit.unit1"))) {
                host.lun(0);
                Process strace = new ProcessBuilder(
                                STRACE.toString(),
                                "-f",
                                "-e",
                                "trace=fdatasync,fsync,pwrite64,pwritev,pwritev2,sendmsg,sendto,writev,write",
                                "-o",
                                trace.toString(),
                                "-p",
                                "" + unit.pid())
                        .redirectErrorStream(true)
                        .redirectOutput(said.toFile())
                        .start();
                try {
                    Awaitility.await("strace attached")
                            .atMost(Duration.ofSeconds(20))
                            .until(() -> Files.readString(said).contains("attached"));
                    for (int i = 0; i < COMMANDS; i++) {
                        boolean force = i % 2 == 0;
                        assertThat(host.command(0, Cdb.write10(8L * i, 8, force), data(), 0)
                                        .status())
                                .isEqualTo(StatusCode.GOOD);
                        if (!force) {
                            assertThat(host.command(0, Cdb.synchronizeCache10(0, 0))
                                            .status())
                                    .isEqualTo(StatusCode.GOOD);
                        }
                    }
                } finally {
                    strace.destroy();
                    strace.waitFor(10, TimeUnit.SECONDS);
                }
            }
            check(trace);
        }
    }

    private static byte[] data() {
        byte[] data = new byte[4096];
        byte[] word = "DURABLE.".getBytes(StandardCharsets.US_ASCII);
        for (int i = 0; i < data.length; i++) {
            data[i] = word[i % word.length];
        }
        return data;
    }

    /**
     * Walks the trace. Commands come one at a time, so that every third status is that of a write with FUA, then come that of a
     * write without and that of its flush. A write may take several system calls.
     */
    private static void check(Path trace) throws IOException {
        int statuses = 0;
        boolean written = false;
        boolean syncBegan = false;
        boolean synced = false;
        for (String line : Files.readAllLines(trace, StandardCharsets.ISO_8859_1)) {
            if (DATA_WRITTEN.matcher(line).find()) {
                written = true;
                syncBegan = false;
                synced = false;
            }
            syncBegan |= SYNC_BEGINS.matcher(line).find();
            synced |= syncBegan && SYNCED.matcher(line).find();
            if (written && STATUS.matcher(line).find()) {
                if (statuses % 3 != 1) {
                    assertThat(synced)
                            .as("fdatasync between the data and status %d: %s", statuses, line)
                            .isTrue();
                }
                statuses++;
            }
        }
        assertThat(statuses).as("statuses seen").isEqualTo(COMMANDS / 2 * 3);
    }
}
