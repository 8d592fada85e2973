package dev.sanway.config;

import dev.sanway.autoconfig.PoolKeys;
import dev.sanway.iscsi.IscsiName;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * gateway.yaml, checked: names, LUNs and initiators are unique, sizes are multiples of the block size, secrets were read.
 *
 * @param text of the file
 * @param moves how partitions move from unit to unit
 * @param limits what hosts may make the gateway hold
 * @param autoConfig null: no unit is found by itself
 * @param keyLines the lines of the keys under {@code gateway} that stand in the file
 */
public record GatewayConfig(
        Path file,
        String text,
        String name,
        String iqnPrefix,
        String initiatorName,
        List<InetSocketAddress> portals,
        Path stateDirectory,
        InetSocketAddress management,
        Duration unitTimeout,
        int eventLoops,
        Moves moves,
        Limits limits,
        @Nullable AutoConfig autoConfig,
        List<Unit> units,
        List<Host> hosts,
        List<Volume> volumes,
        Map<String, Integer> keyLines) {

    public GatewayConfig {
        keyLines = Map.copyOf(keyLines);
        portals = List.copyOf(portals);
        units = List.copyOf(units);
        hosts = List.copyOf(hosts);
        volumes = List.copyOf(volumes);
    }

    /** How fast partitions are copied, all together, and how many at a time. */
    public record Moves(long bytesPerSecond, int atOnce) {}

    /** The same with other hosts and volumes. */
    public GatewayConfig with(List<Host> otherHosts, List<Volume> otherVolumes) {
        return new GatewayConfig(
                file,
                text,
                name,
                iqnPrefix,
                initiatorName,
                portals,
                stateDirectory,
                management,
                unitTimeout,
                eventLoops,
                moves,
                limits,
                autoConfig,
                units,
                otherHosts,
                otherVolumes,
                keyLines);
    }

    /** A host's target has this name. */
    public String targetOf(String host) {
        return (iqnPrefix + ":" + host).toLowerCase(Locale.ROOT);
    }

    /**
     * How units that announce themselves are found.
     *
     * @param announceTo broadcast, multicast and other addresses
     * @param adoptAll units are adopted without an operator's word
     * @param chap for the login to units that are found; null: none
     */
    public record AutoConfig(
            InetSocketAddress listen,
            List<InetSocketAddress> announceTo,
            Path poolKeyFile,
            PoolKeys keys,
            boolean adoptAll,
            @Nullable ChapConfig chap,
            int line) {
        public AutoConfig {
            announceTo = List.copyOf(announceTo);
        }

        /** Whether it differs in more than what can change while the gateway runs. */
        public boolean alike(AutoConfig other) {
            return listen.equals(other.listen)
                    && announceTo.equals(other.announceTo)
                    && poolKeyFile.equals(other.poolKeyFile)
                    && java.util.Objects.equals(chap, other.chap);
        }
    }

    /** What a unit's write cache does to writes that were not flushed. */
    public enum Cache {
        /** Nothing was said: it follows from what the unit turns out to be. */
        AUTOMATIC,
        VOLATILE,
        PROTECTED,
        WRITE_THROUGH
    }

    /**
     * A unit reached by its iSCSI target.
     *
     * @param luns which LUNs to use; empty: every disk
     * @param maxSessions at most so many sessions; 0: one for each event loop
     */
    public record Unit(
            String name,
            InetSocketAddress portal,
            IscsiName target,
            List<Integer> luns,
            @Nullable ChapConfig chap,
            int maxSessions,
            Cache cache,
            boolean digests,
            int line) {
        public Unit {
            luns = List.copyOf(luns);
        }
    }

    /** A host: who it is, and its target's name; line 0: not in the file, but made by command. */
    public record Host(String name, Access access, String target, int line) {}

    /** How a volume lies across units. */
    public sealed interface Layout {
        /** One partition after the other, on as few units as possible. */
        record Linear() implements Layout {}

        /** One extent after the other, each taken when it is first written. */
        record Thin() implements Layout {}

        /** {@code chunkBytes} on each of {@code width} units in turn. */
        record Striped(int width, int chunkBytes) implements Layout {}
    }

    /**
     * A volume and who sees it.
     *
     * @param name {@code <host>/<volume>} of a host's own, {@code <volume>} of a shared one
     * @param line 0: not in the file, but made by command
     */
    public record Volume(
            String name, long sizeBytes, Layout layout, int blockSizeBytes, List<Attachment> attachments, int line) {
        public Volume {
            attachments = List.copyOf(attachments);
        }
    }

    /** The host and the LUN under which it sees a volume; LUN -1: the lowest free, kept once chosen. */
    public record Attachment(String host, int lun) {}
}
