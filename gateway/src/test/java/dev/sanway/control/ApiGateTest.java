package dev.sanway.control;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sanway.metadata.OperatorRecord.Role;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.stream.Stream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Each bound of the API, set small. */
@Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class ApiGateTest {

    private static final int CONNECTIONS = 8;
    private static final int CALLS_OF_ONE = 2;

    @TempDir
    Path state;

    private ApiFixture api;
    private String viewer;

    @BeforeEach
    void start() throws Exception {
        api = new ApiFixture(
                state,
                new ApiLimits(
                        CONNECTIONS,
                        2 * CONNECTIONS,
                        Duration.ofSeconds(2),
                        Duration.ofSeconds(3),
                        Duration.ofSeconds(1),
                        Duration.ofSeconds(4),
                        CALLS_OF_ONE,
                        2 * CALLS_OF_ONE,
                        CALLS_OF_ONE));
        viewer = api.tokenOf(Role.viewer);
    }

    @AfterEach
    void stop() {
        api.close();
    }

    @Test
    void whatDoesNotBecomeACallInItsTimeIsEndedHoweverBusy() throws Exception {
        try (RawCaller silent = RawCaller.silent(api);
                RawCaller handshake = RawCaller.silent(api);
                RawCaller headers = RawCaller.open(api);
                RawCaller body = RawCaller.open(api);
                RawCaller keptAlive = RawCaller.open(api)) {
            headers.say("GET /health/live HTTP/1.1\r\nX-Slow: ");
            body.post("/api/v1/login", "", 1000);
            assertThat(keptAlive.get("/health/live", "").status()).isEqualTo(200);
            // The beginning of a TLS record that announces 512 bytes; each further byte keeps an idle timeout away.
            handshake.say("\u0016\u0003\u0001\u0002");
            Awaitility.await()
                    .atMost(Duration.ofSeconds(20))
                    .pollInterval(Duration.ofMillis(100))
                    .until(() -> Stream.of(headers, body, handshake)
                            .filter(ApiGateTest::trickle)
                            .toList()
                            .isEmpty());
            assertThat(silent.status()).isZero();
            assertThat(keptAlive.drain()).isPositive();
        }
    }

    /** False: the connection is ended. */
    private static boolean trickle(RawCaller caller) {
        try {
            caller.say("x");
            return true;
        } catch (IOException _) {
            return false;
        }
    }

    @Test
    void anAnswerThatIsNotTakenIsGivenUp() throws Exception {
        int asked = 300;
        try (RawCaller slow = RawCaller.open(api)) {
            for (int i = 0; i < asked; i++) {
                slow.get("/api/v1/openapi.json", viewer);
            }
            long each = api.get("/api/v1/openapi.json", api.token).body().length();
            Awaitility.await()
                    .atMost(Duration.ofSeconds(20))
                    .until(() -> api.get("/api/v1/whoami", viewer).statusCode() == 200);
            Awaitility.await().atMost(Duration.ofSeconds(20)).until(() -> !trickle(slow));
            assertThat(slow.drain()).isLessThan(asked * each);
        }
    }

    @Test
    void aFurtherConnectionIsLetInAndAnOldOneEnded() throws Exception {
        List<RawCaller> callers = new ArrayList<>();
        try {
            for (int i = 0; i < 3 * CONNECTIONS; i++) {
                callers.add(RawCaller.open(api));
            }
            assertThat(callers.getLast().get("/health/live", "").status()).isEqualTo(200);
            assertThat(callers.getFirst().status()).isZero();
        } finally {
            for (RawCaller caller : callers) {
                caller.close();
            }
        }
    }

    @Test
    void whoHasManyCallsUnderWayIsRefusedAFurtherOneAndOthersAreNot() throws Exception {
        CountDownLatch go = new CountDownLatch(1);
        CountDownLatch begun = new CountDownLatch(CALLS_OF_ONE);
        api.gateway.whileCreating = () -> {
            begun.countDown();
            try {
                go.await();
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        };
        String operator = api.tokenOf(Role.operator);
        String body = "{\"name\": \"web1/a\", \"size\": \"1GiB\"}";
        try (RawCaller first = RawCaller.open(api);
                RawCaller second = RawCaller.open(api)) {
            first.post("/api/v1/volumes", operator, body.length()).say(body);
            second.post("/api/v1/volumes", operator, body.length()).say(body);
            begun.await();
            HttpResponse<String> refused = api.get("/api/v1/whoami", operator);
            assertThat(refused.statusCode()).isEqualTo(429);
            assertThat(refused.headers().firstValue("Retry-After")).hasValue("1");
            assertThat(refused.body()).contains("too many calls at once");
            assertThat(api.get("/api/v1/whoami", viewer).statusCode()).isEqualTo(200);
            go.countDown();
            assertThat(first.status()).isEqualTo(200);
            assertThat(second.status()).isEqualTo(200);
            Awaitility.await().until(() -> api.get("/api/v1/whoami", operator).statusCode() == 200);
        }
    }

    @Test
    void aBodyIsAsLargeAsItsCallerMaySend() throws Exception {
        String login = "{\"operator\": \"anna\", \"password\": \"%s\"}";
        assertThat(api.post("/api/v1/login", "", login.formatted("x".repeat(4 << 10)))
                        .statusCode())
                .isEqualTo(413);
        assertThat(api.post("/api/v1/login", "", login.formatted("x".repeat(1 << 10)))
                        .statusCode())
                .isEqualTo(401);
        String volume = "{\"name\": \"web1/a\", \"size\": \"" + " ".repeat(70 << 10) + "1GiB\"}";
        HttpResponse<String> refused = api.post("/api/v1/volumes", api.token, volume);
        assertThat(refused.statusCode()).isEqualTo(413);
        assertThat(refused.body()).contains("64 KiB");
        String config = "{\"text\": \"" + "#".repeat(2 << 20) + "\"}";
        assertThat(api.post("/api/v1/config/diff", api.token, config).statusCode())
                .isEqualTo(200);
        assertThat(api.post("/api/v1/config/diff", viewer, config).statusCode()).isEqualTo(413);
        try (RawCaller chunked = RawCaller.open(api)) {
            chunked.say("POST /api/v1/login HTTP/1.1\r\nHost: gateway\r\nTransfer-Encoding: chunked\r\n\r\n1400\r\n"
                    + "x".repeat(0x1400) + "\r\n");
            assertThat(chunked.status()).isEqualTo(413);
        }
    }

    @Test
    void aBodyInPiecesIsPutTogether() throws Exception {
        try (RawCaller caller = RawCaller.open(api)) {
            String body = "{\"name\": \"web1/a\", \"size\": \"1GiB\"}";
            caller.post("/api/v1/volumes", api.token, body.length());
            for (String each : body.split("(?<=\\G.{8})", -1)) {
                caller.say(each);
            }
            assertThat(caller.status()).isEqualTo(200);
            assertThat(api.gateway.created).hasSize(1);
        }
    }
}
