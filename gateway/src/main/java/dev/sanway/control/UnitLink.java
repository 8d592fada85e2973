package dev.sanway.control;

import dev.sanway.block.DeviceEvent;
import dev.sanway.block.Geometry;
import dev.sanway.block.Readiness;
import dev.sanway.config.GatewayConfig;
import dev.sanway.config.Sizes;
import dev.sanway.control.LabelVerifier.Unlabelled;
import dev.sanway.control.Views.UnitView;
import dev.sanway.initiator.LunEvidence;
import dev.sanway.initiator.RemoteLogicalUnit;
import dev.sanway.initiator.SessionState;
import dev.sanway.initiator.UnitSession;
import dev.sanway.initiator.UnitSessionConfig;
import dev.sanway.initiator.UnitSessionListener;
import dev.sanway.iscsi.Isid;
import dev.sanway.metadata.Catalog;
import dev.sanway.metadata.UnitVolumeRecord;
import dev.sanway.pool.UnitVolume;
import dev.sanway.scsi.CommandStatistics;
import dev.sanway.volume.Assignments;
import dev.sanway.volume.Assignments.Admission;
import dev.sanway.volume.LunDirectory;
import io.netty.channel.EventLoop;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One unit: a session to it for each event loop, its LUNs checked by label and brought into the loops' directories.
 *
 * <p>Sessions of earlier runs may still have writes under way at the unit. So each ISID ever used towards it is persisted
 * before its first use, and at start every one of them is logged in with, which ends the session before, until all have been:
 * only then is any LUN looked at, let alone written.
 *
 * <p>Confined to the control executor; sessions live on their loops and are spoken to by message.
 */
final class UnitLink {

    private static final Logger log = LoggerFactory.getLogger(UnitLink.class);

    /** A session, and the devices of its LUNs. */
    private final class Line implements UnitSessionListener {
        private final int index;
        private final EventLoop loop;
        private final UnitSession session;
        private final LunQuestion question;
        private final Map<Integer, RemoteLogicalUnit> devices = new TreeMap<>();
        private final Map<Integer, LabelVerifier> verifiers = new TreeMap<>();
        private final Set<Integer> open = new HashSet<>();
        private SessionState state = new SessionState.Idle();
        private boolean missed;

        Line(int index, EventLoop loop, Isid isid) {
            this.index = index;
            this.loop = loop;
            this.session = new UnitSession(sessionConfig(isid), loop, this);
            this.question = new LunQuestion(session, control, numbers -> found(this, numbers));
        }

        boolean first() {
            return index == 0;
        }

        @Override
        public void stateChanged(SessionState now) {
            control.execute(() -> {
                state = now;
                missed = now instanceof SessionState.Waiting || (missed && !(now instanceof SessionState.Ready));
                if (now instanceof SessionState.Ready) {
                    loggedIn(this);
                }
            });
        }

        @Override
        public void logicalUnitsChanged() {
            control.execute(() -> discover(this));
        }
    }

    private final GatewayConfig config;
    private final GatewayConfig.Unit unit;
    private final LunClaims claims;
    private final Catalog catalog;
    private final Assignments assignments;
    private final Executor control;
    private final List<LunDirectory> directories;
    private final PacedEvents events;
    private final Runnable poolChanged;
    private final List<Line> lines = new ArrayList<>();
    private final Set<Integer> notYetIn = new HashSet<>();
    private final Map<Integer, LinkedLun> luns = new TreeMap<>();
    private final EarlierSessions earlier;
    private final UnitBoots boots;
    private boolean discovered;

