package dev.sanway.target;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.IntStream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Memory is divided by host, then by session, and never exceeds its bound but for what is there already. */
class MemoryBudgetTest {

    private static final long MIB = 1 << 20;
    private static final long LIMIT = 128 * MIB;
    private static final long SESSION = 16 * MIB;

    private final ScheduledExecutorService timer = Executors.newSingleThreadScheduledExecutor();
    private final List<String> told = new ArrayList<>();
    private final MemoryBudget budget =
            new MemoryBudget(LIMIT, timer, (host, what) -> told.add(host.initiator() + ": " + what));

    @AfterEach
    void stop() {
        timer.shutdownNow();
    }

    private SessionMemory session(String host) {
        return budget.open(new HostKey("target", host), SESSION);
    }

    /** Takes pieces until there are no more; how many. */
    private static long takeAll(SessionMemory session, long piece) {
        long taken = 0;
        while (session.tryTake(piece, 0)) {
            taken += piece;
        }
        return taken;
    }

    @Test
    void oneSessionHasItsBoundAndOneHostHalfWithWhatItKeeps() {
        assertThat(takeAll(session("a"), MIB)).isEqualTo(SESSION);
        for (int i = 0; i < 100; i++) {
            takeAll(session("a"), MIB / 4);
        }
        assertThat(budget.heldBytes()).isBetween(LIMIT * 3 / 8 - MIB, LIMIT * 3 / 8);
        SessionMemory another = session("a");
        while (another.tryKeep(MIB / 4)) {
            // As much as there is.
        }
        assertThat(budget.heldBytes()).isBetween(LIMIT / 2 - MIB, LIMIT / 2);
    }

    @Test
    void howeverManySessionsAHostHasAnotherOneHasAsMuchAsEver() {
        List<SessionMemory> greedy =
                IntStream.range(0, 500).mapToObj(_ -> session("a")).toList();
        greedy.forEach(each -> takeAll(each, MIB / 4));
        assertThat(takeAll(session("b"), MIB / 4)).isGreaterThan(SESSION * 7 / 8);
    }

    @Test
    void hostsThatTakeWhatTheyCanGetHaveTheSameAndLeaveAsMuch() {
        List<SessionMemory> hosts = new ArrayList<>();
        for (int host = 0; host < 9; host++) {
            for (int session = 0; session < 4; session++) {
                hosts.add(session("host" + host));
            }
        }
        // Those who came first have more until what they have is given back and taken anew.
        Random random = new Random(1);
        List<SessionMemory> taken = new ArrayList<>();
        for (int round = 0; round < 200_000; round++) {
            SessionMemory one = hosts.get(random.nextInt(hosts.size()));
            if (one.tryTake(MIB / 8, 0)) {
                taken.add(one);
            }
            if (taken.size() > 10 && random.nextInt(3) == 0) {
                taken.remove(random.nextInt(taken.size())).giveTaken(MIB / 8);
            }
        }
        for (HostMemory host : budget.hosts()) {
            assertThat(host.heldBytes()).as("%s", host.key()).isBetween(LIMIT / 12 - 3 * MIB, LIMIT / 12 + 3 * MIB);
        }
        SessionMemory newcomer = session("late");
        assertThat(takeAll(newcomer, MIB / 8)).isGreaterThan(LIMIT / 10 / 3);
    }

    @Test
    void withinAHostSessionsHaveTheSame() {
        List<SessionMemory> sessions =
                IntStream.range(0, 20).mapToObj(_ -> session("a")).toList();
        boolean more = true;
        while (more) {
            more = false;
            for (SessionMemory each : sessions) {
                more |= each.tryTake(MIB / 16, 0);
            }
        }
        long most = sessions.stream().mapToLong(SessionMemory::heldBytes).max().orElseThrow();
        long least = sessions.stream().mapToLong(SessionMemory::heldBytes).min().orElseThrow();
        assertThat(most - least).isLessThanOrEqualTo(MIB / 4);
        assertThat(session("a").tryTake(8 * MIB, 0))
                .as("a session with nothing at work has what its host may have")
                .isFalse();
        assertThat(session("a").tryTake(2 * MIB, 0)).isTrue();
    }

    @Test
    void aHostWithNothingAtWorkHasOneCommandOfAnyLengthAndIsServedFirst() {
        List<SessionMemory> greedy =
                IntStream.range(0, 480).mapToObj(i -> session("host" + i % 30)).toList();
        long piece = MIB / 16;
        boolean more = true;
        while (more) {
            more = false;
            for (SessionMemory each : greedy) {
                more |= each.tryTake(piece, 0);
            }
        }
        SessionMemory patient = session("patient");
        assertThat(patient.tryTake(SESSION, 0)).isFalse();
        AtomicBoolean mayGoOn = new AtomicBoolean();
        patient.awaitRoom(SESSION, 0, () -> mayGoOn.set(true));
        for (SessionMemory each : greedy) {
            if (!mayGoOn.get()) {
                each.giveTaken(piece);
                assertThat(mayGoOn.get() || !each.tryTake(piece, 0))
                        .as("what is given back is not taken again while somebody waits who has nothing")
                        .isTrue();
            }
        }
        Awaitility.await().untilTrue(mayGoOn);
        assertThat(patient.tryTake(SESSION, 0)).isTrue();
        assertThat(told).contains("patient: its commands wait until memory is free");
    }

    @Test
    void whoWaitsIsCalledThoughNothingIsGivenBackAnyMore() {
        SessionMemory a = session("a");
        takeAll(a, MIB);
        List<AtomicBoolean> called = new ArrayList<>();
        for (int i = 0; i < 100; i++) {
            AtomicBoolean one = new AtomicBoolean();
            called.add(one);
            a.awaitRoom(MIB, 0, () -> one.set(true));
        }
        a.giveTaken(MIB);
        Awaitility.await().untilAsserted(() -> assertThat(called).allMatch(AtomicBoolean::get));
    }

    @Test
    void whoWaitsWhenItsSessionEndsIsCalled() {
        SessionMemory a = session("a");
        takeAll(a, MIB);
        AtomicBoolean called = new AtomicBoolean();
        a.awaitRoom(MIB, 0, () -> called.set(true));
        a.close();
        Awaitility.await().untilTrue(called);
    }

    @Test
    void whatCameUnaskedIsKeptUpToTheHostsPart() {
        SessionMemory one = session("a");
        long kept = 0;
        while (one.tryKeep(MIB / 4)) {
            kept += MIB / 4;
        }
        assertThat(kept).isBetween(LIMIT / 2 - MIB, LIMIT / 2);
        assertThat(one.withinBound()).isTrue();
        one.keep(MIB);
        assertThat(one.withinBound()).as("counted, and nothing more is read").isFalse();
        assertThat(one.tryTake(MIB / 4, MIB / 4))
                .as("what is in memory already may always go to work")
                .isTrue();
        assertThat(one.host().refusals()).isEqualTo(1);
    }

    @Test
    void allIsGivenBack() {
        SessionMemory one = session("a");
        assertThat(one.tryKeep(1000)).isTrue();
        assertThat(one.tryTake(5000, 1000)).isTrue();
        one.keep(300);
        assertThat(budget.heldBytes()).isEqualTo(5300);
        one.giveTaken(5000);
        one.giveKept(300);
        one.close();
        assertThat(budget.heldBytes()).isZero();
        assertThat(budget.hosts()).isEmpty();
    }
}
