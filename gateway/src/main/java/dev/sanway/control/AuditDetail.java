package dev.sanway.control;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.lang.reflect.RecordComponent;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * What a call's body says, for the audit log: of the keys that the call has, values of the kind that they have, but for secrets. A
 * mistyped key may hold anything, a secret among it, so that of everything else only the number is told.
 */
final class AuditDetail {

    /** Keys whose values never leave the call. */
    private static final Set<String> SECRET = Set.of("password", "current", "secret", "mutualSecret", "token");

    /** Keys whose values are too long to repeat. */
    private static final Set<String> LONG = Set.of("text");

    private AuditDetail() {}

    /** {@code type}: the record that the body is to be; null: none. */
    static String of(String body, @Nullable Class<?> type) {
        if (body.isBlank()) {
            return "";
        }
        try {
            JsonNode tree = ApiRequest.JSON.readTree(body);
            return type == null || !(tree instanceof ObjectNode object)
                    ? characters(body)
                    : shown(object, type).toString();
        } catch (JsonProcessingException _) {
            return characters(body);
        }
    }

    private static String characters(String text) {
        return "(" + text.length() + " characters)";
    }

    private static ObjectNode shown(ObjectNode sent, Class<?> type) {
        Map<String, RecordComponent> known = Stream.of(type.getRecordComponents())
                .collect(Collectors.toMap(RecordComponent::getName, component -> component));
        ObjectNode shown = JsonNodeFactory.instance.objectNode();
        int others = 0;
        for (Map.Entry<String, JsonNode> field : sent.properties()) {
            RecordComponent component = known.get(field.getKey());
            if (component == null) {
                others++;
            } else if (!SECRET.contains(field.getKey())) {
                shown.set(field.getKey(), value(field.getKey(), field.getValue(), component));
            }
        }
        if (others > 0) {
            shown.put("(keys that there are not)", others);
        }
        return shown;
    }

    private static JsonNode value(String key, JsonNode value, RecordComponent component) {
        Class<?> type = component.getType();
        if (type.isRecord() && value instanceof ObjectNode object) {
            return shown(object, type);
        }
        if (type == List.class && value.isArray()) {
            List<JsonNode> elements = new ArrayList<>();
            Class<?> of = elementOf(component);
            value.forEach(element -> elements.add(
                    of.isRecord() && element instanceof ObjectNode object
                            ? shown(object, of)
                            : !of.isRecord() && element.isValueNode() ? element : unfit(element)));
            return JsonNodeFactory.instance.arrayNode().addAll(elements);
        }
        if (LONG.contains(key) && value.isTextual()) {
            return JsonNodeFactory.instance.textNode(characters(value.textValue()));
        }
        return value.isNull() || (!type.isRecord() && type != List.class && value.isValueNode()) ? value : unfit(value);
    }

    private static Class<?> elementOf(RecordComponent component) {
        return component.getGenericType() instanceof java.lang.reflect.ParameterizedType list
                        && list.getActualTypeArguments()[0] instanceof Class<?> element
                ? element
                : Object.class;
    }

    private static JsonNode unfit(JsonNode value) {
        return JsonNodeFactory.instance.textNode(
                "(" + value.getNodeType().name().toLowerCase(java.util.Locale.ROOT) + ")");
    }
}
