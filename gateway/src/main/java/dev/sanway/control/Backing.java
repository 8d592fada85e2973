package dev.sanway.control;

import dev.sanway.autoconfig.Message;
import dev.sanway.autoconfig.Message.Admission;
import dev.sanway.autoconfig.Message.CommandHeader;
import dev.sanway.autoconfig.Message.Outcome;
import dev.sanway.autoconfig.Message.StoredVolume;
import dev.sanway.autoconfig.UnitView;
import dev.sanway.config.Sizes;
import dev.sanway.metadata.VolumeRecord;
import dev.sanway.pool.Allocation;
import dev.sanway.pool.BackingPlan;
import dev.sanway.pool.BackingPlan.Ask;
import dev.sanway.pool.ClosedUnits;
import dev.sanway.pool.Partition;
import dev.sanway.pool.PoolState;
import dev.sanway.pool.Replacement;
import dev.sanway.pool.SlabPlacement;
import dev.sanway.pool.UnitVolume;
import dev.sanway.pool.VolumeLayout;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Has units with an agent make or extend volumes, within their capacity, when a volume wants room that the pool does not have. What
 * they made comes into the pool as any other LUN; the volume then asks again.
 *
 * <p>Nothing of it is kept: after a restart the need is worked out anew, from what the units then tell.
 *
 * <p>Confined to the control executor.
 */
final class Backing implements AutoConfiguration.Listener {

    /** How long something that was made may take to come into the pool before it is asked for again. */
    private static final long ARRIVAL_NANOS = TimeUnit.SECONDS.toNanos(30);

    /** How long a write may wait for it: less than a host waits for its write. */
    private static final int SLAB_SECONDS = 10;

    /** What is less is not worth a unit's while. */
    private static final long LEAST_SLAB_BYTES = 16 << 20;

    /** A unit that could not is left alone for so long. */
    private static final long PAUSE_NANOS = TimeUnit.SECONDS.toNanos(20);

    /** Something asked for. */
    private static final class Asked {
        final AgentUnits.Known unit;
        final UUID volume;
        final long sizeBytes;
        /** 0: not answered. */
        long doneNanos;

        Asked(AgentUnits.Known unit, UUID volume, long sizeBytes) {
            this.unit = unit;
            this.volume = volume;
            this.sizeBytes = sizeBytes;
        }
    }

    private final AgentUnits agents;
    private final Supplier<PoolState> pool;
    private final Supplier<ClosedUnits> closed;
    private final Runnable poolChanged;
    private final ScheduledExecutorService control;
    private final Events events;
    private final Map<UUID, Asked> asked = new LinkedHashMap<>();
    private final Map<UUID, Long> pausedNanos = new HashMap<>();
    private final List<CompletableFuture<Void>> waiting = new ArrayList<>();

    /**
     * @param closed the units of it that are given nothing new, and spares, which are given what has to leave its unit
     * @param poolChanged to be run when a unit can give more than before
     */
    Backing(
            AgentUnits agents,
            Supplier<PoolState> pool,
            Supplier<ClosedUnits> closed,
            Runnable poolChanged,
            ScheduledExecutorService control,
            Events events) {
        this.agents = agents;
        this.pool = pool;
        this.closed = closed;
        this.poolChanged = poolChanged;
        this.control = control;
        this.events = events;
    }

    /** Whether the pool, with what units can still make, has room. Changes nothing. */
    boolean couldHold(Allocation.Request request, boolean growth) {
        return BackingPlan.plan(open(false), rooms(true, false), request, growth)
                .isPresent();
    }

    /**
     * Asks units for room for a volume, unless they are at it already.
     *
     * @return what is under way, for the operator; empty if nothing is
     */
    String provide(String volume, Allocation.Request request, boolean growth) {
        return provide(volume, () -> BackingPlan.plan(open(false), rooms(false, false), request, growth));
    }

    private String provide(String volume, Supplier<Optional<List<Ask>>> plan) {
        forgetArrived();
        if (asked.isEmpty()) {
            plan.get().ifPresent(asks -> asks.forEach(ask -> ask(volume, ask)));
        }
        return asked.isEmpty()
                ? ""
                : "; being made: "
                        + String.join(
                                ", ",
                                asked.values().stream()
                                        .map(each -> Sizes.show(each.sizeBytes) + " on " + each.unit.name)
                                        .toList());
    }

