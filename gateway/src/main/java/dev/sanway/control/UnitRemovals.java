package dev.sanway.control;

import dev.sanway.autoconfig.Message;
import dev.sanway.autoconfig.Message.Admission;
import dev.sanway.autoconfig.Message.CommandHeader;
import dev.sanway.autoconfig.Message.StoredVolume;
import dev.sanway.autoconfig.UnitView;
import dev.sanway.metadata.AgentPlace;
import dev.sanway.metadata.Catalog;
import dev.sanway.metadata.UnitRemoval;
import dev.sanway.metadata.UnitStandingRecord;
import dev.sanway.volume.Withdrawals;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Takes units with an agent, on which nothing lies, out of the pool.
 *
 * <pre>
 *   begun: closed to new partitions, durably
 *     │ labels erased, LUN by LUN
 *     ▼
 *   unlabelled: store knows its LUNs no more, durably; logged out of, and not linked any more
 *     │ VOLUME-DELETE of each volume that was made on request
 *     ▼
 *   pending, durably; adopted again only by an operator
 * </pre>
 *
 * One that is lost is unlabelled by the commit that gives up what lies on it, and nothing of it is deleted: {@link #lose}.
 *
 * <p>Each step may be done again: a process that is killed goes on where the store says, once the unit is there. Confined to the control
 * executor.
 */
final class UnitRemovals implements AutoConfiguration.Listener {

    /** What a unit that was removed is pending for. */
    static final String REASON = "removed from the pool by an operator";

    /** The same of one that was given up as lost. */
    static final String LOST_REASON =
            "given up as lost; once adopted, each of its LUNs takes \"unit adopt --lun N --erase\"";

    private static final int RETRY_SECONDS = 5;

    /** One that is under way. */
    private static final class Going {
        final AgentUnits.Known known;
        final CompletableFuture<Void> done = new CompletableFuture<>();
        UnitRemoval record;
        /** Something was begun whose end is not known yet. */
        boolean working;

        @Nullable
        UUID asked;
        /** The unit's table has this revision at least before anything else is asked. */
        long awaitedRevision;

        Going(AgentUnits.Known known, UnitRemoval record) {
            this.known = known;
            this.record = record;
        }
    }

    private final Catalog catalog;
    private final AgentUnits agents;
    private final Withdrawals withdrawals;
    private final Runnable close;
    private final ScheduledExecutorService control;
    private final Events events;
    private final Map<UUID, Going> going = new LinkedHashMap<>();

    /** {@code close}: closes units that are being removed to new partitions. */
    UnitRemovals(
            Catalog catalog,
            AgentUnits agents,
            Withdrawals withdrawals,
            Runnable close,
            ScheduledExecutorService control,
            Events events) {
        this.catalog = catalog;
        this.agents = agents;
        this.withdrawals = withdrawals;
        this.close = close;
        this.control = control;
        this.events = events;
        for (UnitRemoval record : catalog.all(UnitRemoval.KIND)) {
            agents.known(record.unit()).ifPresent(known -> {
                known.removing = "it goes on once the unit is there";
                known.unlinkable = record.unlabelled();
                going.put(record.unit(), new Going(known, record));
            });
        }
    }

    /**
     * Begins, or goes on with what was begun; nothing lies on the unit.
     *
     * @return completes when the unit is out of the pool
     */
    CompletableFuture<Void> begin(AgentUnits.Known known, boolean force) {
        Going before = going.get(known.uuid);
        return before == null ? begun(known, force) : again(before, force);
    }

    private CompletableFuture<Void> begun(AgentUnits.Known known, boolean force) {
        String name = known.linked == null ? known.name : known.linked.name();
        Going it = new Going(known, new UnitRemoval(known.uuid, name, false, force, false));
        going.put(known.uuid, it);
        known.removing = "begun";
        // In the same turn in which it was found to be empty.
        close.run();
        it.working = true;
        keep(it.record)
                .whenCompleteAsync(
                        (_, failure) -> {
                            it.working = false;
                            if (failure == null) {
                                events.info(known.subject(), "is being removed from the pool");
                                advance(it);
                            } else {
                                forget(it);
                                it.done.completeExceptionally(failure);
                            }
                        },
                        control);
        return it.done;
    }

    /** Asked for once more, perhaps with more force. */
    private CompletableFuture<Void> again(Going it, boolean force) {
        if (!force || it.record.force()) {
            advance(it);
            return it.done;
        }
        it.record = it.record.byForce();
        return keep(it.record)
                .thenComposeAsync(
                        _ -> {
                            advance(it);
                            return it.done;
                        },
                        control);
    }

    /**
     * Takes a unit that is gone for good out of the pool, with what lies on it.
     *
     * @param giveUp gives that up, and makes a batch durable together with it
     * @return completes when it is out of the pool
     */
    CompletableFuture<Void> lose(AgentUnits.Known known, Function<Catalog.Batch, CompletableFuture<Void>> giveUp) {
        String name = known.linked == null ? known.name : known.linked.name();
        Going before = going.get(known.uuid);
        String said = known.removing;
        Going it = before == null ? new Going(known, new UnitRemoval(known.uuid, name, false, true, true)) : before;
        UnitRemoval then = new UnitRemoval(known.uuid, it.record.name(), true, true, true);
        going.put(known.uuid, it);
        it.working = true;
        waits(it, "what lies on it is given up");
        close.run();
        String unit = known.uuid.toString();
        return giveUp.apply(new Catalog.Batch().remove(AgentPlace.KIND, unit).put(UnitRemoval.KIND, unit, then))
                .whenCompleteAsync(
                        (_, failure) -> {
                            if (failure == null) {
                                it.record = then;
                                it.asked = null;
                                events.warning(known.subject(), "was given up as lost");
                                agents.unlinkForGood(known)
                                        .whenCompleteAsync((_, ending) -> worked(it, ending), control);
                            } else if (before == null) {
                                it.working = false;
                                forget(it);
                            } else {
                                it.working = false;
                                known.removing = said;
                            }
                        },
                        control)
                .thenCompose(_ -> it.done);
    }

    /** Whether a step of a unit's removal is under way. */
    boolean working(AgentUnits.Known known) {
        Going it = going.get(known.uuid);
        return it != null && it.working;
    }

    private CompletableFuture<Void> keep(UnitRemoval record) {
        return catalog.commit(
                new Catalog.Batch().put(UnitRemoval.KIND, record.unit().toString(), record));
    }

    private void forget(Going it) {
        going.remove(it.known.uuid);
        it.known.removing = null;
        it.known.unlinkable = false;
        close.run();
    }

    /** A LUN came, or went. */
    void poolChanged() {
        List.copyOf(going.values()).forEach(this::advance);
    }

    @Override
    public void changed(UnitView unit) {
        Going it = going.get(unit.unit());
        if (it != null) {
            advance(it);
        }
    }

    private void advance(Going it) {
        if (it.working || it.asked != null) {
            return;
        }
        if (!it.record.unlabelled()) {
            unlabel(it);
        } else if (it.known.linked == null && !it.known.leaving) {
            deleteVolumes(it);
        }
    }

    private static void waits(Going it, String what) {
        it.known.removing = what;
    }

    /** Ends a piece of work; a failure is told once, and tried again later. */
    private void worked(Going it, @Nullable Throwable failure) {
        it.working = false;
        if (failure == null) {
            advance(it);
            return;
        }
        Throwable cause = failure.getCause() == null ? failure : failure.getCause();
        String why = "waits: " + cause.getMessage();
        if (!why.equals(it.known.removing)) {
            events.warning(it.known.subject(), "its removal " + why + "; tried again");
        }
        waits(it, why);
        var _ = control.schedule(() -> advance(it), RETRY_SECONDS, TimeUnit.SECONDS);
    }

    private void unlabel(Going it) {
        UnitLink link = it.known.link;
        List<UUID> labels = withdrawals.labelsOf(it.record.name());
        CompletableFuture<Void> erased = CompletableFuture.completedFuture(null);
        if (link != null && link.connected() && link.settled()) {
            waits(it, "its labels are being erased");
            for (UUID label : labels) {
                if (link.serves(label)) {
                    erased = erased.thenComposeAsync(_ -> withdrawals.unlabel(label), control);
                } else {
                    events.warning(
                            it.known.subject(),
                            "its LUN with the label " + label + " is not used, and keeps its label");
                }
            }
        } else if (!it.record.force()) {
            waits(it, "it goes on once the unit is there");
            return;
        }
        it.working = true;
        String unit = it.record.unit().toString();
        erased.thenComposeAsync(
                        _ -> withdrawals.forget(
                                labels,
                                new Catalog.Batch()
                                        .remove(AgentPlace.KIND, unit)
                                        .put(UnitRemoval.KIND, unit, it.record.withoutLabels())),
                        control)
                .thenRunAsync(() -> it.record = it.record.withoutLabels(), control)
                .thenComposeAsync(_ -> agents.unlinkForGood(it.known), control)
                .whenCompleteAsync((_, failure) -> worked(it, failure), control);
    }

    private void deleteVolumes(Going it) {
        UnitView view = it.known.view;
        AutoConfiguration station = agents.station().orElse(null);
        if (station == null) {
            waits(it, "it goes on once auto-configuration is on");
            return;
        }
        if (it.record.lost()) {
            finish(it, station);
            return;
        }
        UnitView.Storage storage = view == null || view.status() != UnitView.Status.ONLINE ? null : view.storage();
        if (storage == null) {
            if (it.record.force()) {
                finish(it, station);
            } else {
                waits(it, "it goes on once the unit is there, to have its volumes deleted");
            }
            return;
        }
        if (storage.revision() < it.awaitedRevision) {
            return;
        }
        Optional<StoredVolume> next = storage.volumes().values().stream()
                .filter(volume -> !volume.declared())
                .min(Comparator.comparingInt(StoredVolume::lun));
        if (next.isEmpty()) {
            finish(it, station);
            return;
        }
        waits(it, "the volumes that it made on request are being deleted");
        UUID request = UUID.randomUUID();
        it.asked = request;
        station.submit(
                it.known.uuid,
                new Message.VolumeDelete(
                        new CommandHeader(request, 1, 1, storage.generation()),
                        next.get().uuid()));
    }

    @Override
    public void answered(UUID unit, Message.Result result) {
        Going it = going.get(unit);
        if (it == null || !result.requestId().equals(it.asked)) {
            return;
        }
        it.asked = null;
        switch (result.outcome()) {
            case DONE -> {
                it.awaitedRevision = result.revision();
                enquire(unit);
                advance(it);
            }
            case STALE_EPOCH, STALE_NUMBER, OTHER_GENERATION -> enquire(unit);
            case NO_SUCH_VOLUME, NO_SPACE, IN_USE, DECLARED, ALREADY_ASSIGNED, NO_SUCH_PARTITION, INVALID, FAILED ->
                worked(it, new IllegalStateException("the unit refuses to delete a volume: " + result.explanation()));
        }
    }

    private void enquire(UUID unit) {
        agents.station().ifPresent(station -> station.enquire(unit));
    }

    @Override
    public void unanswered(UUID unit, UUID requestId) {
        Going it = going.get(unit);
        if (it != null && requestId.equals(it.asked)) {
            it.asked = null;
            // It may have been done all the same: the unit's table will tell.
            enquire(unit);
            var _ = control.schedule(() -> advance(it), RETRY_SECONDS, TimeUnit.SECONDS);
        }
    }

    private void finish(Going it, AutoConfiguration station) {
        it.working = true;
        waits(it, "almost done");
        station.admit(it.known.uuid, Admission.PENDING, it.record.lost() ? LOST_REASON : REASON)
                .thenComposeAsync(
                        _ -> {
                            Catalog.Batch batch =
                                    new Catalog.Batch().remove(UnitRemoval.KIND, it.known.uuid.toString());
                            said(it.known.uuid).forEach(each -> batch.remove(UnitStandingRecord.KIND, each.key()));
                            return catalog.commit(batch);
                        },
                        control)
                .whenCompleteAsync(
                        (_, failure) -> {
                            if (failure != null) {
                                worked(it, failure);
                                return;
                            }
                            forget(it);
                            events.info(it.known.subject(), "is out of the pool");
                            it.done.complete(null);
                        },
                        control);
    }

    private List<UnitStandingRecord> said(UUID unit) {
        List<UnitStandingRecord> of = new ArrayList<>();
        for (UnitStandingRecord each : catalog.all(UnitStandingRecord.KIND)) {
            if (unit.equals(each.agent())) {
                of.add(each);
            }
        }
        return of;
    }
}