    /**
     * @param claims which LUNs are used
     * @param directories one for each loop, in the loops' order
     * @param poolChanged told on the control executor when a LUN has come into the pool
     */
    UnitLink(
            GatewayConfig config,
            GatewayConfig.Unit unit,
            LunClaims claims,
            Catalog catalog,
            Assignments assignments,
            Executor control,
            List<LunDirectory> directories,
            Events events,
            Runnable poolChanged) {
        this.config = config;
        this.unit = unit;
        this.claims = claims;
        this.catalog = catalog;
        this.assignments = assignments;
        this.control = control;
        this.directories = List.copyOf(directories);
        this.events = new PacedEvents(events);
        this.poolChanged = poolChanged;
        this.boots = new UnitBoots(catalog, control);
        this.earlier = new EarlierSessions(
                this::sessionConfig, (EventLoop) directories.getFirst().loop(), control);
    }

    private UnitSessionConfig sessionConfig(Isid isid) {
        return UnitSessions.config(unit, config, isid);
    }

    /** What each session counted, by its number. */
    Map<Integer, CommandStatistics> statistics() {
        Map<Integer, CommandStatistics> all = new TreeMap<>();
        lines.forEach(line -> all.put(line.index, line.session.statistics()));
        return all;
    }

    // ---- start

    void start() {
        Set<String> old = new HashSet<>(catalog.isids(unit.target().value()));
        int sessions = unit.maxSessions() == 0 ? directories.size() : Math.min(unit.maxSessions(), directories.size());
        List<CompletableFuture<Void>> remembered = new ArrayList<>();
        for (int index = 0; index < sessions; index++) {
            Isid isid = UnitSessions.isid(catalog.self().gateway(), index);
            old.remove(isid.toString());
            remembered.add(catalog.rememberIsid(unit.target().value(), isid.toString()));
            lines.add(new Line(index, (EventLoop) directories.get(index).loop(), isid));
            notYetIn.add(index);
        }
        CompletableFuture.allOf(remembered.toArray(new CompletableFuture<?>[0]))
                .whenCompleteAsync(
                        (_, failure) -> {
                            if (failure != null) {
                                log.error(
                                        "unit {}: not used, the state directory cannot be written",
                                        unit.name(),
                                        failure);
                                return;
                            }
                            earlier.end(old, () -> {
                                if (allIn()) {
                                    discoverAll();
                                }
                            });
                            lines.forEach(line -> line.session.start());
                        },
                        control);
    }

    private void loggedIn(Line line) {
        boolean firstTime = notYetIn.remove(line.index);
        if (allIn()) {
            if (firstTime) {
                discoverAll();
            } else {
                discover(line);
            }
        }
    }

    private boolean allIn() {
        return notYetIn.isEmpty() && earlier.ended();
    }

    private void discoverAll() {
        lines.forEach(this::discover);
    }

    // ---- LUNs

    /** What the unit claims has changed. */
    void look() {
        for (Line line : lines) {
            discover(line);
            line.devices.forEach((number, device) -> {
                if (claims.sizeBytes(number) > luns.computeIfAbsent(number, _ -> new LinkedLun()).sizeBytes) {
                    line.loop.execute(device::verifyAgain);
                }
            });
        }
    }

    /** A LUN that is in the pool has another size now. */
    private void resized(Line line, int number, RemoteLogicalUnit device, Geometry geometry) {
        LinkedLun lun = luns.get(number);
        if (lun != null && lun.label != null && line.first() && device.equals(line.devices.get(number))) {
            lun.sizeBytes = geometry.sizeBytes();
            assignments
                    .admit(unit.name(), number, device)
                    .thenAcceptAsync(
                            outcome -> {
                                if (outcome instanceof Admission.Admitted) {
                                    events.info(subject(number), "has " + Sizes.show(geometry.sizeBytes()) + " now");
                                    poolChanged.run();
                                }
                            },
                            control);
        }
    }

    private void discover(Line line) {
        if (allIn()) {
            line.question.ask();
        }
    }

