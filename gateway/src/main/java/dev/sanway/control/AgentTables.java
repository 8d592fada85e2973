package dev.sanway.control;

import dev.sanway.autoconfig.Message;
import dev.sanway.autoconfig.Message.Admission;
import dev.sanway.autoconfig.Message.CommandHeader;
import dev.sanway.autoconfig.Message.Owner;
import dev.sanway.autoconfig.Message.StoredPartition;
import dev.sanway.autoconfig.Message.StoredVolume;
import dev.sanway.autoconfig.UnitView;
import dev.sanway.metadata.AgentPartition;
import dev.sanway.metadata.Catalog;
import dev.sanway.pool.Partition;
import dev.sanway.pool.PartitionState;
import dev.sanway.pool.UnitVolume;
import dev.sanway.volume.UnitTables;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Partitions in the tables of units with an agent. One job at a time at each unit; each is held against the table as the unit told
 * it last, and is done when the unit tells a table in which it is done. So a command whose answer was lost, or that an earlier run
 * gave, does no harm: the generation that a command expects is the one of the table that was looked at.
 *
 * <p>Confined to the control executor.
 */
final class AgentTables implements UnitTables, AutoConfiguration.Listener {

    private static final int MAX_ATTEMPTS = 8;
    private static final int MAX_PARTITIONS = 64;

    /** Whoever waits asks again; a unit that is silent for so long is as good as away. */
    private static final int PATIENCE_SECONDS = 40;

    /** What is to become of partitions of one unit's volume. */
    private static final class Job {
        final AgentUnits.Known unit;
        final UUID volume;
        final List<Partition> partitions;
        final boolean assign;
        final CompletableFuture<Void> done = new CompletableFuture<>();
        int attempts;

        @Nullable
        UUID requestId;

        Job(AgentUnits.Known unit, UUID volume, List<Partition> partitions, boolean assign) {
            this.unit = unit;
            this.volume = volume;
            this.partitions = List.copyOf(partitions);
            this.assign = assign;
        }
    }

    private final Catalog catalog;
    private final AgentUnits agents;
    private final ScheduledExecutorService control;
    private final Map<UUID, Deque<Job>> jobs = new HashMap<>();
    /** The revision that a unit's next table has at least. */
    private final Map<UUID, Long> awaited = new HashMap<>();

    AgentTables(Catalog catalog, AgentUnits agents, ScheduledExecutorService control) {
        this.catalog = catalog;
        this.agents = agents;
        this.control = control;
    }

    @Override
    public CompletableFuture<Void> assign(List<Partition> partitions) {
        return begin(partitions, true);
    }

    @Override
    public CompletableFuture<Void> release(List<Partition> partitions) {
        return begin(partitions, false);
    }

    private CompletableFuture<Void> begin(List<Partition> partitions, boolean assign) {
        Map<UUID, List<Partition>> byVolume = new LinkedHashMap<>();
        Map<UUID, AgentUnits.Known> unitOf = new HashMap<>();
        for (Partition partition : partitions) {
            UnitVolume on =
                    catalog.unitVolume(partition.unitVolume()).orElseThrow().unitVolume();
            Optional<AgentUnits.Known> known = agents.linked(on.unit());
            if (known.isEmpty()) {
                continue;
            }
            Optional<StoredVolume> stored = volume(known.get(), (int) on.lun());
            if (stored.isEmpty()) {
                return CompletableFuture.failedFuture(new IllegalStateException(
                        "the agent of unit " + on.unit() + " has not told what it stores yet"));
            }
            unitOf.put(stored.get().uuid(), known.get());
            byVolume.computeIfAbsent(stored.get().uuid(), _ -> new ArrayList<>())
                    .add(partition);
        }
        List<CompletableFuture<Void>> all = new ArrayList<>();
        byVolume.forEach(
                (volume, those) -> all.add(queue(Objects.requireNonNull(unitOf.get(volume)), volume, those, assign)));
        return CompletableFuture.allOf(all.toArray(new CompletableFuture<?>[0]));
    }

    private CompletableFuture<Void> queue(
            AgentUnits.Known unit, UUID volume, List<Partition> partitions, boolean assign) {
        List<CompletableFuture<Void>> all = new ArrayList<>();
        for (int from = 0; from < partitions.size(); from += MAX_PARTITIONS) {
            Job job = new Job(
                    unit, volume, partitions.subList(from, Math.min(partitions.size(), from + MAX_PARTITIONS)), assign);
            all.add(job.done);
            queue(job);
        }
        return CompletableFuture.allOf(all.toArray(new CompletableFuture<?>[0]));
    }

