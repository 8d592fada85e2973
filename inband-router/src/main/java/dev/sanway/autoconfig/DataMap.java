package dev.sanway.autoconfig;

import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * A CBOR map with integer keys, with getters that check type and limit. Values are {@code Long}, {@code Boolean}, {@code String},
 * {@code byte[]}, {@code List} and {@code DataMap}. Filled once, then only read.
 */
final class DataMap {
    private final SortedMap<Long, Object> values = new TreeMap<>();

    /** By key, ascending, as they stand on the wire. */
    SortedMap<Long, Object> values() {
        return values;
    }

    boolean has(long key) {
        return values.containsKey(key);
    }

    DataMap put(long key, long value) {
        values.put(key, value);
        return this;
    }

    DataMap put(long key, boolean value) {
        values.put(key, value);
        return this;
    }

    DataMap put(long key, String value) {
        values.put(key, value);
        return this;
    }

    DataMap put(long key, byte[] value) {
        values.put(key, value);
        return this;
    }

    DataMap put(long key, UUID value) {
        ByteBuffer bytes = ByteBuffer.allocate(16);
        DatagramCodec.put(bytes, value);
        return put(key, bytes.array());
    }

    DataMap put(long key, InetAddress value) {
        return put(key, DatagramCodec.bytes(value));
    }

    DataMap put(long key, DataMap value) {
        values.put(key, value);
        return this;
    }

    DataMap put(long key, List<?> value) {
        if (!value.isEmpty()) {
            values.put(key, value);
        }
        return this;
    }

    long number(long key, long min, long max) throws MalformedDataException {
        long value = get(key, Long.class);
        if (value < min || value > max) {
            throw new MalformedDataException("key " + key + " is " + value + ", not within " + min + " to " + max);
        }
        return value;
    }

    boolean flag(long key) throws MalformedDataException {
        return get(key, Boolean.class);
    }

    String text(long key, int minBytes, int maxBytes) throws MalformedDataException {
        String text = get(key, String.class);
        int length = text.getBytes(StandardCharsets.UTF_8).length;
        if (length < minBytes || length > maxBytes) {
            throw new MalformedDataException(
                    "key " + key + " has " + length + " bytes, not " + minBytes + " to " + maxBytes);
        }
        return text;
    }

    byte[] bytes(long key, int minBytes, int maxBytes) throws MalformedDataException {
        byte[] bytes = get(key, byte[].class);
        if (bytes.length < minBytes || bytes.length > maxBytes) {
            throw new MalformedDataException(
                    "key " + key + " has " + bytes.length + " bytes, not " + minBytes + " to " + maxBytes);
        }
        return bytes;
    }

    UUID uuid(long key) throws MalformedDataException {
        return DatagramCodec.uuid(ByteBuffer.wrap(bytes(key, 16, 16)));
    }

    InetAddress address(long key) throws MalformedDataException {
        return DatagramCodec.address(bytes(key, 16, 16));
    }

    DataMap map(long key) throws MalformedDataException {
        return get(key, DataMap.class);
    }

    /** A list, empty if it is left out. */
    List<?> list(long key, int max) throws MalformedDataException {
        if (!has(key)) {
            return List.of();
        }
        List<?> list = get(key, List.class);
        if (list.size() > max) {
            throw new MalformedDataException("key " + key + " has " + list.size() + " elements, more than " + max);
        }
        return list;
    }

    List<DataMap> maps(long key, int max) throws MalformedDataException {
        List<DataMap> maps = new ArrayList<>();
        for (Object element : list(key, max)) {
            if (!(element instanceof DataMap map)) {
                throw new MalformedDataException("key " + key + " has an element that is no map");
            }
            maps.add(map);
        }
        return maps;
    }

    private <T> T get(long key, Class<T> type) throws MalformedDataException {
        @Nullable Object value = values.get(key);
        if (value == null) {
            throw new MalformedDataException("key " + key + " is missing");
        }
        if (!type.isInstance(value)) {
            throw new MalformedDataException(
                    "key " + key + " is of type " + value.getClass().getSimpleName() + ", not " + type.getSimpleName());
        }
        return type.cast(value);
    }
}