    private void found(Line line, List<Integer> numbers) {
        LunChoice choice = LunChoice.of(numbers, claims, line.verifiers.keySet());
        choice.used().forEach(lun -> openUnlessOpen(line, lun));
        if (choice.leftOut() > 0 && line.first()) {
            events.warning(
                    "unit " + unit.name(),
                    LunChoice.MAX_LUNS + " LUNs are used, and it has " + choice.leftOut()
                            + " more: name those that are to be used in the unit's \"luns\"");
        }
        discovered |= line.first();
        for (int wanted : claims.named()) {
            if (!numbers.contains(wanted) && line.first()) {
                LinkedLun missing = luns.computeIfAbsent(wanted, _ -> new LinkedLun());
                refuse(
                        wanted,
                        missing,
                        new Readiness.Away("the unit has no such LUN; it has " + LunChoice.show(numbers)));
            }
        }
        if (line.first()) {
            poolChanged.run();
        }
    }

    /** All lines look at a LUN at once; what the first one finds decides what it is. */
    private void openUnlessOpen(Line line, int number) {
        if (!line.verifiers.containsKey(number)) {
            open(line, number, line.first() ? Unlabelled.BLANK : Unlabelled.NOTHING);
        }
    }

    private void open(Line line, int number, Unlabelled unlabelled) {
        LinkedLun lun = luns.computeIfAbsent(number, _ -> new LinkedLun());
        LabelVerifier verifier =
                new LabelVerifier(line.loop, catalog.self().pool(), unlabelled, advice(number), claims);
        if (lun.label != null) {
            verifier.expect(lun.label);
        }
        line.verifiers.put(number, verifier);
        line.loop.execute(() -> {
            RemoteLogicalUnit device = line.session.logicalUnit(number, verifier, null, lun.failedFlushes);
            device.addListener(event -> {
                if (event instanceof DeviceEvent.CapacityChanged(Geometry _, Geometry now)) {
                    control.execute(() -> resized(line, number, device, now));
                } else if (event instanceof DeviceEvent.BecameReady) {
                    Geometry geometry = device.geometry();
                    control.execute(() -> opened(line, number, device, geometry));
                } else if (event instanceof DeviceEvent.BecameNotReady(Readiness.Unready why)) {
                    boolean refused = device.availability() instanceof RemoteLogicalUnit.Availability.Refused;
                    boolean disk = device.isDisk();
                    LunEvidence evidence = device.evidence();
                    control.execute(() -> {
                        if (evidence != null) {
                            lun.sizeBytes = evidence.geometry().sizeBytes();
                        }
                        if (disk || claims.named().contains(number)) {
                            notReady(line, number, device, refused, why);
                        } else if (line.first()) {
                            passOver(number);
                        }
                    });
                }
            });
            control.execute(() -> line.devices.put(number, device));
        });
    }

    private String subject(int number) {
        return "unit " + unit.name() + " LUN " + number;
    }

    private LunAdvice advice(int number) {
        return new LunAdvice(unit.name(), number);
    }

    private void notReady(Line line, int number, RemoteLogicalUnit device, boolean refused, Readiness.Unready why) {
        LinkedLun lun = luns.computeIfAbsent(number, _ -> new LinkedLun());
        boolean current = device.equals(line.devices.get(number));
        if (current && line.first() && (refused || lun.label == null)) {
            refuse(number, lun, why);
        }
    }

    /** What is no disk, such as the controller that tgtd has at LUN 0, is nobody's concern. */
    private void passOver(int number) {
        if (luns.remove(number) != null) {
            poolChanged.run();
        }
    }

    /** A LUN was accepted by its verifier on one of the lines. */
    private void opened(Line line, int number, RemoteLogicalUnit device, Geometry geometry) {
        if (!device.equals(line.devices.get(number))) {
            return;
        }
        boolean settledBefore = settled();
        line.open.add(number);
        LinkedLun lun = luns.computeIfAbsent(number, _ -> new LinkedLun());
        lun.sizeBytes = geometry.sizeBytes();
        if (lun.label != null) {
            attach(line, number, lun.label, device);
            if (!settledBefore && settled()) {
                poolChanged.run();
            }
            if (line.first() && lun.refusal != null) {
                lun.refusal = null;
                events.info(subject(number), "the right disk again");
                poolChanged.run();
            }
            return;
        }
        if (!line.first() || lun.admitting) {
            return;
        }
        lun.admitting = true;
        CompletableFuture<Admission> admission = lun.adoption == null
                ? assignments.admit(unit.name(), number, device)
                : assignments.adoptErasing(unit.name(), number, device);
        admission.whenCompleteAsync((outcome, failure) -> admitted(number, lun, outcome, failure), control);
    }

