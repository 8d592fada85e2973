package dev.sanway.bench;

import dev.sanway.iscsi.Chap;
import dev.sanway.iscsi.IscsiName;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A target and the LUNs of it that get load; each session uses all of them in turn.
 *
 * @param host name or address, IPv6 without brackets
 * @param chap how we prove ourselves; null: not at all
 * @param mutualChap what the target has to prove; only with {@code chap}
 */
public record LoadTarget(
        String host,
        int port,
        IscsiName target,
        List<Integer> luns,
        Chap.@Nullable Credentials chap,
        Chap.@Nullable Credentials mutualChap) {
    public LoadTarget {
        luns = List.copyOf(luns);
    }

    /** One LUN, without CHAP. */
    public static LoadTarget of(String host, int port, IscsiName target, int lun) {
        return new LoadTarget(host, port, target, List.of(lun), null, null);
    }

    @Override
    public String toString() {
        return "iscsi://" + (host.indexOf(':') < 0 ? host : "[" + host + "]") + ":" + port + "/" + target;
    }
}
