package dev.sanway.metadata;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sanway.metadata.MetadataStore.Change;
import dev.sanway.metadata.MetadataStore.CommitResult;
import dev.sanway.metadata.MetadataStore.Entry;
import dev.sanway.pool.Partition;
import dev.sanway.pool.PartitionState;
import dev.sanway.pool.UnitVolume;
import dev.sanway.pool.VolumeLayout;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.lang.reflect.Proxy;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.sqlite.SQLiteErrorCode;
import org.sqlite.SQLiteException;

class MetadataStoreTest {
    @TempDir
    Path directory;

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    @Test
    void aCommitIsRefusedAsAWholeIfOneRecordIsNotAsExpected() throws Exception {
        try (MetadataStore store = MetadataStore.open(directory)) {
            assertThat(store.commit(List.of(new Change("k", "a", 0, bytes("1"))))
                            .join())
                    .isEqualTo(new CommitResult.Committed(1));
            assertThat(store.commit(List.of(new Change("k", "b", 0, bytes("2")), new Change("k", "a", 0, bytes("2"))))
                            .join())
                    .isEqualTo(new CommitResult.Conflict("k", "a", 1));
            assertThat(store.list().join()).hasSize(1);
            assertThat(store.commit(List.of(new Change("k", "b", 0, bytes("2")), new Change("k", "a", 1, bytes("2"))))
                            .join())
                    .isEqualTo(new CommitResult.Committed(2));
            assertThat(store.commit(List.of(new Change("k", "a", 2, null))).join())
                    .isEqualTo(new CommitResult.Committed(3));
            assertThat(store.commit(List.of(new Change("k", "a", 2, bytes("x"))))
                            .join())
                    .isEqualTo(new CommitResult.Conflict("k", "a", 0));
        }
        try (MetadataStore store = MetadataStore.open(directory)) {
            assertThat(store.list().join()).singleElement().satisfies(entry -> {
                assertThat(entry.key()).isEqualTo("b");
                assertThat(entry.revision()).isEqualTo(2);
            });
            assertThat(store.commit(List.of(new Change("k", "a", 0, bytes("1"))))
                            .join())
                    .as("revisions go on")
                    .isEqualTo(new CommitResult.Committed(4));
        }
    }

    @Test
    void ofManyCompetitorsForOneRevisionOneWins() throws Exception {
        try (MetadataStore store = MetadataStore.open(directory)) {
            store.commit(List.of(new Change("k", "a", 0, bytes("0")))).join();
            List<CompletableFuture<CommitResult>> all = new ArrayList<>();
            for (int i = 0; i < 20; i++) {
                all.add(store.commit(List.of(new Change("k", "a", 1, bytes("" + i)))));
            }
            assertThat(all.stream().filter(each -> each.join() instanceof CommitResult.Committed))
                    .hasSize(1);
        }
    }

    @Test
    void aDirectoryIsOneProcessesOnly() throws Exception {
        try (MetadataStore first = MetadataStore.open(directory)) {
            assertThat(first.list().join()).isEmpty();
            assertThatThrownBy(() -> MetadataStore.open(directory))
                    .isInstanceOf(MetadataException.class)
                    .hasMessageContaining(
                            "in use by process " + ProcessHandle.current().pid());
            Process other = commitLoop();
            String said = new String(other.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            assertThat(said)
                    .contains("in use by process " + ProcessHandle.current().pid());
            assertThat(other.waitFor()).isEqualTo(1);
        }
        MetadataStore.open(directory).close();
    }

    @Test
    void aNewerFormatIsRefused() throws Exception {
        MetadataStore.open(directory).close();
        try (Connection connection = DriverManager.getConnection("jdbc:sqlite:" + directory.resolve("metadata.db"));
                Statement statement = connection.createStatement()) {
            statement.execute("PRAGMA user_version=" + (MetadataStore.SCHEMA_VERSION + 1));
        }
        assertThatThrownBy(() -> MetadataStore.open(directory))
                .isInstanceOf(MetadataException.class)
                .hasMessageContaining("newer sanway (format " + (MetadataStore.SCHEMA_VERSION + 1) + "; this one knows "
                        + MetadataStore.SCHEMA_VERSION + ")");
    }

    @Test
    void aStoreWithoutJournalsIsTakenOver() throws Exception {
        MetadataStore.open(directory).close();
        try (Connection connection = DriverManager.getConnection("jdbc:sqlite:" + directory.resolve("metadata.db"));
                Statement statement = connection.createStatement()) {
            statement.execute("DROP TABLE journal");
            statement.execute("PRAGMA user_version=2");
        }
        try (MetadataStore store = MetadataStore.open(directory)) {
            store.journal("event", 10).append(1, new byte[] {1}).join();
        }
    }

    @Test
    void aJournalKeepsItsLatestEntriesInOrderAcrossRestarts() throws Exception {
        try (MetadataStore store = MetadataStore.open(directory)) {
            Journal journal = store.journal("event", 10);
            assertThat(journal.last().join()).isZero();
            List<CompletableFuture<Long>> durable = new ArrayList<>();
            for (int i = 1; i <= 25; i++) {
                durable.add(journal.append(i, new byte[] {(byte) i}));
            }
            assertThat(durable.getLast().join()).isEqualTo(25);
            store.journal("audit", 10).append(1, new byte[] {99}).join();
        }
        try (MetadataStore store = MetadataStore.open(directory)) {
            Journal journal = store.journal("event", 10);
            assertThat(journal.last().join()).isEqualTo(25);
            assertThat(journal.between(0, Long.MAX_VALUE, 100).join())
                    .extracting(Journal.Entry::id)
                    .containsExactly(16L, 17L, 18L, 19L, 20L, 21L, 22L, 23L, 24L, 25L);
            assertThat(journal.between(17, 24, 3).join())
                    .extracting(Journal.Entry::id)
                    .containsExactly(21L, 22L, 23L);
            assertThat(journal.between(24, 99, 3).join().getFirst().value()).containsExactly(25);
        }
    }

    private Process commitLoop() throws Exception {
        return new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "--enable-native-access=ALL-UNNAMED",
                        "-cp",
                        System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")),
                        CommitLoop.class.getName(),
                        directory.toString())
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
    }

