package dev.sanway.target;

import dev.sanway.iscsi.KeyValue;
import java.net.Inet6Address;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Answers SendTargets (RFC 7143 appendix C): an initiator is told of the targets that it is entitled to, and of no other.
 */
final class SendTargets {

    /** One portal group: every portal serves every target. */
    static final int PORTAL_GROUP_TAG = 1;

    private SendTargets() {}

    /**
     * The answer.
     *
     * @param value {@code All}, a target's name, or nothing (the session's own target)
     * @param own the session's target; null in a discovery session
     */
    static List<KeyValue> answer(
            TargetDirectory directory,
            String initiatorName,
            @Nullable IscsiTarget own,
            String value,
            InetSocketAddress local) {
        List<KeyValue> answer = new ArrayList<>();
        if (value.isEmpty()) {
            if (own == null) {
                return List.of(new KeyValue("SendTargets", "Reject"));
            }
            add(answer, own, directory, local);
        } else if (value.equals("All")) {
            if (own != null) {
                return List.of(new KeyValue("SendTargets", "Reject"));
            }
            for (IscsiTarget target : directory.targets()) {
                if (target.policy().entitles(initiatorName)) {
                    add(answer, target, directory, local);
                }
            }
        } else {
            IscsiTarget named = directory.find(value.toLowerCase(Locale.ROOT));
            if (named != null && named.policy().entitles(initiatorName)) {
                add(answer, named, directory, local);
            }
        }
        return answer;
    }

    private static void add(
            List<KeyValue> answer, IscsiTarget target, TargetDirectory directory, InetSocketAddress local) {
        answer.add(new KeyValue("TargetName", target.name()));
        for (InetSocketAddress portal : directory.portals(local)) {
            answer.add(new KeyValue("TargetAddress", address(portal) + "," + PORTAL_GROUP_TAG));
        }
    }

    /** {@code 192.0.2.1:3260} or {@code [2001:db8::1]:3260}. */
    static String address(InetSocketAddress portal) {
        String host = portal.getAddress().getHostAddress().replaceAll("%.*", "");
        return (portal.getAddress() instanceof Inet6Address ? "[" + host + "]" : host) + ":" + portal.getPort();
    }
}
