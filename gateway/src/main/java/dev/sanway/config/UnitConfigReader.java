package dev.sanway.config;

import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Reads unit.yaml. Touches nothing but the file and the secrets that it names. */
public final class UnitConfigReader {

    private static final String DEFAULT_PREFIX = "iqn.2026-11.dev.sanway";

    private final ConfigFile file;
    private final ConfigReader reader;
    private final Map<String, String> names = new HashMap<>();
    private final Map<Integer, String> luns = new HashMap<>();

    private UnitConfigReader(ConfigFile file) {
        this.file = file;
        this.reader = new ConfigReader(file);
    }

    /** Reads and checks a file; throws with every mistake found. */
    public static UnitConfig read(Path path) throws ConfigException {
        return new UnitConfigReader(ConfigFile.load(path, "unit.schema.json")).read();
    }

    private UnitConfig read() throws ConfigException {
        String name = reader.text("/unit/name", "");
        List<InetSocketAddress> portals = reader.addresses("/unit/portals");
        @Nullable Access access = null;
        if (reader.has("/unit/access")) {
            access = new Access(reader.initiators("/unit/access/initiators"), reader.chap("/unit/access/chap"));
        } else {
            for (int i = 0; i < portals.size(); i++) {
                if (!portals.get(i).getAddress().isLoopbackAddress()) {
                    file.problem(
                            "/unit/portals/" + i,
                            "a unit without \"access\" listens on loopback only; write 127.0.0.1, or say under "
                                    + "\"access\" who may log in");
                }
            }
        }
        long capacityBytes = reader.size("/unit/capacity", Long.MAX_VALUE);
        List<UnitConfig.Volume> volumes = new ArrayList<>();
        long usedBytes = 0;
        for (String at : reader.elements("/volumes")) {
            UnitConfig.Volume volume = volume(at);
            volumes.add(volume);
            usedBytes = Math.addExact(usedBytes, volume.device() == null ? volume.sizeBytes() : 0);
            if (usedBytes > capacityBytes) {
                file.problem(
                        at + "/size",
                        "with this volume the unit's volumes need " + Sizes.show(usedBytes)
                                + ", more than its capacity of " + Sizes.show(capacityBytes));
            }
        }
        UnitConfig.@Nullable AutoConfig autoConfig = AutoConfigReader.unit(file, reader);
        if (reader.flag("/unit/spare") && autoConfig == null) {
            file.problem(
                    "/unit/spare", "a spare says so through its agent; write \"autoConfig\", too, or leave it out");
        }
        file.throwIfProblems();
        return new UnitConfig(
                file.path().toAbsolutePath(),
                name,
                reader.iscsiName("/unit/iqn", DEFAULT_PREFIX + ":unit." + name),
                portals,
                reader.path("/unit/directory"),
                capacityBytes,
                reader.flag("/unit/spare"),
                reader.integer("/unit/eventLoops", Runtime.getRuntime().availableProcessors()),
                Limits.read(reader, "/unit/limits"),
                access,
                autoConfig,
                volumes);
    }

    private UnitConfig.Volume volume(String at) {
        String name = reader.text(at + "/name", "");
        String other = names.putIfAbsent(name, at);
        if (other != null) {
            file.problem(at + "/name", "the name " + name + " is used on line " + file.line(other) + " already");
        }
        int lun = reader.integer(at + "/lun", -1);
        if (lun >= 0) {
            String taken = luns.putIfAbsent(lun, at);
            if (taken != null) {
                file.problem(at + "/lun", "LUN " + lun + " is used on line " + file.line(taken) + " already");
            }
        }
        int blockSizeBytes = reader.integer(at + "/blockSize", 512);
        boolean directIo = reader.flag(at + "/directIo");
        if (directIo && blockSizeBytes != 4096) {
            file.problem(
                    at + "/directIo", "past the page cache blocks have 4,096 bytes; write \"blockSize: 4096\", too");
        }
        if (reader.has(at + "/device")) {
            if (reader.has(at + "/size")) {
                file.problem(at + "/size", "a device has its own size; leave \"size\" out");
            }
            return new UnitConfig.Volume(
                    name, -1, reader.path(at + "/device"), lun, blockSizeBytes, false, directIo, file.line(at));
        }
        if (!reader.has(at + "/size")) {
            file.problem(at, "\"size\" or \"device\" is missing");
        }
        return new UnitConfig.Volume(
                name,
                reader.sizeInBlocks(at + "/size", blockSizeBytes),
                null,
                lun,
                blockSizeBytes,
                reader.flag(at + "/preallocate"),
                directIo,
                file.line(at));
    }
}
