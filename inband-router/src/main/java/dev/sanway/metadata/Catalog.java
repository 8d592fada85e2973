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
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * What the gateway keeps, with types: who it is, unit volumes, partitions, volumes, LUN numbers, ISIDs and reservations. Reads
 * are answered from memory and show what is committed; changes are durable when their future completes (on the store's
 * thread). Values are JSON, but for reservations, which are the SCSI layer's own bytes.
 */
public final class Catalog implements AutoCloseable {
    private static final String SELF = "self";
    private static final String UNIT_VOLUME = "unitVolume";
    private static final String PARTITION = "partition";
    private static final String VOLUME = "volume";
    private static final String LUN = "lun";
    private static final String ISIDS = "isids";
    private static final String RESERVATIONS = "reservations";
    private static final String CONFIG = "config";
    private static final String MADE_HOST = "madeHost";
    private static final String MADE_VOLUME = "madeVolume";
    private static final String TASK = "task";

    /** A kind of record that is JSON as its class says. */
    public record Kind<T>(String name, Class<T> type) {}

    private static final Map<String, Kind<?>> PLAIN = Stream.of(
                    OperatorRecord.KIND,
                    TokenRecord.KIND,
                    DeletedVolume.KIND,
                    DeletedHost.KIND,
                    AgentUnit.KIND,
                    AgentPlace.KIND,
                    AgentPartition.KIND,
                    UnitStandingRecord.KIND,
                    UnitRemoval.KIND,
                    PartitionMove.KIND,
                    StationBoot.KIND)
            .collect(Collectors.toUnmodifiableMap(Kind::name, kind -> kind));

    private static final ObjectMapper JSON = JsonMapper.builder()
            // A record with more than this version knows was written by a newer one, which the schema version tells.
            .enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
            .build();

    /** Who this gateway and its pool are, made once. */
    public record Self(UUID gateway, UUID pool) {}

    private record Key(String kind, String key) implements Comparable<Key> {
        @Override
        public int compareTo(Key other) {
            int byKind = kind.compareTo(other.kind);
            return byKind != 0 ? byKind : key.compareTo(other.key);
        }
    }

    private record Kept(long revision, byte[] value, Object decoded) {}

    private record PartitionJson(
            UUID uuid,
            UUID unitVolume,
            long startBytes,
            long lengthBytes,
            PartitionState state,
            UUID volume,
            int index,
            long generation) {}

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

    private final MetadataStore store;
    /** Written on the store's thread only. */
    private final ConcurrentSkipListMap<Key, Kept> kept = new ConcurrentSkipListMap<>();

    private Catalog(MetadataStore store) {
        this.store = store;
    }

    /**
     * Opens the catalog of a state directory and reads it; the first time it makes up who the gateway is. Blocks.
     *
     * @throws MetadataException as {@link MetadataStore#open}
     */
    public static Catalog open(Path stateDirectory) throws MetadataException {
        MetadataStore store = MetadataStore.open(stateDirectory);
        try {
            Catalog catalog = new Catalog(store);
            for (MetadataStore.Entry entry : join(store.list())) {
                catalog.kept.put(
                        new Key(entry.kind(), entry.key()),
                        new Kept(entry.revision(), entry.value(), decode(entry.kind(), entry.value())));
            }
            if (!catalog.kept.containsKey(new Key(SELF, SELF))) {
                Self self = new Self(UUID.randomUUID(), UUID.randomUUID());
                join(catalog.commit(new Batch().put(SELF, SELF, json(self))));
            }
            return catalog;
        } catch (MetadataException | RuntimeException failure) {
            store.close();
            throw failure;
        }
    }

    private static <T> T join(CompletableFuture<T> future) throws MetadataException {
        try {
            return future.join();
        } catch (CompletionException failure) {
            throw failure.getCause() instanceof MetadataException known
                    ? known
                    : new MetadataException("the metadata store failed", failure);
        }
    }

    /** Changes that are committed together or not at all. */
    public static final class Batch {
        private final Map<Key, Optional<byte[]>> changes = new LinkedHashMap<>();

        private Batch put(String kind, String key, byte[] value) {
            changes.put(new Key(kind, key), Optional.of(value));
            return this;
        }

        private Batch remove(String kind, String key) {
            changes.put(new Key(kind, key), Optional.empty());
            return this;
        }

