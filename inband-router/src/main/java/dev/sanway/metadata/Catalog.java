package dev.sanway.metadata;

import static dev.sanway.metadata.CatalogJson.CONFIG;
import static dev.sanway.metadata.CatalogJson.ISIDS;
import static dev.sanway.metadata.CatalogJson.LUN;
import static dev.sanway.metadata.CatalogJson.MADE_HOST;
import static dev.sanway.metadata.CatalogJson.MADE_VOLUME;
import static dev.sanway.metadata.CatalogJson.PARTITION;
import static dev.sanway.metadata.CatalogJson.RESERVATIONS;
import static dev.sanway.metadata.CatalogJson.SELF;
import static dev.sanway.metadata.CatalogJson.TASK;
import static dev.sanway.metadata.CatalogJson.UNIT_VOLUME;
import static dev.sanway.metadata.CatalogJson.VOLUME;
import static dev.sanway.metadata.CatalogJson.decode;
import static dev.sanway.metadata.CatalogJson.decodeOwn;
import static dev.sanway.metadata.CatalogJson.json;

import dev.sanway.pool.Partition;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListMap;
import org.jspecify.annotations.Nullable;

/**
 * What the gateway keeps, with types: who it is, unit volumes, partitions, volumes, LUN numbers, ISIDs and reservations. Reads
 * are answered from memory and show what is committed; changes are durable when their future completes (on the store's
 * thread). Values are as {@link CatalogJson} says.
 */
public final class Catalog implements AutoCloseable {
    /** A kind of record that is JSON as its class says. */
    public record Kind<T>(String name, Class<T> type) {}

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

    private final RecordStore store;
    /** Written on the store's thread only. */
    private final ConcurrentSkipListMap<Key, Kept> kept = new ConcurrentSkipListMap<>();
    /** The volumes that are not given up, by name: looking through ten thousand for each would take seconds. Written as {@code kept}. */
    private final Map<String, UUID> named = new ConcurrentHashMap<>();
    /** Those that are deleted and can be restored, the same way. */
    private final Set<UUID> deleted = ConcurrentHashMap.newKeySet();

    private Catalog(RecordStore store) {
        this.store = store;
    }

    /**
     * Opens the catalog of a state directory and reads it; the first time it makes up who the gateway is. Blocks.
     *
     * @throws MetadataException as {@link MetadataStore#open}
     */
    public static Catalog open(Path stateDirectory) throws MetadataException {
        return over(MetadataStore.open(stateDirectory));
    }

