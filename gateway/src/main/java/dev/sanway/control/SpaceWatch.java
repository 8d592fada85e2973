package dev.sanway.control;

import dev.sanway.config.Sizes;
import dev.sanway.metadata.VolumeRecord;
import dev.sanway.pool.PoolFill;
import dev.sanway.pool.PoolState;
import dev.sanway.pool.VolumeLayout;
import dev.sanway.volume.Assignments;
import io.netty.util.concurrent.EventExecutor;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Warns when the pool fills: operators by an event, hosts of thin volumes by the soft threshold condition (38/07). Confined to the
 * control executor.
 */
final class SpaceWatch {
    private static final int PERIOD_MILLIS = 500;

    private final Assignments assignments;
    private final Volumes volumes;
    private final Events events;
    private PoolFill fill = PoolFill.START;
    private @Nullable Seen seen;

    private record Seen(PoolState pool, Set<String> spares, Set<UUID> deleted) {}

    SpaceWatch(Assignments assignments, Volumes volumes, Events events) {
        this.assignments = assignments;
        this.volumes = volumes;
        this.events = events;
    }

    /** Looks at the pool from now on. Ends with the executor. */
    void start(EventExecutor control) {
        control.scheduleWithFixedDelay(this::look, 0, PERIOD_MILLIS, TimeUnit.MILLISECONDS);
    }

    private void look() {
        Seen now = new Seen(
                assignments.pool(),
                assignments.closedUnits().spares(),
                assignments.deletions().deleted().stream()
                        .map(VolumeRecord::uuid)
                        .collect(Collectors.toSet()));
        if (now.equals(seen)) {
            return;
        }
        seen = now;
        // What is kept for the failure of another unit is not room for volumes.
        PoolFill.Usage usage = PoolFill.Usage.of(now.pool().without(now.spares()), now.deleted());
        volumes.spaceUsedPercent.set(usage.percent());
        PoolFill.Step step = fill.at(usage.percent());
        fill = step.next();
        step.news().ifPresent(news -> tell(news, usage));
    }

    private void tell(PoolFill.News news, PoolFill.Usage usage) {
        String free = Sizes.show(usage.totalBytes() - usage.usedBytes() - usage.restorableBytes()) + " of "
                + Sizes.show(usage.totalBytes()) + " are free"
                + (usage.restorableBytes() == 0
                        ? ""
                        : ", and " + Sizes.show(usage.restorableBytes())
                                + " of deleted volumes are given to who needs them");
        switch (news) {
            case PoolFill.News.Warning(int level) -> {
                events.warning("pool", level + " % full: " + free + promised() + ". Add a unit, or enlarge one");
                for (ServedVolume volume : volumes.all()) {
                    tellHosts(volume, usage.percent());
                }
            }
            case PoolFill.News.Relieved _ -> events.info("pool", "has room again: " + free);
        }
    }

    /** What thin volumes may still want. */
    private String promised() {
        long unwritten = 0;
        for (ServedVolume volume : volumes.all()) {
            if (volume.record != null && volume.record.layout() instanceof VolumeLayout.Thin) {
                unwritten += Math.max(0, volume.record.sizeBytes() - volume.usedBytes());
            }
        }
        return unwritten == 0 ? "" : ", and thin volumes may want " + Sizes.show(unwritten);
    }

    private static void tellHosts(ServedVolume volume, int percent) {
        if (volume.assembled != null) {
            volume.assembled.thin().ifPresent(thin -> thin.owner().execute(() -> thin.spaceLow(percent)));
        }
    }
}
