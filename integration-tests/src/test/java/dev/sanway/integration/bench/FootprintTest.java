package dev.sanway.integration.bench;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sanway.bench.AccessPattern;
import dev.sanway.bench.LoadGenerator;
import dev.sanway.bench.LoadPlan;
import dev.sanway.initiator.SessionState;
import dev.sanway.initiator.UnitSession;
import dev.sanway.initiator.UnitSessionConfig;
import dev.sanway.initiator.UnitSessionListener;
import dev.sanway.iscsi.IscsiName;
import dev.sanway.iscsi.Isid;
import dev.sanway.iscsi.Transport;
import io.netty.channel.EventLoopGroup;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** What a gateway with its default settings takes of the machine: with a thousand idle hosts, and over minutes of load. */
@Tag("long")
class FootprintTest {

    private static final IscsiName INITIATOR = new IscsiName("iqn.2026-11.example:footprint");
    private static final int SESSIONS = 1_000;
    private static final long KIB_PER_MIB = 1024;
    private static final long MOST_MIB = 512;
    private static final long MOST_MIB_FOR_SESSIONS = 100;
    private static final long MOST_MIB_OF_DRIFT = 24;

    /** {@code -Dsanway.footprintMinutes=10} for the whole. */
    private static final int MINUTES = Integer.getInteger("sanway.footprintMinutes", 3);

    private final Path root =
            Objects.requireNonNull(Path.of("").toAbsolutePath().getParent());

    @SuppressWarnings("NullAway.Init")
    private Lab lab;

    @SuppressWarnings("NullAway.Init")
    private Contender gateway;

    @SuppressWarnings("NullAway.Init")
    private Server process;

    @BeforeEach
    void start() throws Exception {
        lab = new Lab(root, null, 256L << 20);
        gateway = lab.start("gateway"::equals).getFirst();
        process = gateway.servers().getFirst();
        // Until the new volume is wiped, and once around everything.
        Awaitility.await("ready")
                .atMost(Duration.ofMinutes(2))
                .pollInterval(Duration.ofMillis(200))
                .ignoreExceptions()
                .until(() -> load(4096, "mixed", 32, 1, 5));
    }

    @AfterEach
    void stop() {
        lab.close();
    }

    private boolean load(int requestBytes, String pattern, int depth, int sessions, int seconds) throws Exception {
        AccessPattern access = switch (pattern) {
            case "mixed" -> new AccessPattern(false, 70);
            case "write" -> new AccessPattern(true, 0);
            default -> new AccessPattern(true, 100);
        };
        LoadPlan plan = new LoadPlan(
                List.of(gateway.target()),
                INITIATOR,
                sessions,
                depth,
                1,
                requestBytes,
                access,
                0,
                false,
                false,
                false,
                false,
                1,
                0,
                seconds * 1000L,
                0);
        assertThat(LoadGenerator.run(plan, new LoadGenerator.Observer() {})).isNotNull();
        return true;
    }

    private long residentMib() throws IOException {
        for (String line : Files.readAllLines(Path.of("/proc/" + process.pid() + "/status"))) {
            if (line.startsWith("VmRSS:")) {
                return Long.parseLong(line.replaceAll("\\D", "")) / KIB_PER_MIB;
            }
        }
        throw new AssertionError("no VmRSS of " + process.pid());
    }

    @Test
    void aThousandIdleSessionsCostNextToNothing() throws Exception {
        EventLoopGroup loops = Transport.newGroup("hosts", 1);
        List<UnitSession> sessions = new ArrayList<>();
        try {
            long before = residentMib();
            for (int i = 0; i < SESSIONS; i++) {
                UnitSession session = new UnitSession(
                        UnitSessionConfig.of(
                                "host" + i,
                                "127.0.0.1",
                                gateway.target().port(),
                                gateway.target().target(),
                                INITIATOR,
                                Isid.random(i, 1)),
                        loops.next(),
                        UnitSessionListener.NONE);
                session.start();
                sessions.add(session);
                Awaitility.await("session " + i)
                        .pollInterval(Duration.ofMillis(1))
                        .atMost(Duration.ofSeconds(20))
                        .until(() -> session.state() instanceof SessionState.Ready);
            }
            long idleSeconds = 30;
            long ticks = process.cpuTicks();
            TimeUnit.SECONDS.sleep(idleSeconds); // the time that is measured
            double percent = (process.cpuTicks() - ticks) / (double) idleSeconds;
            long after = residentMib();
            System.out.printf(
                    "%d idle sessions: %d MiB more (%d before), %.1f %% of a core%n",
                    SESSIONS, after - before, before, percent);
            assertThat(sessions).allMatch(session -> session.state() instanceof SessionState.Ready);
            assertThat(after - before).as("MiB for %d sessions", SESSIONS).isLessThan(MOST_MIB_FOR_SESSIONS);
            assertThat(percent).as("%% of a core, pings of both sides included").isLessThan(5);
        } finally {
            sessions.forEach(session -> session.loop().execute(() -> session.close(() -> {})));
            loops.shutdownGracefully(0, 5, TimeUnit.SECONDS).awaitUninterruptibly();
        }
    }

    @Test
    void memoryUnderLoadIsBoundedAndFlat() throws Exception {
        long end = System.nanoTime() + TimeUnit.MINUTES.toNanos(MINUTES);
        List<Long> resident = new ArrayList<>();
        while (System.nanoTime() < end) {
            load(4096, "mixed", 32, 4, 3);
            load(1 << 20, "write", 8, 2, 3);
            load(256 << 10, "read", 8, 8, 3);
            resident.add(residentMib());
        }
        long early = median(resident.subList(resident.size() / 4, resident.size() / 2));
        long late = median(resident.subList(resident.size() * 3 / 4, resident.size()));
        System.out.printf(
                "Resident over %d min of load, MiB: %s; second quarter %d, last %d%n", MINUTES, resident, early, late);
        assertThat(resident).allMatch(mib -> mib < MOST_MIB);
        assertThat(late - early).as("MiB that it grew").isLessThan(MOST_MIB_OF_DRIFT);
    }

    private static long median(List<Long> values) {
        long[] sorted = values.stream().mapToLong(Long::longValue).sorted().toArray();
        return Arrays.stream(sorted).skip(sorted.length / 2).findFirst().orElseThrow();
    }
}
