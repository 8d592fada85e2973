package dev.sanway.control;

import dev.sanway.config.GatewayConfig;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Which event loop serves which host. Hosts that share a volume share a loop, directly or by way of others, so that a request
 * needs no other thread; apart from that hosts are dealt to the loops with the fewest volumes. Pure.
 */
final class LoopPlan {

    private final Map<String, Integer> loopOfHost = new HashMap<>();

    LoopPlan(GatewayConfig config, int loops) {
        Map<String, String> leader = new HashMap<>();
        config.hosts().forEach(host -> leader.put(host.name(), host.name()));
        for (GatewayConfig.Volume volume : config.volumes()) {
            String first = find(leader, volume.attachments().getFirst().host());
            for (GatewayConfig.Attachment attachment : volume.attachments()) {
                leader.put(find(leader, attachment.host()), first);
            }
        }
        int[] load = new int[loops];
        Map<String, Integer> loopOfLeader = new HashMap<>();
        for (GatewayConfig.Host host : config.hosts()) {
            String group = find(leader, host.name());
            int loop = loopOfLeader.computeIfAbsent(group, _ -> leastLoaded(load));
            loopOfHost.put(host.name(), loop);
            load[loop] += 1 + volumesOf(config, host.name()).size();
        }
    }

    private static List<String> volumesOf(GatewayConfig config, String host) {
        List<String> names = new ArrayList<>();
        for (GatewayConfig.Volume volume : config.volumes()) {
            if (volume.attachments().stream().anyMatch(a -> a.host().equals(host))) {
                names.add(volume.name());
            }
        }
        return names;
    }

    private static String find(Map<String, String> leader, String host) {
        String at = host;
        for (String next = leader.get(at); next != null && !next.equals(at); next = leader.get(at)) {
            at = next;
        }
        return at;
    }

    private static int leastLoaded(int[] load) {
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