    private void admitted(int number, LinkedLun lun, @Nullable Admission admission, @Nullable Throwable failure) {
        lun.admitting = false;
        switch (admission) {
            case Admission.Admitted(UnitVolume unitVolume) -> {
                lun.label = unitVolume.label();
                lun.refusal = null;
                events.info(subject(number), "in the pool, label " + unitVolume.label());
                refuseFormer(number, lun, "another disk is there now, with label " + unitVolume.label());
                for (Line line : lines) {
                    LabelVerifier verifier = line.verifiers.get(number);
                    RemoteLogicalUnit device = line.devices.get(number);
                    if (verifier != null) {
                        verifier.expect(unitVolume.label());
                    }
                    if (device != null && line.open.contains(number)) {
                        attach(line, number, unitVolume.label(), device);
                    } else if (device != null) {
                        line.loop.execute(device::verifyAgain);
                    } else {
                        openUnlessOpen(line, number);
                    }
                }
                poolChanged.run();
            }
            case Admission.Refused(String why) ->
                refuse(number, lun, new Readiness.Unusable(advice(number).objection(why)));
            case null ->
                refuse(
                        number,
                        lun,
                        new Readiness.Away(failure == null ? "unknown" : String.valueOf(failure.getMessage())));
        }
        CompletableFuture<Admission> adoption = lun.adoption;
        lun.adoption = null;
        if (adoption != null) {
            adoption.complete(
                    lun.refusal == null && admission != null
                            ? admission
                            : new Admission.Refused(Objects.requireNonNullElse(lun.refusal, "unknown")));
        }
    }

    private void refuse(int number, LinkedLun lun, Readiness.Unready unready) {
        String why = unready.reason();
        CompletableFuture<Admission> adoption = lun.adoption;
        if (adoption != null && !lun.admitting) {
            lun.adoption = null;
            adoption.complete(new Admission.Refused(why));
        }
        if (!why.equals(lun.refusal)) {
            boolean news = events.warning(subject(number), "not used: " + why) || lun.refusal == null;
            lun.refusal = why;
            if (unready instanceof Readiness.Unusable) {
                refuseFormer(number, lun, why);
            }
            if (news) {
                poolChanged.run();
            }
        }
    }

    /** Requests to the unit volumes that were here, and are nowhere else, fail at once instead of waiting for them. */
    private void refuseFormer(int number, LinkedLun lun, String why) {
        String reason = unit.name() + " lun " + number + " is refused: " + why;
        for (UnitVolumeRecord record : catalog.unitVolumes()) {
            UnitVolume former = record.unitVolume();
            if (former.unit().equals(unit.name())
                    && former.lun() == number
                    && !former.label().equals(lun.label)) {
                for (LunDirectory directory : directories) {
                    directory.loop().execute(() -> directory.refuse(former.label(), reason));
                }
            }
        }
    }

    /** Puts a device into the directory of its loop, and of the loops that have no session of their own. */
    private void attach(Line line, int number, UUID label, RemoteLogicalUnit device) {
        LabelVerifier verifier = line.verifiers.get(number);
        if (verifier != null && !line.first() && !label.equals(verifier.found())) {
            // This line saw another disk under that number than the first one: it looks again, from the beginning.
            close(line, number).thenRunAsync(() -> openUnlessOpen(line, number), control);
            return;
        }
        boots.beforeServing(label, line.index, device)
                .thenRunAsync(
                        () -> {
                            // It may have left again meanwhile.
                            if (device.equals(line.devices.get(number)) && label.equals(labelOf(number))) {
                                attachNow(line, label, device);
                            }
                        },
                        control);
    }

