package dev.sanway.metadata;

import dev.sanway.metadata.MetadataStore.Change;
import dev.sanway.metadata.MetadataStore.CommitResult;
import dev.sanway.metadata.MetadataStore.Entry;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import java.util.function.Supplier;

/** Where a {@link Catalog} keeps its records: what {@link MetadataStore} promises, without how. Any thread may call. */
interface RecordStore extends AutoCloseable {

    /** All records, in order of kind and key. */
    CompletableFuture<List<Entry>> list();

    /**
     * Commits changes that are worked out when their turn has come, after every earlier commit's end. If the future ends with
     * {@link MetadataException}, nothing of it counts in this process; the next one may find it.
     *
     * @param changes called on the store's thread
     * @param then called on the store's thread with the result, before the next commit's turn
     */
    CompletableFuture<CommitResult> commit(Supplier<List<Change>> changes, Consumer<CommitResult> then);

    /** A journal of this store: entries in order, of which the latest are kept. One object for each name. */
    Journal journal(String name, int kept);

    /**
     * What whoever owns the records was told that is kept: with it a commit is undone that failed and is there nevertheless.
     *
     * @param entries called on the store's thread
     */
    void promised(Supplier<List<Entry>> entries);

    /** Who is told of failures from now on. */
    void watch(StoreWatch by);

    /** Why the store cannot be written now, for operators, or nothing. */
    Optional<String> trouble();

    /** How often reading or writing has failed. */
    long failures();

    /** Finishes what was asked for, then ends. */
    @Override
    void close();
}