    /** Run as a process of its own, to be killed: says each number once its commit is done. */
    static final class CommitLoop {
        public static void main(String[] arguments) throws Exception {
            MetadataStore store;
            try {
                store = MetadataStore.open(Path.of(arguments[0]));
            } catch (MetadataException refused) {
                System.out.println(refused.getMessage());
                System.exit(1);
                return;
            }
            for (int i = 1; ; i++) {
                store.commit(List.of(
                                new Change("k", "one" + i, 0, bytes("" + i)),
                                new Change("k", "two" + i, 0, bytes("" + i))))
                        .join();
                System.out.println(i);
            }
        }
    }

    @Test
    void aKilledProcessLosesNoCommitAndLeavesNoHalfOne() throws Exception {
        for (int round = 0; round < 3; round++) {
            Path state = directory.resolve("round" + round);
            directory = state;
            Process process = commitLoop();
            int last = 0;
            try (BufferedReader said =
                    new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
                while (last < 40 + round * 17) {
                    last = Integer.parseInt(said.readLine());
                }
                process.toHandle().destroyForcibly();
                process.waitFor();
                for (String line = said.readLine(); line != null && !line.isEmpty(); line = said.readLine()) {
                    last = Integer.parseInt(line);
                }
            }
            try (MetadataStore store = MetadataStore.open(state)) {
                int entries = store.list().join().size();
                assertThat(entries).isGreaterThanOrEqualTo(2 * last);
                assertThat(entries % 2).isZero();
            }
        }
    }

    @Test
    void theCatalogFindsEverythingAgain() throws Exception {
        UnitVolumeRecord unit =
                new UnitVolumeRecord(new UnitVolume(UUID.randomUUID(), "unit1", 1, 1 << 30, 512, 4096, 4096, true), 17);
        VolumeRecord volume = new VolumeRecord(
                UUID.randomUUID(),
                "web1/db",
                "web1",
                1 << 20,
                512,
                new VolumeLayout.Striped(2, 65536),
                VolumeRecord.State.WIPING,
                5);
        Partition partition = new Partition(
                UUID.randomUUID(),
                unit.unitVolume().label(),
                1 << 20,
                1 << 20,
                PartitionState.WIPING,
                new Partition.PartitionOwner(volume.uuid(), 1),
                3);
        Catalog.Self self;
        try (Catalog catalog = Catalog.open(directory)) {
            self = catalog.self();
            catalog.commit(new Catalog.Batch()
                            .put(unit)
                            .put(volume)
                            .put(partition)
                            .putLun("web1", volume.uuid(), 3))
                    .join();
            catalog.saveReservations(volume.uuid(), new byte[] {1, 2, 3}).join();
            CompletableFuture.allOf(
                            catalog.rememberIsid("iqn.a", "800000000001"),
                            catalog.rememberIsid("iqn.a", "800000000002"))
                    .join();
            catalog.rememberIsid("iqn.a", "800000000001").join();
        }
        try (Catalog catalog = Catalog.open(directory)) {
            assertThat(catalog.self()).isEqualTo(self);
            assertThat(catalog.unitVolumes()).containsExactly(unit);
            assertThat(catalog.volume("web1/db")).contains(volume);
            assertThat(catalog.partitions()).containsExactly(partition);
            assertThat(catalog.lun("web1", volume.uuid())).contains(3);
            assertThat(catalog.lun("web2", volume.uuid())).isEmpty();
            assertThat(catalog.isids("iqn.a")).containsExactly("800000000001", "800000000002");
            assertThat(catalog.reservations(volume.uuid())).hasValue(new byte[] {1, 2, 3});
            catalog.saveReservations(volume.uuid(), new byte[0]).join();
            catalog.commit(new Catalog.Batch().remove(volume).put(volume.in(VolumeRecord.State.ASSIGNED)))
                    .join();
            assertThat(catalog.reservations(volume.uuid())).isEmpty();
            assertThat(catalog.volumes()).extracting(VolumeRecord::state).containsExactly(VolumeRecord.State.ASSIGNED);
        }
    }

