package dev.sanway.config;

import dev.sanway.config.GatewayConfig.Attachment;
import dev.sanway.config.GatewayConfig.Cache;
import dev.sanway.config.GatewayConfig.Host;
import dev.sanway.config.GatewayConfig.Layout;
import dev.sanway.config.GatewayConfig.Unit;
import dev.sanway.config.GatewayConfig.Volume;
import dev.sanway.iscsi.IscsiName;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Reads gateway.yaml. Touches nothing but the file and the secrets that it names. */
public final class GatewayConfigReader {

    /** What a configuration may have at most. */
    public static final int MAX_BYTES = ConfigFile.MAX_BYTES;

    private static final String DEFAULT_PREFIX = "iqn.2026-11.dev.sanway";
    private static final Duration DEFAULT_UNIT_TIMEOUT = Duration.ofSeconds(20);
    private static final long DEFAULT_MOVE_BANDWIDTH = 50L << 20;
    private static final int DEFAULT_MOVES_AT_ONCE = 2;
    private static final int DEFAULT_WIDTH = 2;
    private static final int DEFAULT_CHUNK_BYTES = 64 << 10;
    private static final int MAX_CHUNK_BYTES = 64 << 20;

    private static final String SCHEMA = "gateway.schema.json";

    private final ConfigFile file;
    private final String text;
    private final ConfigReader reader;

    private final Map<String, String> unitNames = new HashMap<>();
    private final Map<String, String> unitTargets = new HashMap<>();
    private final Map<String, String> hostNames = new HashMap<>();
    private final Map<String, String> initiatorHosts = new HashMap<>();
    private final Map<String, String> volumeNames = new HashMap<>();
    private final Map<String, Map<Integer, String>> hostLuns = new HashMap<>();

    private GatewayConfigReader(ConfigFile file, String text) {
        this.file = file;
        this.text = text;
        this.reader = new ConfigReader(file);
    }

    /** Reads and checks a file; throws with every mistake found. */
    public static GatewayConfig read(Path path) throws ConfigException {
        return read(path, false, path.toString(), ConfigFile.read(path));
    }

    /**
     * Reads and checks a text as if it stood in the file.
     *
     * @param sent whether somebody sent it: then the secrets that it names must lie below the file's folder, symbolic links
     *     resolved, so that nothing can be learnt of other files
     * @param shownAs what to call the file when mistakes are told
     */
    public static GatewayConfig read(Path path, boolean sent, String shownAs, String text) throws ConfigException {
        return new GatewayConfigReader(ConfigFile.parse(path, sent, shownAs, text, SCHEMA), text).read();
    }

    /** The text of a file whose structure is right; secrets that it names are not looked at. */
    public static String structurallyRight(Path path) throws ConfigException {
        String text = ConfigFile.read(path);
        ConfigFile.parse(path, false, path.toString(), text, SCHEMA);
        return text;
    }

    private GatewayConfig read() throws ConfigException {
        String name = reader.text("/gateway/name", "");
        String prefix = reader.iscsiName("/gateway/iqnPrefix", DEFAULT_PREFIX);
        List<Unit> units = new ArrayList<>();
        for (String at : reader.elements("/units")) {
            units.add(unit(at));
        }
        List<Host> hosts = new ArrayList<>();
        List<Volume> volumes = new ArrayList<>();
        for (String at : reader.elements("/hosts")) {
            Host host = host(at, prefix);
            hosts.add(host);
            for (String volumeAt : reader.elements(at + "/volumes")) {
                String volumeName = host.name() + "/" + reader.text(volumeAt + "/name", "");
                volumes.add(volume(volumeAt, volumeName, List.of(attachment(volumeAt, host.name()))));
            }
        }
        for (String at : reader.elements("/volumes")) {
            List<Attachment> attachments = new ArrayList<>();
            for (String hostAt : reader.elements(at + "/hosts")) {
                String hostName = reader.text(hostAt + "/name", "");
                if (!hostNames.containsKey(hostName)) {
                    file.problem(hostAt + "/name", "there is no host " + hostName + "; hosts: " + hostNames.keySet());
                } else if (attachments.stream().anyMatch(a -> a.host().equals(hostName))) {
                    file.problem(hostAt + "/name", "the host " + hostName + " stands in the list twice");
                }
                attachments.add(attachment(hostAt, hostName));
            }
            volumes.add(volume(at, reader.text(at + "/name", ""), attachments));
        }
        GatewayConfig config = new GatewayConfig(
                file.path().toAbsolutePath(),
                text,
                name,
                prefix,
                reader.iscsiName("/gateway/initiatorName", prefix + ":gateway." + name),
                reader.addresses("/gateway/portals"),
                reader.path("/gateway/stateDirectory"),
                reader.address("/gateway/management", "127.0.0.1:8443"),
                reader.duration(
                        "/gateway/unitTimeout", DEFAULT_UNIT_TIMEOUT, Duration.ofSeconds(1), Duration.ofSeconds(24)),
                reader.integer("/gateway/eventLoops", Runtime.getRuntime().availableProcessors()),
                new GatewayConfig.Moves(
                        reader.size("/gateway/moveBandwidth", DEFAULT_MOVE_BANDWIDTH),
                        reader.integer("/gateway/movesAtOnce", DEFAULT_MOVES_AT_ONCE)),
                Limits.read(reader, "/gateway/limits"),
                AutoConfigReader.gateway(file, reader),
                units,
                hosts,
                volumes,
                keyLines());
        file.throwIfProblems();
        return config;
    }

