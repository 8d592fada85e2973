package dev.sanway.target.lun;

import dev.sanway.scsi.AdditionalSense;
import dev.sanway.scsi.ReservationType;
import dev.sanway.scsi.SenseData;
import dev.sanway.scsi.SenseKey;
import dev.sanway.target.lun.ReservationState.Held;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** The rules of PERSISTENT RESERVE OUT (SPC-4 5.12, 6.16) as a pure function of state and request. */
final class PersistentReservations {
    private PersistentReservations() {}

    /** What PERSISTENT RESERVE OUT asks for, decoded. Keys are those of the parameter list. */
    sealed interface Request {
        /** RESERVATION KEY. */
        long key();

        /**
         * REGISTER, or REGISTER AND IGNORE EXISTING KEY if {@code ignoreKey}.
         *
         * @param others further nexuses to register: SPEC_I_PT's and, of the sender, ALL_TG_PT's
         * @param specified whether SPEC_I_PT named some of them
         */
        record Register(
                long key,
                long newKey,
                boolean ignoreKey,
                boolean throughPowerLoss,
                List<Nexus> others,
                boolean specified)
                implements Request {}

        record Reserve(long key, ReservationType type) implements Request {}

        record Release(long key, ReservationType type) implements Request {}

        record Clear(long key) implements Request {}

        /** PREEMPT, or PREEMPT AND ABORT if {@code abort}; {@code type} is null if the CDB's is invalid. */
        record Preempt(long key, long victimKey, @Nullable ReservationType type, boolean abort) implements Request {}

        record RegisterAndMove(long key, long newKey, Nexus destination, boolean unregister, boolean throughPowerLoss)
                implements Request {}
    }

    /** What came of it. */
    sealed interface Result {
        /**
         * GOOD, with the state from now on.
         *
         * @param news unit attentions to establish, in order
         * @param aborted nexuses whose tasks are to be aborted
         */
        record Accepted(ReservationState state, List<News> news, List<Nexus> aborted) implements Result {}

        /** RESERVATION CONFLICT. */
        record Conflict() implements Result {}

        record Refused(SenseData sense) implements Result {}
    }

    record News(Nexus nexus, AdditionalSense condition) {}

    private static final Result CONFLICT = new Result.Conflict();

    static Result step(ReservationState state, Nexus from, Request request) {
        return switch (request) {
            case Request.Register register -> register(state, from, register);
            case Request.Reserve reserve -> rightful(state, from, request) ? reserve(state, from, reserve) : CONFLICT;
            case Request.Release release -> rightful(state, from, request) ? release(state, from, release) : CONFLICT;
            case Request.Clear _ -> rightful(state, from, request) ? clear(state, from) : CONFLICT;
            case Request.Preempt preempt -> rightful(state, from, request) ? preempt(state, from, preempt) : CONFLICT;
            case Request.RegisterAndMove move -> rightful(state, from, request) ? move(state, from, move) : CONFLICT;
        };
    }

    /** Whether the sender is registered under the key that it gives. */
    private static boolean rightful(ReservationState state, Nexus from, Request request) {
        Long registered = state.registrations().get(from);
        return registered != null && registered == request.key();
    }

    private static Result same(ReservationState state) {
        return new Result.Accepted(state, List.of(), List.of());
    }

    // ---- REGISTER, REGISTER AND IGNORE EXISTING KEY (SPC-4 5.12.7)

    private static Result register(ReservationState state, Nexus from, Request.Register request) {
        Long registered = state.registrations().get(from);
        if (!request.ignoreKey() && request.key() != Objects.requireNonNullElse(registered, 0L)) {
            return CONFLICT;
        }
        if (request.specified() && registered != null) {
            return new Result.Refused(SenseData.invalidParameter(20, 3));
        }
        Map<Nexus, Long> registrations = new LinkedHashMap<>(state.registrations());
        if (request.newKey() != 0) {
            registrations.put(from, request.newKey());
            for (Nexus other : request.others()) {
                registrations.put(other, request.newKey());
            }
            return accepted(state, request.throughPowerLoss(), registrations, state.held(), List.of());
        }
        registrations.remove(from);
        boolean released = lastHolderLeaves(state, from, registrations);
        List<News> news = released ? released(state, registrations, from) : List.of();
        return accepted(state, request.throughPowerLoss(), registrations, released ? null : state.held(), news);
    }

    /** Whether the reservation ends because {@code leaving} is not registered any more. */
    private static boolean lastHolderLeaves(ReservationState state, Nexus leaving, Map<Nexus, Long> registrations) {
        Held held = state.held();
        if (held == null) {
            return false;
        }
        return held.holder() == null ? registrations.isEmpty() : held.holder().equals(leaving);
    }

    /** RESERVATIONS RELEASED for the registrants that the reservation let in besides its holder. */
    private static List<News> released(ReservationState state, Map<Nexus, Long> registrations, Nexus except) {
        Held held = state.held();
        if (held == null || !held.type().registrantsMayAccess()) {
            return List.of();
        }
        List<News> news = new ArrayList<>();
        for (Nexus nexus : registrations.keySet()) {
            if (!nexus.equals(except)) {
                news.add(new News(nexus, AdditionalSense.RESERVATIONS_RELEASED));
            }
        }
        return news;
    }

    /** A change that counts: all but RESERVE and RELEASE. */
    private static Result accepted(
            ReservationState state,
            boolean throughPowerLoss,
            Map<Nexus, Long> registrations,
            @Nullable Held held,
            List<News> news) {
        return new Result.Accepted(
                new ReservationState(state.generation() + 1, throughPowerLoss, registrations, held), news, List.of());
    }

