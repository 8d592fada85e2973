package dev.sanway.metadata;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sanway.metadata.FailingStore.Next;
import dev.sanway.pool.Partition;
import dev.sanway.pool.PartitionState;
import java.nio.file.Path;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A commit failed: it is found out which of it and its opposite counts, and one of them does. */
class CatalogSettleTest {
    private static final UUID LABEL = UUID.randomUUID();
    private static final Partition COPY =
            new Partition(UUID.randomUUID(), LABEL, 1 << 20, 1 << 20, PartitionState.COPYING, owner(), 1);
    private static final Partition WANTED = COPY.in(PartitionState.ASSIGNED);
    private static final Partition GIVEN_UP = COPY.in(PartitionState.RELEASED);
    private static final PartitionMove MOVE = new PartitionMove(COPY.uuid(), UUID.randomUUID(), UUID.randomUUID());

    @TempDir
    Path state;

    @SuppressWarnings("NullAway.Init")
    private FailingStore store;

    @SuppressWarnings("NullAway.Init")
    private Catalog catalog;

    private static Partition.PartitionOwner owner() {
        return new Partition.PartitionOwner(UUID.randomUUID(), 0);
    }

    @BeforeEach
    void start() throws Exception {
        store = new FailingStore(state);
        catalog = store.catalog();
        catalog.commit(new Catalog.Batch().put(COPY).put(PartitionMove.KIND, key(), MOVE))
                .join();
    }

    @AfterEach
    void end() {
        catalog.close();
    }

    private static String key() {
        return COPY.uuid().toString();
    }

    private static Catalog.Batch batch(Partition partition) {
        return new Catalog.Batch().put(partition).remove(PartitionMove.KIND, key());
    }

    private void failed(Next how) {
        store.next(how);
        assertThatThrownBy(() -> catalog.commit(batch(WANTED)).join()).hasMessageContaining("the disk failed");
    }

    /** In memory, and in the store as the next process finds it. */
    private void assertKept(Partition partition) throws Exception {
        assertThat(catalog.partitions()).containsExactly(partition);
        assertThat(catalog.all(PartitionMove.KIND)).isEmpty();
        catalog.close();
        store = new FailingStore(state);
        catalog = store.catalog();
        assertThat(catalog.partitions()).isEqualTo(List.of(partition));
        assertThat(catalog.all(PartitionMove.KIND)).isEmpty();
    }

    @Test
    void whatFailedAndIsNotKeptIsReplacedByTheOther() throws Exception {
        failed(Next.FAILS_UNKEPT);
        assertThat(catalog.settle(batch(GIVEN_UP), WANTED).join())
                .as("whether the first is kept")
                .isFalse();
        assertKept(GIVEN_UP);
    }

    @Test
    void whatFailedAndIsKeptCounts() throws Exception {
        failed(Next.FAILS_THOUGH_KEPT);
        assertThat(catalog.partitions()).as("not known yet").containsExactly(COPY);
        assertThat(catalog.settle(batch(GIVEN_UP), WANTED).join())
                .as("whether the first is kept")
                .isTrue();
        assertKept(WANTED);
    }

    @Test
    void settlingThatFailsIsTriedAgainUntilItIsKnown() throws Exception {
        failed(Next.FAILS_UNKEPT);
        store.next(Next.FAILS_UNKEPT);
        assertThatThrownBy(() -> catalog.settle(batch(GIVEN_UP), WANTED).join())
                .hasMessageContaining("the disk failed");
        assertThat(catalog.settle(batch(GIVEN_UP), WANTED).join()).isFalse();
        assertKept(GIVEN_UP);
    }

    @Test
    void settlingThatFailedAndIsKeptEndsWithTheOtherOne() throws Exception {
        failed(Next.FAILS_UNKEPT);
        store.next(Next.FAILS_THOUGH_KEPT);
        assertThatThrownBy(() -> catalog.settle(batch(GIVEN_UP), WANTED).join())
                .hasMessageContaining("the disk failed");
        // What is found is neither what this process remembers nor what was wanted; from then on it is remembered.
        assertThatThrownBy(() -> catalog.settle(batch(GIVEN_UP), WANTED).join()).hasMessageContaining("was changed");
        assertThat(catalog.settle(batch(GIVEN_UP), WANTED).join()).isFalse();
        assertKept(GIVEN_UP);
    }
}
