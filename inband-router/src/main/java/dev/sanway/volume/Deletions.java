package dev.sanway.volume;

import dev.sanway.metadata.Catalog;
import dev.sanway.metadata.DeletedVolume;
import dev.sanway.metadata.VolumeRecord;
import dev.sanway.pool.Allocation;
import dev.sanway.pool.PoolState;
import io.netty.util.concurrent.EventExecutor;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Volumes that are deleted and keep their partitions, so that they can be restored: until somebody else needs the space, or
 * they are erased on request.
 *
 * <pre>
 *   ASSIGNED ⇄ DELETED → RELEASED → (gone)
 *       └────────┴──▶ ERASING ──▶ RELEASED
 * </pre>
 *
 * Belongs to the control's executor.
 */
public final class Deletions {
    private static final Logger LOG = LoggerFactory.getLogger(Deletions.class);
    private static final int ROOM_SECONDS = 8;
    private static final int SETTLE_MILLIS = 20;

    private final Catalog catalog;
    private final EventExecutor control;
    private final LivePool pool;
    private final Consumer<VolumeRecord> changed;
    private final Function<UUID, CompletableFuture<Boolean>> release;
    /** Volumes whose growth is on its way into the store: their records are not to be touched yet. */
    private final Set<UUID> growing;

    private final List<Waiting> waiting = new ArrayList<>();
    /** Deleted volumes that are being given up or restored, and cannot be the other any more. */
    private final Set<UUID> leaving = new HashSet<>();

    private record Waiting(List<UUID> volumes, CompletableFuture<Boolean> room) {}

    /**
     * @param changed tells listeners, and goes on with what is left to do for the volume
     * @param release gives a volume up for good
     */
    Deletions(
            Catalog catalog,
            EventExecutor control,
            LivePool pool,
            Set<UUID> growing,
            Consumer<VolumeRecord> changed,
            Function<UUID, CompletableFuture<Boolean>> release) {
        this.catalog = catalog;
        this.control = control;
        this.pool = pool;
        this.growing = growing;
        this.changed = changed;
        this.release = release;
    }

    /**
     * Puts a volume, of which nothing is under way any more, aside. One that was never wholly assigned is given up at once.
     *
     * @return completes when that is durable; with false if there is no such volume
     */
    public CompletableFuture<Boolean> delete(UUID uuid) {
        return settled(uuid, () -> {
            Optional<VolumeRecord> found = catalog.volume(uuid);
            if (found.isPresent()
                    && found.get().state() == VolumeRecord.State.ASSIGNED
                    && found.get().growth() == null) {
                return become(found.get().in(VolumeRecord.State.DELETED), new Catalog.Batch());
            }
            return release.apply(uuid);
        });
    }

    /**
     * Overwrites a volume with zeroes, durably, then gives it up. Nothing of it is under way any more, unless it is deleted
     * already.
     */
    public CompletableFuture<Boolean> erase(UUID uuid) {
        return settled(uuid, () -> {
            if (leaving.contains(uuid)) {
                return CompletableFuture.completedFuture(false);
            }
            Optional<VolumeRecord> found = catalog.volume(uuid);
            if (found.isEmpty()
                    || found.get().growth() != null
                    || (found.get().state() != VolumeRecord.State.ASSIGNED
                            && found.get().state() != VolumeRecord.State.DELETED)) {
                // What was never served holds nothing of anybody's.
                return release.apply(uuid);
            }
            leaving.add(uuid);
            return become(found.get().erasing(), new Catalog.Batch())
                    .whenCompleteAsync((_, _) -> leaving.remove(uuid), control);
        });
    }

    /**
     * Makes a deleted volume one that is there again.
     *
     * @param name which no other volume has
     * @param with what is to be durable together with that
     * @return false if it is not, or no longer, to be restored
     */
    public CompletableFuture<Boolean> restore(UUID uuid, String name, Catalog.Batch with) {
        return settled(uuid, () -> {
            Optional<VolumeRecord> found = deleted(uuid);
            if (found.isEmpty() || !leaving.add(uuid)) {
                return CompletableFuture.completedFuture(false);
            }
            return become(
                            found.get().in(VolumeRecord.State.ASSIGNED).named(name),
                            with.remove(DeletedVolume.KIND, uuid.toString()))
                    .whenCompleteAsync((_, _) -> leaving.remove(uuid), control);
        });
    }

    /**
     * Gives a volume that is there another name.
     *
     * @param with what is to be durable together with that
     * @return false if it is not wholly assigned, or grows
     */
    public CompletableFuture<Boolean> rename(UUID uuid, String name, Catalog.Batch with) {
        return settled(uuid, () -> {
            Optional<VolumeRecord> found = catalog.volume(uuid)
                    .filter(volume -> volume.state() == VolumeRecord.State.ASSIGNED
                            && volume.growth() == null
                            && growing.add(uuid));
            return found.isEmpty()
                    ? CompletableFuture.completedFuture(false)
                    : become(found.get().named(name), with).whenCompleteAsync((_, _) -> growing.remove(uuid), control);
        });
    }

    /** Keeps deleted volumes for somebody who gives them up; false: one of them is being restored, erased or given up. */
    boolean claim(Collection<UUID> volumes) {
        if (volumes.stream().anyMatch(leaving::contains)) {
            return false;
        }
        leaving.addAll(volumes);
        return true;
    }

