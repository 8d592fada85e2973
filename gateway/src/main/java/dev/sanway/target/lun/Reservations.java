package dev.sanway.target.lun;

import dev.sanway.scsi.AdditionalSense;
import dev.sanway.scsi.Opcode;
import dev.sanway.scsi.SenseData;
import dev.sanway.scsi.SenseKey;
import dev.sanway.scsi.StatusCode;
import dev.sanway.target.lun.CommandSpec.Trait;
import dev.sanway.target.lun.PersistentReservations.News;
import dev.sanway.target.lun.PersistentReservations.Request;
import dev.sanway.target.lun.PersistentReservations.Result;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The reservations of one logical unit: RESERVE(6) and persistent ones. Used on the unit's loop.
 *
 * <p>A change that must survive power loss is durable before it takes effect and before its status; changes wait for one another.
 */
final class Reservations {
    private static final Logger LOG = LoggerFactory.getLogger(Reservations.class);
    private static final long LOAD_RETRY_MILLIS = 1000;

    /** Bound on registrations: PERSISTENT RESERVE OUT beyond it gets INSUFFICIENT REGISTRATION RESOURCES. */
    static final int MAX_REGISTRATIONS = 4096;

    private final LogicalUnit unit;
    private final @Nullable ReservationStore store;
    private ReservationState state = ReservationState.NONE;
    private @Nullable NexusState reservedBy;
    private boolean saving;
    private final ArrayDeque<Runnable> waiting = new ArrayDeque<>();

    Reservations(LogicalUnit unit, @Nullable ReservationStore store) {
        this.unit = unit;
        this.store = store;
        if (store != null) {
            // Before anybody can send a command: what is reserved must be known first.
            unit.taskSet().hold();
        }
    }

    ReservationState state() {
        return state;
    }

    /** Whether APTPL can be had (PTPL_C). */
    boolean persistsThroughPowerLoss() {
        return store != null;
    }

    /** Asks the store what was saved; the task set is held until it is known. Once, on the loop. */
    void load() {
        if (store != null) {
            ask(store);
        }
    }

    private void ask(ReservationStore from) {
        from.load(unit.config().uuid())
                .whenComplete((saved, failure) -> unit.execute(() -> {
                    if (failure != null) {
                        askAgain(from, failure);
                        return;
                    }
                    try {
                        state = saved.map(ReservationState::decode)
                                .orElse(ReservationState.NONE)
                                .afterPowerLoss();
                    } catch (IllegalArgumentException damaged) {
                        askAgain(from, damaged);
                        return;
                    }
                    unit.taskSet().release();
                }));
    }

    /** Serving without knowing who holds the unit would let others write: commands wait, and the log says why. */
    private void askAgain(ReservationStore from, Throwable failure) {
        LOG.error("{}: persistent reservations cannot be loaded; trying again", unit, failure);
        unit.executor().schedule(() -> ask(from), LOAD_RETRY_MILLIS, TimeUnit.MILLISECONDS);
    }

    void nexusLost(NexusState nexus) {
        if (reservedBy == nexus) {
            reservedBy = null;
        }
    }

    void unitReset() {
        reservedBy = null;
    }

    /** Whether a command must end with RESERVATION CONFLICT. */
    boolean conflicts(Task task, CommandSpec spec) {
        if (reservedBy != null && reservedBy != task.nexus() && !spec.has(Trait.DESPITE_RESERVE_6)) {
            return !mayRunReserved(task, spec);
        }
        return state.held() != null
                && state.conflicts(task.command().nexus(), spec.reserved())
                && !mayRunReserved(task, spec);
    }

    /** Commands whose class depends on a field: starting, and allowing removal, harm nobody (SPC-4 table 65, SBC-3 table 12). */
    private static boolean mayRunReserved(Task task, CommandSpec spec) {
        byte[] cdb = task.cdb();
        return switch (spec.opcode()) {
            case Opcode.START_STOP_UNIT -> (cdb[4] & 0xF1) == 0x01;
            case Opcode.PREVENT_ALLOW_MEDIUM_REMOVAL -> (cdb[4] & 0x03) == 0;
            default -> false;
        };
    }

    // ---- RESERVE(6), RELEASE(6) (SPC-2 7.20, 7.16; with persistent ones: SPC-4 5.12.3)

