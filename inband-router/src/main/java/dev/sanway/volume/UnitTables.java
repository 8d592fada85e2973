package dev.sanway.volume;

import dev.sanway.pool.Partition;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * The partition tables that units with an agent keep themselves (Fig. 5). A unit without an agent has none, and nothing is to be done
 * there.
 *
 * <p>Called on the control's executor. Futures end with {@link IllegalStateException} and a reason if a unit does not agree, or is not
 * heard; whoever asked asks again later. Both are safe to be asked for again, whatever became of it before.
 */
public interface UnitTables {

    /** Of a pool in which no unit has an agent. */
    UnitTables NONE = new UnitTables() {
        @Override
        public CompletableFuture<Void> assign(List<Partition> partitions) {
            return CompletableFuture.completedFuture(null);
        }

        @Override
        public CompletableFuture<Void> release(List<Partition> partitions) {
            return CompletableFuture.completedFuture(null);
        }
    };

    /** Completes when the units' tables have these partitions, durably. */
    CompletableFuture<Void> assign(List<Partition> partitions);

    /** Completes when the units' tables do not have these partitions any more, durably. */
    CompletableFuture<Void> release(List<Partition> partitions);
}
