package dev.sanway.metadata;

import dev.sanway.file.OwnFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Revisioned records in an embedded SQLite database (write-ahead log, every commit synced to the disk). A record is known by
 * kind and key; each commit has the next revision and stamps it on what it wrote. A commit of several changes is done wholly
 * or not at all, and only if every record still has the revision that the change expects.
 *
 * <p>Any thread may call. One thread of the store's own works off the calls in order and completes the futures; whoever has
 * an owner hops back to it. Of a commit whose future ends with {@link MetadataException} nothing is kept: should the disk have
 * failed after all of it was there, it is undone before the store does anything else. Only a process that ends in between finds it.
 *
 * <p>After any failure the next call gets a new connection. Until a trial succeeds, once a second, the store says that it has
 * {@linkplain #trouble trouble}; calls are tried all the same.
 */
public final class MetadataStore implements RecordStore {
    /**
     * The schema's version; a database with a newer one is refused. Version 2 added volumes that grow, hosts and volumes that
     * were made by command, adopted configurations and tasks; version 3 journals, operators, tokens, deleted volumes and
     * thin ones; version 4 units with an agent and what operators said of units,
     * and deleted hosts; version 5 slabs that have moved and labels that were given up. Older stores are taken over as they are.
     */
    public static final int SCHEMA_VERSION = 5;

    /** The database's name in a state directory. */
    public static final String FILE = "metadata.db";

    private static final String COUNTER = "SELECT revision FROM counter";

    /** Expected revision of a record that must not exist yet. */
    public static final long ABSENT = 0;

    /** A record. */
    public record Entry(String kind, String key, long revision, byte[] value) {}

    /** A change wanted; {@code value} null removes the record. */
    public record Change(String kind, String key, long expectedRevision, byte @Nullable [] value) {}

    /** What came of a commit. */
    public sealed interface CommitResult {
        record Committed(long revision) implements CommitResult {}

        /** Nothing was changed: this record has another revision than expected (0: does not exist). */
        record Conflict(String kind, String key, long actualRevision) implements CommitResult {}
    }

    /** How large a store's trial write is: as much as a large batch, so that one that fits bears witness of some room. */
    private static final int TRIAL_BYTES = 64 << 10;

    private static final int TRIAL_SECONDS = 1;

    /** Makes connections to the database file; production has one, tests have ones that fail. */
    interface Connections {
        Connection open(Path file) throws SQLException;
    }

    private final StateLock lock;
    private final Path file;
    private final Connections connections;
    private final ScheduledExecutorService writer;

    // ---- of the store's thread

    private Connection connection;

    /**
     * After a failure the connection is used no more: SQLite may have ended the transaction by itself (no room, an I/O error), of
     * which the driver knows nothing, and each further statement would then commit alone.
     */
    private boolean connectionFailed;

    private long revision;
    private @Nullable Supplier<List<Entry>> promised;
    private StoreWatch watch = StoreWatch.NOBODY;

    // ---- read by any thread

    private volatile @Nullable String trouble;
    private final AtomicLong failures = new AtomicLong();

    private MetadataStore(StateLock lock, Path file, Connections connections, Connection connection, long revision) {
        this.lock = lock;
        this.file = file;
        this.connections = connections;
        this.connection = connection;
        this.revision = revision;
        ScheduledThreadPoolExecutor executor = new ScheduledThreadPoolExecutor(1, task -> {
            Thread thread = new Thread(task, "sanway-metadata");
            thread.setDaemon(true);
            return thread;
        });
        executor.setExecuteExistingDelayedTasksAfterShutdownPolicy(false);
        this.writer = executor;
    }

    /**
     * Opens the store of a state directory, making both if needed. Blocks.
     *
     * @throws MetadataException if another process uses the directory, a newer version wrote the store, or the disk fails
     */
    public static MetadataStore open(Path stateDirectory) throws MetadataException {
        return open(stateDirectory, file -> DriverManager.getConnection("jdbc:sqlite:" + file));
    }

    /** Whether a state directory has a store. */
    public static boolean isThere(Path stateDirectory) throws IOException {
        Path file = stateDirectory.resolve(FILE);
        return Files.exists(file) && Files.size(file) > 0;
    }

    static MetadataStore open(Path stateDirectory, Connections connections) throws MetadataException {
        StateLock lock = StateLock.take(stateDirectory);
        Path file = stateDirectory.resolve(FILE);
        Connection connection = null;
        try {
            if (Files.notExists(file)) {
                // SQLite takes it as a new database, and gives the files beside it the same permissions.
                Files.createFile(file, OwnFiles.file());
            }
            connection = connections.open(file);
            long revision = prepare(connection, file);
            return new MetadataStore(lock, file, connections, connection, revision);
        } catch (SQLException | IOException | MetadataException failure) {
            closeQuietly(connection);
            lock.close();
            throw failure instanceof MetadataException refused
                    ? refused
                    : new MetadataException("cannot open " + file + ": " + failure.getMessage(), failure);
        }
    }

    private static void closeQuietly(@Nullable Connection connection) {
        try {
            if (connection != null) {
                connection.close();
            }
        } catch (SQLException _) {
            // Everything committed is on the disk already.
        }
    }

    private static long prepare(Connection connection, Path file) throws SQLException, MetadataException {
        try (Statement statement = connection.createStatement()) {
            int version = (int) number(statement, "PRAGMA user_version");
            if (version > SCHEMA_VERSION) {
                throw new MetadataException(file + " was written by a newer sanway (format " + version
                        + "; this one knows " + SCHEMA_VERSION + "): run that one");
            }
            settle(statement);
            connection.setAutoCommit(false);
            if (version == 0) {
                statement.execute("CREATE TABLE record (kind TEXT NOT NULL, key TEXT NOT NULL,"
                        + " revision INTEGER NOT NULL, value BLOB NOT NULL, PRIMARY KEY (kind, key)) WITHOUT ROWID");
                statement.execute("CREATE TABLE counter (revision INTEGER NOT NULL)");
                statement.execute("INSERT INTO counter VALUES (0)");
            }
            if (version < 3) {
                statement.execute("CREATE TABLE IF NOT EXISTS journal (name TEXT NOT NULL, id INTEGER NOT NULL,"
                        + " value BLOB NOT NULL, PRIMARY KEY (name, id)) WITHOUT ROWID");
            }
            if (version < SCHEMA_VERSION) {
                statement.execute("PRAGMA user_version=" + SCHEMA_VERSION);
            }
            long revision = number(statement, COUNTER);
            connection.commit();
            return revision;
        }
    }

    private static void settle(Statement statement) throws SQLException {
        statement.execute("PRAGMA journal_mode=WAL");
        statement.execute("PRAGMA synchronous=FULL");
    }

    // ---- failures

    @Override
    public void promised(Supplier<List<Entry>> entries) {
        writer.execute(() -> promised = entries);
    }

    @Override
    public void watch(StoreWatch by) {
        writer.execute(() -> watch = by);
    }

    /** Why the store cannot be written now, for operators, or nothing. Any thread. */
    @Override
    public Optional<String> trouble() {
        return Optional.ofNullable(trouble);
    }

    /** How often reading or writing has failed. Any thread. */
    @Override
    public long failures() {
        return failures.get();
    }

    /** A connection on which nothing has failed; a commit that failed before, and is there nevertheless, is undone on it first. */
    private Connection usable() throws SQLException {
        if (!connectionFailed) {
            return connection;
        }
        if (Files.notExists(file)) {
            // SQLite would make another one, which the next start would take for a new pool's.
            throw new SQLException(file + " is gone. Put it back, with all of its folder; do not restart without it");
        }
        Connection fresh = connections.open(file);
        boolean taken = false;
        try {
            long found;
            try (Statement statement = fresh.createStatement()) {
                settle(statement);
                found = number(statement, COUNTER);
            }
            fresh.setAutoCommit(false);
            // Not before there is another one: with the last one SQLite deletes files that it may find no room for
            // afterwards.
            closeQuietly(connection);
            connection = fresh;
            taken = true;
            if (found != revision) {
                undo(found);
            }
            fresh.commit();
        } finally {
            if (!taken) {
                closeQuietly(fresh);
            }
        }
        connectionFailed = false;
        return fresh;
    }

    /** Whoever asked was told that it failed, and acts on it: what the store holds is what was promised, and nothing else. */
    private void undo(long found) throws SQLException {
        Supplier<List<Entry>> entries = promised;
        if (entries != null) {
            try (Statement statement = connection.createStatement()) {
                statement.execute("DELETE FROM record");
            }
            for (Entry entry : entries.get()) {
                write(connection, entry.kind(), entry.key(), entry.revision(), entry.value());
            }
            connection.commit();
        }
        revision = found;
    }

    /** Lets go of the lock at least, where SQLite has not ended the transaction by itself. */
    private void giveUp() {
        connectionFailed = true;
        try {
            connection.rollback();
        } catch (SQLException _) {
            // There is no transaction any more, as after SQLITE_FULL; it is used no more in any case.
        }
    }

    private MetadataException failed(SQLException failure) {
        giveUp();
        failures.incrementAndGet();
        String cause = StoreFailure.explain(failure, file);
        if (trouble == null) {
            trouble = cause;
            watch.failing(cause);
            tryLater();
        }
        return new MetadataException("the metadata store failed: " + cause, failure);
    }

    private void tryLater() {
        try {
            var _ = writer.schedule(this::trial, TRIAL_SECONDS, TimeUnit.SECONDS);
        } catch (RejectedExecutionException _) {
            // It is being closed.
        }
    }

    /** While something is wrong the store looks by itself whether it can be written again; nobody else may come. */
    private void trial() {
        try {
            Connection on = usable();
            try (PreparedStatement insert = on.prepareStatement(
                            "INSERT OR REPLACE INTO journal (name, id, value) VALUES ('trial', 1, zeroblob(?))");
                    Statement delete = on.createStatement()) {
                insert.setInt(1, TRIAL_BYTES);
                insert.executeUpdate();
                delete.executeUpdate("DELETE FROM journal WHERE name = 'trial'");
            }
            on.commit();
            trouble = null;
            watch.well();
        } catch (SQLException failure) {
            MetadataException _ = failed(failure);
            tryLater();
        }
    }

    // ---- work

    private static long number(Statement statement, String query) throws SQLException {
        try (ResultSet result = statement.executeQuery(query)) {
            return result.next() ? result.getLong(1) : 0;
        }
    }

    @Override
    public CompletableFuture<List<Entry>> list() {
        return onWriter(on -> {
            List<Entry> entries = new ArrayList<>();
            try (PreparedStatement select =
                            on.prepareStatement("SELECT kind, key, revision, value FROM record ORDER BY kind, key");
                    ResultSet rows = select.executeQuery()) {
                while (rows.next()) {
                    entries.add(new Entry(rows.getString(1), rows.getString(2), rows.getLong(3), rows.getBytes(4)));
                }
            }
            return entries;
        });
    }

    /** Commits changes that are known now. */
    public CompletableFuture<CommitResult> commit(List<Change> changes) {
        return commit(() -> changes, _ -> {});
    }

    @Override
    public CompletableFuture<CommitResult> commit(Supplier<List<Change>> changes, Consumer<CommitResult> then) {
        return onWriter(on -> {
            CommitResult result = apply(on, changes.get());
            then.accept(result);
            return result;
        });
    }

    private CommitResult apply(Connection on, List<Change> changes) throws SQLException {
        long next = revision + 1;
        for (Change change : changes) {
            long actual = revisionOf(on, change.kind(), change.key());
            if (actual != change.expectedRevision()) {
                on.rollback();
                return new CommitResult.Conflict(change.kind(), change.key(), actual);
            }
            write(on, change.kind(), change.key(), next, change.value());
        }
        try (PreparedStatement count = on.prepareStatement("UPDATE counter SET revision = ?")) {
            count.setLong(1, next);
            count.executeUpdate();
        }
        on.commit();
        revision = next;
        return new CommitResult.Committed(next);
    }

    private static long revisionOf(Connection on, String kind, String key) throws SQLException {
        try (PreparedStatement select = on.prepareStatement("SELECT revision FROM record WHERE kind = ? AND key = ?")) {
            select.setString(1, kind);
            select.setString(2, key);
            try (ResultSet rows = select.executeQuery()) {
                return rows.next() ? rows.getLong(1) : ABSENT;
            }
        }
    }

    private static void write(Connection on, String kind, String key, long revision, byte @Nullable [] value)
            throws SQLException {
        if (value == null) {
            try (PreparedStatement delete = on.prepareStatement("DELETE FROM record WHERE kind = ? AND key = ?")) {
                delete.setString(1, kind);
                delete.setString(2, key);
                delete.executeUpdate();
            }
            return;
        }
        try (PreparedStatement upsert = on.prepareStatement(
                "INSERT INTO record (kind, key, revision, value) VALUES (?, ?, ?, ?)"
                        + " ON CONFLICT (kind, key) DO UPDATE SET revision = excluded.revision, value = excluded.value")) {
            upsert.setString(1, kind);
            upsert.setString(2, key);
            upsert.setLong(3, revision);
            upsert.setBytes(4, value);
            upsert.executeUpdate();
        }
    }

    @Override
    public Journal journal(String name, int kept) {
        return new Journal(this, name, kept);
    }

    /** What the store's thread does on a connection; what it throws ends that connection. */
    interface Work<T> {
        T run(Connection on) throws SQLException;
    }

    <T> CompletableFuture<T> onWriter(Work<T> work) {
        CompletableFuture<T> future = new CompletableFuture<>();
        try {
            writer.execute(() -> {
                try {
                    future.complete(work.run(usable()));
                } catch (SQLException failure) {
                    future.completeExceptionally(failed(failure));
                } catch (RuntimeException bug) {
                    // Nobody knows how far it came.
                    giveUp();
                    future.completeExceptionally(bug);
                }
            });
        } catch (RejectedExecutionException _) {
            future.completeExceptionally(new MetadataException("the metadata store is closed"));
        }
        return future;
    }

    /** Finishes what was asked for, then ends. */
    @Override
    public void close() {
        writer.shutdown();
        try {
            if (!writer.awaitTermination(30, TimeUnit.SECONDS)) {
                // The disk hangs. The lock must not be given up while a commit may still land.
                return;
            }
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt();
            return;
        }
        closeQuietly(connection);
        lock.close();
    }
}
