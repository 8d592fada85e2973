package dev.sanway.unit;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.sanway.file.OwnFiles;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.UUID;

/**
 * What a unit keeps beside its volumes, in {@code unit.json}: its identity, and the identity and LUN of each volume. Replaced
 * atomically and durably. One thread.
 */
final class UnitState {

    private static final int FORMAT_VERSION = 1;
    private static final ObjectMapper JSON = new ObjectMapper();

    /**
     * A volume as it was first served.
     *
     * @param sizeBytes as it was served last; 0: not known yet
     */
    record Entry(UUID uuid, int lun, int blockSizeBytes, long sizeBytes) {
        Entry ofSize(long nowBytes) {
            return new Entry(uuid, lun, blockSizeBytes, nowBytes);
        }
    }

    private final Path file;
    private UUID uuid = UUID.randomUUID();
    private final Map<String, Entry> volumes = new LinkedHashMap<>();

    private UnitState(Path file) {
        this.file = file;
    }

    /** Reads it, or begins anew in a directory that has none. */
    static UnitState open(Path directory) throws IOException {
        UnitState state = new UnitState(directory.resolve("unit.json"));
        if (!Files.exists(state.file)) {
            state.save();
            return state;
        }
        JsonNode root;
        try {
            root = JSON.readTree(Files.readString(state.file));
            int version = root.path("formatVersion").asInt();
            if (version != FORMAT_VERSION) {
                throw new IOException(state.file + " has format " + version + "; this version knows " + FORMAT_VERSION
                        + " only. Use the version of sanway that wrote it.");
            }
            state.uuid = UUID.fromString(root.path("uuid").asText());
            for (Map.Entry<String, JsonNode> volume : root.path("volumes").properties()) {
                JsonNode entry = volume.getValue();
                state.volumes.put(
                        volume.getKey(),
                        new Entry(
                                UUID.fromString(entry.path("uuid").asText()),
                                entry.path("lun").asInt(),
                                entry.path("blockSizeBytes").asInt(),
                                entry.path("sizeBytes").asLong()));
            }
        } catch (com.fasterxml.jackson.core.JacksonException | IllegalArgumentException e) {
            throw new IOException(state.file + " is damaged: " + e.getMessage(), e);
        }
        return state;
    }

    UUID uuid() {
        return uuid;
    }

    Map<String, Entry> volumes() {
        return volumes;
    }

    void save() throws IOException {
        ObjectNode root = JSON.createObjectNode();
        root.put("formatVersion", FORMAT_VERSION);
        root.put("uuid", uuid.toString());
        ObjectNode all = root.putObject("volumes");
        volumes.forEach((name, entry) -> {
            ObjectNode volume = all.putObject(name);
            volume.put("uuid", entry.uuid().toString());
            volume.put("lun", entry.lun());
            volume.put("blockSizeBytes", entry.blockSizeBytes());
            volume.put("sizeBytes", entry.sizeBytes());
        });
        replace(
                file,
                JSON.writerWithDefaultPrettyPrinter().writeValueAsString(root).getBytes(StandardCharsets.UTF_8));
    }

    /** Replaces a file so that after a loss of power either the old or the new content is there, whole. */
    static void replace(Path file, byte[] content) throws IOException {
        Path temporary = file.resolveSibling(file.getFileName() + ".new");
        try (FileChannel channel = FileChannel.open(
                temporary,
                Set.of(StandardOpenOption.CREATE, StandardOpenOption.TRUNCATE_EXISTING, StandardOpenOption.WRITE),
                OwnFiles.file())) {
            ByteBuffer bytes = ByteBuffer.wrap(content);
            while (bytes.hasRemaining()) {
                channel.write(bytes);
            }
            channel.force(true);
        }
        Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        Path folder = file.toAbsolutePath().getParent();
        if (folder != null) {
            try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) {
                channel.force(true);
            }
        }
    }
}