        public Batch put(UnitVolumeRecord unit) {
            UnitVolume it = unit.unitVolume();
            return put(
                    UNIT_VOLUME,
                    it.label().toString(),
                    json(new UnitVolumeJson(
                            it.label(),
                            it.unit(),
                            it.lun(),
                            it.sizeBytes(),
                            it.blockSizeBytes(),
                            it.physicalBlockSizeBytes(),
                            it.unmapGranularityBytes(),
                            it.unmappedReadsZeroes(),
                            unit.labelSequence())));
        }

        public Batch put(Partition partition) {
            Partition.PartitionOwner owner = partition.owner();
            if (owner == null) {
                throw new IllegalArgumentException("free partitions are not kept: " + partition);
            }
            return put(
                    PARTITION,
                    partition.uuid().toString(),
                    json(new PartitionJson(
                            partition.uuid(),
                            partition.unitVolume(),
                            partition.startBytes(),
                            partition.lengthBytes(),
                            partition.state(),
                            owner.volume(),
                            owner.index(),
                            partition.generation())));
        }

        public Batch put(VolumeRecord volume) {
            boolean striped = volume.layout() instanceof VolumeLayout.Striped;
            int width = volume.layout() instanceof VolumeLayout.Striped it ? it.width() : 0;
            int chunk = volume.layout() instanceof VolumeLayout.Striped it ? it.chunkBytes() : 0;
            return put(
                    VOLUME,
                    volume.uuid().toString(),
                    json(new VolumeJson(
                            volume.uuid(),
                            volume.name(),
                            volume.host(),
                            volume.sizeBytes(),
                            volume.blockSizeBytes(),
                            striped ? "striped" : volume.layout() instanceof VolumeLayout.Thin ? "thin" : "linear",
                            width,
                            chunk,
                            volume.state(),
                            volume.wipedBytes(),
                            volume.growth())));
        }

        public Batch remove(UnitVolumeRecord unit) {
            return remove(UNIT_VOLUME, unit.unitVolume().label().toString());
        }

        public Batch remove(Partition partition) {
            return remove(PARTITION, partition.uuid().toString());
        }

        public Batch remove(VolumeRecord volume) {
            return remove(VOLUME, volume.uuid().toString());
        }

        /** The LUN under which a host sees a volume. */
        public Batch putLun(String host, UUID volume, int lun) {
            return put(LUN, host + "/" + volume, json(lun));
        }

        public Batch removeLun(String host, UUID volume) {
            return remove(LUN, host + "/" + volume);
        }

        public Batch put(ConfigRevision revision) {
            return put(CONFIG, ordered(revision.revision()), json(revision));
        }

        public Batch remove(ConfigRevision revision) {
            return remove(CONFIG, ordered(revision.revision()));
        }

        public Batch put(MadeHost host) {
            return put(MADE_HOST, host.name(), json(host));
        }

        public Batch remove(MadeHost host) {
            return remove(MADE_HOST, host.name());
        }

        public Batch put(MadeVolume volume) {
            return put(MADE_VOLUME, volume.name(), json(volume));
        }

        public Batch remove(MadeVolume volume) {
            return remove(MADE_VOLUME, volume.name());
        }

        public Batch put(TaskRecord task) {
            return put(TASK, ordered(task.id()), json(task));
        }

        public Batch remove(TaskRecord task) {
            return remove(TASK, ordered(task.id()));
        }

        public <T> Batch put(Kind<T> kind, String key, T value) {
            return put(kind.name(), key, json(value));
        }

        public Batch remove(Kind<?> kind, String key) {
            return remove(kind.name(), key);
        }

        /** So that the order of keys is that of numbers. */
        private static String ordered(long number) {
            return String.format(java.util.Locale.ROOT, "%019d", number);
        }

        /** Forgets what the SCSI layer saved for a volume's logical unit. */
        public Batch removeReservations(UUID volume) {
            return remove(RESERVATIONS, volume.toString());
        }
    }

    /**
     * Commits a batch. The future ends with {@link MetadataException} if that failed, or if another writer has changed one
     * of the records, which the state directory's lock should prevent.
     */
    public CompletableFuture<Void> commit(Batch batch) {
        Map<Key, Optional<byte[]>> changes = new LinkedHashMap<>(batch.changes);
        return store.commit(() -> expected(changes), result -> remember(changes, result))
                .thenCompose(result -> switch (result) {
                    case MetadataStore.CommitResult.Committed _ -> CompletableFuture.completedFuture(null);
                    case MetadataStore.CommitResult.Conflict conflict ->
                        CompletableFuture.failedFuture(new MetadataException(
                                conflict.kind() + " " + conflict.key() + " was changed by another process"));
                });
    }

