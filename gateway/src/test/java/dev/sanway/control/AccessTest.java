package dev.sanway.control;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sanway.control.AccessViews.AuditView;
import dev.sanway.metadata.OperatorRecord;
import dev.sanway.metadata.OperatorRecord.Role;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Who may call what, and what is noted of it. */
class AccessTest {

    private static final String PASSWORD = "correct horse battery";

    @TempDir
    Path state;

    private ApiFixture api;

    @BeforeEach
    void start() throws Exception {
        api = new ApiFixture(state);
    }

    @AfterEach
    void stop() {
        api.close();
    }

    private static String concrete(Route route) {
        return route.path().replaceAll("\\{(id|lun)}", "1").replaceAll("\\{[a-z]+}", "web1");
    }

    private static String body(Route route, String sent) {
        return route.method() == Route.Method.GET ? "" : sent;
    }

    @Test
    void everyRouteIsClosedToWhoeverHasNoValidToken() throws Exception {
        api.operators.create("anna", Role.admin, PASSWORD);
        AccessViews.NewTokenView revoked = api.operators.token(Caller.local(), "127.0.0.1", "anna", "", 1, "");
        api.operators.revoke(Caller.local(), revoked.id());
        int closed = 0;
        for (Route route : api.routes) {
            if (route.role() == null) {
                continue;
            }
            closed++;
            for (String wrong : List.of(
                    "",
                    "Bearer ",
                    "Bearer nonsense",
                    "Bearer " + revoked.token(),
                    "Basic " + api.token,
                    "Bearer " + api.token + "x",
                    "bearer: " + api.token)) {
                HttpResponse<String> answer = api.send(
                        route.method().name(),
                        concrete(route),
                        wrong,
                        body(route, "{\"password\": \"" + PASSWORD + "\"}"));
                assertThat(answer.statusCode())
                        .as(route.method() + " " + concrete(route) + " with " + wrong)
                        .isEqualTo(401);
                assertThat(answer.body()).contains("\"error\"").doesNotContain("web1/data", PASSWORD);
            }
        }
        assertThat(closed).isGreaterThan(30);
        assertThat(api.gateway.created).isEmpty();
        assertThat(api.routes.stream().filter(route -> route.role() == null).map(Route::path))
                .containsExactlyInAnyOrder("/api/v1/login", "/health/live", "/health/ready");
    }

    @Test
    void everyRouteWantsItsRole() throws Exception {
        for (Role role : List.of(Role.viewer, Role.operator)) {
            String token = api.tokenOf(role);
            for (Route route : api.routes) {
                Role needed = route.role();
                if (needed == null) {
                    continue;
                }
                String what = role + ": " + route.method() + " " + route.path();
                HttpResponse<String> answer = api.send(
                        route.method().name(), concrete(route), "Bearer " + token, body(route, "{\"nonsense\": 1}"));
                if (role.covers(needed)) {
                    assertThat(answer.statusCode()).as(what).isNotIn(401, 403);
                } else {
                    assertThat(answer.statusCode()).as(what).isEqualTo(403);
                    assertThat(answer.body())
                            .as(what)
                            .contains(
                                    "this takes the role " + needed + "; you are " + role + ", with the role " + role);
                }
                if (route.method() == Route.Method.DELETE && !route.path().matches(".*(tokens|sessions).*")) {
                    assertThat(needed).as(what).isEqualTo(Role.admin);
                } else if (route.audited() && needed == Role.viewer) {
                    assertThat(route.path()).as(what).containsAnyOf("password", "tokens");
                }
            }
        }
        assertThat(api.gateway.created).isEmpty();
    }

    @Test
    void whatAConfigurationWouldChangeIsForAdminsSinceFilesAreReadForIt() throws Exception {
        for (Role role : List.of(Role.viewer, Role.operator)) {
            assertThat(api.post("/api/v1/config/diff", api.tokenOf(role), "{\"text\": \"gateway: {}\"}")
                            .statusCode())
                    .isEqualTo(403);
        }
        assertThat(api.post("/api/v1/config/diff", api.token, "{\"text\": \"gateway: {}\"}")
                        .statusCode())
                .isEqualTo(200);
    }