    /** Takes out of a unit's table what it has for this pool on a LUN, and the store has not: that LUN was given up as lost. */
    CompletableFuture<Void> releaseLost(AgentUnits.Known unit, int lun, UUID label) {
        Optional<StoredVolume> stored = volume(unit, lun);
        UnitView view = unit.view;
        if (stored.isEmpty() || view == null || view.storage() == null) {
            return CompletableFuture.failedFuture(
                    new IllegalStateException("the agent of unit " + unit.name + " has not told what it stores yet"));
        }
        UUID volume = stored.get().uuid();
        List<Partition> lost = new ArrayList<>();
        for (StoredPartition there : view.storage().partitions().values()) {
            if (there.volume().equals(volume)
                    && there.owner().pool().equals(catalog.self().pool())
                    && catalog.partition(there.uuid()).isEmpty()) {
                lost.add(new Partition(
                        there.uuid(),
                        label,
                        there.startBytes(),
                        there.lengthBytes(),
                        PartitionState.RELEASED,
                        new Partition.PartitionOwner(
                                there.owner().virtualVolume(), there.owner().role()),
                        there.generation()));
            }
        }
        return queue(unit, volume, lost, false);
    }

    private static Optional<StoredVolume> volume(AgentUnits.Known unit, int lun) {
        UnitView view = unit.view;
        return view == null || view.storage() == null
                ? Optional.empty()
                : view.storage().volumes().values().stream()
                        .filter(volume -> volume.lun() == lun)
                        .findFirst();
    }

    private void queue(Job job) {
        jobs.computeIfAbsent(job.unit.uuid, _ -> new ArrayDeque<>()).add(job);
        var _ = control.schedule(
                () -> {
                    awaited.remove(job.unit.uuid);
                    fail(job, "the agent of unit " + job.unit.name + " does not answer");
                },
                PATIENCE_SECONDS,
                TimeUnit.SECONDS);
        advance(job.unit.uuid);
    }

    private void end(Job job) {
        Deque<Job> queue = jobs.get(job.unit.uuid);
        if (queue != null) {
            queue.remove(job);
        }
    }

    private void fail(Job job, String why) {
        if (!job.done.isDone()) {
            end(job);
            job.done.completeExceptionally(new IllegalStateException(why));
            advance(job.unit.uuid);
        }
    }

    /** Does what the first job of a unit needs next, if nothing is under way there. */
    private void advance(UUID unit) {
        Deque<Job> queue = jobs.getOrDefault(unit, new ArrayDeque<>());
        Job job = queue.peek();
        if (job == null || job.requestId != null) {
            return;
        }
        UnitView view = job.unit.view;
        AutoConfiguration station = agents.station().orElse(null);
        if (job.unit.admission != Admission.ADOPTED
                || view == null
                || view.storage() == null
                || view.status() != UnitView.Status.ONLINE
                || station == null) {
            fail(job, "the agent of unit " + job.unit.name + " is not heard");
            return;
        }
        UnitView.Storage storage = view.storage();
        if (storage.revision() < awaited.getOrDefault(unit, 0L)) {
            return;
        }
        List<Partition> left = new ArrayList<>();
        for (Partition partition : job.partitions) {
            Optional<String> objection = objection(job, storage, partition);
            if (objection.isPresent()) {
                fail(job, objection.get());
                return;
            }
            if (job.assign != storage.partitions().containsKey(partition.uuid())) {
                left.add(partition);
            }
        }
        if (left.isEmpty()) {
            // It is done when it stands in the store how the unit has it.
            remember(job, storage);
        } else if (job.attempts++ >= MAX_ATTEMPTS) {
            fail(job, "the table of unit " + job.unit.name + " changes all the time");
        } else {
            job.requestId = UUID.randomUUID();
            station.submit(unit, command(job, storage, left, job.requestId));
        }
    }

    private Message.Command command(Job job, UnitView.Storage storage, List<Partition> left, UUID requestId) {
        CommandHeader header = new CommandHeader(requestId, 1, 1, storage.generation());
        return job.assign
                ? new Message.PartitionAssign(
                        header,
                        job.volume,
                        left.stream()
                                .map(partition -> new Message.Assignment(
                                        partition.uuid(),
                                        partition.startBytes(),
                                        partition.lengthBytes(),
                                        owner(partition)))
                                .toList())
                : new Message.PartitionRelease(
                        header,
                        left.stream()
                                .map(partition -> new Message.Release(
                                        partition.uuid(),
                                        Objects.requireNonNull(
                                                        storage.partitions().get(partition.uuid()))
                                                .generation()))
                                .toList());
    }

