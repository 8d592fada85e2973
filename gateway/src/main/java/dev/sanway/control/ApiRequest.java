package dev.sanway.control;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.datatype.jsr310.JavaTimeModule;
import dev.sanway.config.Sizes;
import io.javalin.http.Context;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/** A call of the API as its handler sees it. */
record ApiRequest(Context context, Caller caller) {

    /** Of a key that stands twice nobody knows which one was meant. */
    static final ObjectMapper JSON = JsonMapper.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .addModule(new JavaTimeModule())
            .disable(SerializationFeature.WRITE_DATES_AS_TIMESTAMPS)
            .build();

    /** Where it comes from. */
    String from() {
        return context.ip();
    }

    String path(String name) {
        return context.pathParam(name);
    }

    /** {@code host/name}, or {@code name} of a shared one: both have their routes. */
    String volumeName() {
        String host = context.pathParamMap().get("host");
        return (host == null ? "" : host + "/") + path("name");
    }

    boolean flag(String name) {
        return "true".equals(context.queryParam(name));
    }

    long number(String name, long otherwise) throws ApiRefusal {
        String text = context.queryParam(name);
        return text == null ? otherwise : parse(text, name);
    }

    long id(String what) throws ApiRefusal {
        return parse(path("id"), what);
    }

    static long parse(String text, String what) throws ApiRefusal {
        try {
            return Long.parseLong(text);
        } catch (NumberFormatException _) {
            throw ApiRefusal.malformed(what + " is a number, not " + text);
        }
    }

    static long size(@Nullable String text) throws ApiRefusal {
        OptionalLong bytes = text == null ? OptionalLong.empty() : Sizes.parse(text);
        if (bytes.isEmpty() || bytes.getAsLong() == 0) {
            throw ApiRefusal.malformed((text == null ? "nothing" : "\"" + text + "\"")
                    + " is no size; write one such as 80GiB, or a number of bytes");
        }
        return bytes.getAsLong();
    }

    /** The request's body; an unknown key or another type is refused, showing the {@code example}. */
    <T> T body(Class<T> type, String example) throws ApiRefusal {
        try {
            T read = JSON.readValue(context.body().isEmpty() ? "{}" : context.body(), type);
            if (read == null) {
                throw ApiRefusal.malformed("the body is not as it should be; it looks like " + example);
            }
            return read;
        } catch (JsonProcessingException e) {
            // Not the parser's own words, which may repeat what was sent, a secret among it.
            throw ApiRefusal.malformed("the body is not as it should be" + where(e) + "; it looks like " + example);
        }
    }

    private static String where(JsonProcessingException e) {
        if (e instanceof com.fasterxml.jackson.databind.JsonMappingException mapping
                && !mapping.getPath().isEmpty()) {
            String key = mapping.getPath().getLast().getFieldName();
            if (key != null) {
                return e instanceof com.fasterxml.jackson.databind.exc.UnrecognizedPropertyException
                        ? ": there is no key \"" + key + "\""
                        : ": \"" + key + "\" is of another type";
            }
        }
        if (e.getOriginalMessage().startsWith("Duplicate ")) {
            return ": a key stands there twice";
        }
        return e.getLocation() == null
                ? ""
                : ": no JSON from line " + e.getLocation().getLineNr() + " on";
    }
}