    void reserve(Task task) {
        Nexus nexus = task.command().nexus();
        if (!state.registrations().isEmpty()) {
            // CRH: a registrant whose access the reservation allows is told GOOD, and nothing happens.
            task.status(state.isRegistered(nexus) && grants(nexus) ? StatusCode.GOOD : StatusCode.RESERVATION_CONFLICT);
            return;
        }
        reservedBy = task.nexus();
        task.good();
    }

    void release(Task task) {
        if (!state.registrations().isEmpty()) {
            Nexus nexus = task.command().nexus();
            task.status(state.isRegistered(nexus) && grants(nexus) ? StatusCode.GOOD : StatusCode.RESERVATION_CONFLICT);
            return;
        }
        if (reservedBy == task.nexus()) {
            reservedBy = null;
        }
        task.good();
    }

    private boolean grants(Nexus nexus) {
        ReservationState.Held held = state.held();
        return held != null && (state.isHolder(nexus) || held.type().registrantsMayAccess());
    }

    // ---- PERSISTENT RESERVE OUT

    /** Carries a decoded request out and ends the task. */
    void change(Task task, Request request) {
        if (saving) {
            task.beginWait();
            waiting.add(() -> task.finishWait(() -> change(task, request), () -> {}));
            return;
        }
        switch (PersistentReservations.step(state, task.command().nexus(), request)) {
            case Result.Conflict _ -> task.status(StatusCode.RESERVATION_CONFLICT);
            case Result.Refused refused -> task.check(refused.sense());
            case Result.Accepted accepted -> {
                if (accepted.state().registrations().size() > MAX_REGISTRATIONS) {
                    task.illegal(AdditionalSense.INSUFFICIENT_REGISTRATION_RESOURCES);
                } else {
                    commit(task, accepted);
                }
            }
        }
    }

    private void commit(Task task, Result.Accepted accepted) {
        // What was saved once must be taken back durably, too.
        boolean durable = accepted.state().throughPowerLoss() || state.throughPowerLoss();
        if (store == null || !durable || accepted.state().equals(state)) {
            apply(task, accepted);
            return;
        }
        saving = true;
        task.beginWait();
        store.save(unit.config().uuid(), accepted.state().encode())
                .whenComplete((_, failure) -> unit.execute(() -> saved(task, accepted, failure)));
    }

    private void saved(Task task, Result.Accepted accepted, @Nullable Throwable failure) {
        saving = false;
        if (failure == null) {
            // Durable is durable: an abort meanwhile stops the answer, not the change.
            task.finishWait(() -> apply(task, accepted), () -> take(accepted));
        } else {
            LOG.error("{}: persistent reservations cannot be saved; the request is refused", unit, failure);
            task.finishWait(
                    () -> task.check(SenseData.of(SenseKey.HARDWARE_ERROR, AdditionalSense.INTERNAL_TARGET_FAILURE)),
                    () -> {});
        }
        List<Runnable> next = new ArrayList<>(waiting);
        waiting.clear();
        next.forEach(Runnable::run);
    }

    private void take(Result.Accepted accepted) {
        state = accepted.state();
        for (News news : accepted.news()) {
            NexusState nexus = unit.find(news.nexus());
            if (nexus != null) {
                nexus.attentions.establish(news.condition());
            }
        }
    }

    private void apply(Task task, Result.Accepted accepted) {
        take(accepted);
        if (accepted.aborted().isEmpty()) {
            task.good();
            return;
        }
        // The preempted tasks end before PREEMPT AND ABORT does (SPC-4 5.12.11.5).
        task.beginWait();
        unit.abort(
                other -> other != task
                        && accepted.aborted().contains(other.command().nexus()),
                task.nexus(),
                PREEMPT_DEADLINE_MILLIS,
                ended -> task.finishWait(
                        () -> {
                            if (ended) {
                                task.good();
                            } else {
                                task.check(
                                        SenseData.of(SenseKey.HARDWARE_ERROR, AdditionalSense.INTERNAL_TARGET_FAILURE));
                            }
                        },
                        () -> {}));
    }

    /** How long PREEMPT AND ABORT waits for what it aborts; the blocks concerned stay fenced after that. */
    private static final long PREEMPT_DEADLINE_MILLIS = 22_000;
}
