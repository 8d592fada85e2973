package dev.sanway.control;

import dev.sanway.autoconfig.Message;
import dev.sanway.autoconfig.Message.Admission;
import dev.sanway.autoconfig.Message.StoredPartition;
import dev.sanway.autoconfig.Message.StoredVolume;
import dev.sanway.autoconfig.UnitView;
import dev.sanway.metadata.AgentPartition;
import dev.sanway.metadata.Catalog;
import dev.sanway.metadata.VolumeRecord;
import dev.sanway.pool.ClosedUnits;
import dev.sanway.pool.ClosedUnits.Reason;
import dev.sanway.pool.Partition;
import dev.sanway.pool.PartitionState;
import dev.sanway.pool.PoolState;
import dev.sanway.pool.UnitVolume;
import dev.sanway.volume.Assignments;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;

/**
 * Holds the tables that units tell against the store. What a unit forgot, has otherwise, or has and the store does not, is reported;
 * it is never overwritten, and the unit is given nothing new until it agrees again. Partitions that were assigned before the unit had
 * an agent are told to it.
 *
 * <p>Confined to the control executor.
 */
final class TableAudit implements AutoConfiguration.Listener {

    private final Catalog catalog;
    private final Assignments assignments;
    private final AgentUnits agents;
    private final AgentTables tables;
    private final Standings standings;
    private final Executor control;
    private final Events events;
    private final Set<UUID> telling = new HashSet<>();

    TableAudit(
            Catalog catalog,
            Assignments assignments,
            AgentUnits agents,
            AgentTables tables,
            Standings standings,
            Executor control,
            Events events) {
        this.catalog = catalog;
        this.assignments = assignments;
        this.agents = agents;
        this.tables = tables;
        this.standings = standings;
        this.control = control;
        this.events = events;
    }

    @Override
    public void changed(UnitView view) {
        agents.all().stream()
                .filter(known -> known.uuid.equals(view.unit()))
                .findFirst()
                .ifPresent(this::audit);
        close();
    }

    /** Who disagrees, or whose agent is not heard and so could not be told, or of whom an operator says so, is given nothing new. */
    void close() {
        Map<String, Reason> closed = new HashMap<>();
        for (AgentUnits.Known known : agents.all()) {
            UnitView view = known.view;
            boolean heard = view != null && view.status() == UnitView.Status.ONLINE && view.storage() != null;
            if (known.linked != null && (!heard || known.disagreement != null)) {
                closed.put(known.linked.name(), heard ? Reason.DISAGREES : Reason.SILENT);
            }
        }
        standings.byName().forEach((unit, standing) -> {
            switch (standing) {
                case MAINTENANCE -> closed.put(unit, Reason.MAINTENANCE);
                case DRAINING -> closed.put(unit, Reason.DRAINING);
                case NONE -> {}
            }
        });
        assignments.closeTo(new ClosedUnits(closed, Set.of()));
    }

    private void audit(AgentUnits.Known known) {
        UnitView view = known.view;
        if (view == null || view.storage() == null || known.linked == null || known.admission != Admission.ADOPTED) {
            return;
        }
        List<Partition> untold = new ArrayList<>();
        Optional<String> disagreement = compare(known, view.storage(), untold);
        if (disagreement.isPresent() && !disagreement.get().equals(known.disagreement)) {
            events.warning(known.subject(), disagreement.get() + "; nothing was changed, and it is given nothing new");
        } else if (disagreement.isEmpty() && known.disagreement != null) {
            events.info(known.subject(), "its table agrees with the gateway's again");
        }
        known.disagreement = disagreement.orElse(null);
        if (disagreement.isEmpty() && !untold.isEmpty() && telling.add(known.uuid)) {
            tables.assign(untold).whenComplete((_, failure) -> {
                telling.remove(known.uuid);
                if (failure != null) {
                    events.warning(known.subject(), "was not told of all its partitions: " + failure.getMessage());
                }
            });
        }
    }

    /**
     * What a unit's table and the store do not agree on, or nothing.
     *
     * @param untold gets the partitions of which the unit was never told
     */
    private Optional<String> compare(AgentUnits.Known known, UnitView.Storage storage, List<Partition> untold) {
        String name = java.util.Objects.requireNonNull(known.linked).name();
        PoolState pool = assignments.pool();
        for (StoredVolume volume : storage.volumes().values()) {
            for (Partition partition : kept(pool, name, volume.lun())) {
                StoredPartition there = storage.partitions().get(partition.uuid());
                Optional<AgentPartition> told =
                        catalog.one(AgentPartition.KIND, partition.uuid().toString());
                if (there != null && !tables.same(there, volume.uuid(), partition)) {
                    return Optional.of("its table has partition " + partition.uuid() + " of " + volumeName(partition)
                            + " at another place or for another volume");
                }
                if (partition.state() != PartitionState.ASSIGNED) {
                    continue;
                }
                if (told.isEmpty()) {
                    untold.add(partition);
                } else if (there == null) {
                    return Optional.of("its table has forgotten partition " + partition.uuid() + " of "
                            + volumeName(partition)
                            + (": was its directory set back? To have it told anew: " + "sanway unit adopt " + name));
                } else if (there.generation() != told.get().generation()) {
                    return Optional.of("its table has partition " + partition.uuid() + " of " + volumeName(partition)
                            + " in generation " + there.generation() + ", not "
                            + told.get().generation()
                            + (": was its directory set back? To take that for right: " + "sanway unit adopt " + name));
                }
            }
        }
        for (StoredPartition there : storage.partitions().values()) {
            if (!there.owner().pool().equals(catalog.self().pool())) {
                return Optional.of("its table has partition " + there.uuid() + " of another pool, "
                        + there.owner().pool());
            }
            if (!pool.partitions().containsKey(there.uuid())) {
                return Optional.of("its table has partition " + there.uuid() + " of volume "
                        + there.owner().virtualVolume() + ", of which this gateway's store knows nothing");
            }
        }
        return Optional.empty();
    }

    /**
     * An operator says that a unit is to be told again what the store has, and that the generations that it then gives are the right
     * ones. What contradicts the store stays as it is.
     */
    CompletableFuture<Void> tellAnew(AgentUnits.Known known) {
        if (known.disagreement == null || known.linked == null) {
            return CompletableFuture.completedFuture(null);
        }
        Catalog.Batch batch = new Catalog.Batch();
        PoolState pool = assignments.pool();
        for (UnitVolume volume : pool.unitVolumes().values()) {
            if (volume.unit().equals(known.linked.name())) {
                pool.keptOn(volume.label())
                        .forEach(partition -> batch.remove(
                                AgentPartition.KIND, partition.uuid().toString()));
            }
        }
        return catalog.commit(batch)
                .thenRunAsync(
                        () -> {
                            audit(known);
                            close();
                        },
                        control);
    }

    private static List<Partition> kept(PoolState pool, String unit, int lun) {
        return pool.unitVolumes().values().stream()
                .filter(volume -> volume.unit().equals(unit) && volume.lun() == lun)
                .filter(volume -> pool.attached().contains(volume.label()))
                .flatMap(volume -> pool.keptOn(volume.label()).stream())
                .toList();
    }

    private String volumeName(Partition partition) {
        return Optional.ofNullable(partition.owner())
                .flatMap(owner -> catalog.volume(owner.volume()))
                .map(VolumeRecord::name)
                .orElse("a volume");
    }

    @Override
    public void answered(UUID unit, Message.Result result) {}

    @Override
    public void unanswered(UUID unit, UUID requestId) {}
}
