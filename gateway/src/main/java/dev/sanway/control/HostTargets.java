package dev.sanway.control;

import dev.sanway.config.Access;
import dev.sanway.config.ChapConfig;
import dev.sanway.config.GatewayConfig;
import dev.sanway.target.IscsiTarget;
import dev.sanway.target.LoginPolicy;
import dev.sanway.target.TargetCatalog;
import dev.sanway.target.TargetServer;
import dev.sanway.target.lun.HostTarget;
import io.netty.channel.EventLoop;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The targets of the hosts that are declared. Confined to the control executor. */
final class HostTargets {

    private record Served(GatewayConfig.Host host, HostTarget target) {}

    private final TargetCatalog catalog;
    private final List<EventLoop> loops;
    private final LoopPlan plan;
    private final Events events;
    private Map<String, Served> served = new LinkedHashMap<>();

    HostTargets(TargetCatalog catalog, List<EventLoop> loops, LoopPlan plan, Events events) {
        this.catalog = catalog;
        this.loops = List.copyOf(loops);
        this.plan = plan;
        this.events = events;
    }

    /**
     * Declares hosts anew: logins from now on follow the new rules; sessions and LUNs of those that stay stay.
     *
     * @return the targets that are gone, whose sessions are to be ended
     */
    List<String> apply(List<GatewayConfig.Host> hosts) {
        Map<String, Served> before = served;
        Map<String, Served> now = new LinkedHashMap<>();
        List<IscsiTarget> targets = new ArrayList<>();
        for (GatewayConfig.Host host : hosts) {
            Served known = before.get(host.name());
            HostTarget target = known == null
                    ? new HostTarget(host.target(), List.of(TargetServer.PORTAL_GROUP_TAG))
                    : known.target();
            boolean anybody = host.access().initiators().contains("*");
            if (anybody && (known == null || !known.host().access().initiators().contains("*"))) {
                events.warning("host " + host.name(), "any initiator may log in (initiators: [\"*\"])");
            }
            now.put(host.name(), new Served(host, target));
            targets.add(
                    new IscsiTarget(host.target(), policy(host.access()), target, loops.get(plan.loopOf(host.name()))));
        }
        served = now;
        catalog.replace(targets);
        return before.values().stream()
                .filter(each -> !now.containsKey(each.host().name()))
                .map(each -> each.target().name())
                .toList();
    }

    private static LoginPolicy policy(Access access) {
        ChapConfig chap = access.chap();
        return new LoginPolicy(
                Set.copyOf(access.initiators()),
                chap == null
                        ? null
                        : new LoginPolicy.ChapCredentials(
                                chap.user(),
                                chap.secret().bytes(),
                                chap.mutualUser(),
                                chap.mutualSecret() == null
                                        ? null
                                        : chap.mutualSecret().bytes()));
    }

    @Nullable
    HostTarget target(String host) {
        Served found = served.get(host);
        return found == null ? null : found.target();
    }

    List<GatewayConfig.Host> hosts() {
        return served.values().stream().map(Served::host).toList();
    }
}
