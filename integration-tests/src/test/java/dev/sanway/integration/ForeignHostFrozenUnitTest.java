package dev.sanway.integration;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A foreign unit stands still in the middle of a foreign host's writes. The host is killed, perhaps after libiscsi sent them
 * again (neither aborts a write by task management); another writes something else to the same blocks; the unit goes on. What
 * is read is always the later write.
 */
@Tag("slow")
class ForeignHostFrozenUnitTest {
    private static final int ROUNDS = 8;
    private static final int WRITES = 16;
    /** So short that a write travels with its command, and lies in the frozen unit's socket. */
    private static final int WRITE_BYTES = 8 << 10;

    private static final Pattern WRITTEN = Pattern.compile("\"writtenBytes\" : ([0-9]+)");

    private enum HostEnds {
        KILLED,
        /** After a second without an answer libiscsi drops the session and sends the writes again in a new one. */
        KILLED_AFTER_SENDING_AGAIN
    }

    @TempDir
    Path folder;

    @Test
    void whatAHostThatIsGoneHadWrittenNeverLandsOnALaterWrite() throws Exception {
        try (San san = new San(folder)) {
            Tgtd unit = san.tgtd("tgt1", 64 << 20);
            san.gateway("""
                    hosts:
                      - {name: a, initiators: ["*"], volumes: [{name: data, lun: 0, size: 32MiB}]}
                    """);
            San.awaitReady(san.url("a", 0));
            for (int round = 0; round < ROUNDS; round++) {
                HostEnds end = round % 4 < 2 ? HostEnds.KILLED : HostEnds.KILLED_AFTER_SENDING_AGAIN;
                round(san, unit, round, end, round % 2 == 0);
            }
        }
    }

    private void round(San san, Tgtd unit, int round, HostEnds end, boolean thawBeforeLaterWrites) throws Exception {
        String which = "round %d, host %s, thawed %s the later writes"
                .formatted(round, end, thawBeforeLaterWrites ? "before" : "after");
        int early = 1 + 2 * round;
        int late = 2 + 2 * round;
        int dropped = droppedSessions(san);
        unit.freeze();
        Process first =
                writes(san, early, true, end == HostEnds.KILLED ? 0 : 1, folder.resolve("first" + round + ".log"));
        Process second;
        try {
            Awaitility.await(which).atMost(Duration.ofSeconds(20)).until(() -> switch (end) {
                case KILLED -> writtenBytes(san) >= (long) WRITES * WRITE_BYTES;
                case KILLED_AFTER_SENDING_AGAIN -> droppedSessions(san) >= dropped + 2;
            });
            first.destroyForcibly().waitFor();
            if (thawBeforeLaterWrites) {
                unit.thaw();
            }
            second = writes(san, late, false, 0, folder.resolve("second" + round + ".log"));
            if (!thawBeforeLaterWrites) {
                Awaitility.await(which)
                        .atMost(Duration.ofSeconds(20))
                        .until(() -> writtenBytes(san) >= WRITE_BYTES || !second.isAlive());
            }
        } finally {
            first.destroyForcibly();
            unit.thaw();
        }
        assertThat(second.waitFor(60, TimeUnit.SECONDS)).as(which).isTrue();
        assertThat(second.exitValue())
                .as(
                        "%s: %s%n%s",
                        which,
                        Files.readString(folder.resolve("second" + round + ".log")),
                        san.gateway().log())
                .isZero();
        List<String> words = new ArrayList<>(List.of("qemu-io", "-f", "raw"));
        for (int i = 0; i < WRITES; i++) {
            words.add("-c");
            words.add("read -P %d %d %d".formatted(late, i * WRITE_BYTES, WRITE_BYTES));
        }
        words.add(san.url("a", 0));
        assertThat(Command.run(60, words).succeeded()).as(which).doesNotContain("verification failed");
    }

    /** All at once, or one after the other. {@code giveUpSeconds} 0: never. */
    private static Process writes(San san, int pattern, boolean atOnce, int giveUpSeconds, Path log) throws Exception {
        List<String> words = new ArrayList<>(List.of("qemu-io"));
        for (int i = 0; i < WRITES; i++) {
            words.add("-c");
            words.add(
                    "%s -P %d %d %d".formatted(atOnce ? "aio_write" : "write", pattern, i * WRITE_BYTES, WRITE_BYTES));
        }
        words.add("-c");
        words.add("aio_flush");
        words.add("""
                json:{"driver": "raw", "file": {"driver": "iscsi", "transport": "tcp", "portal": "127.0.0.1:%d",
                "target": "%s", "lun": 0, "timeout": %d}}""".formatted(san.port, San.target("a"), giveUpSeconds));
        return new ProcessBuilder(words)
                .redirectErrorStream(true)
                .redirectOutput(log.toFile())
                .start();
    }

    private static int droppedSessions(San san) {
        return san.gateway().log().split("session ends: the connection ended", -1).length - 1;
    }

    /** What the one host that is logged in has sent; 0 if there is none. */
    private long writtenBytes(San san) {
        String sessions = Command.run(
                        30,
                        SanwayProcess.ROOT.resolve("scripts/sanway").toString(),
                        "session",
                        "list",
                        "--output",
                        "json",
                        "--server",
                        "https://127.0.0.1:" + san.management,
                        "--token-file",
                        folder.resolve("gateway/api.token").toString(),
                        "--certificate",
                        folder.resolve("gateway/api.crt").toString())
                .succeeded();
        Matcher written = WRITTEN.matcher(sessions);
        return written.find() ? Long.parseLong(written.group(1)) : 0;
    }
}