    /** The same over a store, which it closes. */
    static Catalog over(RecordStore store) throws MetadataException {
        try {
            Catalog catalog = new Catalog(store);
            for (MetadataStore.Entry entry : join(store.list())) {
                catalog.keep(
                        new Key(entry.kind(), entry.key()),
                        new Kept(entry.revision(), entry.value(), decode(entry.kind(), entry.value())));
            }
            store.promised(catalog::promised);
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
            return put(UNIT_VOLUME, unit.unitVolume().label().toString(), json(unit));
        }

        public Batch put(Partition partition) {
            return put(PARTITION, partition.uuid().toString(), json(partition));
        }

        public Batch put(VolumeRecord volume) {
            return put(VOLUME, volume.uuid().toString(), json(volume));
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
            return String.format(Locale.ROOT, "%019d", number);
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
    private List<MetadataStore.Entry> promised() {
        List<MetadataStore.Entry> entries = new ArrayList<>();
        kept.forEach(
                (key, now) -> entries.add(new MetadataStore.Entry(key.kind(), key.key(), now.revision(), now.value())));
        return entries;
    }

    /** Who is told from now on that the store fails, and that it is well again. */
    public void watch(StoreWatch by) {
        store.watch(by);
    }

    /** Why nothing can be committed now, for operators, or nothing. Any thread. */
    public Optional<String> trouble() {
        return store.trouble();
    }

    /** How often the store has failed. Any thread. */
    public long storeFailures() {
        return store.failures();
    }

    /** On the store's thread. */
    private void readAgain(List<MetadataStore.Entry> entries) {
        Map<Key, Kept> now = new LinkedHashMap<>();
        entries.forEach(entry -> now.put(
                new Key(entry.kind(), entry.key()),
                new Kept(entry.revision(), entry.value(), decodeOwn(entry.kind(), entry.value()))));
        List.copyOf(kept.keySet()).stream().filter(key -> !now.containsKey(key)).forEach(this::forget);
        now.forEach(this::keep);
    }

    private void keep(Key key, Kept now) {
        Kept before = kept.put(key, now);
        if (now.decoded() instanceof VolumeRecord volume) {
            if (volume.state().isLive()) {
                named.put(volume.name(), volume.uuid());
            }
            if (volume.state() == VolumeRecord.State.DELETED) {
                deleted.add(volume.uuid());
            } else {
                deleted.remove(volume.uuid());
            }
        }
        forgetName(before, now);
    }

    private void forget(Key key) {
        Kept before = kept.remove(key);
        if (before != null && before.decoded() instanceof VolumeRecord volume) {
            deleted.remove(volume.uuid());
        }
        forgetName(before, null);
    }

    /** Unless it has that name still; another volume may have it by now. */
    private void forgetName(@Nullable Kept before, @Nullable Kept now) {
        if (before != null
                && before.decoded() instanceof VolumeRecord was
                && !(now != null
                        && now.decoded() instanceof VolumeRecord is
                        && is.state().isLive()
                        && is.name().equals(was.name()))) {
            named.remove(was.name(), was.uuid());
        }
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
                    keep(key, new Kept(committed.revision(), value.get(), decodeOwn(key.kind(), value.get())));
                } else {
                    forget(key);
                }
            });
        }
    }

    // ---- reading

    public Self self() {
        return (Self) Objects.requireNonNull(kept.get(new Key(SELF, SELF))).decoded();
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
        return Optional.ofNullable(named.get(name))
                .flatMap(this::volume)
                .filter(volume -> volume.name().equals(name) && volume.state().isLive());
    }

    /** The volumes that are deleted and can be restored. */
    public List<VolumeRecord> deletedVolumes() {
        return deleted.stream()
                .flatMap(uuid -> volume(uuid).stream())
                .filter(volume -> volume.state() == VolumeRecord.State.DELETED)
                .toList();
    }

    /** Under which LUN a host sees a volume, if that was ever laid down. */
    public Optional<Integer> lun(String host, UUID volume) {
        return one(LUN, host + "/" + volume, Integer.class);
    }

    /** The LUNs that were ever laid down for a host, by volume. */
    public Map<UUID, Integer> lunsOf(String host) {
        String start = host + "/";
        Map<UUID, Integer> luns = new LinkedHashMap<>();
        for (Map.Entry<Key, Kept> each : kept.tailMap(new Key(LUN, start)).entrySet()) {
            Key key = each.getKey();
            if (!key.kind().equals(LUN) || !key.key().startsWith(start)) {
                break;
            }
            luns.put(UUID.fromString(key.key().substring(start.length())), (Integer)
                    each.getValue().decoded());
        }
        return luns;
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

    public Optional<MadeVolume> madeVolume(String name) {
        return one(MADE_VOLUME, name, MadeVolume.class);
    }

    public Optional<MadeHost> madeHost(String name) {
        return one(MADE_HOST, name, MadeHost.class);
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
        return one(ISIDS, targetName, CatalogJson.Isids.class)
                .map(CatalogJson.Isids::isids)
                .orElse(List.of());
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
                            changes.put(key, Optional.of(json(new CatalogJson.Isids(more))));
                            return expected(changes);
                        },
                        result -> remember(changes, result))
                .thenCompose(result -> result instanceof MetadataStore.CommitResult.Committed
                        ? CompletableFuture.completedFuture(null)
                        : CompletableFuture.failedFuture(new MetadataException(
                                "the ISIDs of " + targetName + " were changed by another process")));
    }

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

    @Override
    public void close() {
        store.close();
    }
}
