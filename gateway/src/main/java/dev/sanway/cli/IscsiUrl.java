package dev.sanway.cli;

import dev.sanway.iscsi.IscsiName;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Where a LUN is, written as libiscsi and QEMU do: {@code iscsi://[USER%SECRET@]HOST[:PORT]/TARGET/LUN}.
 *
 * @param user CHAP name; null: no CHAP
 */
record IscsiUrl(@Nullable String user, @Nullable String secret, String host, int port, IscsiName target, int lun) {

    private static final Pattern FORM = Pattern.compile(
            "iscsi://(?:([^%@/]+)%([^@/]+)@)?(\\[[0-9A-Fa-f:.]+\\]|[^:/]+)(?::([0-9]{1,5}))?/([^/]+)/([0-9]{1,5})");

    static IscsiUrl parse(String text) throws CommandFailure {
        Matcher matcher = FORM.matcher(text);
        if (!matcher.matches()) {
            throw new CommandFailure(2, "\"" + text + "\" is not of the form iscsi://HOST:PORT/TARGET/LUN");
        }
        IscsiName target = IscsiName.parse(matcher.group(5));
        if (target == null) {
            throw new CommandFailure(2, matcher.group(5) + ": " + IscsiName.whyNot(matcher.group(5)));
        }
        String port = matcher.group(4);
        return new IscsiUrl(
                matcher.group(1),
                matcher.group(2),
                matcher.group(3).replaceAll("^\\[|\\]$", ""),
                port == null ? 3260 : Integer.parseInt(port),
                target,
                Integer.parseInt(matcher.group(6)));
    }

    /** Without the secret. */
    @Override
    public String toString() {
        return "iscsi://" + (host.indexOf(':') < 0 ? host : "[" + host + "]") + ":" + port + "/" + target + "/" + lun;
    }
}
