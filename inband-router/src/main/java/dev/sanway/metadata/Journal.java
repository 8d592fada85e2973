package dev.sanway.metadata;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * Entries in order of their numbers, of which the latest are kept. Any thread may call; what comes while the disk is busy is
 * written in one go afterwards. Futures complete on the store's thread, with {@link MetadataException} if the disk failed.
 */
public final class Journal {

    /** An entry; {@code id} grows with each. */
    public record Entry(long id, byte[] value) {}

    private final MetadataStore store;
    private final String name;
    private final int kept;
    private final List<Entry> pending = new ArrayList<>();
    private @Nullable CompletableFuture<Long> writing;

    Journal(MetadataStore store, String name, int kept) {
        this.store = store;
        this.name = name;
        this.kept = kept;
    }

    /**
     * Adds an entry, whose number is higher than every earlier one's, or writes an earlier one anew.
     *
     * @return completes when it is durable, with the number of the last one that became so with it
     */
    public synchronized CompletableFuture<Long> append(long id, byte[] value) {
        pending.add(new Entry(id, value));
        CompletableFuture<Long> under = writing;
        if (under == null) {
            under = store.onWriter(this::write);
            writing = under;
        }
        return under;
    }

    private synchronized List<Entry> take() {
        List<Entry> taken = List.copyOf(pending);
        pending.clear();
        writing = null;
        return taken;
    }

    private Long write(Connection connection) throws SQLException {
        List<Entry> entries = take();
        try (PreparedStatement insert = connection.prepareStatement(
                        "INSERT OR REPLACE INTO journal (name, id, value) VALUES (?, ?, ?)");
                PreparedStatement trim =
                        connection.prepareStatement("DELETE FROM journal WHERE name = ? AND id <= ?")) {
            for (Entry entry : entries) {
                insert.setString(1, name);
                insert.setLong(2, entry.id());
                insert.setBytes(3, entry.value());
                insert.executeUpdate();
            }
            trim.setString(1, name);
            trim.setLong(2, entries.getLast().id() - kept);
            trim.executeUpdate();
            connection.commit();
        }
        return entries.getLast().id();
    }

    /** The number of the latest entry; 0 if there is none. */
    public CompletableFuture<Long> last() {
        return store.onWriter(connection -> {
            try (PreparedStatement select = connection.prepareStatement("SELECT max(id) FROM journal WHERE name = ?")) {
                select.setString(1, name);
                try (ResultSet rows = select.executeQuery()) {
                    return rows.next() ? rows.getLong(1) : 0;
                }
            }
        });
    }

    /** The latest entries between two numbers, both left out, oldest first. */
    public CompletableFuture<List<Entry>> between(long after, long before, int atMost) {
        return store.onWriter(connection -> {
            List<Entry> found = new ArrayList<>();
            try (PreparedStatement select =
                    connection.prepareStatement("SELECT id, value FROM journal WHERE name = ? AND id > ? AND id < ?"
                            + " ORDER BY id DESC LIMIT ?")) {
                select.setString(1, name);
                select.setLong(2, after);
                select.setLong(3, before);
                select.setInt(4, atMost);
                try (ResultSet rows = select.executeQuery()) {
                    while (rows.next()) {
                        found.add(new Entry(rows.getLong(1), rows.getBytes(2)));
                    }
                }
            }
            Collections.reverse(found);
            return found;
        });
    }
}
