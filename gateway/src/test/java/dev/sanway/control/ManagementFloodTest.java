package dev.sanway.control;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sanway.metadata.OperatorRecord.Role;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Whatever others do, whoever asks for the gateway's health, or has a token, is answered. With the bounds that a gateway has. */
@Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class ManagementFloodTest {

    @TempDir
    Path state;

    private ApiFixture api;
    private final List<RawCaller> others = new ArrayList<>();

    @BeforeEach
    void start() throws Exception {
        api = new ApiFixture(state);
        // What is done for the first time takes longer.
        assertThat(health()).isLessThan(Duration.ofSeconds(20));
        assertThat(api.get("/api/v1/volumes", api.token).statusCode()).isEqualTo(200);
    }

    @AfterEach
    void stop() throws IOException {
        for (RawCaller other : others) {
            other.close();
        }
        api.close();
    }

    /** How long it takes until health is told: at a second try if others that were in the queue before took the place. */
    private Duration health() {
        long before = System.nanoTime();
        Awaitility.await()
                .pollInterval(Duration.ofMillis(20))
                .atMost(Duration.ofSeconds(25))
                .until(() -> {
                    try (RawCaller caller = RawCaller.open(api).get("/health/live", "")) {
                        return caller.status() == 200;
                    } catch (IOException _) {
                        return false;
                    }
                });
        return Duration.ofNanos(System.nanoTime() - before);
    }

    private interface Doing {
        RawCaller with() throws IOException;
    }

    private void others(int count, Doing doing) {
        for (int i = 0; i < count; i++) {
            try {
                others.add(doing.with());
            } catch (IOException _) {
                // It had to make room.
            }
        }
    }

    private void everybodyElseIsAnswered() throws Exception {
        for (int i = 0; i < 3; i++) {
            assertThat(health()).isLessThan(Duration.ofSeconds(1));
            assertThat(api.get("/api/v1/volumes", api.token).statusCode()).isEqualTo(200);
            assertThat(api.get("/metrics", api.token).statusCode()).isEqualTo(200);
        }
    }

    @Test
    void bodiesThatNeverComeKeepNobodyWaiting() throws Exception {
        others(247, () -> RawCaller.open(api).post("/api/v1/login", "", 100).say("{"));
        everybodyElseIsAnswered();
    }

    @Test
    void headersThatNeverEndKeepNobodyWaiting() throws Exception {
        others(100, () -> RawCaller.open(api).say("GET /api/v1/volumes HTTP/1.1\r\nX-Slow: "));
        everybodyElseIsAnswered();
    }

    @Test
    void connectionsThatSayNothingKeepNobodyWaiting() throws Exception {
        others(600, () -> RawCaller.silent(api));
        everybodyElseIsAnswered();
    }

    @Test
    void answersThatNobodyTakesKeepNobodyElseWaiting() throws Exception {
        String viewer = api.tokenOf(Role.viewer);
        others(40, () -> {
            RawCaller caller = RawCaller.open(api);
            for (int i = 0; i < 100; i++) {
                caller.get("/api/v1/openapi.json", viewer);
            }
            return caller;
        });
        everybodyElseIsAnswered();
    }
}
