package dev.sanway.control;

import dev.sanway.config.GatewayConfig;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Which event loop serves which host. Hosts that share a volume share a loop, directly or by way of others, so that a request
 * needs no other thread; apart from that hosts are dealt to the loops with the fewest volumes. A host that was dealt once
 * stays where it is; one that comes to share a volume only then is served across loops until the gateway starts anew.
 */
final class LoopPlan {

    private final Map<String, Integer> loopOfHost = new HashMap<>();
    private final int[] load;

    LoopPlan(int loops) {
        load = new int[loops];
    }

    /** Deals the hosts that have no loop yet. */
    void extend(GatewayConfig config) {
        Map<String, String> leader = new HashMap<>();
        config.hosts().forEach(host -> leader.put(host.name(), host.name()));
        for (GatewayConfig.Volume volume : config.volumes()) {
            List<GatewayConfig.Attachment> attachments = volume.attachments();
            String first = find(leader, attachments.getFirst().host());
            attachments.forEach(attachment -> leader.put(find(leader, attachment.host()), first));
        }
        Map<String, Set<String>> groups = new LinkedHashMap<>();
        for (GatewayConfig.Host host : config.hosts()) {
            groups.computeIfAbsent(find(leader, host.name()), _ -> new HashSet<>())
                    .add(host.name());
        }
        for (Set<String> group : groups.values()) {
            int loop = group.stream()
                    .filter(loopOfHost::containsKey)
                    .findFirst()
                    .map(this::loopOf)
                    .orElseGet(this::leastLoaded);
            for (String host : group) {
                if (loopOfHost.putIfAbsent(host, loop) == null) {
                    load[loop] += 1 + volumesOf(config, host);
                }
            }
        }
    }

    private static int volumesOf(GatewayConfig config, String host) {
        return (int) config.volumes().stream()
                .filter(volume -> volume.attachments().stream()
                        .anyMatch(attachment -> attachment.host().equals(host)))
                .count();
    }

    private static String find(Map<String, String> leader, String host) {
        String at = host;
        for (String next = leader.get(at); next != null && !next.equals(at); next = leader.get(at)) {
            at = next;
        }
        return at;
    }

    private int leastLoaded() {
        int least = 0;
        for (int i = 1; i < load.length; i++) {
            if (load[i] < load[least]) {
                least = i;
            }
        }
        return least;
    }

    int loopOf(String host) {
        return loopOfHost.getOrDefault(host, 0);
    }
}
