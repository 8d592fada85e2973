package dev.sanway.metadata;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.sanway.pool.Partition;
import dev.sanway.pool.PartitionState;
import dev.sanway.pool.UnitVolume;
import dev.sanway.pool.VolumeLayout;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The kinds of records that a {@link Catalog} keeps, and how each is written: as JSON, but for reservations, which are the SCSI
 * layer's own bytes. What stands here is the store's format; {@link MetadataStore} has its version.
 */
final class CatalogJson {
    static final String SELF = "self";
    static final String UNIT_VOLUME = "unitVolume";
    static final String PARTITION = "partition";
    static final String VOLUME = "volume";
    static final String LUN = "lun";
    static final String ISIDS = "isids";
    static final String RESERVATIONS = "reservations";
    static final String CONFIG = "config";
    static final String MADE_HOST = "madeHost";
    static final String MADE_VOLUME = "madeVolume";
    static final String TASK = "task";

    private static final Map<String, Catalog.Kind<?>> PLAIN = Stream.of(
                    OperatorRecord.KIND,
                    TokenRecord.KIND,
                    DeletedVolume.KIND,
                    DeletedHost.KIND,
                    AgentUnit.KIND,
                    AgentPlace.KIND,
                    AgentPartition.KIND,
                    UnitStandingRecord.KIND,
                    UnitRemoval.KIND,
                    LostLabel.KIND,
                    UnitBoot.KIND,
                    PartitionMove.KIND,
                    StationBoot.KIND)
            .collect(Collectors.toUnmodifiableMap(Catalog.Kind::name, kind -> kind));

    private static final ObjectMapper JSON = JsonMapper.builder()
            // A record with more than this version knows was written by a newer one, which the schema version tells.
            .enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
            .build();

    /** {@code slab}: null, or absent as before version 5: the partition's own UUID. */
    private record PartitionJson(
            UUID uuid,
            UUID unitVolume,
            long startBytes,
            long lengthBytes,
            PartitionState state,
            UUID volume,
            int index,
            long generation,
            @Nullable UUID slab) {}

    private record VolumeJson(
            UUID uuid,
            String name,
            String host,
            long sizeBytes,
            int blockSizeBytes,
            String layout,
            int width,
            int chunkBytes,
            VolumeRecord.State state,
            long wipedBytes,
            VolumeRecord.@Nullable Growth growth) {}

    private record UnitVolumeJson(
            UUID label,
            String unit,
            long lun,
            long sizeBytes,
            int blockSizeBytes,
            int physicalBlockSizeBytes,
            int unmapGranularityBytes,
            boolean unmappedReadsZeroes,
            long labelSequence) {}

    record Isids(List<String> isids) {}

    private CatalogJson() {}

    // ---- writing

    static byte[] json(UnitVolumeRecord unit) {
        UnitVolume it = unit.unitVolume();
        return write(new UnitVolumeJson(
                it.label(),
                it.unit(),
                it.lun(),
                it.sizeBytes(),
                it.blockSizeBytes(),
                it.physicalBlockSizeBytes(),
                it.unmapGranularityBytes(),
                it.unmappedReadsZeroes(),
                unit.labelSequence()));
    }

    static byte[] json(Partition partition) {
        Partition.PartitionOwner owner = partition.owner();
        if (owner == null) {
            throw new IllegalArgumentException("free partitions are not kept: " + partition);
        }
        return write(new PartitionJson(
                partition.uuid(),
                partition.unitVolume(),
                partition.startBytes(),
                partition.lengthBytes(),
                partition.state(),
                owner.volume(),
                owner.index(),
                partition.generation(),
                partition.slab().equals(partition.uuid()) ? null : partition.slab()));
    }

