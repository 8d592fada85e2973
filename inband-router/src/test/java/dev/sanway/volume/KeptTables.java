package dev.sanway.volume;

import dev.sanway.pool.Partition;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;

/** Tables that units keep: all or none of what is asked for, and nothing twice. May lose an answer. On one executor. */
final class KeptTables implements UnitTables {
    private final Executor executor;
    private final Map<UUID, Partition> partitions = new HashMap<>();
    /** So many of the next answers are lost after the work was done. */
    int losesAnswers;

    KeptTables(Executor executor) {
        this.executor = executor;
    }

    Map<UUID, Partition> partitions() {
        return Map.copyOf(partitions);
    }

    private CompletableFuture<Void> later(Runnable work) {
        return CompletableFuture.runAsync(
                () -> {
                    work.run();
                    if (losesAnswers > 0) {
                        losesAnswers--;
                        throw new IllegalStateException("the answer was lost");
                    }
                },
                executor);
    }

    @Override
    public CompletableFuture<Void> assign(List<Partition> wanted) {
        return later(() -> {
            for (Partition partition : wanted) {
                Optional<Partition> other = partitions.values().stream()
                        .filter(there -> !there.uuid().equals(partition.uuid()) && there.overlaps(partition))
                        .findFirst();
                Partition there = partitions.get(partition.uuid());
                if (other.isPresent() || (there != null && there.startBytes() != partition.startBytes())) {
                    throw new IllegalStateException(partition + " is taken by " + other);
                }
            }
            wanted.forEach(partition -> partitions.put(partition.uuid(), partition));
        });
    }

    @Override
    public CompletableFuture<Void> release(List<Partition> gone) {
        return later(() -> gone.forEach(partition -> partitions.remove(partition.uuid())));
    }
}
