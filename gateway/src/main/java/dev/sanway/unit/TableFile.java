package dev.sanway.unit;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.sanway.autoconfig.Message.Result;
import dev.sanway.autoconfig.Message.StoredPartition;
import dev.sanway.autoconfig.Message.StoredVolume;
import dev.sanway.autoconfig.UnitTable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** The unit's table in {@code agent.json}, replaced atomically and durably. One thread. */
final class TableFile {

    private static final int FORMAT_VERSION = 1;

    private static final ObjectMapper JSON = JsonMapper.builder()
            .enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
            .enable(DeserializationFeature.FAIL_ON_MISSING_CREATOR_PROPERTIES)
            .build();

    private record Head(int formatVersion) {}

    private record TableJson(
            int formatVersion,
            UUID unit,
            long boot,
            long epoch,
            long number,
            long generation,
            long revision,
            List<StoredVolume> volumes,
            List<StoredPartition> partitions,
            List<Result> results,
            @Nullable UUID control,
            long controlBoot) {}

    private final Path file;

    TableFile(Path directory) {
        this.file = directory.resolve("agent.json");
    }

    /** Reads it, or begins anew where there is none. */
    UnitTable read(UUID unit) throws IOException {
        if (!Files.exists(file)) {
            refuseToForget();
            return UnitTable.empty(unit);
        }
        try {
            String text = Files.readString(file);
            int version = JSON.readerFor(Head.class)
                    .without(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
                    .<Head>readValue(text)
                    .formatVersion();
            if (version != FORMAT_VERSION) {
                throw new IOException(file + " has format " + version + "; this version knows " + FORMAT_VERSION
                        + " only. Use the version of sanway that wrote it.");
            }
            TableJson table = JSON.readValue(text, TableJson.class);
            if (!table.unit().equals(unit)) {
                throw new IOException(file + " is of the unit " + table.unit() + ", unit.json of " + unit
                        + ": they belong together; restore both from the same copy");
            }
            Map<UUID, StoredVolume> volumes = new HashMap<>();
            table.volumes().forEach(volume -> volumes.put(volume.uuid(), volume));
            Map<UUID, StoredPartition> partitions = new HashMap<>();
            table.partitions().forEach(partition -> partitions.put(partition.uuid(), partition));
            return new UnitTable(
                    unit,
                    table.boot(),
                    table.epoch(),
                    table.number(),
                    table.generation(),
                    table.revision(),
                    volumes,
                    partitions,
                    table.results(),
                    table.control(),
                    table.controlBoot());
        } catch (JacksonException e) {
            throw new IOException(file + " is damaged: " + e.getOriginalMessage(), e);
        }
    }

    /** What is not in the table is cleared away: without a table that would be every volume that a gateway asked for. */
    private void refuseToForget() throws IOException {
        Path requested = file.resolveSibling("requested");
        if (!Files.exists(requested)) {
            return;
        }
        try (Stream<Path> volumes = Files.list(requested)) {
            if (volumes.findAny().isPresent()) {
                throw new IOException(file + " is missing, but " + requested + " holds volumes that it should name. "
                        + "Put it back from a copy; or, if those volumes are of no use any more, move them away");
            }
        }
    }

    void write(UnitTable table) throws IOException {
        UnitState.replace(
                file,
                JSON.writerWithDefaultPrettyPrinter()
                        .writeValueAsBytes(new TableJson(
                                FORMAT_VERSION,
                                table.unit(),
                                table.boot(),
                                table.epoch(),
                                table.number(),
                                table.generation(),
                                table.revision(),
                                List.copyOf(table.volumes().values()),
                                List.copyOf(table.partitions().values()),
                                table.results(),
                                table.control(),
                                table.controlBoot())));
    }
}
