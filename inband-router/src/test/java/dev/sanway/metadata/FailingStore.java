package dev.sanway.metadata;

import dev.sanway.metadata.MetadataStore.Change;
import dev.sanway.metadata.MetadataStore.CommitResult;
import dev.sanway.metadata.MetadataStore.Entry;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import java.util.function.Supplier;

/** A store whose next commit fails on request: before anything is kept, or after all of it is. */
public final class FailingStore implements RecordStore {

    /** What the next commit does. */
    public enum Next {
        WORKS,
        FAILS_UNKEPT,
        FAILS_THOUGH_KEPT
    }

    private static final String FULL = "no space left";

    private final MetadataStore inner;
    private volatile boolean full;
    private final AtomicReference<Next> next = new AtomicReference<>(Next.WORKS);

    public FailingStore(Path stateDirectory) throws MetadataException {
        this.inner = MetadataStore.open(stateDirectory);
    }

    /** Until it is said otherwise each commit fails, with nothing kept. */
    public void full(boolean now) {
        full = now;
    }

    /** What is kept in it. */
    public Catalog catalog() throws MetadataException {
        return Catalog.over(this);
    }

    /** From the next commit on, for one commit. */
    public void next(Next what) {
        next.set(what);
    }

    @Override
    public CompletableFuture<List<Entry>> list() {
        return inner.list();
    }

    @Override
    public CompletableFuture<CommitResult> commit(Supplier<List<Change>> changes, Consumer<CommitResult> then) {
        if (full) {
            return CompletableFuture.failedFuture(new MetadataException(FULL));
        }
        return switch (next.getAndSet(Next.WORKS)) {
            case WORKS -> inner.commit(changes, then);
            case FAILS_UNKEPT ->
                CompletableFuture.failedFuture(new MetadataException("the disk failed, nothing is kept"));
            case FAILS_THOUGH_KEPT ->
                inner.commit(changes, _ -> {})
                        .thenCompose(_ -> CompletableFuture.failedFuture(
                                new MetadataException("the disk failed, though all is kept")));
        };
    }

    @Override
    public Journal journal(String name, int kept) {
        return inner.journal(name, kept);
    }

    @Override
    public void promised(Supplier<List<Entry>> entries) {
        inner.promised(entries);
    }

    @Override
    public void watch(StoreWatch by) {
        inner.watch(by);
    }

    @Override
    public Optional<String> trouble() {
        return full ? Optional.of(FULL) : inner.trouble();
    }

    @Override
    public long failures() {
        return inner.failures();
    }

    @Override
    public void close() {
        inner.close();
    }
}