    // ---- RESERVE (SPC-4 5.12.9)

    private static Result reserve(ReservationState state, Nexus from, Request.Reserve request) {
        Held held = state.held();
        if (held != null) {
            return state.isHolder(from) && held.type() == request.type() ? same(state) : CONFLICT;
        }
        return new Result.Accepted(
                new ReservationState(
                        state.generation(),
                        state.throughPowerLoss(),
                        state.registrations(),
                        newHeld(request.type(), from)),
                List.of(),
                List.of());
    }

    private static Held newHeld(ReservationType type, Nexus holder) {
        return new Held(type, type.allRegistrants() ? null : holder);
    }

    // ---- RELEASE (SPC-4 5.12.11.2)

    private static Result release(ReservationState state, Nexus from, Request.Release request) {
        Held held = state.held();
        if (held == null || !state.isHolder(from)) {
            return same(state);
        }
        if (held.type() != request.type()) {
            return new Result.Refused(
                    SenseData.of(SenseKey.ILLEGAL_REQUEST, AdditionalSense.INVALID_RELEASE_OF_PERSISTENT_RESERVATION));
        }
        return new Result.Accepted(
                new ReservationState(state.generation(), state.throughPowerLoss(), state.registrations(), null),
                released(state, state.registrations(), from),
                List.of());
    }

    // ---- CLEAR (SPC-4 5.12.11.6)

    private static Result clear(ReservationState state, Nexus from) {
        List<News> news = new ArrayList<>();
        for (Nexus nexus : state.registrations().keySet()) {
            if (!nexus.equals(from)) {
                news.add(new News(nexus, AdditionalSense.RESERVATIONS_PREEMPTED));
            }
        }
        return accepted(state, state.throughPowerLoss(), Map.of(), null, news);
    }

    // ---- PREEMPT, PREEMPT AND ABORT (SPC-4 5.12.11.4, 5.12.11.5)

    private static Result preempt(ReservationState state, Nexus from, Request.Preempt request) {
        Held held = state.held();
        boolean everyRegistrantHolds = held != null && held.holder() == null;
        boolean takesOver;
        if (everyRegistrantHolds) {
            takesOver = request.victimKey() == 0;
        } else if (held != null && held.holder() != null) {
            takesOver = Objects.equals(state.registrations().get(held.holder()), request.victimKey());
        } else {
            takesOver = false;
        }
        if (request.victimKey() == 0 && !everyRegistrantHolds) {
            return new Result.Refused(SenseData.invalidParameter(8, -1));
        }
        ReservationType type = request.type();
        if (takesOver && type == null) {
            return new Result.Refused(SenseData.invalidCdbField(2, 3));
        }
        Map<Nexus, Long> kept = new LinkedHashMap<>();
        List<Nexus> removed = new ArrayList<>();
        boolean matched = false;
        for (Map.Entry<Nexus, Long> registration : state.registrations().entrySet()) {
            boolean victim = (everyRegistrantHolds && request.victimKey() == 0)
                    || registration.getValue() == request.victimKey();
            matched |= victim;
            // Whoever takes the reservation over stays registered. Where nothing is taken over, a key loses its
            // registrations, the sender's own as well (SPC-4 5.12.11.4.3).
            boolean spared = takesOver && registration.getKey().equals(from);
            if (victim && !spared) {
                removed.add(registration.getKey());
            } else {
                kept.put(registration.getKey(), registration.getValue());
            }
        }
        if (!matched) {
            return CONFLICT;
        }
        List<News> news = new ArrayList<>();
        for (Nexus nexus : removed) {
            if (!nexus.equals(from)) {
                news.add(new News(nexus, AdditionalSense.REGISTRATIONS_PREEMPTED));
            }
        }
        // A reservation of all registrants ends with the last of them; another one's holder is none of the removed.
        Held next = kept.isEmpty() ? null : held;
        if (takesOver && type != null) {
            next = newHeld(type, from);
            if (held != null && held.type() != type) {
                // Whoever stays registered learns that the rules are others now.
                kept.keySet().stream()
                        .filter(nexus -> !nexus.equals(from))
                        .forEach(nexus -> news.add(new News(nexus, AdditionalSense.RESERVATIONS_RELEASED)));
            }
        }
        return new Result.Accepted(
                new ReservationState(state.generation() + 1, state.throughPowerLoss(), kept, next),
                news,
                request.abort() ? removed : List.of());
    }

    // ---- REGISTER AND MOVE (SPC-4 5.12.8)

    private static Result move(ReservationState state, Nexus from, Request.RegisterAndMove request) {
        Held held = state.held();
        if (held == null || held.holder() == null || !held.holder().equals(from)) {
            return CONFLICT;
        }
        if (request.newKey() == 0) {
            return new Result.Refused(SenseData.invalidParameter(8, -1));
        }
        if (request.destination().equals(from)) {
            return new Result.Refused(SenseData.invalidParameter(24, -1));
        }
        Map<Nexus, Long> registrations = new LinkedHashMap<>(state.registrations());
        registrations.put(request.destination(), request.newKey());
        if (request.unregister()) {
            registrations.remove(from);
        }
        return accepted(
                state,
                request.throughPowerLoss(),
                registrations,
                new Held(held.type(), request.destination()),
                List.of());
    }
}