    @Test
    void aSlabThatHasMovedKeepsItsUuidAndOneOfAnOlderStoreHasItsPartitions() throws Exception {
        UUID volume = UUID.randomUUID();
        UUID label = UUID.randomUUID();
        Partition moved = new Partition(
                UUID.randomUUID(),
                label,
                1 << 20,
                1 << 20,
                PartitionState.ASSIGNED,
                new Partition.PartitionOwner(volume, 0),
                3,
                UUID.randomUUID());
        UUID older = UUID.randomUUID();
        try (Catalog catalog = Catalog.open(directory)) {
            catalog.commit(new Catalog.Batch().put(moved)).join();
        }
        try (Connection connection = DriverManager.getConnection("jdbc:sqlite:" + directory.resolve("metadata.db"));
                Statement statement = connection.createStatement()) {
            statement.execute("PRAGMA user_version=4");
            statement.execute(("INSERT INTO record VALUES ('partition', '%s', 1, CAST('{\"uuid\":\"%s\","
                            + "\"unitVolume\":\"%s\",\"startBytes\":2097152,\"lengthBytes\":1048576,\"state\":\"ASSIGNED\","
                            + "\"volume\":\"%s\",\"index\":1,\"generation\":2}' AS BLOB))")
                    .formatted(older, older, label, volume));
        }
        try (Catalog catalog = Catalog.open(directory)) {
            assertThat(catalog.partition(moved.uuid())).contains(moved);
            assertThat(catalog.partition(older).orElseThrow().slab()).isEqualTo(older);
        }
    }

    /** Connections of a disk on which the database may have so many pages and no more. */
    private static final class SmallDisk implements MetadataStore.Connections {
        final AtomicInteger pages = new AtomicInteger(1_000_000);
        private final List<Connection> opened = new CopyOnWriteArrayList<>();

        @Override
        public Connection open(Path file) throws SQLException {
            Connection connection = DriverManager.getConnection("jdbc:sqlite:" + file);
            limit(connection);
            opened.add(connection);
            return connection;
        }

        /** Called on the store's thread, or before it has one. */
        void limit(Connection connection) throws SQLException {
            try (Statement statement = connection.createStatement()) {
                statement.execute("PRAGMA max_page_count=" + pages.get());
            }
        }
    }

    private static void limit(MetadataStore store, SmallDisk disk, int pages) {
        disk.pages.set(pages);
        store.onWriter(on -> {
                    disk.limit(on);
                    return 0;
                })
                .join();
    }

    private static final int MANY_PAGES = 1_000_000;

    @Test
    void afterAFullDiskACommitIsKeptAsAWholeOrNotAtAll() throws Exception {
        SmallDisk disk = new SmallDisk();
        List<String> told = new CopyOnWriteArrayList<>();
        try (MetadataStore store = MetadataStore.open(directory, disk)) {
            store.watch(new StoreWatch() {
                @Override
                public void failing(String cause) {
                    told.add(cause);
                }

                @Override
                public void well() {
                    told.add("well");
                }
            });
            store.commit(List.of(new Change("k", "a", 0, bytes("1")))).join();
            limit(store, disk, 1);
            for (int i = 0; i < 3; i++) {
                String large = "large" + i;
                assertThatThrownBy(() -> store.commit(List.of(
                                        new Change("k", "small" + large, 0, bytes("1")),
                                        new Change("k", large, 0, new byte[1 << 20])))
                                .join())
                        .as("the first cause is told")
                        .hasMessageContaining("no space left for " + directory.resolve("metadata.db"));
                assertThat(store.list().join())
                        .as("after failure " + i)
                        .extracting(Entry::key)
                        .containsExactly("a");
            }
            assertThat(store.trouble().orElseThrow()).contains("no space left");
            assertThat(store.failures()).isGreaterThanOrEqualTo(3);
            limit(store, disk, MANY_PAGES);
            Awaitility.await("it finds out by itself")
                    .until(() -> store.trouble().isEmpty());
            assertThat(store.commit(List.of(new Change("k", "b", 0, new byte[1 << 20])))
                            .join())
                    .isEqualTo(new CommitResult.Committed(2));
            assertThat(store.commit(List.of(new Change("k", "a", 1, bytes("2")), new Change("k", "b", 1, bytes("2"))))
                            .join())
                    .as("a commit that does not fit is kept as a whole or not at all")
                    .isEqualTo(new CommitResult.Conflict("k", "b", 2));
            assertThat(store.list().join()).extracting(Entry::revision).containsExactly(1L, 2L);
            assertThat(told).hasSize(2).last().isEqualTo("well");
            assertThat(disk.opened).filteredOn(each -> !isClosed(each)).hasSize(1);
        }
    }