    static byte[] json(VolumeRecord volume) {
        VolumeLayout layout = volume.layout();
        VolumeLayout.Striped striped = layout instanceof VolumeLayout.Striped it ? it : null;
        return write(new VolumeJson(
                volume.uuid(),
                volume.name(),
                volume.host(),
                volume.sizeBytes(),
                volume.blockSizeBytes(),
                switch (layout) {
                    case VolumeLayout.Linear _ -> "linear";
                    case VolumeLayout.Striped _ -> "striped";
                    case VolumeLayout.Thin _ -> "thin";
                },
                striped == null ? 0 : striped.width(),
                striped == null ? 0 : striped.chunkBytes(),
                volume.state(),
                volume.wipedBytes(),
                volume.growth()));
    }

    /** A record that is JSON as its class says. */
    static byte[] json(Object value) {
        return write(value);
    }

    // ---- reading

    private static byte[] write(Object value) {
        try {
            return JSON.writeValueAsBytes(value);
        } catch (JsonProcessingException bug) {
            throw new IllegalStateException("cannot be written as JSON: " + value, bug);
        }
    }

    static Object decodeOwn(String kind, byte[] value) {
        try {
            return decode(kind, value);
        } catch (MetadataException bug) {
            throw new IllegalStateException(bug);
        }
    }

    static Object decode(String kind, byte[] value) throws MetadataException {
        try {
            return switch (kind) {
                case SELF -> JSON.readValue(value, Catalog.Self.class);
                case UNIT_VOLUME -> unitVolume(JSON.readValue(value, UnitVolumeJson.class));
                case PARTITION -> partition(JSON.readValue(value, PartitionJson.class));
                case VOLUME -> volume(JSON.readValue(value, VolumeJson.class));
                case LUN -> JSON.readValue(value, new TypeReference<Integer>() {});
                case ISIDS -> JSON.readValue(value, Isids.class);
                case RESERVATIONS -> value;
                case CONFIG -> JSON.readValue(value, ConfigRevision.class);
                case MADE_HOST -> JSON.readValue(value, MadeHost.class);
                case MADE_VOLUME -> JSON.readValue(value, MadeVolume.class);
                case TASK -> JSON.readValue(value, TaskRecord.class);
                default -> {
                    Catalog.Kind<?> plain = PLAIN.get(kind);
                    if (plain == null) {
                        throw new MetadataException("the store holds a record of unknown kind " + kind);
                    }
                    yield JSON.readValue(value, plain.type());
                }
            };
        } catch (IOException | IllegalArgumentException failure) {
            throw new MetadataException("a damaged " + kind + " record in the store: " + failure.getMessage(), failure);
        }
    }

    private static UnitVolumeRecord unitVolume(UnitVolumeJson it) {
        return new UnitVolumeRecord(
                new UnitVolume(
                        it.label(),
                        it.unit(),
                        it.lun(),
                        it.sizeBytes(),
                        it.blockSizeBytes(),
                        it.physicalBlockSizeBytes(),
                        it.unmapGranularityBytes(),
                        it.unmappedReadsZeroes()),
                it.labelSequence());
    }

    private static Partition partition(PartitionJson it) {
        return new Partition(
                it.uuid(),
                it.unitVolume(),
                it.startBytes(),
                it.lengthBytes(),
                it.state(),
                new Partition.PartitionOwner(it.volume(), it.index()),
                it.generation(),
                it.slab() == null ? it.uuid() : it.slab());
    }

    private static VolumeRecord volume(VolumeJson it) {
        VolumeLayout layout = switch (it.layout()) {
            case "linear" -> new VolumeLayout.Linear();
            case "striped" -> new VolumeLayout.Striped(it.width(), it.chunkBytes());
            case "thin" -> new VolumeLayout.Thin();
            default -> throw new IllegalArgumentException("layout " + it.layout());
        };
        return new VolumeRecord(
                it.uuid(),
                it.name(),
                it.host(),
                it.sizeBytes(),
                it.blockSizeBytes(),
                layout,
                it.state(),
                it.wipedBytes(),
                it.growth());
    }
}
