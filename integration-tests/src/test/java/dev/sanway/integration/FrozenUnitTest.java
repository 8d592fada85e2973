package dev.sanway.integration;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sanway.block.BlockClient;
import dev.sanway.block.BlockOutcome;
import dev.sanway.initiator.RawCommands;
import dev.sanway.scsi.Cdb;
import dev.sanway.scsi.StatusCode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A foreign unit stands still in the middle of writes, the host aborts them and writes something else to the same blocks, the
 * unit goes on: what is read is always the later write.
 */
@Tag("slow")
class FrozenUnitTest {
    private static final int ROUNDS = 12;
    private static final int WRITES = 16;
    private static final int BLOCKS = 64;

    private enum Thaw {
        BEFORE_THE_ABORTS,
        AFTER_THE_ABORTS,
        AFTER_THE_LATER_WRITES,
        AFTER_THE_SESSION_WAS_GIVEN_UP
    }

    @TempDir
    Path folder;

    @Test
    void anAbortedWriteNeverLandsOnALaterOne() throws Exception {
        long seed = Long.getLong("sanway.seed", System.nanoTime());
        Random random = new Random(seed);
        try (San san = new San(folder)) {
            Tgtd unit = san.tgtd("tgt1", 64 << 20);
            san.gateway("""
                    hosts:
                      - {name: a, initiators: ["*"], volumes: [{name: data, lun: 0, size: 32MiB}]}
                    """);
            try (TestHost host = san.host("iqn.2026-11.example:a", "a")) {
                BlockClient client = host.client(0);
                int aborted = 0;
                for (int round = 0; round < ROUNDS; round++) {
                    Thaw thaw = Thaw.values()[round % Thaw.values().length];
                    aborted += round(unit, client, thaw, random, "seed " + seed + ", round " + round + ", " + thaw);
                }
                assertThat(aborted).as("writes really aborted").isPositive();
            }
        }
    }

    /** As of a machine that was suspended: that time is not the unit's absence. */
    @Test
    void aSleepOfTheGatewayIsNoAbsenceOfTheUnit() throws Exception {
        try (San san = new San(folder)) {
            Tgtd unit = san.tgtd("tgt1", 64 << 20);
            SanwayProcess gateway = san.gateway("  unitTimeout: 6s\n", """
                    hosts:
                      - {name: a, initiators: ["*"], volumes: [{name: data, lun: 0, size: 32MiB}]}
                    """);
            try (TestHost host = san.host("iqn.2026-11.example:a", "a")) {
                host.client(0).write(0, new byte[512]);
                unit.freeze();
                CompletableFuture<RawCommands.Answer> write = CompletableFuture.supplyAsync(
                        () -> host.command(0, Cdb.write16(0, 1, false), new byte[512], 0));
                pass(500); // it is at the unit by then
                Command.run(5, "kill", "-STOP", "" + gateway.pid()).succeeded();
                pass(7_500);
                Command.run(5, "kill", "-CONT", "" + gateway.pid()).succeeded();
                pass(500);
                unit.thaw();
                RawCommands.Answer answer = BlockClient.await(write);
                assertThat(answer.status()).as("%s", answer).isEqualTo(StatusCode.GOOD);
            }
        }
    }

    private static void pass(long millis) {
        Awaitility.await().pollDelay(Duration.ofMillis(millis)).until(() -> true);
    }

    /** The initiator's ends of the connections to a unit that are established (proc(5), net/tcp). */
    private static Set<String> connectionsTo(int port) {
        String suffix = String.format(":%04X", port);
        Set<String> ends = new HashSet<>();
        for (String table : List.of("/proc/net/tcp", "/proc/net/tcp6")) {
            try (Stream<String> lines = Files.lines(Path.of(table))) {
                lines.map(line -> line.trim().split(" +"))
                        .filter(fields -> fields[2].endsWith(suffix) && fields[3].equals("01"))
                        .forEach(fields -> ends.add(fields[1]));
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
        return ends;
    }

    private static int round(Tgtd unit, BlockClient client, Thaw thaw, Random random, String which) {
        int number = random.nextInt(120);
        byte[] early = new byte[BLOCKS * 512];
        Arrays.fill(early, (byte) (2 * number));
        byte[] late = new byte[BLOCKS * 512];
        Arrays.fill(late, (byte) (2 * number + 1));
        List<BlockClient.Started> first = new ArrayList<>();
        int before = random.nextInt(WRITES);
        Set<String> sessions = connectionsTo(unit.port);
        assertThat(sessions).as(which).isNotEmpty();
        for (int i = 0; i < WRITES; i++) {
            if (i == before) {
                unit.freeze();
            }
            first.add(client.start(client.writeOf((long) i * BLOCKS, early, false)));
        }
        if (thaw == Thaw.BEFORE_THE_ABORTS) {
            unit.thaw();
        }
        first.forEach(BlockClient.Started::cancel);
        if (thaw == Thaw.AFTER_THE_ABORTS) {
            unit.thaw();
        }
        if (thaw == Thaw.AFTER_THE_SESSION_WAS_GIVEN_UP) {
            Awaitility.await(which)
                    .atMost(Duration.ofSeconds(15))
                    .pollInterval(Duration.ofMillis(50))
                    .until(() -> Collections.disjoint(connectionsTo(unit.port), sessions));
            unit.thaw();
        }
        // Even a host that does not await the end of an abort: the gateway keeps overlapping writes in order.
        List<BlockClient.Started> second = new ArrayList<>();
        if (thaw == Thaw.AFTER_THE_LATER_WRITES) {
            for (int i = 0; i < WRITES; i++) {
                second.add(client.start(client.writeOf((long) i * BLOCKS, late, false)));
            }
            unit.thaw();
        }
        int aborted = 0;
        for (BlockClient.Started one : first) {
            aborted += one.end() instanceof BlockOutcome.Failed ? 1 : 0;
        }
        if (second.isEmpty()) {
            for (int i = 0; i < WRITES; i++) {
                second.add(client.start(client.writeOf((long) i * BLOCKS, late, false)));
            }
        }
        for (BlockClient.Started one : second) {
            assertThat(one.end()).as(which).isEqualTo(BlockOutcome.DONE);
        }
        for (int i = 0; i < WRITES; i++) {
            assertThat(Arrays.equals(client.read((long) i * BLOCKS, BLOCKS), late))
                    .as("%s: write %d reads as the later one", which, i)
                    .isTrue();
        }
        return aborted;
    }
}