    private static boolean isClosed(Connection connection) {
        try {
            return connection.isClosed();
        } catch (SQLException failure) {
            throw new AssertionError(failure);
        }
    }

    @Test
    void aJournalOnAFullDiskGoesOnWhenThereIsRoom() throws Exception {
        SmallDisk disk = new SmallDisk();
        try (MetadataStore store = MetadataStore.open(directory, disk)) {
            Journal journal = store.journal("audit", 10);
            limit(store, disk, 1);
            assertThatThrownBy(() -> journal.append(1, new byte[1 << 20]).join())
                    .hasMessageContaining("no space left");
            assertThat(journal.between(0, 100, 10).join()).isEmpty();
            limit(store, disk, MANY_PAGES);
            assertThat(journal.append(2, new byte[1 << 20]).join()).isEqualTo(2);
        }
    }

    /** The catalog was told that it failed; so it did, also for the next process. */
    @Test
    void aCommitThatFailedButIsThereIsUndone() throws Exception {
        VolumeRecord volume = new VolumeRecord(
                UUID.randomUUID(),
                "web1/a",
                "web1",
                1 << 20,
                512,
                new VolumeLayout.Thin(),
                VolumeRecord.State.WIPING,
                0);
        AtomicBoolean failing = new AtomicBoolean();
        MetadataStore store = MetadataStore.open(
                directory, file -> failingAfterCommit(DriverManager.getConnection("jdbc:sqlite:" + file), failing));
        try (Catalog catalog = Catalog.over(store)) {
            catalog.commit(new Catalog.Batch().put(volume)).join();
            failing.set(true);
            assertThatThrownBy(() -> catalog.commit(new Catalog.Batch()
                                    .put(volume.in(VolumeRecord.State.ASSIGNED))
                                    .putLun("web1", volume.uuid(), 3))
                            .join())
                    .hasMessageContaining("the disk failed");
            assertThat(catalog.volumes()).containsExactly(volume);
            // Not before the store is used again, but before anything that is asked of it.
            assertThat(store.list().join())
                    .extracting(Entry::kind)
                    .doesNotContain("lun")
                    .contains("volume");
            catalog.commit(new Catalog.Batch().put(volume.wiped(512))).join();
        }
        try (Catalog catalog = Catalog.open(directory)) {
            assertThat(catalog.volumes()).containsExactly(volume.wiped(512));
            assertThat(catalog.lun("web1", volume.uuid())).isEmpty();
        }
    }

    /** Says once of a commit that is done that the disk failed. */
    private static Connection failingAfterCommit(Connection inner, AtomicBoolean failing) {
        return (Connection) Proxy.newProxyInstance(
                MetadataStoreTest.class.getClassLoader(), new Class<?>[] {Connection.class}, (_, method, arguments) -> {
                    Object result = method.invoke(inner, arguments);
                    if (method.getName().equals("commit") && failing.getAndSet(false)) {
                        throw new SQLiteException("the disk failed", SQLiteErrorCode.SQLITE_IOERR_FSYNC);
                    }
                    return result;
                });
    }

    @Test
    void aStoreIsItsUsersOnlyAndOneThatWasOpenIsClosed() throws Exception {
        Path fresh = directory.resolve("fresh");
        MetadataStore.open(fresh).close();
        Path older = directory.resolve("older");
        MetadataStore.open(older).close();
        Files.setPosixFilePermissions(older, PosixFilePermissions.fromString("rwxr-xr-x"));
        for (String name : List.of("lock", "metadata.db")) {
            Files.setPosixFilePermissions(older.resolve(name), PosixFilePermissions.fromString("rw-r--r--"));
        }
        for (Path state : List.of(fresh, older)) {
            try (MetadataStore store = MetadataStore.open(state)) {
                store.commit(List.of(new Change("k", "a", 0, bytes("1")))).join();
                assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(state)))
                        .isEqualTo("rwx------");
                for (String name : List.of("lock", "metadata.db", "metadata.db-wal", "metadata.db-shm")) {
                    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(state.resolve(name))))
                            .as(state.resolve(name).toString())
                            .isEqualTo("rw-------");
                }
            }
        }
    }
}