    @Test
    void whoIsRefusedAgainAndAgainDoesNotPushOthersOutOfTheAuditLog() throws Exception {
        String viewer = api.tokenOf(Role.viewer);
        HttpResponse<String> last = api.post("/api/v1/volumes", viewer, "{}");
        for (int i = 0; i < ApiServer.REFUSALS + 5; i++) {
            last = api.post("/api/v1/volumes", viewer, "{}");
        }
        assertThat(last.statusCode()).isEqualTo(429);
        assertThat(last.headers().firstValueAsLong("Retry-After").orElse(0)).isPositive();
        assertThat(api.audit.after(0, 1000)).hasSizeBetween(ApiServer.REFUSALS, ApiServer.REFUSALS + 2);
        assertThat(api.get("/api/v1/volumes", viewer).statusCode()).isEqualTo(200);
    }

    @Test
    void aPasswordGivesATokenThatLogOutTakesAway() throws Exception {
        api.operators.create("anna", Role.operator, PASSWORD);
        HttpResponse<String> login = login("anna", PASSWORD);
        assertThat(login.statusCode()).isEqualTo(200);
        String token = ApiFixture.json(login).path("token").asText();
        assertThat(api.get("/api/v1/whoami", token).body()).isEqualTo("{\"name\":\"anna\",\"role\":\"operator\"}");
        String id = ApiFixture.json(login).path("id").asText();
        assertThat(api.send("DELETE", "/api/v1/tokens/" + id, "Bearer " + token, "")
                        .statusCode())
                .isEqualTo(200);
        assertThat(api.get("/api/v1/whoami", token).statusCode()).isEqualTo(401);
        assertThat(login("anna", PASSWORD + "x").statusCode()).isEqualTo(401);
        assertThat(login("bert", PASSWORD).body())
                .as("the same words as of an operator that there is")
                .isEqualTo(login("anna", "x").body());
    }

    private HttpResponse<String> login(String name, String password) throws Exception {
        return api.send(
                "POST", "/api/v1/login", "", "{\"operator\": \"" + name + "\", \"password\": \"" + password + "\"}");
    }

    @Test
    void logInIsRateLimitedForEachOperatorAndForgivesWithTime() throws Exception {
        api.operators.create("anna", Role.operator, PASSWORD);
        api.operators.create("bert", Role.operator, PASSWORD);
        for (int i = 0; i < LoginLimits.PER_OPERATOR; i++) {
            assertThat(login("anna", "wrong").statusCode()).isEqualTo(401);
        }
        HttpResponse<String> refused = login("anna", PASSWORD);
        assertThat(refused.statusCode()).isEqualTo(429);
        assertThat(refused.headers().firstValueAsLong("Retry-After").orElse(0))
                .isBetween(1L, LoginLimits.OPERATOR_SECONDS + 1L);
        assertThat(login("bert", PASSWORD).statusCode()).isEqualTo(200);
        api.nanos.addAndGet(Duration.ofSeconds(LoginLimits.OPERATOR_SECONDS).toNanos());
        assertThat(login("anna", PASSWORD).statusCode()).isEqualTo(200);
    }

    @Test
    void logInIsRateLimitedForEachAddress() throws Exception {
        LoginLimits limits = new LoginLimits(() -> 0);
        for (int i = 0; i < LoginLimits.PER_ADDRESS; i++) {
            limits.attempt("somebody" + i, "2001:db8:1:2::" + i);
        }
        org.assertj.core.api.Assertions.assertThatThrownBy(() -> limits.attempt("another", "2001:db8:1:2:9:9:9:9"))
                .isInstanceOf(ApiRefusal.class)
                .hasMessageContaining("try again in");
        limits.attempt("another", "2001:db8:1:3::1");
        limits.attempt("another", "10.0.0.1");
    }