    /** Whether a partition that has to leave its unit could have a place, if units made more room. Changes nothing. */
    boolean couldReplace(Replacement.Request request, PoolState all) {
        Set<String> but = Replacement.excluded(all, request);
        return BackingPlan.plan(open(true).without(but), roomsBut(but, true), room(request), false)
                .isPresent();
    }

    /** As {@link #provide}, for a partition of a volume that has to leave its unit. */
    String provideReplacement(String volume, Replacement.Request request, PoolState all) {
        Set<String> but = Replacement.excluded(all, request);
        return provide(
                volume, () -> BackingPlan.plan(open(true).without(but), roomsBut(but, false), room(request), false));
    }

    private List<BackingPlan.Room> roomsBut(Set<String> units, boolean paused) {
        return rooms(paused, true).stream()
                .filter(room -> !units.contains(room.unit()))
                .toList();
    }

    /** In one piece. */
    private static Allocation.Request room(Replacement.Request request) {
        return new Allocation.Request(
                Partition.NO_UUID,
                request.partition().lengthBytes(),
                new VolumeLayout.Striped(1, (int) UnitVolume.ALIGNMENT_BYTES),
                request.blockSizeBytes());
    }

    /**
     * Asks units for a slab's worth of room for a thin volume, or for as much of it as there is.
     *
     * @return true once what was asked for is there, or has had its time; false if there is nobody to ask
     */
    CompletableFuture<Boolean> provideSlab(VolumeRecord volume) {
        long bytes = SlabPlacement.wishedBytes(volume.sizeBytes(), Long.MAX_VALUE);
        boolean asks = false;
        while (!asks && bytes >= LEAST_SLAB_BYTES) {
            Allocation.Request room = new Allocation.Request(
                    Partition.NO_UUID, bytes, new VolumeLayout.Linear(), volume.blockSizeBytes());
            asks = !provide(volume.name(), room, false).isEmpty();
            bytes /= 2;
        }
        return asks
                ? settled()
                        .completeOnTimeout(null, SLAB_SECONDS, TimeUnit.SECONDS)
                        .thenApply(_ -> true)
                : CompletableFuture.completedFuture(false);
    }

    /** Completes when nothing is being made any more. */
    CompletableFuture<Void> settled() {
        CompletableFuture<Void> settled = new CompletableFuture<>();
        waiting.add(settled);
        tellWaiting();
        return settled;
    }

    /** A LUN came into the pool, or went. */
    void tellWaiting() {
        forgetArrived();
        if (asked.isEmpty()) {
            List<CompletableFuture<Void>> all = List.copyOf(waiting);
            waiting.clear();
            all.forEach(each -> each.complete(null));
        }
    }

    private PoolState open(boolean spares) {
        ClosedUnits now = closed.get();
        return spares ? now.openWithSpares(pool.get()) : now.open(pool.get());
    }

    /** {@code paused}: those that could not a moment ago count, too. */
    private List<BackingPlan.Room> rooms(boolean paused, boolean spares) {
        ClosedUnits units = closed.get();
        List<BackingPlan.Room> rooms = new ArrayList<>();
        long now = System.nanoTime();
        for (AgentUnits.Known known : agents.all()) {
            UnitView view = known.view;
            Long until = pausedNanos.get(known.uuid);
            boolean pausing = !paused && until != null && now - until < 0;
            if (known.admission == Admission.ADOPTED
                    && known.disagreement == null
                    && known.linked != null
                    && (spares ? units.openWithSpares(known.linked.name()) : units.open(known.linked.name()))
                    && view != null
                    && view.status() == UnitView.Status.ONLINE
                    && view.storage() != null
                    && view.storage().freeBytes() > 0
                    && !pausing) {
                rooms.add(new BackingPlan.Room(
                        known.linked.name(),
                        view.storage().freeBytes(),
                        growable(known, view.storage()).map(UnitVolume::label).orElse(null)));
            }
        }
        return rooms;
    }

    /** Of the volumes made on request the first, so that a unit gets few large ones rather than many small ones. */
    private Optional<UnitVolume> growable(AgentUnits.Known known, UnitView.Storage storage) {
        return storage.volumes().values().stream()
                .filter(volume -> !volume.declared() && volume.health() == Message.Health.GOOD)
                .sorted(Comparator.comparingInt(StoredVolume::lun))
                .flatMap(volume -> inPool(known, volume.lun()).stream())
                .findFirst();
    }

