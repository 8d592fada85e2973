package dev.sanway.control;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.InetAddress;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ApiServerTest {

    private static final List<String> CALLS = List.of(
            "volumes", "partitions", "units", "sessions", "volumes/web1/data", "tasks", "tasks/1", "events", "config");

    @TempDir
    Path state;

    private ApiFixture api;
    private String token;

    @BeforeEach
    void start() throws Exception {
        api = new ApiFixture(state);
        token = api.token;
    }

    @AfterEach
    void stop() {
        api.close();
    }

    private HttpResponse<String> get(String path, String authorization) throws IOException, InterruptedException {
        return api.send("GET", "/api/v1/" + path, authorization, "");
    }

    @Test
    void everyCallIsRefusedWithoutAValidToken() throws Exception {
        for (String call : CALLS) {
            for (String wrong : List.of("", "Bearer ", "Bearer x" + token, "Basic " + token, "Bearer " + token + "x")) {
                HttpResponse<String> refused = get(call, wrong);
                assertThat(refused.statusCode()).as(call + " with " + wrong).isEqualTo(401);
                assertThat(refused.body()).doesNotContain("web1").contains("\"error\"");
            }
            assertThat(get(call, "Bearer " + token).statusCode()).as(call).isEqualTo(200);
        }
    }

    @Test
    void healthTellsWithoutATokenThatAllIsWellOrNotAndNoMore() throws Exception {
        for (String path : List.of("/health/live", "/health/ready")) {
            assertThat(api.send("GET", path, "", "").body()).isEqualTo("{\"status\":\"up\"}");
        }
        api.gateway.wrong = "stuck";
        for (String path : List.of("/health/live", "/health/ready")) {
            Awaitility.await().until(() -> api.send("GET", path, "", "").statusCode() != 200);
            HttpResponse<String> down = api.send("GET", path, "", "");
            assertThat(down.statusCode()).isEqualTo(503);
            assertThat(down.body()).isEqualTo("{\"status\":\"down\"}");
        }
        assertThat(get("health", "").statusCode()).isEqualTo(401);
        assertThat(get("health", "Bearer " + token).body()).contains("\"stuck\"");
    }

    @Test
    void whatIsNotThereIsSaidSo() throws Exception {
        assertThat(get("volumes/web1/none", "Bearer " + token).statusCode()).isEqualTo(404);
        HttpResponse<String> unknown = get("nothing", "Bearer " + token);
        assertThat(unknown.statusCode()).isEqualTo(404);
        assertThat(unknown.body()).contains("\"error\"");
        assertThat(get("nothing", "").statusCode()).isEqualTo(401);
    }

    @Test
    void tokenAndKeyAreForTheirOwnerOnlyAndStayTheSame() throws Exception {
        for (String file : List.of(ApiCredentials.TOKEN_FILE, "api.p12")) {
            assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(state.resolve(file))))
                    .isEqualTo("rw-------");
        }
        ApiCredentials again = ApiCredentials.open(state, InetAddress.getLoopbackAddress());
        assertThat(again.accepts(token)).isTrue();
    }

    private HttpResponse<String> post(String path, String body) throws IOException, InterruptedException {
        return api.post("/api/v1/" + path, token, body);
    }

    @Test
    void changesAreCheckedBeforeTheyAreAskedFor() throws Exception {
        assertThat(post("volumes", "{\"name\": \"web1/a\", \"size\": \"1GiB\"}").statusCode())
                .isEqualTo(200);
        for (String wrong : List.of(
                "{\"name\": \"web1/a\", \"size\": \"much\"}",
                "{\"name\": \"web1/a\", \"size\": \"1GiB\", \"colour\": \"red\"}",
                "{\"name\": \"web1/a\", \"size\": \"1GiB\", \"layout\": \"mirrored\"}",
                "{\"name\": \"web1/a\", \"size\": \"1GiB\", \"width\": 2}",
                "{\"name\": \"shared\", \"size\": \"1GiB\", \"lun\": 2}",
                "[",
                "{}")) {
            HttpResponse<String> refused = post("volumes", wrong);
            assertThat(refused.statusCode()).as(wrong).isEqualTo(400);
            assertThat(refused.body()).as(wrong).contains("\"error\"");
        }
        assertThat(post("units/unit1/luns/0/adopt", "{}").statusCode()).isEqualTo(409);
        assertThat(post("units/unit1/luns/0/adopt", "{\"erase\": true}").statusCode())
                .isEqualTo(200);
        assertThat(post("units/unit9/adopt", "").statusCode()).isEqualTo(404);
        assertThat(post("units/unit2/refuse", "").statusCode()).isEqualTo(409);
        assertThat(post("units/unit1/remove", "").statusCode()).isEqualTo(409);
        String old = new java.util.UUID(1, 2).toString();
        assertThat(post("units/unit1/remove", "{\"volumes\": [\"" + old + "\"]}")
                        .statusCode())
                .isEqualTo(400);
        assertThat(post("units/unit1/remove", "{\"lost\": true, \"volumes\": [\"web1/old\"]}")
                        .statusCode())
                .isEqualTo(400);
        assertThat(post("units/unit1/remove", "{\"lost\": true}").statusCode())
                .as("a volume is not given up by omission")
                .isEqualTo(409);
        assertThat(post("units/unit1/remove", "{\"lost\": true, \"volumes\": [\"" + old + "\"]}")
                        .statusCode())
                .isEqualTo(200);
        assertThat(post("units/unit1/maintenance", "{\"of\": true}").statusCode())
                .isEqualTo(400);
        assertThat(post("units/unit1/maintenance", "{\"on\": true}").body()).contains("web1/data");
        assertThat(post("units/unit1/maintenance", "{\"on\": false}").statusCode())
                .isEqualTo(200);
        assertThat(api.gateway.created).contains("unit1 in maintenance", "unit1 out of maintenance");
        assertThat(post("units/unit1/luns/x/adopt", "{\"erase\": true}").statusCode())
                .isEqualTo(400);
        assertThat(post("config/apply", "{\"text\": \"gateway: {}\", \"revision\": 2}")
                        .statusCode())
                .as("a stale revision")
                .isEqualTo(409);
        HttpResponse<String> mistakes = post("config/diff", "{\"name\": \"mine.yaml\"}");
        assertThat(mistakes.statusCode()).isEqualTo(422);
        assertThat(mistakes.body()).contains("mine.yaml:1: nothing there");
        assertThat(post(
                                "hosts",
                                "{\"name\": \"web9\", \"initiators\": [\"iqn.2026-11.example:a\"], \"chap\": "
                                        + "{\"user\": \"a\", \"secret\": \"very-secret-word\"}}")
                        .body())
                .contains("\"chap\":true")
                .doesNotContain("very-secret-word");
    }
}