    @Test
    void aNewPasswordTakesTheOldTokensAway() throws Exception {
        api.operators.create("anna", Role.viewer, PASSWORD);
        String old = api.operators
                .token(Caller.local(), "127.0.0.1", "anna", "", 1, "")
                .token();
        String used = api.operators
                .token(Caller.local(), "127.0.0.1", "anna", "", 1, "")
                .token();
        String path = "/api/v1/operators/anna/password";
        String body = "{\"password\": \"another long password\", \"current\": \"%s\"}";
        assertThat(api.send("PUT", path, "Bearer " + used, body.formatted("wrong"))
                        .statusCode())
                .isEqualTo(403);
        assertThat(api.send("PUT", path, "Bearer " + used, body.formatted(PASSWORD))
                        .statusCode())
                .isEqualTo(200);
        assertThat(api.get("/api/v1/whoami", old).statusCode()).isEqualTo(401);
        assertThat(api.get("/api/v1/whoami", used).statusCode()).isEqualTo(200);
        assertThat(login("anna", PASSWORD).statusCode()).isEqualTo(401);
        assertThat(login("anna", "another long password").statusCode()).isEqualTo(200);
        assertThat(api.send("PUT", "/api/v1/operators/bert/password", "Bearer " + used, body.formatted(PASSWORD))
                        .body())
                .contains("another operator takes the role admin");
    }

    @Test
    void rolesAndDeletionCountAtOnce() throws Exception {
        api.operators.create("anna", Role.viewer, PASSWORD);
        String token = api.operators
                .token(Caller.local(), "127.0.0.1", "anna", "", 1, "")
                .token();
        assertThat(api.get("/api/v1/operators", token).statusCode()).isEqualTo(403);
        api.operators.role("anna", Role.admin);
        assertThat(api.get("/api/v1/operators", token).statusCode()).isEqualTo(200);
        api.operators.delete("anna");
        assertThat(api.get("/api/v1/operators", token).statusCode()).isEqualTo(401);
        assertThat(api.get("/api/v1/operators", api.token).body()).isEqualTo("[]");
    }

