package dev.sanway.control;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.sanway.control.Views.ErrorView;
import java.lang.reflect.AnnotatedParameterizedType;
import java.lang.reflect.AnnotatedType;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The API's description (OpenAPI 3.1), made from its {@link Route}s and from the records that they send and answer, so that it
 * cannot tell of anything else than what is done.
 */
final class OpenApi {

    private static final Pattern PARAMETER = Pattern.compile("\\{([a-z]+)}");

    private static final Map<String, String> PARAMETERS = Map.of(
            "name", "A name.",
            "host", "The host's name.",
            "id", "As the list shows it.",
            "uuid", "As the list shows it.",
            "number", "As the list shows it.",
            "unit", "The unit's name.",
            "lun", "The number of the logical unit.");

    private final Map<String, ObjectNode> schemas = new TreeMap<>();
    private final Map<String, Class<?>> types = new TreeMap<>();

    private OpenApi() {}

    private static ObjectNode object() {
        return JsonNodeFactory.instance.objectNode();
    }

    static ObjectNode describe(List<Route> routes) {
        OpenApi made = new OpenApi();
        ObjectNode document = object().put("openapi", "3.1.0");
        document.putObject("info")
                .put("title", "sanway gateway")
                .put("version", "v1")
                .put(
                        "description",
                        "Manages a gateway: hosts, volumes, units, tasks, configuration, operators. Sizes are in bytes. "
                                + "Every call wants a token of an operator whose role suffices: viewer, operator or admin, "
                                + "each of which may what those before it may.")
                .putObject("license")
                .put("name", "Apache-2.0")
                .put("identifier", "Apache-2.0");
        document.putArray("servers").addObject().put("url", "/");
        ObjectNode bearer =
                document.putObject("components").putObject("securitySchemes").putObject("token");
        bearer.put("type", "http").put("scheme", "bearer");
        document.putArray("security").addObject().putArray("token");
        ObjectNode paths = document.putObject("paths");
        for (Route route : routes) {
            ObjectNode path =
                    paths.has(route.path()) ? (ObjectNode) paths.get(route.path()) : paths.putObject(route.path());
            path.set(route.method().name().toLowerCase(Locale.ROOT), made.operation(route));
        }
        ObjectNode components = (ObjectNode) document.get("components");
        made.schema(ErrorView.class);
        ObjectNode all = components.putObject("schemas");
        made.schemas.forEach(all::set);
        return document;
    }

    private static String operationId(Route route) {
        StringBuilder id = new StringBuilder(route.method().name().toLowerCase(Locale.ROOT));
        for (String part : route.path().replace("/api/v1", "").split("[/.-]", -1)) {
            String word = part.replaceAll("[{}]", "");
            if (!word.isEmpty()) {
                id.append(part.startsWith("{") ? "By" : "")
                        .append(Character.toUpperCase(word.charAt(0)))
                        .append(word.substring(1));
            }
        }
        return id.toString();
    }

    private ObjectNode operation(Route route) {
        ObjectNode operation = object().put("operationId", operationId(route)).put("summary", route.summary());
        operation.putArray("tags").add(route.noun());
        if (route.role() == null) {
            operation.putArray("security");
        } else {
            operation.put("description", "Takes the role " + route.role() + ".");
        }
        ArrayNode parameters = JsonNodeFactory.instance.arrayNode();
        Matcher names = PARAMETER.matcher(route.path());
        while (names.find()) {
            parameters
                    .addObject()
                    .put("name", names.group(1))
                    .put("in", "path")
                    .put("required", true)
                    .put("description", PARAMETERS.getOrDefault(names.group(1), ""))
                    .set("schema", object().put("type", "string"));
        }
        for (Route.Query query : route.queries()) {
            parameters
                    .addObject()
                    .put("name", query.name())
                    .put("in", "query")
                    .put("description", query.description())
                    .set("schema", object().put("type", query.type()));
        }
        if (!parameters.isEmpty()) {
            operation.set("parameters", parameters);
        }
        Class<?> body = route.body();
        if (body != null) {
            ObjectNode sent = operation.putObject("requestBody").put("required", true);
            sent.putObject("content").putObject("application/json").set("schema", schema(body));
        }
        ObjectNode responses = operation.putObject("responses");
        answers(route, responses.putObject("200").put("description", "Done."));
        List<String> errors = new ArrayList<>();
        if (route.role() != null) {
            errors.addAll(List.of("401", "403"));
        }
        if (route.method() != Route.Method.GET || route.path().contains("{")) {
            errors.addAll(List.of("400", "404", "409"));
        }
        if (route.noun().equals("config") && route.body() != null) {
            errors.add("422");
        }
        if (route.path().endsWith("/login") || route.path().endsWith("/password")) {
            errors.addAll(route.role() == null ? List.of("401") : List.of());
        }
        if (route.body() != null) {
            errors.add("413");
        }
        if (route.path().startsWith("/health/")) {
            answers(route, responses.putObject("503").put("description", "It is not well."));
        } else {
            errors.addAll(List.of("429", "503"));
        }
        for (String error : errors) {
            responses
                    .putObject(error)
                    .put("description", reason(error))
                    .putObject("content")
                    .putObject("application/json")
                    .set("schema", schema(ErrorView.class));
        }
        return operation;
    }