    /**
     * After a commit failed, of which nobody knows therefore whether it is kept: commits another one in its place. Once this future has
     * completed it is known, and durable.
     *
     * @param instead changes the same records
     * @param wanted one of the records, as the commit that failed has it
     * @return false: the other one counts. True: the first was kept after all, and counts
     */
    public CompletableFuture<Boolean> settle(Batch instead, Partition wanted) {
        Map<Key, Optional<byte[]>> changes = new LinkedHashMap<>(instead.changes);
        return store.commit(() -> expected(changes), result -> remember(changes, result))
                .thenCompose(result -> switch (result) {
                    case MetadataStore.CommitResult.Committed _ -> CompletableFuture.completedFuture(false);
                    case MetadataStore.CommitResult.Conflict conflict ->
                        // Nobody else writes here, so what is found is the commit that failed.
                        store.list().thenCompose(entries -> {
                            readAgain(entries);
                            return partition(wanted.uuid())
                                            .filter(wanted::equals)
                                            .isPresent()
                                    ? CompletableFuture.completedFuture(true)
                                    : CompletableFuture.failedFuture(new MetadataException(conflict.kind() + " "
                                            + conflict.key() + " was changed by another process"));
                        });
                });
    }

    /** On the store's thread. */
    private void readAgain(List<MetadataStore.Entry> entries) {
        Map<Key, Kept> now = new LinkedHashMap<>();
        entries.forEach(entry -> now.put(
                new Key(entry.kind(), entry.key()),
                new Kept(entry.revision(), entry.value(), decodeOwn(entry.kind(), entry.value()))));
        kept.keySet().retainAll(now.keySet());
        kept.putAll(now);
    }

    private List<MetadataStore.Change> expected(Map<Key, Optional<byte[]>> changes) {
        List<MetadataStore.Change> all = new ArrayList<>();
        changes.forEach((key, value) -> {
            Kept now = kept.get(key);
            long revision = now == null ? MetadataStore.ABSENT : now.revision();
            if (value.isPresent() || now != null) {
                all.add(new MetadataStore.Change(key.kind(), key.key(), revision, value.orElse(null)));
            }
        });
        return all;
    }

    private void remember(Map<Key, Optional<byte[]>> changes, MetadataStore.CommitResult result) {
        if (result instanceof MetadataStore.CommitResult.Committed committed) {
            changes.forEach((key, value) -> {
                if (value.isPresent()) {
                    kept.put(key, new Kept(committed.revision(), value.get(), decodeOwn(key.kind(), value.get())));
                } else {
                    kept.remove(key);
                }
            });
        }
    }

    // ---- reading

    public Self self() {
        return (Self)
                java.util.Objects.requireNonNull(kept.get(new Key(SELF, SELF))).decoded();
    }

    public List<UnitVolumeRecord> unitVolumes() {
        return all(UNIT_VOLUME, UnitVolumeRecord.class);
    }

    public Optional<UnitVolumeRecord> unitVolume(UUID label) {
        return one(UNIT_VOLUME, label.toString(), UnitVolumeRecord.class);
    }

    public List<Partition> partitions() {
        return all(PARTITION, Partition.class);
    }

    public Optional<Partition> partition(UUID uuid) {
        return one(PARTITION, uuid.toString(), Partition.class);
    }

    public List<VolumeRecord> volumes() {
        return all(VOLUME, VolumeRecord.class);
    }

    public Optional<VolumeRecord> volume(UUID uuid) {
        return one(VOLUME, uuid.toString(), VolumeRecord.class);
    }

    /** The volume of that name that is not given up. */
    public Optional<VolumeRecord> volume(String name) {
        return volumes().stream()
                .filter(volume -> volume.name().equals(name) && volume.state().isLive())
                .findFirst();
    }

    /** Under which LUN a host sees a volume, if that was ever laid down. */
    public Optional<Integer> lun(String host, UUID volume) {
        return one(LUN, host + "/" + volume, Integer.class);
    }

    /** The configurations that were adopted and are kept, oldest first. */
    public List<ConfigRevision> configRevisions() {
        return all(CONFIG, ConfigRevision.class);
    }

    public List<MadeHost> madeHosts() {
        return all(MADE_HOST, MadeHost.class);
    }