    private Owner owner(Partition partition) {
        Partition.PartitionOwner owner = Objects.requireNonNull(partition.owner());
        return new Owner(catalog.self().pool(), owner.volume(), owner.index());
    }

    /** Why a table must not be changed for a partition: it has it otherwise, or somebody else there. */
    private Optional<String> objection(Job job, UnitView.Storage storage, Partition partition) {
        StoredPartition there = storage.partitions().get(partition.uuid());
        if (there != null) {
            return same(there, job.volume, partition)
                    ? Optional.empty()
                    : Optional.of("unit " + job.unit.name + " has partition " + partition.uuid()
                            + " at another place or for another volume; it is left as it is");
        }
        if (!job.assign) {
            return Optional.empty();
        }
        return storage.partitions().values().stream()
                .filter(other -> other.volume().equals(job.volume)
                        && other.startBytes() < partition.endBytes()
                        && partition.startBytes() < other.startBytes() + other.lengthBytes())
                .findFirst()
                .map(other -> "unit " + job.unit.name + " has partition " + other.uuid() + " of volume "
                        + other.owner().virtualVolume() + " in that place; it is left as it is");
    }

    boolean same(StoredPartition there, UUID volume, Partition partition) {
        return there.volume().equals(volume)
                && there.startBytes() == partition.startBytes()
                && there.lengthBytes() == partition.lengthBytes()
                && there.owner().equals(owner(partition));
    }

    private void remember(Job job, UnitView.Storage storage) {
        Catalog.Batch batch = new Catalog.Batch();
        boolean changed = false;
        for (Partition partition : job.partitions) {
            StoredPartition there = storage.partitions().get(partition.uuid());
            if (there != null) {
                AgentPartition now = new AgentPartition(partition.uuid(), job.unit.uuid, there.generation());
                changed |= !catalog.one(AgentPartition.KIND, partition.uuid().toString())
                        .equals(Optional.of(now));
                batch.put(AgentPartition.KIND, partition.uuid().toString(), now);
            } else {
                changed |= catalog.one(AgentPartition.KIND, partition.uuid().toString())
                        .isPresent();
                batch.remove(AgentPartition.KIND, partition.uuid().toString());
            }
        }
        end(job);
        CompletableFuture<Void> stored = changed ? catalog.commit(batch) : CompletableFuture.completedFuture(null);
        stored.whenCompleteAsync(
                (_, failure) -> {
                    if (failure == null) {
                        job.done.complete(null);
                    } else {
                        job.done.completeExceptionally(failure);
                    }
                },
                control);
        advance(job.unit.uuid);
    }

    @Override
    public void changed(UnitView unit) {
        if (unit.storage() != null && unit.storage().revision() >= awaited.getOrDefault(unit.unit(), 0L)) {
            awaited.remove(unit.unit());
        }
        advance(unit.unit());
    }

    private Optional<Job> underWay(UUID unit, UUID requestId) {
        return Optional.ofNullable(jobs.get(unit)).map(Deque::peek).filter(job -> requestId.equals(job.requestId));
    }

    @Override
    public void answered(UUID unit, Message.Result result) {
        underWay(unit, result.requestId()).ifPresent(job -> {
            job.requestId = null;
            switch (result.outcome()) {
                case DONE -> awaited.put(unit, result.revision());
                case STALE_EPOCH, STALE_NUMBER, OTHER_GENERATION -> {
                    awaited.put(unit, result.revision());
                    agents.station().ifPresent(station -> station.enquire(unit));
                }
                case NO_SUCH_VOLUME,
                        NO_SPACE,
                        IN_USE,
                        DECLARED,
                        ALREADY_ASSIGNED,
                        NO_SUCH_PARTITION,
                        INVALID,
                        FAILED -> {
                    fail(job, "unit " + job.unit.name + " refuses: " + result.explanation());
                    return;
                }
            }
            advance(unit);
        });
    }

    /** It may have been carried out all the same: the unit's table will tell. */
    @Override
    public void unanswered(UUID unit, UUID requestId) {
        underWay(unit, requestId).ifPresent(job -> {
            agents.station().ifPresent(station -> station.enquire(unit));
            fail(job, "the agent of unit " + job.unit.name + " does not answer");
        });
    }
}
