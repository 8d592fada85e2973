package dev.sanway.iscsi;

import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Where a target is, as a text tells it (RFC 7143 section 13.8): {@code host[:port][,portal group tag]}.
 *
 * @param host name or address, IPv6 without brackets
 */
public record TargetAddress(String host, int port) {
    /** Where a target listens if nothing else is said. */
    public static final int DEFAULT_PORT = 3260;

    private static final int MAX_PORT = 65_535;
    private static final Pattern FORM = Pattern.compile(
            "(?:\\[([0-9A-Fa-f:.]{2,45})]|([A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?))(?::([0-9]{1,5}))?(?:,[0-9]{1,5})?");

    /** Reads an address; null if the text is none. */
    public static @Nullable TargetAddress parse(String text) {
        Matcher matcher = FORM.matcher(text);
        if (!matcher.matches()) {
            return null;
        }
        String address = matcher.group(1) == null ? matcher.group(2) : matcher.group(1);
        int port = matcher.group(4) == null ? DEFAULT_PORT : Integer.parseInt(matcher.group(4));
        return port == 0 || port > MAX_PORT ? null : new TargetAddress(address, port);
    }

    @Override
    public String toString() {
        return (host.indexOf(':') < 0 ? host : "[" + host + "]") + ":" + port;
    }
}