    @Test
    void everyChangeIsNotedWithoutSecrets() throws Exception {
        String viewer = api.tokenOf(Role.viewer);
        api.post(
                "/api/v1/operators",
                api.token,
                "{\"name\": \"anna\", \"role\": \"admin\", \"password\": \"" + PASSWORD + "\"}");
        api.post("/api/v1/volumes", viewer, "{\"name\": \"web1/a\", \"size\": \"1GiB\"}");
        api.post(
                "/api/v1/hosts",
                api.token,
                "{\"name\": \"web9\", \"initiators\": [\"*\"], \"chap\": {\"user\": \"u\", \"secret\": \"tell-nobody\"}}");
        api.post("/api/v1/config/apply", api.token, "{\"text\": \"gateway: {}\", \"revision\": 2}");
        login("anna", "a wrong password");
        api.get("/api/v1/volumes", viewer);
        List<AuditView> noted = api.audit.after(0, 100);
        assertThat(noted.stream().map(each -> each.who() + " " + each.path() + " " + each.status()))
                .containsExactly(
                        "(local) /api/v1/operators 200",
                        "viewer /api/v1/volumes 403",
                        "(local) /api/v1/hosts 200",
                        "(local) /api/v1/config/apply 409",
                        "anna /api/v1/login 401");
        assertThat(noted.get(1).detail()).isEqualTo("{\"name\":\"web1/a\",\"size\":\"1GiB\"}");
        assertThat(noted.get(1).from()).isEqualTo("127.0.0.1");
        assertThat(noted.get(3).detail()).contains("(11 characters)");
        assertThat(noted.toString()).doesNotContain(PASSWORD, "tell-nobody", "wrong password");
        api.close();
        try (Stream<Path> files = Files.list(state)) {
            for (Path file :
                    files.filter(each -> each.toString().contains("metadata")).toList()) {
                assertThat(new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1))
                        .as(file.toString())
                        .doesNotContain(PASSWORD, "tell-nobody", viewer);
            }
        }
        start();
        assertThat(api.audit.after(0, 100)).as("after a restart").isEqualTo(noted);
        api.audit.note("x", "y", "POST", "/", 200, "done");
        assertThat(api.audit.after(5, 100))
                .hasSize(1)
                .first()
                .extracting(AuditView::id)
                .isEqualTo(6L);
    }

    @Test
    void aCallThatIsUnderWayWhenTheGatewayIsKilledIsInTheAuditLog() throws Exception {
        List<AuditView> meanwhile = new ArrayList<>();
        api.gateway.whileCreating = () -> meanwhile.addAll(api.audit.after(0, 100));
        api.post("/api/v1/volumes", api.token, "{\"name\": \"web1/a\", \"size\": \"1GiB\"}");
        assertThat(meanwhile).singleElement().satisfies(begun -> {
            assertThat(begun.status()).isZero();
            assertThat(begun.outcome()).startsWith("begun");
            assertThat(begun.detail()).contains("web1/a");
        });
        assertThat(api.audit.after(0, 100)).singleElement().satisfies(done -> {
            assertThat(done.id()).isEqualTo(meanwhile.getFirst().id());
            assertThat(done.status()).isEqualTo(200);
        });
        api.audit.begin("anna", "127.0.0.1", "DELETE", "/api/v1/volumes/web1/a", "", null);
        api.close();
        start();
        api.post("/api/v1/volumes", api.token, "{\"name\": \"web1/b\", \"size\": \"1GiB\"}");
        assertThat(api.audit.after(0, 100)).extracting(AuditView::status).containsExactly(200, 0, 200);
    }

    @Test
    void passwordsAreKeptAsArgon2id() throws Exception {
        api.operators.create("anna", Role.viewer, PASSWORD);
        String written =
                api.catalog.one(OperatorRecord.KIND, "anna").orElseThrow().passwordHash();
        assertThat(written).startsWith("$argon2id$v=19$m=19456,t=2,p=1$");
        assertThat(PasswordHash.matches(PASSWORD, written)).isTrue();
        assertThat(PasswordHash.matches(PASSWORD + " ", written)).isFalse();
        // By the reference implementation: argon2 "somesalt" -id -t 2 -m 16 -p 1 with the password "password".
        assertThat(PasswordHash.matches(
                        "password",
                        "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"))
                .isTrue();
    }

    @Test
    void whatThereIsSurvivesARestart() throws Exception {
        api.operators.create("anna", Role.operator, PASSWORD);
        String token = api.operators
                .token(Caller.local(), "127.0.0.1", "anna", "cron", 1, "")
                .token();
        api.close();
        start();
        assertThat(api.get("/api/v1/whoami", token).statusCode()).isEqualTo(200);
        assertThat(login("anna", PASSWORD).statusCode()).isEqualTo(200);
        assertThat(api.catalog.all(OperatorRecord.KIND)).hasSize(1);
    }

    @Test
    void aViewerDoesNotPushOthersOutOfTheAuditLogWhateverComesOfItsCalls() throws Exception {
        String viewer = api.tokenOf(Role.viewer);
        HttpResponse<String> last = api.post("/api/v1/tokens", viewer, "{\"days\": 0}");
        for (int i = 0; i < ApiServer.REFUSALS + 5; i++) {
            last = i % 2 == 0
                    ? api.post("/api/v1/tokens", viewer, "{\"days\": 0}")
                    : api.send("PUT", "/api/v1/operators/viewer/password", "Bearer " + viewer, "{}");
        }
        assertThat(last.statusCode()).isEqualTo(429);
        assertThat(api.audit.after(0, 1000)).hasSizeBetween(ApiServer.REFUSALS, ApiServer.REFUSALS + 2);
        String operator = api.tokenOf(Role.operator);
        for (int i = 0; i < ApiServer.FAILURES + 5; i++) {
            last = api.post("/api/v1/volumes", operator, "{}");
        }
        assertThat(last.statusCode()).as("an operator's refused calls").isEqualTo(429);
        assertThat(api.audit.after(0, 1000).size())
                .isBetween(ApiServer.REFUSALS + ApiServer.FAILURES, ApiServer.REFUSALS + ApiServer.FAILURES + 10);
    }

    @Test
    void aCallThatCannotBeNotedHasNoEffect() throws Exception {
        AtomicBoolean created = new AtomicBoolean();
        api.gateway.whileCreating = () -> created.set(true);
        api.catalog.close();
        HttpResponse<String> refused =
                api.post("/api/v1/volumes", api.token, "{\"name\": \"web1/a\", \"size\": \"1GiB\"}");
        assertThat(refused.statusCode()).isEqualTo(503);
        assertThat(refused.body()).contains("nothing was done, because it cannot be written into the audit log");
        assertThat(created).isFalse();
        assertThat(api.send("DELETE", "/api/v1/sessions/web1/1", "Bearer " + api.token, "")
                        .statusCode())
                .as("session drop")
                .isEqualTo(503);
    }

    @Test
    void whatStandsUnderAMistypedKeyIsNotNoted() throws Exception {
        for (String body : List.of(
                "{\"name\": \"anna\", \"role\": \"admin\", \"pasword\": \"tell-nobody\"}",
                "{\"name\": \"anna\", \"tell-nobody\": 1}",
                "{\"name\": {\"x\": \"tell-nobody\"}}",
                "{\"name\": [\"tell-nobody\"]}",
                "[\"tell-nobody\"]",
                "\"tell-nobody\"")) {
            api.post("/api/v1/operators", api.token, body);
        }
        api.post("/api/v1/hosts", api.token, "{\"name\": \"web9\", \"chap\": {\"secrett\": \"tell-nobody\"}}");
        api.post("/api/v1/hosts", api.token, "{\"name\": \"web9\", \"chap\": \"tell-nobody\"}");
        List<AuditView> noted = api.audit.after(0, 100);
        assertThat(noted).hasSize(8);
        assertThat(noted.stream().map(AuditView::detail)).noneMatch(detail -> detail.contains("tell-nobody"));
        assertThat(noted.getFirst().detail())
                .isEqualTo("{\"name\":\"anna\",\"role\":\"admin\",\"(keys that there are not)\":1}");
    }

    @Test
    void aKeyThatStandsTwiceIsRefused() throws Exception {
        HttpResponse<String> refused = api.post(
                "/api/v1/volumes", api.token, "{\"name\": \"web1/a\", \"size\": \"1GiB\", \"size\": \"2GiB\"}");
        assertThat(refused.statusCode()).isEqualTo(400);
        assertThat(refused.body()).contains("a key stands there twice");
    }

    @Test
    void aTokenDoesNotOutliveTheOneWithWhichItIsMadeWithoutAPassword() throws Exception {
        api.operators.create("anna", Role.operator, PASSWORD);
        String login = ApiFixture.json(login("anna", PASSWORD)).path("token").asText();
        HttpResponse<String> refused = api.post("/api/v1/tokens", login, "{\"days\": 3650}");
        assertThat(refused.statusCode()).isEqualTo(403);
        assertThat(refused.body()).contains("takes your password");
        assertThat(api.post("/api/v1/tokens", login, "{\"days\": 3650, \"password\": \"a wrong password\"}")
                        .statusCode())
                .isEqualTo(403);
        HttpResponse<String> made =
                api.post("/api/v1/tokens", login, "{\"days\": 365, \"password\": \"" + PASSWORD + "\"}");
        assertThat(made.statusCode()).isEqualTo(200);
        String year = ApiFixture.json(made).path("token").asText();
        assertThat(api.post("/api/v1/tokens", year, "{\"days\": 30}").statusCode())
                .as("a shorter one")
                .isEqualTo(200);
        assertThat(api.post("/api/v1/tokens", year, "{\"days\": 366}").statusCode())
                .isEqualTo(403);
    }
}
