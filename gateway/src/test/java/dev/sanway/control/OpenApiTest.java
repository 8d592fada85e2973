package dev.sanway.control;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.networknt.schema.JsonSchema;
import com.networknt.schema.JsonSchemaFactory;
import com.networknt.schema.SpecVersion;
import dev.sanway.metadata.OperatorRecord.Role;
import io.swagger.v3.parser.OpenAPIV3Parser;
import io.swagger.v3.parser.core.models.ParseOptions;
import io.swagger.v3.parser.core.models.SwaggerParseResult;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeSet;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The API's description holds for what the API does. */
class OpenApiTest {

    @TempDir
    Path state;

    private ApiFixture api;
    private JsonNode document;

    @BeforeEach
    void start() throws Exception {
        api = new ApiFixture(state);
        document = ApiFixture.json(api.get("/api/v1/openapi.json", api.token));
    }

    @AfterEach
    void stop() {
        api.close();
    }

    @Test
    void itIsValid() {
        ParseOptions options = new ParseOptions();
        options.setResolve(true);
        SwaggerParseResult parsed = new OpenAPIV3Parser().readContents(document.toString(), null, options);
        assertThat(parsed.getMessages()).isEmpty();
        assertThat(parsed.getOpenAPI().getPaths()).hasSizeGreaterThan(20);
        assertThat(parsed.isOpenapi31()).isTrue();
    }

    @Test
    void everyRouteIsInItAndNothingElse() {
        TreeSet<String> described = new TreeSet<>();
        document.path("paths")
                .properties()
                .forEach(path -> path.getValue()
                        .properties()
                        .forEach(operation ->
                                described.add(operation.getKey().toUpperCase(Locale.ROOT) + " " + path.getKey())));
        TreeSet<String> served = new TreeSet<>();
        api.routes.forEach(route -> served.add(route.method() + " " + route.path()));
        assertThat(described).isEqualTo(served);
        TreeSet<String> ids = new TreeSet<>();
        document.findValuesAsText("operationId")
                .forEach(id -> assertThat(ids.add(id)).as(id).isTrue());
    }

    private JsonSchema schema(JsonNode schema) {
        ObjectNode whole = (ObjectNode) ApiFixture.JSON.valueToTree(schema);
        whole.set("components", document.get("components"));
        return JsonSchemaFactory.getInstance(SpecVersion.VersionFlag.V202012).getSchema(whole);
    }

    private record Call(String method, String path, String body) {}

    /** What to call each route with so that it answers with something. */
    private static final Map<String, Call> CALLS = Map.ofEntries(
            Map.entry(
                    "POST /api/v1/volumes",
                    new Call("POST", "/api/v1/volumes", "{\"name\": \"web1/a\", \"size\": \"1GiB\", \"lun\": 3}")),
            Map.entry(
                    "POST /api/v1/hosts",
                    new Call(
                            "POST",
                            "/api/v1/hosts",
                            "{\"name\": \"w\", \"initiators\": [\"*\"], \"chap\": {\"user\": \"u\", \"secret\": \"s\"}}")),
            Map.entry(
                    "POST /api/v1/units/{unit}/luns/{lun}/adopt",
                    new Call("POST", "/api/v1/units/unit1/luns/0/adopt", "{\"erase\": true}")),
            Map.entry(
                    "POST /api/v1/units/{unit}/remove",
                    new Call("POST", "/api/v1/units/unit1/remove", "{\"force\": true}")),
            Map.entry(
                    "POST /api/v1/units/{unit}/maintenance",
                    new Call("POST", "/api/v1/units/unit1/maintenance", "{\"on\": true}")),
            Map.entry(
                    "POST /api/v1/config/apply",
                    new Call("POST", "/api/v1/config/apply", "{\"text\": \"gateway: {}\", \"revision\": 3}")),
            Map.entry(
                    "POST /api/v1/config/diff", new Call("POST", "/api/v1/config/diff", "{\"text\": \"gateway: {}\"}")),
            Map.entry(
                    "POST /api/v1/operators",
                    new Call(
                            "POST",
                            "/api/v1/operators",
                            "{\"name\": \"bert\", \"role\": \"viewer\", \"password\": \"a long password\"}")),
            Map.entry(
                    "PUT /api/v1/operators/{name}/password",
                    new Call("PUT", "/api/v1/operators/anna/password", "{\"password\": \"annas password\"}")),
            Map.entry(
                    "PUT /api/v1/operators/{name}/role",
                    new Call("PUT", "/api/v1/operators/anna/role", "{\"role\": \"viewer\"}")),
            Map.entry(
                    "POST /api/v1/login",
                    new Call("POST", "/api/v1/login", "{\"operator\": \"anna\", \"password\": \"annas password\"}")),
            Map.entry("POST /api/v1/tokens", new Call("POST", "/api/v1/tokens", "{\"operator\": \"anna\"}")),
            Map.entry("DELETE /api/v1/operators/{name}", new Call("DELETE", "/api/v1/operators/bert", "")));