    public List<MadeVolume> madeVolumes() {
        return all(MADE_VOLUME, MadeVolume.class);
    }

    /** Background work that is running, and what ended lately, by id. */
    public List<TaskRecord> tasks() {
        return all(TASK, TaskRecord.class);
    }

    /** The hosts for which a volume has a LUN laid down. */
    public List<String> hostsOf(UUID volume) {
        String end = "/" + volume;
        return kept.tailMap(new Key(LUN, "")).keySet().stream()
                .takeWhile(key -> key.kind().equals(LUN))
                .filter(key -> key.key().endsWith(end))
                .map(key -> key.key().substring(0, key.key().length() - end.length()))
                .toList();
    }

    /** The ISIDs ever used towards a unit's target, each 12 hexadecimal digits. */
    public List<String> isids(String targetName) {
        return one(ISIDS, targetName, Isids.class).map(Isids::isids).orElse(List.of());
    }

    /** Adds an ISID to those of a unit's target, if it is not there; to be waited for before the first login with it. */
    public CompletableFuture<Void> rememberIsid(String targetName, String isid) {
        if (isids(targetName).contains(isid)) {
            return CompletableFuture.completedFuture(null);
        }
        // Worked out on the store's thread, so that two loops' ISIDs do not overwrite each other.
        Key key = new Key(ISIDS, targetName);
        Map<Key, Optional<byte[]>> changes = new LinkedHashMap<>();
        return store.commit(
                        () -> {
                            List<String> more = new ArrayList<>(isids(targetName));
                            if (!more.contains(isid)) {
                                more.add(isid);
                            }
                            changes.put(key, Optional.of(json(new Isids(more))));
                            return expected(changes);
                        },
                        result -> remember(changes, result))
                .thenCompose(result -> result instanceof MetadataStore.CommitResult.Committed
                        ? CompletableFuture.completedFuture(null)
                        : CompletableFuture.failedFuture(new MetadataException(
                                "the ISIDs of " + targetName + " were changed by another process")));
    }

    private record Isids(List<String> isids) {}

    /** What the SCSI layer last saved for a logical unit. */
    public Optional<byte[]> reservations(UUID logicalUnit) {
        Kept there = kept.get(new Key(RESERVATIONS, logicalUnit.toString()));
        return Optional.ofNullable(there).map(it -> it.value().clone());
    }

    /** Saves a logical unit's reservations; empty bytes remove them. */
    public CompletableFuture<Void> saveReservations(UUID logicalUnit, byte[] bytes) {
        Batch batch = new Batch();
        return commit(
                bytes.length == 0
                        ? batch.remove(RESERVATIONS, logicalUnit.toString())
                        : batch.put(RESERVATIONS, logicalUnit.toString(), bytes.clone()));
    }

    /** The records of a kind, by key. */
    public <T> List<T> all(Kind<T> kind) {
        return all(kind.name(), kind.type());
    }

    public <T> Optional<T> one(Kind<T> kind, String key) {
        return one(kind.name(), key, kind.type());
    }

    /** What happened, in order; the latest {@code kept} entries. One object for each name. */
    public Journal journal(String name, int kept) {
        return store.journal(name, kept);
    }

    private <T> List<T> all(String kind, Class<T> type) {
        return kept.tailMap(new Key(kind, "")).entrySet().stream()
                .takeWhile(entry -> entry.getKey().kind().equals(kind))
                .map(entry -> type.cast(entry.getValue().decoded()))
                .toList();
    }

    private <T> Optional<T> one(String kind, String key, Class<T> type) {
        return Optional.ofNullable(kept.get(new Key(kind, key))).map(it -> type.cast(it.decoded()));
    }

    // ---- JSON

    private static byte[] json(Object value) {
        try {
            return JSON.writeValueAsBytes(value);
        } catch (JsonProcessingException bug) {
            throw new IllegalStateException("cannot be written as JSON: " + value, bug);
        }
    }

    private static Object decodeOwn(String kind, byte[] value) {
        try {
            return decode(kind, value);
        } catch (MetadataException bug) {
            throw new IllegalStateException(bug);
        }
    }

    private static Object decode(String kind, byte[] value) throws MetadataException {
        try {
            return switch (kind) {
                case SELF -> JSON.readValue(value, Self.class);
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
                    Kind<?> plain = PLAIN.get(kind);
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
                it.generation());
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

    @Override
    public void close() {
        store.close();
    }
}
