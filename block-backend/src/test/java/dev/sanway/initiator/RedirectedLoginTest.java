package dev.sanway.initiator;

import static dev.sanway.initiator.ScriptedUnits.LOOP;
import static dev.sanway.initiator.ScriptedUnits.UNIT_LOOP;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sanway.iscsi.IscsiName;
import dev.sanway.iscsi.Isid;
import dev.sanway.iscsi.Pdu;
import dev.sanway.iscsi.TargetAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Units that send whoever logs in to another address. */
@Timeout(60)
class RedirectedLoginTest {
    @SuppressWarnings("NullAway.Init")
    private ScriptedUnit group;

    @SuppressWarnings("NullAway.Init")
    private ScriptedUnit member;

    private final List<UnitSession> sessions = new ArrayList<>();

    @BeforeEach
    void startUnits() throws Exception {
        group = new ScriptedUnit(UNIT_LOOP);
        member = new ScriptedUnit(UNIT_LOOP);
    }

    @AfterEach
    void stop() throws Exception {
        for (UnitSession session : sessions) {
            ScriptedUnits.stop(session);
        }
        group.close();
        member.close();
    }

    private UnitSessionConfig config() {
        return UnitSessionConfig.of(
                        "array",
                        "127.0.0.1",
                        group.port(),
                        new IscsiName("iqn.2026-11.example:array"),
                        new IscsiName("iqn.2026-11.dev.sanway:gateway.test"),
                        new Isid(0x800000000001L))
                .withUnitTimeout(5000);
    }

    private UnitSession session() {
        UnitSession session = new UnitSession(config(), LOOP, UnitSessionListener.NONE);
        sessions.add(session);
        session.start();
        return session;
    }

    private static void await(java.util.concurrent.Callable<Boolean> condition) {
        Awaitility.await().atMost(Duration.ofSeconds(15)).until(condition);
    }

    private String memberAddress() {
        return "127.0.0.1:" + member.port();
    }

    @Test
    void aTemporaryRedirectIsFollowedEachTime() {
        group.redirectTo = memberAddress();
        UnitSession session = session();
        await(() -> member.logins() == 1);
        await(() -> session.at().equals(new TargetAddress("127.0.0.1", member.port())));
        member.latest().channel.close();
        await(() -> member.logins() == 2);
        assertThat(group.redirected).hasValue(2);
        assertThat(group.logins()).isZero();
    }

    @Test
    void aPermanentRedirectIsKept() {
        group.redirectTo = memberAddress() + ",1";
        group.redirectDetail = 2;
        session();
        await(() -> member.logins() == 1);
        member.latest().channel.close();
        await(() -> member.logins() == 2);
        assertThat(group.redirected).hasValue(1);
    }

    @Test
    void aPermanentAddressThatIsGoneIsGivenUpForTheConfiguredOne() {
        group.redirectTo = memberAddress();
        group.redirectDetail = 2;
        session();
        await(() -> member.logins() == 1);
        group.redirectTo = null;
        member.close();
        await(() -> group.logins() == 1);
    }

    @Test
    void aNameIsResolvedAndAnotherThanAnAddressIsRefused() {
        group.redirectTo = "localhost:" + member.port();
        session();
        await(() -> member.logins() == 1);
        group.redirectTo = "no address";
        member.latest().channel.close();
        await(() -> sessions.getFirst().state() instanceof SessionState.Waiting(String why)
                && why.contains("without saying where")
                && why.contains("0101"));
    }

    @Test
    void whoIsSentRoundInCirclesGivesUpAfterTenAndTriesAgainLater() {
        group.redirectTo = memberAddress();
        member.redirectTo = "127.0.0.1:" + group.port();
        UnitSession session = session();
        await(() -> session.state() instanceof SessionState.Waiting(String why) && why.contains("on and on"));
        assertThat(group.redirected.get() + member.redirected.get()).isEqualTo(11);
        group.redirectTo = null;
        await(() -> session.state() instanceof SessionState.Ready);
    }

    @Test
    void discoveryFollows() throws Exception {
        group.redirectTo = memberAddress();
        member.redirectTo = "127.0.0.1:" + group.port();
        CompletableFuture<Discovery.Result> answer = new CompletableFuture<>();
        Discovery.sendTargets(config(), LOOP, answer::complete);
        assertThat(answer.get(10, TimeUnit.SECONDS))
                .isInstanceOfSatisfying(
                        Discovery.Failed.class,
                        failed -> assertThat(failed.reason()).contains("on and on"));
        assertThat(group.redirected.get() + member.redirected.get()).isEqualTo(11);
    }

    /** tgtd ends the session before only when a login leaves the security stage (see TgtdTest). */
    @Test
    void aLoginBeginsInTheSecurityStageAlsoWithoutChap() {
        session();
        await(() -> group.logins() == 1);
        assertThat(group.latest().received.stream()
                        .filter(Pdu.LoginRequest.class::isInstance)
                        .map(pdu -> ((Pdu.LoginRequest) pdu).currentStage())
                        .toList())
                .containsExactly(0, 1);
    }
}