    /** Ends that. */
    void unclaim(Collection<UUID> volumes) {
        leaving.removeAll(volumes);
    }

    private CompletableFuture<Boolean> become(VolumeRecord volume, Catalog.Batch batch) {
        return catalog.commit(batch.put(volume))
                .thenApplyAsync(
                        _ -> {
                            changed.accept(volume);
                            return true;
                        },
                        control);
    }

    /** Runs an action on the control's executor, once nothing else changes the volume's record. */
    private CompletableFuture<Boolean> settled(UUID uuid, Supplier<CompletableFuture<Boolean>> action) {
        return CompletableFuture.supplyAsync(
                        () -> growing.contains(uuid)
                                ? CompletableFuture.supplyAsync(
                                                () -> true,
                                                CompletableFuture.delayedExecutor(
                                                        SETTLE_MILLIS, TimeUnit.MILLISECONDS, control))
                                        .thenCompose(_ -> settled(uuid, action))
                                : action.get(),
                        control)
                .thenCompose(future -> future);
    }

    /** A volume that can be restored. Any thread. */
    public Optional<VolumeRecord> deleted(UUID uuid) {
        return catalog.volume(uuid).filter(volume -> volume.state() == VolumeRecord.State.DELETED);
    }

    /** Those that can be restored, the one that was deleted first at first. Any thread. */
    public List<VolumeRecord> deleted() {
        return catalog.deletedVolumes().stream()
                .sorted(Comparator.comparing(
                        volume -> catalog.one(DeletedVolume.KIND, volume.uuid().toString())
                                .map(DeletedVolume::deletedAt)
                                .orElse("")))
                .toList();
    }

    // ---- room for others

    /** The pool as it would be without any deleted volume. */
    PoolState withoutDeleted(PoolState from) {
        return without(from, deleted());
    }

    private static PoolState without(PoolState from, List<VolumeRecord> volumes) {
        return from.without(volumes.stream()
                .flatMap(volume -> from.partitionsOf(volume.uuid()).stream())
                .toList());
    }

    /** The volumes to give up so that something fits: the oldest, and none that does not help; empty: it fits in no way. */
    static List<VolumeRecord> toGiveUp(PoolState pool, List<VolumeRecord> oldestFirst, Predicate<PoolState> fits) {
        List<VolumeRecord> chosen = new ArrayList<>();
        for (VolumeRecord volume : oldestFirst) {
            chosen.add(volume);
            if (fits.test(without(pool, chosen))) {
                for (VolumeRecord perhaps : List.copyOf(chosen)) {
                    List<VolumeRecord> fewer = new ArrayList<>(chosen);
                    fewer.remove(perhaps);
                    if (fits.test(without(pool, fewer))) {
                        chosen = fewer;
                    }
                }
                return chosen;
            }
        }
        return List.of();
    }

    /**
     * Where something was refused for want of room, tries again once deleted volumes were given up for it, if that helps.
     *
     * @param refused what a refusal is
     * @param attempt on a pool; whether it fits
     */
    <T> CompletableFuture<T> withRoom(
            CompletableFuture<T> first,
            Class<? extends T> refused,
            Function<PoolState, Allocation.Result> attempt,
            Supplier<CompletableFuture<T>> again) {
        return first.thenComposeAsync(
                answer -> refused.isInstance(answer)
                        ? makeRoom(attempt)
                                .thenComposeAsync(
                                        room -> room ? again.get() : CompletableFuture.completedFuture(answer), control)
                        : CompletableFuture.completedFuture(answer),
                control);
    }

    /**
     * Gives deleted volumes up until what is wanted fits.
     *
     * @param attempt on a pool; whether it fits
     * @return false if that is of no use; true once their space is free
     */
    private CompletableFuture<Boolean> makeRoom(Function<PoolState, Allocation.Result> attempt) {
        List<VolumeRecord> there = deleted().stream()
                .filter(volume -> !leaving.contains(volume.uuid()))
                .toList();
        List<VolumeRecord> gone =
                toGiveUp(pool.state(), there, left -> attempt.apply(left) instanceof Allocation.Result.Placed);
        if (gone.isEmpty()) {
            return CompletableFuture.completedFuture(false);
        }
        CompletableFuture<Boolean> room = new CompletableFuture<>();
        Waiting mine = new Waiting(gone.stream().map(VolumeRecord::uuid).toList(), room);
        waiting.add(mine);
        leaving.addAll(mine.volumes());
        gone.forEach(volume -> {
            LOG.info("volume {}, which was deleted, is given up to make room", volume.name());
            release.apply(volume.uuid()).whenCompleteAsync((_, _) -> leaving.remove(volume.uuid()), control);
        });
        return room.completeOnTimeout(false, ROOM_SECONDS, TimeUnit.SECONDS)
                .whenCompleteAsync((_, _) -> waiting.remove(mine), control);
    }

    /** Space may have become free. */
    void freed() {
        for (Waiting each : List.copyOf(waiting)) {
            boolean all = each.volumes().stream()
                    .allMatch(volume -> pool.state().partitionsOf(volume).isEmpty());
            if (all) {
                each.room().complete(true);
            }
        }
    }
}