    private static String reason(String status) {
        return switch (status) {
            case "400" -> "The request makes no sense; the error says what would.";
            case "401" -> "No valid token, or a wrong password.";
            case "403" -> "The operator's role does not suffice.";
            case "404" -> "What it is about does not exist.";
            case "409" -> "It makes sense, but not as things are now; the error says why.";
            case "413" -> "The body is too large; the error says how large it may be.";
            case "503" -> "Too many calls of all callers are under way; Retry-After says when again, in seconds.";
            case "422" -> "The configuration has mistakes, or changes that a running gateway cannot make.";
            default -> "Too often; Retry-After says when again, in seconds.";
        };
    }

    private void answers(Route route, ObjectNode response) {
        ObjectNode content = response.putObject("content");
        RawAnswer raw = route.answer().getAnnotation(RawAnswer.class);
        if (raw != null) {
            content.putObject(raw.value()).set("schema", object());
            return;
        }
        ObjectNode schema = schema(route.answer());
        content.putObject("application/json")
                .set("schema", route.list() ? object().put("type", "array").set("items", schema) : schema);
    }

    /** What of an answer that is no JSON made from a record is known. */
    @java.lang.annotation.Retention(java.lang.annotation.RetentionPolicy.RUNTIME)
    @interface RawAnswer {
        String value();
    }

    // ---- schemas

    /** A reference to the schema of a record, which is described among the components. */
    private ObjectNode schema(Class<?> type) {
        String name = type.getSimpleName();
        Class<?> other = types.putIfAbsent(name, type);
        if (other != null && other != type) {
            throw new IllegalStateException(type + " and " + other + " would be described under one name");
        }
        if (!schemas.containsKey(name)) {
            schemas.put(name, object());
            schemas.put(name, record(type));
        }
        return object().put("$ref", "#/components/schemas/" + name);
    }

    private ObjectNode record(Class<?> type) {
        ObjectNode schema = object().put("type", "object");
        ObjectNode properties = schema.putObject("properties");
        ArrayNode required = JsonNodeFactory.instance.arrayNode();
        boolean sent = type.getSimpleName().endsWith("Body");
        for (RecordComponent component : type.getRecordComponents()) {
            AnnotatedType annotated = component.getAnnotatedType();
            ObjectNode property = type(component.getGenericType(), annotated);
            if (annotated.isAnnotationPresent(Nullable.class) && !sent) {
                property = orNull(property);
            }
            ApiField field = component.getAnnotation(ApiField.class);
            if (field != null) {
                property.put("description", field.value());
            }
            properties.set(component.getName(), property);
            boolean optional = component.getAccessor().isAnnotationPresent(JsonInclude.class);
            if (sent ? field != null && field.required() : !optional) {
                required.add(component.getName());
            }
        }
        if (!required.isEmpty()) {
            schema.set("required", required);
        }
        return schema.put("additionalProperties", false);
    }

    private static ObjectNode orNull(ObjectNode schema) {
        if (schema.has("type")) {
            String type = schema.get("type").asText();
            schema.putArray("type").add(type).add("null");
            return schema;
        }
        ObjectNode either = object();
        either.putArray("anyOf").add(schema).add(object().put("type", "null"));
        return either;
    }

    private ObjectNode type(Type type, AnnotatedType annotated) {
        if (type instanceof ParameterizedType list) {
            AnnotatedType element = ((AnnotatedParameterizedType) annotated).getAnnotatedActualTypeArguments()[0];
            ObjectNode array = object().put("type", "array");
            array.set("items", type(list.getActualTypeArguments()[0], element));
            return array;
        }
        Class<?> plain = (Class<?>) type;
        if (plain == String.class) {
            return object().put("type", "string");
        }
        if (plain == UUID.class) {
            return object().put("type", "string").put("format", "uuid");
        }
        if (plain == Instant.class) {
            return object().put("type", "string").put("format", "date-time");
        }
        if (plain == long.class || plain == Long.class) {
            return object().put("type", "integer").put("format", "int64");
        }
        if (plain == int.class || plain == Integer.class) {
            return object().put("type", "integer").put("format", "int32");
        }
        if (plain == boolean.class || plain == Boolean.class) {
            return object().put("type", "boolean");
        }
        if (plain.isEnum()) {
            ObjectNode choice = object().put("type", "string");
            ArrayNode values = choice.putArray("enum");
            Arrays.stream(plain.getEnumConstants()).forEach(each -> values.add(each.toString()));
            return choice;
        }
        if (plain.isRecord()) {
            return schema(plain);
        }
        throw new IllegalArgumentException("the API cannot describe a " + type);
    }
}
