package dev.sanway.volume;

import dev.sanway.metadata.Catalog;
import dev.sanway.metadata.VolumeRecord;
import dev.sanway.pool.Partition;
import io.netty.util.concurrent.EventExecutor;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The work behind: what a volume's record says is left to do is done as soon as the unit volumes that it takes are attached, and
 * again until it succeeds. Belongs to the control's executor.
 */
final class VolumeWork {
    private static final Logger LOG = LoggerFactory.getLogger(VolumeWork.class);
    private static final int RETRY_SECONDS = 5;

    private final VolumeLedger ledger;
    private final Catalog catalog;
    private final EventExecutor control;
    private final LivePool pool;
    private final LabelTables labels;
    private final WipeWork wiping;
    private final Releasing releasing;
    /** Told when partitions may have become free. */
    private final Runnable freed;

    private final Set<UUID> running = new HashSet<>();
    private final Map<UUID, String> warnings = new HashMap<>();

    VolumeWork(VolumeLedger ledger, LabelTables labels, WipeWork wiping, Releasing releasing, Runnable freed) {
        this.ledger = ledger;
        this.catalog = ledger.catalog;
        this.control = ledger.control;
        this.pool = ledger.pool;
        this.labels = labels;
        this.wiping = wiping;
        this.releasing = releasing;
        this.freed = freed;
    }

    void resumeAll() {
        catalog.volumes().forEach(this::resume);
    }

    /** What is left to do for a volume. */
    private enum Work {
        NONE,
        WIPE,
        ERASE,
        TAKE_BACK
    }

    private Work work(VolumeRecord volume) {
        if (volume.wipes()) {
            return volume.state() == VolumeRecord.State.ERASING ? Work.ERASE : Work.WIPE;
        }
        return volume.state() == VolumeRecord.State.RELEASED
                        || !releasing.released(volume.uuid()).isEmpty()
                ? Work.TAKE_BACK
                : Work.NONE;
    }

    /** Goes on with a volume's work, if there is any, none is running, and what it takes is attached. */
    void resume(VolumeRecord volume) {
        if (ledger.closed || running.contains(volume.uuid())) {
            return;
        }
        boolean possible = switch (work(volume)) {
            case WIPE, ERASE -> ledger.wiping(volume).stream().allMatch(each -> pool.reaches(each.unitVolume()));
            case TAKE_BACK -> {
                List<Partition> released = releasing.released(volume.uuid());
                yield released.isEmpty() || released.stream().anyMatch(each -> pool.reaches(each.unitVolume()));
            }
            case NONE -> false;
        };
        if (!possible) {
            return;
        }
        running.add(volume.uuid());
        CompletableFuture<Void> work = switch (work(volume)) {
            case WIPE -> wiping.finishAssignment(volume);
            case ERASE ->
                wiping.wipe(volume)
                        .thenComposeAsync(_ -> releasing.release(volume.uuid()), control)
                        .thenApply(_ -> null);
            case TAKE_BACK -> releasing.takeBack(volume);
            case NONE -> CompletableFuture.completedFuture(null);
        };
        work.whenCompleteAsync((_, failure) -> ended(volume.uuid(), failure), control);
    }

    private void ended(UUID uuid, Throwable failure) {
        running.remove(uuid);
        labels.settled(uuid);
        freed.run();
        Optional<VolumeRecord> now = catalog.volume(uuid);
        if (ledger.closed || now.isEmpty()) {
            return;
        }
        if (failure == null) {
            warnings.remove(uuid);
            resume(now.get());
        } else {
            String why = String.valueOf(failure.getMessage());
            if (!why.equals(warnings.put(uuid, why))) {
                LOG.warn("volume {}: {}; trying again", now.get().name(), why);
            }
            control.schedule(() -> catalog.volume(uuid).ifPresent(this::resume), RETRY_SECONDS, TimeUnit.SECONDS);
        }
    }
}
