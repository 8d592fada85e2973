package dev.sanway.config;

import dev.sanway.autoconfig.PoolKeys;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * unit.yaml, checked.
 *
 * @param capacityBytes how much of the directory may be used by volumes; {@link Long#MAX_VALUE}: no limit
 * @param eventLoops how many event loops serve
 * @param limits what initiators may make the unit hold
 * @param access who may log in; null: anybody on loopback
 * @param autoConfig null: the unit has no agent
 */
public record UnitConfig(
        Path file,
        String name,
        String iqn,
        List<InetSocketAddress> portals,
        Path directory,
        long capacityBytes,
        boolean spare,
        int eventLoops,
        Limits limits,
        @Nullable Access access,
        @Nullable AutoConfig autoConfig,
        List<Volume> volumes) {

    public UnitConfig {
        portals = List.copyOf(portals);
        volumes = List.copyOf(volumes);
    }

    /** A unit without an agent. */
    public UnitConfig(
            Path file,
            String name,
            String iqn,
            List<InetSocketAddress> portals,
            Path directory,
            long capacityBytes,
            int eventLoops,
            @Nullable Access access,
            List<Volume> volumes) {
        this(
                file,
                name,
                iqn,
                portals,
                directory,
                capacityBytes,
                false,
                eventLoops,
                Limits.defaults(),
                access,
                null,
                volumes);
    }

    /**
     * How the unit finds its gateway.
     *
     * @param control where gateways may be: addresses, broadcast addresses, groups
     */
    public record AutoConfig(
            InetSocketAddress listen, List<InetSocketAddress> control, Path poolKeyFile, PoolKeys keys) {
        public AutoConfig {
            control = List.copyOf(control);
        }
    }

    /**
     * A declared volume.
     *
     * @param sizeBytes of a file; -1 for a device, whose own size counts
     * @param device the disk's path; null: a file in the unit's directory
     * @param directIo past the page cache; then blocks are of 4,096 bytes
     * @param lun -1: the lowest free, kept once chosen
     */
    public record Volume(
            String name,
            long sizeBytes,
            @Nullable Path device,
            int lun,
            int blockSizeBytes,
            boolean preallocate,
            boolean directIo,
            int line) {}
}
