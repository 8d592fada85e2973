package dev.sanway.autoconfig;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Cuts messages into pages and joins them. A page is a complete map: what is no list stands in each page, the same; lists go on from
 * page to page.
 */
final class Pages {
    private Pages() {}

    /**
     * The data areas of a message.
     *
     * @throws IllegalArgumentException if it does not fit into eight pages
     */
    static List<byte[]> cut(Message message) {
        DataMap whole = MessageCodec.map(message);
        byte[] one = DataAreaCodec.encode(whole);
        if (one.length <= Datagram.MAX_DATA_BYTES) {
            return List.of(one);
        }
        List<byte[]> pages = new ArrayList<>();
        DataMap fixed = fixed(message.type(), whole);
        DataMap page = copy(fixed);
        byte[] fits = DataAreaCodec.encode(page);
        for (Map.Entry<Long, Object> entry : whole.values().entrySet()) {
            long key = entry.getKey();
            if (!message.type().paged(key) || !(entry.getValue() instanceof List<?> elements)) {
                continue;
            }
            List<Object> taken = new ArrayList<>();
            for (Object element : elements) {
                taken.add(element);
                page.put(key, List.copyOf(taken));
                byte[] larger = DataAreaCodec.encode(page);
                if (larger.length > Datagram.MAX_DATA_BYTES) {
                    pages.add(fits);
                    page = copy(fixed);
                    taken.clear();
                    taken.add(element);
                    page.put(key, List.copyOf(taken));
                    larger = DataAreaCodec.encode(page);
                }
                fits = larger;
            }
        }
        pages.add(fits);
        if (pages.size() > Datagram.MAX_PAGES
                || pages.stream().anyMatch(bytes -> bytes.length > Datagram.MAX_DATA_BYTES)) {
            throw new IllegalArgumentException(message.type() + " needs " + pages.size() + " pages; the most are "
                    + Datagram.MAX_PAGES + " of " + Datagram.MAX_DATA_BYTES + " bytes");
        }
        return pages;
    }

    /** The message of all its data areas, in order. */
    static Message join(MessageType type, List<byte[]> pages) throws MalformedDataException {
        DataMap whole = DataAreaCodec.decode(pages.getFirst());
        if (pages.size() > 1) {
            byte[] fixed = DataAreaCodec.encode(fixed(type, whole));
            for (byte[] bytes : pages.subList(1, pages.size())) {
                DataMap page = DataAreaCodec.decode(bytes);
                if (!java.util.Arrays.equals(fixed, DataAreaCodec.encode(fixed(type, page)))) {
                    throw new MalformedDataException("pages that contradict each other");
                }
                for (long key : page.values().keySet()) {
                    if (type.paged(key)) {
                        List<Object> longer = new ArrayList<>(whole.list(key, Integer.MAX_VALUE));
                        longer.addAll(page.list(key, Integer.MAX_VALUE));
                        whole.put(key, longer);
                    }
                }
            }
        }
        return MessageCodec.read(type, whole);
    }

    private static DataMap fixed(MessageType type, DataMap whole) {
        DataMap fixed = new DataMap();
        for (Map.Entry<Long, Object> entry : whole.values().entrySet()) {
            if (!type.paged(entry.getKey())) {
                fixed.values().put(entry.getKey(), entry.getValue());
            }
        }
        return fixed;
    }

    private static DataMap copy(DataMap map) {
        DataMap copy = new DataMap();
        copy.values().putAll(map.values());
        return copy;
    }
}
