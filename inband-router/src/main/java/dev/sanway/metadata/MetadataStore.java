package dev.sanway.metadata;

import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Revisioned records in an embedded SQLite database (write-ahead log, every commit synced to the disk). A record is known by
 * kind and key; each commit has the next revision and stamps it on what it wrote. A commit of several changes is done wholly
 * or not at all, and only if every record still has the revision that the change expects.
 *
 * <p>Any thread may call. One thread of the store's own works off the calls in order and completes the futures; whoever has
 * an owner hops back to it. A future that ends with {@link MetadataException} leaves it open, only after a failure of the
 * disk, whether its commit is kept.
 */
public final class MetadataStore implements RecordStore {
    /**
     * The schema's version; a database with a newer one is refused. Version 2 added volumes that grow, hosts and volumes that
     * were made by command, adopted configurations and tasks; version 3 journals, operators, tokens, deleted volumes and
     * thin ones; version 4 units with an agent and what operators said of units,
     * and deleted hosts; version 5 slabs that have moved and labels that were given up. Older stores are taken over as they are.
     */
    public static final int SCHEMA_VERSION = 5;

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

    private final StateLock lock;
    private final Connection connection;
    private final ExecutorService writer;
    private long revision;

    private MetadataStore(StateLock lock, Connection connection, long revision) {
        this.lock = lock;
        this.connection = connection;
        this.revision = revision;
        this.writer = Executors.newSingleThreadExecutor(task -> {
            Thread thread = new Thread(task, "sanway-metadata");
            thread.setDaemon(true);
            return thread;
        });
    }

    /**
     * Opens the store of a state directory, making both if needed. Blocks.
     *
     * @throws MetadataException if another process uses the directory, a newer version wrote the store, or the disk fails
     */
    public static MetadataStore open(Path stateDirectory) throws MetadataException {
        StateLock lock = StateLock.take(stateDirectory);
        Path file = stateDirectory.resolve("metadata.db");
        Connection connection = null;
        try {
            connection = DriverManager.getConnection("jdbc:sqlite:" + file);
            long revision = prepare(connection, file);
            return new MetadataStore(lock, connection, revision);
        } catch (SQLException | MetadataException failure) {
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
            statement.execute("PRAGMA journal_mode=WAL");
            statement.execute("PRAGMA synchronous=FULL");
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
            long revision = number(statement, "SELECT revision FROM counter");
            connection.commit();
            return revision;
        }
    }

    private static long number(Statement statement, String query) throws SQLException {
        try (ResultSet result = statement.executeQuery(query)) {
            return result.next() ? result.getLong(1) : 0;
        }
    }

    @Override
    public CompletableFuture<List<Entry>> list() {
        return onWriter(() -> {
            List<Entry> entries = new ArrayList<>();
            try (PreparedStatement select = connection.prepareStatement(
                            "SELECT kind, key, revision, value FROM record ORDER BY kind, key");
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
        return onWriter(() -> {
            CommitResult result;
            try {
                result = apply(changes.get());
            } catch (SQLException | RuntimeException failure) {
                connection.rollback();
                throw failure;
            }
            then.accept(result);
            return result;
        });
    }

    private CommitResult apply(List<Change> changes) throws SQLException {
        long next = revision + 1;
        for (Change change : changes) {
            long actual = revisionOf(change.kind(), change.key());
            if (actual != change.expectedRevision()) {
                connection.rollback();
                return new CommitResult.Conflict(change.kind(), change.key(), actual);
            }
            write(change, next);
        }
        try (PreparedStatement count = connection.prepareStatement("UPDATE counter SET revision = ?")) {
            count.setLong(1, next);
            count.executeUpdate();
        }
        connection.commit();
        revision = next;
        return new CommitResult.Committed(next);
    }

    private long revisionOf(String kind, String key) throws SQLException {
        try (PreparedStatement select =
                connection.prepareStatement("SELECT revision FROM record WHERE kind = ? AND key = ?")) {
            select.setString(1, kind);
            select.setString(2, key);
            try (ResultSet rows = select.executeQuery()) {
                return rows.next() ? rows.getLong(1) : ABSENT;
            }
        }
    }

    private void write(Change change, long next) throws SQLException {
        byte[] value = change.value();
        if (value == null) {
            try (PreparedStatement delete =
                    connection.prepareStatement("DELETE FROM record WHERE kind = ? AND key = ?")) {
                delete.setString(1, change.kind());
                delete.setString(2, change.key());
                delete.executeUpdate();
            }
            return;
        }
        try (PreparedStatement upsert = connection.prepareStatement(
                "INSERT INTO record (kind, key, revision, value) VALUES (?, ?, ?, ?)"
                        + " ON CONFLICT (kind, key) DO UPDATE SET revision = excluded.revision, value = excluded.value")) {
            upsert.setString(1, change.kind());
            upsert.setString(2, change.key());
            upsert.setLong(3, next);
            upsert.setBytes(4, value);
            upsert.executeUpdate();
        }
    }

    @Override
    public Journal journal(String name, int kept) {
        return new Journal(this, name, kept);
    }

    /** What the store's thread does. */
    interface Work<T> {
        T run() throws SQLException;
    }

    /** For {@link Work} only. */
    Connection connection() {
        return connection;
    }

    <T> CompletableFuture<T> onWriter(Work<T> work) {
        CompletableFuture<T> future = new CompletableFuture<>();
        try {
            writer.execute(() -> {
                try {
                    future.complete(work.run());
                } catch (SQLException failure) {
                    future.completeExceptionally(
                            new MetadataException("the metadata store failed: " + failure.getMessage(), failure));
                } catch (RuntimeException bug) {
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
