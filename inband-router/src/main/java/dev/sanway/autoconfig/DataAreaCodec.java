package dev.sanway.autoconfig;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.dataformat.cbor.CBORFactory;
import com.fasterxml.jackson.dataformat.cbor.CBORGenerator;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Data areas as bytes: CBOR in its core deterministic encoding (RFC 8949 4.2.1), restricted to what {@link DataMap} holds. What is
 * encoded in any other way is refused: a data area is decoded, encoded again, and must be the same bytes. That finds long forms,
 * indefinite lengths, tags, keys out of order or twice, text keys that look like numbers, and what follows the map.
 */
final class DataAreaCodec {
    private static final int MAX_DEPTH = 6;

    private static final CBORFactory FACTORY = CBORFactory.builder()
            // Names come from the network: none is kept.
            .disable(JsonFactory.Feature.CANONICALIZE_FIELD_NAMES)
            .disable(JsonFactory.Feature.INTERN_FIELD_NAMES)
            .streamReadConstraints(StreamReadConstraints.builder()
                    .maxNestingDepth(MAX_DEPTH)
                    .maxStringLength(Datagram.MAX_DATA_BYTES)
                    .maxNumberLength(20)
                    .maxNameLength(20)
                    .build())
            .build();

    private DataAreaCodec() {}

    static byte[] encode(DataMap map) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (CBORGenerator out = FACTORY.createGenerator(bytes)) {
            write(out, map);
        } catch (IOException e) {
            throw new UncheckedIOException("writing to memory", e);
        }
        return bytes.toByteArray();
    }

    private static void write(CBORGenerator out, Object value) throws IOException {
        switch (value) {
            case Long number -> out.writeNumber(number);
            case Boolean flag -> out.writeBoolean(flag);
            case String text -> {
                byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
                out.writeUTF8String(utf8, 0, utf8.length);
            }
            case byte[] bytes -> out.writeBinary(bytes);
            case List<?> list -> {
                out.writeStartArray(list, list.size());
                for (Object element : list) {
                    write(out, element);
                }
                out.writeEndArray();
            }
            case DataMap map -> {
                out.writeStartObject(map, map.values().size());
                for (Map.Entry<Long, Object> entry : map.values().entrySet()) {
                    out.writeFieldId(entry.getKey());
                    write(out, entry.getValue());
                }
                out.writeEndObject();
            }
            default -> throw new IllegalArgumentException("a value of type " + value.getClass());
        }
    }

    static DataMap decode(byte[] bytes) throws MalformedDataException {
        DataMap map;
        try (JsonParser in = FACTORY.createParser(bytes)) {
            if (in.nextToken() != JsonToken.START_OBJECT) {
                throw new MalformedDataException("no map");
            }
            map = map(in);
        } catch (IOException e) {
            throw new MalformedDataException("no CBOR: " + e.getMessage(), e);
        }
        if (!java.util.Arrays.equals(bytes, encode(map))) {
            throw new MalformedDataException("not the canonical encoding");
        }
        return map;
    }

    private static DataMap map(JsonParser in) throws IOException, MalformedDataException {
        DataMap map = new DataMap();
        while (in.nextToken() == JsonToken.FIELD_NAME) {
            long key;
            try {
                key = Long.parseLong(in.currentName());
            } catch (NumberFormatException _) {
                throw new MalformedDataException("a key that is no integer");
            }
            if (key < 0) {
                throw new MalformedDataException("a negative key");
            }
            in.nextToken();
            map.values().put(key, value(in));
        }
        return map;
    }

    private static Object value(JsonParser in) throws IOException, MalformedDataException {
        JsonToken token = in.currentToken();
        if (token == null) {
            throw new MalformedDataException("a map or list without its end");
        }
        return switch (token) {
            case VALUE_NUMBER_INT -> {
                if (in.getNumberType() == JsonParser.NumberType.BIG_INTEGER) {
                    throw new MalformedDataException("a number of more than 63 bits");
                }
                yield in.getLongValue();
            }
            case VALUE_TRUE -> true;
            case VALUE_FALSE -> false;
            case VALUE_STRING -> in.getText();
            case VALUE_EMBEDDED_OBJECT -> in.getBinaryValue();
            case START_OBJECT -> map(in);
            case START_ARRAY -> {
                List<Object> list = new ArrayList<>();
                while (in.nextToken() != JsonToken.END_ARRAY) {
                    list.add(value(in));
                }
                yield list;
            }
            default -> throw new MalformedDataException("a value of a type that is not used: " + token);
        };
    }
}
