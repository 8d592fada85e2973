package dev.sanway.target;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A {@link TargetDirectory} whose content is replaced as a whole. Any thread may call. */
public final class TargetCatalog implements TargetDirectory {

    private final List<InetSocketAddress> portals;
    private volatile Map<String, IscsiTarget> targets = Map.of();

    /** {@code portals}: the addresses listened on, wildcards included. */
    public TargetCatalog(List<InetSocketAddress> portals) {
        this.portals = List.copyOf(portals);
    }

    /** Replaces all targets. */
    public void replace(List<IscsiTarget> all) {
        Map<String, IscsiTarget> changed = new LinkedHashMap<>();
        all.forEach(target -> changed.put(target.name(), target));
        targets = changed;
    }

    @Override
    public @Nullable IscsiTarget find(String name) {
        return targets.get(name);
    }

    @Override
    public List<IscsiTarget> targets() {
        return List.copyOf(targets.values());
    }

    @Override
    public List<InetSocketAddress> portals(InetSocketAddress local) {
        List<InetSocketAddress> announced = new ArrayList<>();
        announced.add(local);
        for (InetSocketAddress portal : portals) {
            InetAddress address = portal.getAddress();
            // Loopback is of use to nobody who came from elsewhere, and a wildcard is no address to connect to.
            boolean reachable = !address.isAnyLocalAddress()
                    && address.isLoopbackAddress() == local.getAddress().isLoopbackAddress();
            if (reachable && !announced.contains(portal)) {
                announced.add(portal);
            }
        }
        return announced;
    }
}