    /** The unit volume that is in the pool as that LUN. */
    private Optional<UnitVolume> inPool(AgentUnits.Known known, int lun) {
        String name = known.linked == null ? "" : known.linked.name();
        PoolState now = pool.get();
        return now.unitVolumes().values().stream()
                .filter(volume -> volume.unit().equals(name)
                        && volume.lun() == lun
                        && now.attached().contains(volume.label()))
                .findFirst();
    }

    private void ask(String volume, Ask ask) {
        AgentUnits.Known known = agents.linked(ask.unit()).orElse(null);
        UnitView view = known == null ? null : known.view;
        AutoConfiguration station = agents.station().orElse(null);
        if (known == null || view == null || view.storage() == null || station == null) {
            return;
        }
        CommandHeader header =
                new CommandHeader(UUID.randomUUID(), 1, 1, view.storage().generation());
        Message.Command command = switch (ask) {
            case Ask.Create create -> new Message.VolumeCreate(header, UUID.randomUUID(), create.sizeBytes(), true);
            case Ask.Extend extend -> extension(known, view.storage(), extend, header);
        };
        if (command == null) {
            return;
        }
        UUID made = command instanceof Message.VolumeCreate create
                ? create.volume()
                : ((Message.VolumeExtend) command).volume();
        long sizeBytes = ask instanceof Ask.Create create ? create.sizeBytes() : ((Ask.Extend) ask).toBytes();
        asked.put(header.requestId(), new Asked(known, made, sizeBytes));
        events.info(
                known.subject(),
                (ask instanceof Ask.Create ? "asked for a volume of " : "asked to extend a volume to ")
                        + Sizes.show(sizeBytes) + ", for volume " + volume);
        station.submit(known.uuid, command);
    }

    private Message.@Nullable Command extension(
            AgentUnits.Known known, UnitView.Storage storage, Ask.Extend extend, CommandHeader header) {
        return storage.volumes().values().stream()
                .filter(volume -> inPool(known, volume.lun())
                        .filter(unitVolume -> unitVolume.label().equals(extend.label()))
                        .isPresent())
                .findFirst()
                .map(volume -> new Message.VolumeExtend(header, volume.uuid(), extend.toBytes()))
                .orElse(null);
    }

    private void forgetArrived() {
        long now = System.nanoTime();
        asked.values().removeIf(each -> each.doneNanos != 0 && (arrived(each) || now - each.doneNanos > ARRIVAL_NANOS));
    }

    private boolean arrived(Asked each) {
        UnitView view = each.unit.view;
        StoredVolume volume = view == null || view.storage() == null
                ? null
                : view.storage().volumes().get(each.volume);
        return volume != null
                && inPool(each.unit, volume.lun())
                        .filter(unitVolume -> unitVolume.sizeBytes() >= each.sizeBytes)
                        .isPresent();
    }

    @Override
    public void changed(UnitView unit) {
        if (unit.admission() == Admission.ADOPTED && unit.storage() != null) {
            poolChanged.run();
        }
    }

    @Override
    public void answered(UUID unit, Message.Result result) {
        Asked it = asked.get(result.requestId());
        if (it == null) {
            return;
        }
        if (result.outcome() == Outcome.DONE) {
            // 0 means that it is not done.
            it.doneNanos = Math.max(1, System.nanoTime());
            later(ARRIVAL_NANOS);
            return;
        }
        asked.remove(result.requestId());
        switch (result.outcome()) {
            case STALE_EPOCH, STALE_NUMBER, OTHER_GENERATION ->
                agents.station().ifPresent(station -> station.enquire(unit));
            default -> {
                pause(unit);
                events.warning(
                        it.unit.subject(), "does not make " + Sizes.show(it.sizeBytes) + ": " + result.explanation());
            }
        }
        poolChanged.run();
    }

    private void pause(UUID unit) {
        pausedNanos.put(unit, System.nanoTime() + PAUSE_NANOS);
        later(PAUSE_NANOS);
    }

    private void later(long nanos) {
        if (!control.isShutdown()) {
            var _ = control.schedule(poolChanged, nanos + 1, TimeUnit.NANOSECONDS);
        }
    }

    @Override
    public void unanswered(UUID unit, UUID requestId) {
        Asked it = asked.remove(requestId);
        if (it != null) {
            pause(unit);
            events.warning(it.unit.subject(), "does not answer whether it makes " + Sizes.show(it.sizeBytes));
            poolChanged.run();
        }
    }
}