    private @Nullable UUID labelOf(int number) {
        LinkedLun lun = luns.get(number);
        return lun == null ? null : lun.label;
    }

    private void attachNow(Line line, UUID label, RemoteLogicalUnit device) {
        for (int i = line.index; i < directories.size(); i += lines.size()) {
            LunDirectory directory = directories.get(i);
            boolean own = i == line.index;
            directory
                    .loop()
                    .execute(
                            () -> directory.attach(label, own ? device : new HandoverDevice(device, directory.loop())));
        }
    }

    private CompletableFuture<Void> close(Line line, int number) {
        line.verifiers.remove(number);
        line.open.remove(number);
        RemoteLogicalUnit device = line.devices.remove(number);
        CompletableFuture<Void> closed = new CompletableFuture<>();
        if (device == null) {
            closed.complete(null);
        } else {
            line.loop.execute(() -> device.close(() -> closed.complete(null)));
        }
        return closed;
    }

    // ---- adoption

    /**
     * Takes a refused LUN into the pool as an operator wants. Completes on the control executor.
     *
     * @param erase what the LUN holds may be lost; without it nothing is changed, and the answer says what that would be
     */
    CompletableFuture<Admission> adopt(int number, boolean erase) {
        LinkedLun lun = luns.get(number);
        if (!connected()) {
            return refused("the unit is not connected: start it, or see why in \"sanway unit list\"");
        }
        if (lun == null || !lines.getFirst().devices.containsKey(number)) {
            return refused("there is no such LUN; the unit has " + luns.keySet());
        }
        UUID label = lun.label;
        if (label != null && lun.refusal == null) {
            UnitVolume there = assignments.pool().unitVolumes().get(label);
            return there == null
                    ? refused("it is being taken in; ask again")
                    : CompletableFuture.completedFuture(new Admission.Admitted(there));
        }
        if (lun.refusal == null || lun.admitting || lun.adoption != null) {
            return refused("it is being looked at; ask again in a moment");
        }
        if (!erase) {
            return refused(lun.refusal + ". Erasing overwrites the first and last MiB at once, and all of its "
                    + Sizes.show(lun.sizeBytes) + " as volumes are laid on it"
                    + advice(number).lostWith(catalog, assignments.pool()));
        }
        CompletableFuture<Admission> adoption = new CompletableFuture<>();
        lun.adoption = adoption;
        lun.label = null;
        // Nobody must be given a device that is being closed, so it leaves the directories first.
        List<CompletableFuture<?>> left = new ArrayList<>();
        for (LunDirectory directory : directories) {
            left.add(CompletableFuture.runAsync(
                    () -> {
                        if (label != null) {
                            directory.detach(label, unit.name() + " lun " + number + " is being erased");
                        }
                    },
                    directory.loop()));
        }
        RemoteLogicalUnit device = lines.getFirst().devices.get(number);
        if (label != null && device != null) {
            assignments.departed(label, device);
        }
        CompletableFuture.allOf(left.toArray(new CompletableFuture<?>[0]))
                .thenComposeAsync(
                        _ -> CompletableFuture.allOf(
                                lines.stream().map(line -> close(line, number)).toArray(CompletableFuture<?>[]::new)),
                        control)
                .thenRunAsync(() -> open(lines.getFirst(), number, Unlabelled.ERASABLE), control);
        // Whatever came of it, erasing is not permitted again by the same word.
        return adoption.whenCompleteAsync(
                (outcome, _) -> {
                    if (outcome instanceof Admission.Refused) {
                        CompletableFuture.allOf(lines.stream()
                                        .map(line -> close(line, number))
                                        .toArray(CompletableFuture<?>[]::new))
                                .thenRunAsync(() -> lines.forEach(line -> openUnlessOpen(line, number)), control);
                    }
                },
                control);
    }

    private static CompletableFuture<Admission> refused(String why) {
        return CompletableFuture.completedFuture(new Admission.Refused(why));
    }