    private Call call(Route route) throws ApiRefusal {
        String key = route.method() + " " + route.path();
        Call known = CALLS.get(key);
        if (known != null) {
            return known;
        }
        String path = route.path()
                .replace("{host}/{name}", "web1/data")
                .replace("hosts/{name}", "hosts/web1")
                .replace("{uuid}", "00000000-0000-0001-0000-000000000002")
                .replace("{unit}", "unit1")
                .replaceAll("\\{(id|name)}", "1");
        path = path.replace("{host}/{number}", "web1/1");
        if (path.endsWith("/rename") || path.endsWith("/restore")) {
            return new Call("POST", path, "{\"name\": \"web1/logs\"}");
        }
        if (path.endsWith("/move")) {
            return new Call("POST", path, "{\"from\": \"unit1\", \"to\": [\"unit2\"]}");
        }
        if (path.endsWith("/grow")) {
            return new Call("POST", path, "{\"size\": \"2GiB\"}");
        }
        if (route.path().equals("/api/v1/tokens/{id}")) {
            path = "/api/v1/tokens/"
                    + api.operators
                            .token(Caller.local(), "127.0.0.1", "anna", "", 1, "")
                            .id();
        }
        return new Call(route.method().name(), path + (route.method() == Route.Method.DELETE ? "?force=true" : ""), "");
    }

    @Test
    void everyAnswerAndEveryErrorIsAsDescribed() throws Exception {
        api.operators.create("anna", Role.admin, "annas password");
        api.audit.note("anna", "127.0.0.1", "POST", "/api/v1/volumes", 200, "done");
        List<String> refused = new ArrayList<>();
        for (Route route : api.routes) {
            Call call = call(route);
            JsonNode operation =
                    document.path("paths").path(route.path()).path(call.method().toLowerCase(Locale.ROOT));
            HttpResponse<String> answer = api.send(call.method(), call.path(), "Bearer " + api.token, call.body());
            String what = call.method() + " " + call.path() + " -> " + answer.statusCode() + " " + answer.body();
            JsonNode content = operation
                    .path("responses")
                    .path(Integer.toString(answer.statusCode()))
                    .path("content");
            assertThat(content.isObject()).as(what).isTrue();
            if (content.has("application/json")) {
                assertThat(schema(content.path("application/json").path("schema"))
                                .validate(ApiFixture.json(answer)))
                        .as(what)
                        .isEmpty();
            }
            if (answer.statusCode() != 200) {
                refused.add(what);
            }
            JsonNode sent = operation.path("requestBody").path("content").path("application/json");
            if (!sent.isMissingNode()) {
                assertThat(schema(sent.path("schema")).validate(ApiFixture.JSON.readTree(call.body())))
                        .as(what)
                        .isEmpty();
                HttpResponse<String> wrong =
                        api.send(call.method(), call.path(), "Bearer " + api.token, "{\"nonsense\": 1}");
                assertThat(wrong.statusCode()).as(what).isEqualTo(400);
                assertThat(schema(sent.path("schema")).validate(ApiFixture.JSON.readTree("{\"nonsense\": 1}")))
                        .as(what)
                        .isNotEmpty();
            }
        }
        // The fake has one volume of a host, no shared one, and a deletion that cannot be stopped.
        assertThat(refused)
                .allMatch(each -> each.contains("/api/v1/volumes/1 -> 404") || each.contains("/cancel -> 409"));
    }
}