    /** The lines of the keys under {@code gateway}. */
    private Map<String, Integer> keyLines() {
        Map<String, Integer> lines = new HashMap<>();
        file.at("/gateway").fieldNames().forEachRemaining(key -> lines.put(key, file.line("/gateway/" + key)));
        return lines;
    }

    private Unit unit(String at) {
        String name = reader.text(at + "/name", "");
        unique(unitNames, name, at, "/name", "the unit name " + name);
        IscsiName target = reader.targetName(at + "/target");
        unique(unitTargets, target.value(), at, "/target", "the target " + target);
        List<Integer> luns = new ArrayList<>();
        for (String lunAt : reader.elements(at + "/luns")) {
            luns.add(reader.integer(lunAt, 0));
        }
        Cache cache = switch (reader.text(at + "/cache", "")) {
            case "protected" -> Cache.PROTECTED;
            case "writeThrough" -> Cache.WRITE_THROUGH;
            case "volatile" -> Cache.VOLATILE;
            default -> Cache.AUTOMATIC;
        };
        return new Unit(
                name,
                reader.address(at + "/portal", "127.0.0.1:3260"),
                target,
                luns,
                reader.chap(at + "/chap"),
                reader.integer(at + "/maxSessions", 0),
                cache,
                reader.flag(at + "/digests"),
                file.line(at));
    }

    private Host host(String at, String prefix) {
        String name = reader.text(at + "/name", "");
        unique(hostNames, name, at, "/name", "the host name " + name);
        List<String> initiators = reader.initiators(at + "/initiators");
        for (int i = 0; i < initiators.size(); i++) {
            String initiator = initiators.get(i);
            if (!initiator.equals("*")) {
                unique(initiatorHosts, initiator, at, "/initiators/" + i, "the initiator " + initiator);
            }
        }
        String target = reader.iscsiName(at + "/name", prefix + ":" + name, "the name of its target, ");
        return new Host(name, new Access(initiators, reader.chap(at + "/chap")), target, file.line(at));
    }

    private Attachment attachment(String at, String host) {
        int lun = reader.integer(at + "/lun", -1);
        if (lun >= 0) {
            String taken = hostLuns.computeIfAbsent(host, _ -> new HashMap<>()).putIfAbsent(lun, at);
            if (taken != null) {
                file.problem(
                        at + "/lun",
                        "LUN " + lun + " of host " + host + " is used on line " + file.line(taken) + " already");
            }
        }
        return new Attachment(host, lun);
    }

    private Volume volume(String at, String name, List<Attachment> attachments) {
        unique(volumeNames, name, at, "/name", "the volume name " + name);
        int blockSizeBytes = reader.integer(at + "/blockSize", 512);
        Layout layout = layout(at, blockSizeBytes);
        return new Volume(
                name,
                reader.sizeInBlocks(at + "/size", blockSizeBytes),
                layout,
                blockSizeBytes,
                attachments,
                file.line(at));
    }

    private Layout layout(String at, int blockSizeBytes) {
        boolean thin = reader.text(at + "/provisioning", "thick").equals("thin");
        if (thin && reader.text(at + "/layout", "linear").equals("striped")) {
            file.problem(
                    at + "/provisioning",
                    "a thin volume is linear; write \"layout: linear\" or \"provisioning: thick\"");
        }
        if (!reader.text(at + "/layout", "linear").equals("striped")) {
            for (String key : List.of("/width", "/chunk")) {
                if (reader.has(at + key)) {
                    file.problem(at + key, "belongs to \"layout: striped\" only; leave it out or write that layout");
                }
            }
            return thin ? new Layout.Thin() : new Layout.Linear();
        }
        long chunkBytes = reader.has(at + "/chunk")
                ? reader.sizeInBlocks(at + "/chunk", Math.max(4096, blockSizeBytes))
                : DEFAULT_CHUNK_BYTES;
        if (chunkBytes > MAX_CHUNK_BYTES) {
            file.problem(at + "/chunk", Sizes.show(chunkBytes) + " is too large; write at most 64MiB");
        }
        return new Layout.Striped(
                reader.integer(at + "/width", DEFAULT_WIDTH), (int) Math.min(chunkBytes, MAX_CHUNK_BYTES));
    }

    private void unique(Map<String, String> taken, String name, String at, String key, String what) {
        String other = taken.putIfAbsent(name, at);
        if (other != null) {
            file.problem(at + key, what + " is used on line " + file.line(other) + " already");
        }
    }
}
