package dev.sanway.iscsi;

/** One {@code key=value} of a text or login data segment (RFC 7143 section 6.1). Keys are case-sensitive. */
public record KeyValue(String key, String value) {
    @Override
    public String toString() {
        return key + "=" + value;
    }
}