    // ---- what operators see

    /** Whether every LUN of the unit was looked at: what it can give is known. */
    boolean settled() {
        return discovered
                && luns.entrySet().stream()
                        .allMatch(entry -> entry.getValue().refusal != null
                                || (entry.getValue().label != null && openEverywhere(entry.getKey())));
    }

    private boolean openEverywhere(int number) {
        return lines.stream()
                .allMatch(line -> line.open.contains(number) || !(line.state instanceof SessionState.Ready));
    }

    /** Whether the gateway is logged in. */
    boolean connected() {
        return !lines.isEmpty() && lines.getFirst().state instanceof SessionState.Ready;
    }

    /** Whether the gateway has tried to log in since it was logged in last, and could not. */
    boolean missed() {
        return !lines.isEmpty() && lines.getFirst().missed;
    }

    /** The label that a LUN carried when it was looked at last. */
    Optional<UUID> labelAt(int number) {
        return lines.isEmpty()
                ? Optional.empty()
                : Optional.ofNullable(lines.getFirst().verifiers.get(number)).map(LabelVerifier::found);
    }

    /** Whether the LUN with this label is one of ours and its unit is connected. */
    boolean serves(UUID label) {
        return connected() && luns.values().stream().anyMatch(lun -> label.equals(lun.label) && lun.refusal == null);
    }

    /** Why the LUN at which a unit volume was last seen is refused, if it is. */
    Optional<String> refusal(UnitVolume at) {
        LinkedLun lun = at.unit().equals(unit.name()) ? luns.get((int) at.lun()) : null;
        return lun == null ? Optional.empty() : lun.refusalOf(at);
    }

    String name() {
        return unit.name();
    }

    UnitView view() {
        if (lines.isEmpty()) {
            return LinkedLun.view(unit, new SessionState.Idle(), null, luns, Map.of(), assignments.pool());
        }
        Line line = lines.getFirst();
        return LinkedLun.view(unit, line.state, line.session.at(), luns, line.devices, assignments.pool());
    }

    /** The unit is declared no more: its LUNs leave the pool, then as {@link #close}. */
    CompletableFuture<Void> leave() {
        luns.forEach((number, lun) -> {
            UUID label = lun.label;
            RemoteLogicalUnit device =
                    lines.isEmpty() ? null : lines.getFirst().devices.get(number);
            if (label != null) {
                for (LunDirectory directory : directories) {
                    directory
                            .loop()
                            .execute(() -> directory.detach(label, "unit " + unit.name() + " is no longer declared"));
                }
                if (device != null) {
                    assignments.departed(label, device);
                }
            }
        });
        return close();
    }

    /** Flushes what can be flushed soon, then logs out of the unit. */
    CompletableFuture<Void> close() {
        List<CompletableFuture<Void>> flushes = new ArrayList<>();
        luns.forEach((number, lun) -> {
            UUID label = lun.label;
            List<RemoteLogicalUnit> devices = lines.stream()
                    .filter(line -> line.open.contains(number))
                    .flatMap(line -> Optional.ofNullable(line.devices.get(number)).stream())
                    .toList();
            if (label != null && !devices.isEmpty()) {
                flushes.add(boots.flush(label, devices));
            }
        });
        return CompletableFuture.allOf(flushes.toArray(new CompletableFuture<?>[0]))
                .thenComposeAsync(_ -> closeSessions(), control);
    }

    private CompletableFuture<Void> closeSessions() {
        List<CompletableFuture<Void>> closed = new ArrayList<>();
        List<UnitSession> all = new ArrayList<>(earlier.stillEnding());
        lines.forEach(line -> all.add(line.session));
        for (UnitSession session : all) {
            CompletableFuture<Void> one = new CompletableFuture<>();
            closed.add(one);
            session.close(() -> one.complete(null));
        }
        return CompletableFuture.allOf(closed.toArray(new CompletableFuture<?>[0]));
    }
}
